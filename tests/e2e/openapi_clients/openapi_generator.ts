import { email, item, needed, origin, password, print } from "./arguments";
import { AuthApi, Configuration, ItemsApi, ProblemFromJSON, ResponseError } from "./generated";

const tokens = await new AuthApi(new Configuration({ basePath: origin })).login({ loginBody: { email, password } });
const items = new ItemsApi(new Configuration({ basePath: origin, accessToken: tokens.accessToken }));
const created = await items.createItem({ createItemBody: item });
const conflict = await items.createItem({ createItemBody: item }).then(
  () => "",
  async (refused: unknown) => (refused instanceof ResponseError ? ProblemFromJSON(await refused.response.json()).type : String(refused)),
);
const listed = await items.listItems({ q: item.sku });
const sparse = await items.listItems({ limit: 1, fields: "id,name" });
print({
  created: created.sku,
  conflict,
  listed: listed.items.map((one) => needed(one.sku, one)),
  sparse: sparse.items.flatMap((one) => Object.entries(one).flatMap(([name, value]) => (value === undefined ? [] : [name]))),
});
