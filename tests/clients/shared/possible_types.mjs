// What the caches of Apollo and urql have to be told, read from the contract.
import { readFileSync } from "node:fs";

export const sdl = readFileSync(new URL("../../../schema.graphql", import.meta.url), "utf8");

/** Interfaces and unions with their members. */
export function possibleTypes(schema, isAbstractType) {
  return Object.fromEntries(
    Object.values(schema.getTypeMap())
      .filter((type) => isAbstractType(type) && !type.name.startsWith("__"))
      .map((type) => [type.name, schema.getPossibleTypes(type).map((member) => member.name)]),
  );
}

/** Object types without an id: values that belong to the record they hang on. */
export function valueTypes(schema, isObjectType) {
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
  return Object.values(schema.getTypeMap())
    .filter((type) => isObjectType(type) && !type.name.startsWith("__") && !roots.includes(type) && !type.getFields().id)
    .map((type) => type.name);
}
