"""The embedded graph engine: an ArcadeDB child process, started, joined, supervised. Imports only graph."""
