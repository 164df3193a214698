// The types of Darkroom's scalars in TypeScript.

/** For `scalars` of GraphQL Code Generator. */
export const scalars = { ByteSize: "number", DateTime: "string", URL: "string", JSON: "unknown" } as const;
