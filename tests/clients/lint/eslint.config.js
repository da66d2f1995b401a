// graphql-eslint on the contract: the rule sets schema-all (with schema-recommended) and schema-relay.
// What is relaxed or off says why. Run from the root of the repository: tests/clients/run.sh lint.
import graphql from "@graphql-eslint/eslint-plugin";

const { configs, parser } = graphql;

export default [
  {
    files: ["**/*.graphql"],
    languageOptions: { parser, parserOptions: { graphQLConfig: { schema: "schema.graphql" } } },
    plugins: { "@graphql-eslint": graphql },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      ...configs["flat/schema-recommended"].rules,
      ...configs["flat/schema-all"].rules,
      ...configs["flat/schema-relay"].rules,

      // Stricter than the set: a description also on every field, argument, input field and enum value.
      "@graphql-eslint/require-description": [
        "error",
        {
          types: true,
          rootField: true,
          DirectiveDefinition: true,
          FieldDefinition: true,
          InputValueDefinition: true,
          EnumValueDefinition: true,
        },
      ],
      // schema.graphql is printed in plain lexicographic order: no groups for id, createdAt and updatedAt; no
      // `definitions`, which wants the schema definition sorted among the types; no `values`, which skips underscores
      // (IN_USE before INVALID_INPUT; graphql-schema-linter checks their order).
      "@graphql-eslint/alphabetize": [
        "error",
        {
          fields: ["ObjectTypeDefinition", "InterfaceTypeDefinition", "InputObjectTypeDefinition"],
          arguments: ["FieldDefinition", "Field", "DirectiveDefinition", "Directive"],
        },
      ],
      // Off for mutations: this API writes. Subscriptions may come (wave 2).
      "@graphql-eslint/no-root-type": "off",
      // A list bounded by the writes (200 chapters in a course) is a plain list, and a connection has `nodes` beside
      // `edges` for those who need no cursor. Every list without a bound is a connection. The rest of the rule holds.
      "@graphql-eslint/relay-edge-types": ["error", { listTypeCanWrapOnlyEdgeType: false }],
      // `courses` and `nodes` are answered by SQL alone, without which nothing can be answered; the schema's
      // description names both. Every other root field is nullable. The rule has no exceptions by field.
      "@graphql-eslint/require-nullable-result-in-root": "off",
      // Types without an id are values of the record they hang on; here is each of them, those of wave 2 included, so that
      // a new one is decided on.
      "@graphql-eslint/strict-id-in-types": [
        "error",
        {
          acceptedIdNames: ["id"],
          acceptedIdTypes: ["ID"],
          exceptions: {
            suffixes: ["Connection", "Edge", "Success", "Problem"],
            types: [
              "AtRiskStudent",
              "BottleneckSkill",
              "ConceptGraph",
              "ConceptMergePreview",
              "CourseEvent",
              "CourseReadiness",
              "DriftFinding",
              "DriftReport",
              "EnrollmentEvent",
              "ExtractionEvent",
              "ExtractionFinding",
              "ExtractionReport",
              "FieldChange",
              "InvalidField",
              "LearningPath",
              "MasteryEvent",
              "MasteryEvidence",
              "MasteryExplanation",
              "MasteryPolicy",
              "MasterySummary",
              "MirrorStatus",
              "PageInfo",
              "PrerequisiteReview",
              "ReadinessGate",
              "RecordCount",
              "RiskReason",
              "ScorePart",
              "SequenceFinding",
              "SequenceHealth",
              "Session",
              "SkillBlocker",
              "SkillDifficulty",
              "SkillGraph",
              "SkillSuggestion",
              "Sync",
              "SyncEvent",
            ],
          },
        },
      ],
    },
  },
];
