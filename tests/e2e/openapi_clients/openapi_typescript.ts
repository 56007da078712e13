import createClient from "openapi-fetch";
import { email, item, needed, origin, password, print } from "./arguments";
import type { paths } from "./generated";

const client = createClient<paths>({ baseUrl: origin });
const login = await client.POST("/api/v2/auth/login", { body: { email, password } });
const headers = { Authorization: `Bearer ${needed(login.data, login.error).access_token}` };
const created = await client.POST("/api/v2/items", { body: item, headers });
const again = await client.POST("/api/v2/items", { body: item, headers });
const listed = await client.GET("/api/v2/items", { params: { query: { sku: { eq: item.sku } } }, headers });
const sparse = await client.GET("/api/v2/items", { params: { query: { limit: 1, fields: "id,name" } }, headers });
print({
  created: needed(created.data, created.error).sku,
  conflict: needed(again.error, again.data).type,
  listed: needed(listed.data, listed.error).items.map((one) => needed(one.sku, one)),
  sparse: needed(sparse.data, sparse.error).items.flatMap((one) => Object.keys(one)),
});
