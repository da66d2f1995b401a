"""`lab-tutor`, and `python -m graphql_api`: the command line."""

from __future__ import annotations

from graphql_api.cli.main import main

if __name__ == "__main__":
    main()
