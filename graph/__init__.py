"""Neo4j and nothing else: model, compiler, Cypher, client, embedded engine. Imports no other room."""
