"""Ask the graph what clients ask for: one method for each question, one statement for each call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graph import compiler
from graph.batches import Batches, Reader
from graph.plan import Key, Plan, PlanCache, Row, Scope
from graph.selection import Field, Selection

DEADLINE_SECONDS = 10.0


class GraphRepository:
    """Compile, run within a deadline, shape. Keeps the plans of structures that were asked before.

    Every method raises graph.errors.GraphUnavailable when the graph is away or too slow, and
    graph.cursors.InvalidCursor (before anything is sent) for a cursor that is none of the list's.
    """

    def __init__(self, client: Reader, *, deadline_seconds: float = DEADLINE_SECONDS) -> None:
        self._batches = Batches(client, deadline_seconds)
        self._plans = PlanCache()

    async def lookup(
        self, type_names: str | Sequence[str], keys: Sequence[Key], selection: Selection, scope: Scope
    ) -> dict[Key, Row]:
        """Return the records of a type by key, without those that the graph does not have."""
        if not keys:
            return {}
        plan = compiler.compile_lookup(type_names, keys, selection, scope, self._plans)
        found: dict[Key, Row] = await self._run(plan)
        return found

    async def children(
        self, parent_type: str, fields: Field | Sequence[Field], parent_keys: Sequence[Key], scope: Scope
    ) -> dict[Key, Any]:
        """Return the answer of a graph field for each parent (of several fields: a dict by response key)."""
        if not parent_keys:
            return {}
        plan = compiler.compile_children(parent_type, fields, parent_keys, scope, self._plans)
        found: dict[Key, Any] = await self._run(plan)
        return found

    async def chapter_sequence(self, course_id: int, asked: Field, scope: Scope) -> list[Row]:
        """Return the chapters of a course along NEXT_CHAPTER, first to last."""
        rows: list[Row] = await self._run(
            compiler.compile_chapter_sequence(course_id, asked, scope, self._plans)
        )
        return rows

    async def concept_relations(self, course_id: int, asked: Field, scope: Scope) -> Row:
        """Return a page of the relations between a course's concepts."""
        page: Row = await self._run(compiler.compile_concept_relations(course_id, asked, scope, self._plans))
        return page

    async def student_mastery(self, course_id: int, student_id: int, asked: Field, scope: Scope) -> Row:
        """Return a page of a student's mastery of all skills of a course."""
        page: Row = await self._run(
            compiler.compile_student_mastery(course_id, student_id, asked, scope, self._plans)
        )
        return page

    async def class_mastery(
        self, course_id: int, student_ids: Sequence[int], asked: Field, scope: Scope
    ) -> Row:
        """Return the mastery of some students of a course, by skill; what SQL answers is left out."""
        page: Row = await self._run(
            compiler.compile_class_mastery(course_id, student_ids, asked, scope, self._plans)
        )
        return page

    async def concept_map(self, course_id: int, asked: Field, scope: Scope) -> Row | None:
        """Return a part of a course's concepts with the relations among them, None for an unknown centre."""
        drawn: Row | None = await self._run(
            compiler.compile_concept_map(course_id, asked, scope, self._plans)
        )
        return drawn

    async def _run(self, plan: Plan) -> Any:
        return plan.shape(await self._batches.rows(plan))
