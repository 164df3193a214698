// Types for each operation of the console, from the schema of the server.

import type { CodegenConfig } from "@graphql-codegen/cli";

const config: CodegenConfig = {
  schema: "../schema.graphql",
  documents: ["apps/console/src/**/*.{ts,tsx}", "!apps/console/src/gql/**"],
  generates: {
    "apps/console/src/gql/": {
      preset: "client",
      presetConfig: { fragmentMasking: false },
      config: {
        useTypeImports: true,
        enumsAsTypes: true,
        strictScalars: true,
        scalars: { ByteSize: "number", DateTime: "string", URL: "string", JSON: "unknown" },
      },
    },
  },
};

export default config;
