"""The command line: one module for each group of commands; what they do lives in the rooms below."""
