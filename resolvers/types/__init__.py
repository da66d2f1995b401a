"""The nouns of the GraphQL schema, by subject. Imports field resolvers, never mutations."""
