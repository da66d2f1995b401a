"""Kept documents: which readings they hold, and that they stay within their bounds."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import parse
from graphql.execution.values import VariableValues, get_variable_values

from graphql_api import documents
from graphql_api import schema as schema_module
from graphql_api.documents import Document, Documents, Reading, read_document

SCHEMA = schema_module.build()
QUERY = (
    "query($a: Boolean!, $b: Boolean = true, $id: ID!) { chapter(id: $id) { id name @skip(if: $a) ...F } } "
    "fragment F on Chapter { order @include(if: $b) }"
)


def read(document: Document, **variables: Any) -> Reading:
    """Return the reading for some variables."""
    (operation,) = document.operations
    values = get_variable_values(SCHEMA, operation.variable_definitions or (), variables)
    assert isinstance(values, VariableValues)
    return document.reading(SCHEMA, operation, values, fast_path=True)


def test_a_reading_belongs_to_the_values_of_its_directives() -> None:
    document = read_document(QUERY, parse(QUERY))
    assert document.conditions == {"a", "b"}
    first = read(document, a=True, id="x")
    assert read(document, a=True, b=True, id="y") is first
    assert len({id(read(document, a=a, b=b, id="z")) for a in (True, False) for b in (True, False)}) == 4
    # The values of a request are not kept with it.
    assert set(first.asked.conditions.coerced) == {"a", "b"}


def test_readings_of_one_document_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MOST_READINGS", 2)
    document = read_document(QUERY, parse(QUERY))
    for a in (True, False):
        for b in (True, False):
            read(document, a=a, b=b, id="x")
            assert len(document.readings) <= 2


def make(text: str) -> Document:
    return read_document(text, parse(text))


def test_the_documents_used_last_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MOST_DOCUMENTS", 2)
    kept = Documents()
    texts = [f"{{ n{number}: me {{ id }} }}" for number in range(3)]
    first = kept.get(texts[0], make)
    kept.get(texts[1], make)
    assert kept.get(texts[0], make) is first
    kept.get(texts[2], make)
    assert [text in kept for text in texts] == [True, False, True]


def test_kept_documents_are_bounded_in_size(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"{{ n{number}: me {{ id }} }}" for number in range(10)]
    monkeypatch.setattr(documents, "MOST_CHARACTERS", 3 * len(texts[0]))
    kept = Documents()
    for text in texts:
        kept.get(text, make)
    assert (len(kept), texts[-1] in kept) == (3, True)
    monkeypatch.setattr(documents, "LONGEST_DOCUMENT", len(texts[0]) - 1)
    kept.get("{ another: me { id } }", make)
    assert len(kept) == 3


def test_what_is_refused_is_not_kept() -> None:
    kept = Documents()

    def refuse(text: str) -> Document:
        raise ValueError(text)

    with pytest.raises(ValueError, match="me"):
        kept.get("{ me }", refuse)
    assert len(kept) == 0
