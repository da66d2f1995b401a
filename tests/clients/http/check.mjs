// The audits of graphql-http, by the project that edits the GraphQL-over-HTTP specification: each MUST, SHOULD and MAY.
import assert from "node:assert/strict";
import { serverAudits } from "graphql-http";
import { endpoint, run } from "../shared/checks.mjs";

const audits = serverAudits({ url: endpoint, fetchFn: fetch });
const checks = audits.map(({ id, name, fn }) => [`${id} ${name}`, async () => {
  const result = await fn();
  assert.equal(result.status, "ok", result.reason);
}]);
checks.push(["the suite is whole", async () => {
  assert.ok(audits.length > 60, `${audits.length} audits`);
}]);

await run("http", checks);
