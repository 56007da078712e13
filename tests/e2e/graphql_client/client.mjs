// Log-in by REST; list, create and conflict by @urql/core; subscriptions by graphql-ws and graphql-sse. Prints what each saw.
import { Client, fetchExchange } from "@urql/core";
import { createClient as overSocket } from "graphql-ws";
import { createClient as overEvents } from "graphql-sse";
import WebSocket from "ws";

const [origin, email, password] = process.argv.slice(2);
const login = await fetch(`${origin}/api/v1/auth/login`, {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ email, password }),
});
const { access_token: token } = await login.json();
const headers = { authorization: `Bearer ${token}` };
const url = `${origin}/graphql`;
// urql aborts each request after its result; Node 20 may then reject a promise that nobody awaits, although the answer was read.
const fetchWithoutAbort = (resource, options) => fetch(resource, { ...options, signal: undefined });
const client = new Client({
  url,
  exchanges: [fetchExchange],
  fetch: fetchWithoutAbort,
  fetchOptions: { headers },
  preferGetMethod: false,
});

const create = "mutation ($input: CreateItemInput!) { createItem(input: $input) { item { id uuid version name } } }";
const update = "mutation ($id: ID!, $v: Long, $input: PatchItemInput!) { updateItem(id: $id, expectedVersion: $v, input: $input) { item { version } } }";
const input = { sku: `S-${Date.now()}`, name: "Chair", category: "furniture", price: { amount: "12.50", currency: "EUR" } };
const created = await client.mutation(create, { input }).toPromise();
const twice = await client.mutation(create, { input }).toPromise();
const item = created.data?.createItem.item;
const changed = await client.mutation(update, { id: item?.id, v: item?.version, input: { name: "Armchair" } }).toPromise();
const stale = await client.mutation(update, { id: item?.id, v: item?.version, input: { name: "Sofa" } }).toPromise();
const list = await client.query("{ items(first: 10) { nodes { id name } } }", {}).toPromise();
const code = (result) => result.error?.graphQLErrors[0]?.extensions.code ?? result.error?.message ?? null;

async function all(iterable) {
  const seen = [];
  for await (const one of iterable) seen.push(one);
  return seen;
}
let acknowledged = 0;
const socket = overSocket({
  url: url.replace("http", "ws"),
  webSocketImpl: WebSocket,
  connectionParams: { Authorization: `Bearer ${token}` },
  on: { connected: () => (acknowledged += 1) },
});
const query = "{ items(first: 10) { nodes { name } } }";
const bySocket = await all(socket.iterate({ query }));
await socket.dispose();
const events = overEvents({ url, headers });
const byEvents = await all(events.iterate({ query }));
events.dispose();
const names = (results) => results.map((one) => one.data.items.nodes.map((node) => node.name));
console.log(
  JSON.stringify({
    error: code(created),
    created: item?.name,
    duplicate: code(twice),
    changed: changed.data?.updateItem.item.version ?? code(changed),
    stale: code(stale),
    listed: list.data?.items.nodes.map((node) => node.name),
    socket: names(bySocket),
    acknowledged,
    events: names(byEvents),
  }),
);
