"""The clients' door: HTTP, the schema's table of contents and the command line. Imports every room."""
