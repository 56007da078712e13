import { email, item, needed, origin, password, print } from "./arguments";
import { createItem, listItems, login } from "./generated";
import { client } from "./generated/client.gen";

client.setConfig({ baseUrl: origin });
const tokens = await login({ body: { email, password } });
client.setConfig({ auth: needed(tokens.data, tokens.error).access_token });
const created = await createItem({ body: item });
const again = await createItem({ body: item });
const listed = await listItems({ query: { sku: { eq: item.sku } } });
const sparse = await listItems({ query: { limit: 1, fields: "id,name" } });
print({
  created: needed(created.data, created.error).sku,
  conflict: needed(again.error, again.data).type,
  listed: needed(listed.data, listed.error).items.map((one) => needed(one.sku, one)),
  sparse: needed(sparse.data, sparse.error).items.flatMap((one) => Object.keys(one)),
});
