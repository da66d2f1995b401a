"""What each GraphQL field means. Imports sql and graph, never mirror."""
