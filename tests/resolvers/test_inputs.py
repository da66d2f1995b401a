"""Inputs that come in thousands are built as Strawberry builds them, only sooner."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import Any

import strawberry
from graphql import parse
from graphql.execution.values import get_variable_values

from graphql_api import schema
from resolvers.types import extraction

FULL = {
    "filename": "a.txt",
    "sha256": "0" * 64,
    "text": "So it is.",
    "chapter": None,
    "topic": "A",
    "keywords": ["k"],
    "concepts": [{"name": "c", "definition": "d"}, {"name": "e", "textEvidence": None}],
    "skills": [{"name": "s", "concepts": ["c"]}],
    "relations": [{"source": "c", "type": "IS_A", "target": "e"}],
    "prerequisites": [{"prerequisite": "s", "dependent": "t"}],
    "resources": [{"kind": "VIDEO", "title": "t", "url": "https://example.org", "concepts": []}],
}
LEAST = {"filename": "a.txt", "sha256": "0" * 64, "topic": "A"}
INPUTS = [
    extraction.ExtractionDocumentInput,
    extraction.ExtractedConceptInput,
    extraction.ExtractedSkillInput,
    extraction.ExtractedRelationInput,
    extraction.ExtractedPrerequisiteInput,
    extraction.ExtractedResourceInput,
]


async def _built(monkeypatch: Any, documents: list[dict[str, Any]], *, quickly: bool) -> Any:
    """Return the documents as the resolver of ingestExtraction gets them."""
    with monkeypatch.context() as changed:
        if not quickly:
            for one in INPUTS:
                changed.setattr(one.__strawberry_definition__, "from_input", None)  # type: ignore[attr-defined]
        built = schema.build()
        assert built.mutation_type is not None
        query = "mutation($i: IngestExtractionInput!) { ingestExtraction(input: $i) { __typename } }"
        (operation,) = parse(query).definitions
        variables: Any = get_variable_values(
            built,
            operation.variable_definitions,
            {"i": {"courseId": "x", "documents": documents}},  # type: ignore[attr-defined]
        )
        seen: list[Any] = []

        class Call:
            def __init__(self, *_: Any) -> None: ...

            @property
            def viewer(self) -> None: ...

            def id(self, *_: Any) -> None: ...

        def look(document: Any) -> None:
            seen.append(document)

        changed.setattr("resolvers.writing.Call", Call)
        changed.setattr("resolvers.extraction._value", look)
        resolve: Any = built.mutation_type.fields["ingestExtraction"].resolve
        with contextlib.suppress(AttributeError):  # the call is none: what follows is not looked at
            await resolve(None, None, input=variables.coerced["i"])
        return seen


async def test_they_are_what_strawberry_makes_of_them(monkeypatch: Any) -> None:
    quickly = await _built(monkeypatch, [FULL, LEAST], quickly=True)
    slowly = await _built(monkeypatch, [FULL, LEAST], quickly=False)
    assert len(quickly) == 2
    assert quickly == slowly
    assert [dataclasses.asdict(one) for one in quickly] == [dataclasses.asdict(one) for one in slowly]
    assert quickly[1].text is strawberry.UNSET
    assert quickly[0].chapter is None
    assert isinstance(quickly[0].concepts[0], extraction.ExtractedConceptInput)


def test_the_inputs_of_a_document_are_marked() -> None:
    assert all(one.__strawberry_definition__.from_input is not None for one in INPUTS)  # type: ignore[attr-defined]
