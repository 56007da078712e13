import { email, item, needed, origin, password, print } from "./arguments";
import { createItem, listItems, login } from "./generated";

const plain = globalThis.fetch; // orval's functions take the path of the document's server
globalThis.fetch = (path, options) => plain(`${origin}${String(path)}`, options);
const tokens = await login({ email, password });
if (tokens.status !== 200) throw new Error(tokens.data.detail);
const options = { headers: { Authorization: `Bearer ${tokens.data.access_token}` } };
const created = await createItem(item, options);
const again = await createItem(item, options);
const listed = await listItems({ q: item.sku }, options);
const sparse = await listItems({ limit: 1, fields: "id,name" }, options);
if (created.status !== 201 || again.status !== 409 || listed.status !== 200 || sparse.status !== 200) {
  throw new Error(JSON.stringify([created, again, listed, sparse]));
}
print({
  created: created.data.sku,
  conflict: again.data.type,
  listed: listed.data.items.map((one) => needed(one.sku, one)),
  sparse: sparse.data.items.flatMap((one) => Object.keys(one)),
});
