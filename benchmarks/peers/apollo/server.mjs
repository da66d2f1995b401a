// Apollo Server 5 with @neo4j/graphql over the graph that the API mirrors. Environment: NEO4J_URI, NEO4J_PASSWORD, PORT.
import { readFileSync } from 'node:fs';
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import { Neo4jGraphQL } from '@neo4j/graphql';
import neo4j from 'neo4j-driver';

const { NEO4J_URI, NEO4J_PASSWORD, PORT } = process.env;
const driver = neo4j.driver(NEO4J_URI, neo4j.auth.basic('neo4j', NEO4J_PASSWORD), { telemetryDisabled: true });
const typeDefs = readFileSync(new URL('schema.graphql', import.meta.url), 'utf8');
const schema = await new Neo4jGraphQL({ typeDefs, driver }).getSchema();
const server = new ApolloServer({ schema, introspection: false });
await startStandaloneServer(server, {
  listen: { host: '127.0.0.1', port: Number(PORT) },
  context: async () => ({ sessionConfig: { database: 'neo4j' } }),
});
