// Which requests the client for TypeScript repeats, without a server: `fetch` gives the outcomes.
import { Client } from "shop-client";

const item = { sku: "a", name: "b", category: "c" };
const problem = (kind, status, headers = {}) => () => new Response(JSON.stringify({ type: `/problems/${kind}` }), { status, headers });
const broken = () => {
  throw new TypeError("no connection");
};
const page = () => new Response(JSON.stringify({ items: [{ id: "1" }], next_cursor: "x" }));
const done = () => new Response(JSON.stringify({ id: "1" }), { status: 201, headers: { "content-type": "application/json" } });

async function attempts(outcomes, call, settings = {}) {
  const keys = new Set();
  let sent = 0;
  const fetch = async (url, { headers }) => {
    keys.add(headers.get("idempotency-key"));
    return (outcomes[sent++] ?? done)();
  };
  const client = new Client({ url: "http://x.test/shop/", fetch, sleep: async () => {}, ...settings });
  const outcome = await call(client).then((answer) => answer.status, (error) => error.kind ?? error.name);
  return [outcome, sent, keys.size];
}

const create = (client) => client.post("/api/v2/items", { body: item });
const login = (client) => client.post("/api/v2/auth/login", { body: { email: "a", password: "b" } });
const list = (client) => client.get("/api/v2/items");

async function abortedWhileWaiting() {
  const abort = new AbortController();
  setTimeout(() => abort.abort(new Error("enough")), 100);
  const started = Date.now();
  const waiting = problem("unavailable", 503, { "retry-after": "20" });
  const client = new Client({ url: "http://x.test", fetch: async () => waiting() });
  const outcome = await client.get("/api/v2/items", { signal: abort.signal }).then(() => "answered", (error) => error.message);
  return [outcome, Date.now() - started < 5000];
}

console.log(
  JSON.stringify({
    keyed: await attempts([problem("internal", 500), broken], create),
    conflict: await attempts([problem("conflict", 409)], create),
    unkeyed: await attempts([problem("internal", 500)], login),
    unkeyedBroken: await attempts([broken], login),
    refusedBefore: await attempts([problem("quota-exceeded", 429)], login),
    read: await attempts([broken, broken, broken, broken, broken], list),
    unavailable: await attempts([problem("unavailable", 503)], login),
    page: await attempts([() => new Response("<html>")], list),
    late: await attempts([problem("unavailable", 503, { "retry-after": "Fri, 31 Dec 2999 23:59:59 GMT" })], list),
    dots: await attempts([], async (client) => client.get("/api/v2/items/{id}", { path: { id: ".." } })),
    repeated: await attempts([page, page, page], async (client) => {
      for await (const one of client.each("/api/v2/items")) void one;
    }),
    once: await attempts([problem("unavailable", 503)], list, { retries: { attempts: 1 } }),
    tooLong: await attempts([problem("unavailable", 503, { "retry-after": "3600" })], list),
    aborted: await abortedWhileWaiting(),
  }),
);
