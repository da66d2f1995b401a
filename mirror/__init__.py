"""The worker's door: carries each committed change from sql to graph. Imports sql and graph."""
