"""The system of record: rows, business rules, sync state. Imports no other room."""
