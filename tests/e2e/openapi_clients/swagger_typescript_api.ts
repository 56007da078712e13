import { email, item, needed, origin, password, print } from "./arguments";
import { Api, type HttpResponse, type ItemDTO, type Problem } from "./generated";

const client = new Api<string>({
  baseUrl: origin,
  securityWorker: (token) => (token === null ? {} : { headers: { Authorization: `Bearer ${token}` } }),
});
const tokens = await client.api.login({ email, password });
client.setSecurityData(tokens.data.access_token);
const created = await client.api.createItem(item);
const again = await client.api.createItem(item).catch((refused: HttpResponse<ItemDTO, Problem>) => refused);
const listed = await client.api.listItems({ q: item.sku });
const sparse = await client.api.listItems({ limit: 1, fields: "id,name" });
print({
  created: created.data.sku,
  conflict: again.error.type,
  listed: listed.data.items.map((one) => needed(one.sku, one)),
  sparse: sparse.data.items.flatMap((one) => Object.keys(one)),
});
