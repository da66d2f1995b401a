"""Measures the API side by side with its peers on one real Neo4j server: `make bench`."""
