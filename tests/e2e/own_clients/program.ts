// What the client for TypeScript does against a server: log in, create, conflict, change, list, page, and refuse.
import { type Answer, Client, NotModified, Problem } from "shop-client";

declare const process: { argv: string[] };
const [, , url = "", email = "", password = "", sku = ""] = process.argv;

const anonymous = new Client({ url });
const tokens = await anonymous.post("/api/v2/auth/login", { body: { email, password } });
const api = new Client({ url, token: async () => tokens.body.access_token, language: "pt" });

async function refused(call: Promise<Answer<unknown>>): Promise<Problem> {
  try {
    await call;
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
  throw new Error("The server accepted what it should refuse.");
}

const item = { sku, name: "Chair", category: "furniture" };
const created = await api.post("/api/v2/items", { body: item, idempotencyKey: `key-${sku}` });
const again = await api.post("/api/v2/items", { body: item, idempotencyKey: `key-${sku}` });
const conflict = await refused(api.post("/api/v2/items", { body: item }));
const path = { id: created.body.id };
const changed = await api.patch("/api/v2/items/{id}", { path, header: { "If-Match": created.etag }, body: { name: "Stool", description: null } });
const stale = await refused(api.patch("/api/v2/items/{id}", { path, header: { "If-Match": created.etag }, body: { name: "Bench" } }));
const invalid = await refused(api.post("/api/v2/items", { body: { ...item, sku: "" } }));
let known = false;
try {
  await api.get("/api/v2/items/{id}", { path, header: { "If-None-Match": changed.etag } });
} catch (error) {
  known = error instanceof NotModified;
}
for (let number = 0; number < 5; number += 1) {
  await api.post("/api/v2/items", { body: { sku: `${sku}-${number}`, name: `Chair ${number}`, category: sku } });
}
const paged: string[] = [];
for await (const one of api.each("/api/v2/items", { query: { category: { eq: sku }, sort: "sku", limit: 2 } })) paged.push(one.sku);
const sparse = await api.get("/api/v2/items", { query: { category: { eq: sku }, limit: 1, fields: "id,name" } });
const name: string | undefined = sparse.body.items?.[0]?.name;
// @ts-expect-error: a member that the document does not have
const unknown = created.body.colour;
// @ts-expect-error: a body without what the document requires
const incomplete = () => api.post("/api/v2/items", { body: { sku } });
await api.delete("/api/v2/items/{id}", { path, header: { "If-Match": changed.etag } });
console.log(
  JSON.stringify({
    created: created.body.sku,
    replayed: [again.replayed, again.body.id === created.body.id],
    conflict: conflict.kind,
    changed: changed.body.name,
    stale: stale.status,
    pointers: invalid.errors.map((one) => one.pointer),
    known,
    paged,
    sparse: Object.keys(sparse.body.items?.[0] ?? {}).sort(),
    unknown: unknown ?? typeof incomplete,
    named: name !== undefined,
  }),
);
