import type { CodegenConfig } from "@graphql-codegen/cli";

const config: CodegenConfig = {
  schema: "../../../schema.graphql",
  documents: "../shared/operations.graphql",
  generates: {
    "generated/": {
      preset: "client",
      presetConfig: { fragmentMasking: false },
      // nonOptionalTypename narrows the unions of the mutations without asking for __typename by hand.
      config: { nonOptionalTypename: true, enumsAsTypes: true, useTypeImports: true, scalars: { DateTime: "string" } },
    },
  },
};
export default config;
