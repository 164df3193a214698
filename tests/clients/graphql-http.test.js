// The audit of npm's graphql-http: every MUST, SHOULD and MAY of the specification, 61 in all.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { auditServer } from "graphql-http";

import { startServer } from "./server.js";

let server;
before(async () => {
  server = await startServer();
});
after(() => server?.stop());

test("every audit of graphql-http passes", async () => {
  const results = await auditServer({ url: server.graphql });
  const failed = results.filter((result) => result.status !== "ok");
  assert.deepEqual(failed.map(({ id, name, status, reason }) => ({ id, name, status, reason })), []);
  console.log(`graphql-http: ${results.length} of ${results.length} audits pass`);
  assert.equal(results.length, 61);
});
