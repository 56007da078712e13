// Runs the audits of GraphQL over HTTP that npm's graphql-http brings. Prints the failed ones.
import { auditServer } from "graphql-http";

const [url, token] = process.argv.slice(2);
const fetchFn = (target, init = {}) => fetch(target, { ...init, headers: { ...init.headers, authorization: `Bearer ${token}` } });
const results = await auditServer({ url, fetchFn });
const failed = results.filter((result) => result.status !== "ok");
console.log(JSON.stringify({ audits: results.length, failed: failed.map(({ id, name, status, reason }) => ({ id, name, status, reason })) }));
