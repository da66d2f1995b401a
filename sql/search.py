"""Conditions for lists that are searched by words, in any case of any script."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, false, or_

from sql.text import storable


def matches(search: str | None, *columns: Any, begins: bool = False) -> list[ColumnElement[bool]]:
    """Return one condition for each word: some column contains it, or begins with it."""
    return [
        or_(
            *(
                column.istartswith(form, autoescape=True)
                if begins
                else column.icontains(form, autoescape=True)
                for column in columns
                for form in _forms(word)
            )
        )
        # PostgreSQL refuses a text with NUL; nothing stored holds one.
        if storable(word)
        else false()
        for word in (search or "").split()
    ]


def _forms(word: str) -> list[str]:
    """Return the spellings to look for: SQLite folds ASCII alone, so it finds "über" by "Über" only if told."""
    if word.isascii():
        return [word]
    return list(dict.fromkeys([word, word.lower(), word.upper(), word.capitalize()]))
