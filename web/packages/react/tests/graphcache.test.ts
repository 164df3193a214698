import { readFileSync } from "node:fs";

import { buildSchema, isObjectType } from "graphql";
import { expect, test } from "vitest";

import { keys } from "../src/graphcache";

test("every type without an id is known", () => {
  const text = readFileSync(new URL("../../../../schema.graphql", import.meta.url), "utf8");
  const schema = buildSchema(text, { assumeValid: true });
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
  const types = Object.values(schema.getTypeMap()).filter((type) => isObjectType(type) && !type.name.startsWith("__"));
  const embedded = types.filter((type) => isObjectType(type) && !roots.includes(type) && !type.getFields().id);
  expect(Object.keys(keys).sort()).toEqual(embedded.map(({ name }) => name).sort());
});
