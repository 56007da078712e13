// The web SDK of OpenFeature on our OFREP routes. Arguments: base URL and access token. Prints one JSON document per line; a line on the
// standard input says that the flags have changed.
import { createInterface } from "node:readline";
import { OpenFeature, ProviderEvents } from "@openfeature/web-sdk";
import { OFREPWebProvider } from "@openfeature/ofrep-web-provider";

const [baseUrl, token] = process.argv.slice(2);
const statuses = [];
const counted = async (...request) => {
  const response = await fetch(...request);
  statuses.push(response.status);
  return response;
};
const provider = new OFREPWebProvider({
  baseUrl,
  headers: [["Authorization", `Bearer ${token}`]],
  fetchImplementation: counted,
  pollInterval: 20,
  cacheMode: "disabled",
});
const say = (found) => console.log(JSON.stringify(found));
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const client = OpenFeature.getClient();
const polledUnchanged = async () => {
  const before = statuses.length;
  while (!statuses.slice(before).includes(304)) await new Promise((resolve) => setTimeout(resolve, 5));
  return statuses.slice(before);
};
const read = () => ({
  boolean: client.getBooleanDetails("boolean-flag", false),
  string: client.getStringDetails("string-flag", "bye"),
  number: client.getNumberDetails("huge-integer-flag", 1),
  zero: client.getNumberDetails("integer-zero-flag", 1),
  object: client.getObjectDetails("object-flag", {}),
  disabled: client.getBooleanDetails("disabled-boolean-flag", true),
  internal: client.getBooleanDetails("internal", true),
  mismatch: client.getBooleanDetails("string-flag", true),
  country: client.getStringDetails("by-country", "none"),
  identity: client.getStringDetails("targeting-key-flag", "none"),
});

await OpenFeature.setContext({ targetingKey: "5c3d8535-f81a-4478-a6d3-afaa4d51199e", country: "PT" });
await OpenFeature.setProviderAndWait(provider);
say({ first: statuses[0], flags: read() });
say({ unchanged: await polledUnchanged() });
await OpenFeature.setContext({ country: "ES" });
say({ spain: client.getStringValue("by-country", "none") });
const changed = new Promise((resolve) => client.addHandler(ProviderEvents.ConfigurationChanged, resolve));
say({ waiting: true });
await lines.next();
say({ changed: (await changed).flagsChanged, value: client.getStringValue("changing-flag", "unset") });
say({ unchanged: await polledUnchanged() });
await OpenFeature.close();
process.exit(0);
