// The introspection queries that tools send: graphql-js writes them for GraphiQL, Altair, graphql-codegen, Relay's and
// Apollo's tools alike, each with options of its own. All of them get the whole schema, and the same one.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { buildClientSchema, getIntrospectionQuery, printSchema } from "graphql";

import { send, startServer } from "./server.js";

const ASKED_BY = {
  "GraphiQL": { schemaDescription: true, inputValueDeprecation: true },
  "Altair": {},
  "graphql-codegen": { descriptions: true, schemaDescription: true, specifiedByUrl: true, directiveIsRepeatable: true },
  "graphql-codegen, everything": {
    descriptions: true, schemaDescription: true, specifiedByUrl: true, directiveIsRepeatable: true,
    inputValueDeprecation: true, oneOf: true,
  },
  "Apollo Rover": { descriptions: true, specifiedByUrl: true, directiveIsRepeatable: true, inputValueDeprecation: true },
  "Relay's get-graphql-schema": { descriptions: false },
};

let server;
before(async () => {
  server = await startServer();
});
after(() => server?.stop());

test("every tool's introspection query is answered with the whole schema", async () => {
  const names = new Set();
  for (const [tool, options] of Object.entries(ASKED_BY)) {
    const schema = buildClientSchema(await send(server, getIntrospectionQuery(options)));
    const bare = buildClientSchema(await send(server, getIntrospectionQuery({ ...options, descriptions: false })));
    assert.ok(schema.getType("Image").getFields().srcSet, tool);
    assert.equal(Boolean(schema.getType("Image").description), options.descriptions !== false, tool);
    names.add(Object.keys(schema.getTypeMap()).toSorted().join(" "));
    assert.ok(printSchema(bare).includes("type ImageVariant"), tool);
  }
  assert.equal(names.size, 1, "the same types for everybody");
});
