"""Import a checked course file: in pieces, each its own transaction, resumable, once for each content.

Rows are inserted in sets and their changes recorded in sets; the mirror's worker takes them from there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

import sql.audit
import sql.courses
import sql.sync_state
from sql import guards, models
from sql.course_file import CourseFile, ResourcePart
from sql.keys import name_key
from sql.models import ConceptRelationType, CourseImport, EdgeOrigin, Kind, ResourceKind
from sql.session import Database

Progress = Callable[[int, int, str], None]
ROWS_IN_A_PIECE = 500


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import did. `counts` are records by kind; all zero when the file was imported before."""

    course_id: int
    already_imported: bool
    counts: dict[str, int]


@dataclass(slots=True)
class _Piece:
    """One transaction's worth of work."""

    label: str
    write: Callable[[AsyncSession, CourseImport], Any]


async def import_course(
    database: Database,
    *,
    teacher_id: int,
    file: CourseFile,
    sha256: str,
    publish: bool = False,
    progress: Progress | None = None,
) -> ImportResult:
    """Import a course for a teacher; the same content again is a no-op, a cut import goes on where it was.

    Raises Conflict DUPLICATE when the teacher has a course of this title already, or WRONG_STATE when the
    course is to be published and its gates are closed.
    """
    importer = _Importer(file, teacher_id)
    pieces = importer.pieces()
    async with database.write() as session:
        state = await session.scalar(
            select(CourseImport).where(CourseImport.teacher_id == teacher_id, CourseImport.sha256 == sha256)
        )
        if state is not None and state.course_id is None and state.pieces_done:
            # The course of an earlier import was deleted since: begin again.
            state.pieces_done, state.key_ids, state.finished_at = 0, {}, None
        if state is None:
            state = CourseImport(teacher_id=teacher_id, sha256=sha256, pieces_total=len(pieces), key_ids={})
            session.add(state)
        await session.flush()
        import_id, done, course_id = state.id, state.pieces_done, state.course_id
        finished = state.finished_at is not None
    if finished and course_id is not None:
        await _publish(database, teacher_id, course_id, publish)
        return ImportResult(course_id, True, {})
    for number, piece in enumerate(pieces[done:], start=done):
        async with database.write() as session:
            state = await session.get(CourseImport, import_id)
            assert state is not None  # noqa: S101 (made above)
            importer.ids = dict(state.key_ids)
            await piece.write(session, state)
            state.key_ids = dict(importer.ids)
            state.pieces_done = number + 1
            if number + 1 == len(pieces):
                state.finished_at = models.now()
            course_id = state.course_id
        if progress is not None:
            progress(number + 1, len(pieces), piece.label)
    assert course_id is not None  # noqa: S101 (the first piece made it)
    await _publish(database, teacher_id, course_id, publish)
    return ImportResult(course_id, False, importer.counts())


async def _publish(database: Database, teacher_id: int, course_id: int, publish: bool) -> None:
    """Publish an imported course when asked; also after an import that was cut before it came to that."""
    if not publish:
        return
    async with database.write() as session:
        course = await session.get(models.Course, course_id)
        if course is not None and course.publication_status is models.PublicationStatus.DRAFT:
            await sql.courses.publish_course(session, actor_id=teacher_id, course_id=course_id)


class _Importer:
    """Writes the parts of one file. `ids` maps "kind:key" of the file to the record's id."""

    def __init__(self, file: CourseFile, teacher_id: int) -> None:
        self.file = file
        self.teacher_id = teacher_id
        self.ids: dict[str, Any] = {}

    def counts(self) -> dict[str, int]:
        """Return the number of records by kind."""
        theories = [theory for chapter in self.file.chapters for theory in chapter.theories]
        return {
            "CHAPTER": len(self.file.chapters),
            "THEORY": len(theories),
            "SKILL": len(self.file.skills),
            "CONCEPT": len(self.file.concepts),
            "CONCEPT_MENTION": sum(len(theory.mentions) for theory in theories),
            "CONCEPT_RELATION": len(self.file.relations),
            "SKILL_PREREQUISITE": len(self.file.skill_prerequisites),
            "RESOURCE": len(self._resources()),
        }

    def pieces(self) -> list[_Piece]:
        """Return the work in order: what is referred to comes first."""
        file = self.file
        pieces = [_Piece("course", self._course)]
        pieces += [_Piece("concepts", self._concepts(rows)) for rows in _batches(file.concepts)]
        pieces += [_Piece("skills", self._skills(rows)) for rows in _batches(file.skills)]
        pieces += [
            _Piece(f"chapter {index + 1}", self._chapter(index)) for index in range(len(file.chapters))
        ]
        pieces += [_Piece("resources", self._resource_rows(rows)) for rows in _batches(self._resources())]
        pieces.append(_Piece("links", self._links))
        pieces += [_Piece("relations", self._relations(rows)) for rows in _batches(file.relations)]
        pieces += [
            _Piece("prerequisites", self._prerequisites(rows)) for rows in _batches(file.skill_prerequisites)
        ]
        return pieces

    @property
    def course_id(self) -> int:
        return int(self.ids["course:"])

    async def _course(self, session: AsyncSession, state: CourseImport) -> None:
        head = self.file.course
        course = await sql.courses.create_course(
            session,
            actor_id=self.teacher_id,
            teacher_id=self.teacher_id,
            title=head.title,
            description=head.description,
            level=head.level,
        )
        state.course_id = course.id
        self.ids["course:"] = course.id
        await sql.audit.write(
            session, self.teacher_id, "importCourse", Kind.COURSE, course.id, course_id=course.id
        )

    async def _insert(self, session: AsyncSession, kind: Kind, rows: dict[str, Any]) -> None:
        """Insert rows by mirror key and give each its version."""
        session.add_all(rows.values())
        await session.flush()
        versions = await sql.sync_state.record_many(session, kind, list(rows))
        for key, row in rows.items():
            row.version = versions[key]
        await session.flush()

    def _concepts(self, parts: Sequence[Any]) -> Any:
        async def write(session: AsyncSession, _: CourseImport) -> None:
            rows = {}
            for part in parts:
                row = models.Concept(
                    id=models.new_id(),
                    course_id=self.course_id,
                    name=part.name,
                    key=name_key(part.name),
                    definition=part.definition,
                    text_evidence=part.text_evidence,
                    aliases=list(part.aliases),
                    by_hand=True,
                )
                self.ids[f"concept:{part.key}"] = row.id
                rows[row.id] = row
            await self._insert(session, Kind.CONCEPT, rows)
            session.add_all(
                models.ConceptAlias(course_id=self.course_id, key=name_key(alias), concept_id=row.id)
                for row in rows.values()
                for alias in row.aliases
            )

        return write

    def _skills(self, parts: Sequence[Any]) -> Any:
        async def write(session: AsyncSession, _: CourseImport) -> None:
            rows = {}
            links = []
            for part in parts:
                row = models.Skill(
                    id=models.new_id(),
                    course_id=self.course_id,
                    name=part.name,
                    name_key=name_key(part.name),
                    description=part.description,
                )
                self.ids[f"skill:{part.key}"] = row.id
                rows[row.id] = row
                links += [
                    models.SkillConcept(skill_id=row.id, concept_id=self.ids[f"concept:{key}"])
                    for key in dict.fromkeys(part.concepts)
                ]
            await self._insert(session, Kind.SKILL, rows)
            session.add_all(links)

        return write

    def _chapter(self, index: int) -> Any:
        part = self.file.chapters[index]

        async def write(session: AsyncSession, _: CourseImport) -> None:
            chapter = models.Chapter(
                id=models.new_id(),
                course_id=self.course_id,
                name=part.name,
                description=part.description,
                order=index,
            )
            await self._insert(session, Kind.CHAPTER, {chapter.id: chapter})
            theories, mentions = {}, {}
            for order, one in enumerate(part.theories):
                theory = models.Theory(
                    id=models.new_id(),
                    course_id=self.course_id,
                    chapter_id=chapter.id,
                    name=one.name,
                    summary=one.summary,
                    order=order,
                )
                self.ids[f"theory:{one.key}"] = theory.id
                theories[theory.id] = theory
                for mention in one.mentions:
                    concept_id = self.ids[f"concept:{mention.concept}"]
                    mentions[f"{theory.id}:{concept_id}"] = models.ConceptMention(
                        theory_id=theory.id,
                        concept_id=concept_id,
                        definition=mention.definition,
                        text_evidence=mention.text_evidence,
                        source_document=mention.source_document,
                    )
            await self._insert(session, Kind.THEORY, theories)
            await self._insert(session, Kind.CONCEPT_MENTION, mentions)
            await sql.sync_state.record(session, Kind.CHAPTER_SEQUENCE, self.course_id)
            await sql.sync_state.record(session, Kind.THEORY_SEQUENCE, chapter.id)

        return write

    def _resources(self) -> list[tuple[ResourceKind, ResourcePart]]:
        """Return each resource once, by its address, as it stands first."""
        found: dict[str, tuple[ResourceKind, ResourcePart]] = {}
        for chapter in self.file.chapters:
            for theory in chapter.theories:
                for kind, parts in (
                    (ResourceKind.READING, theory.readings),
                    (ResourceKind.VIDEO, theory.videos),
                ):
                    for part in parts:
                        found.setdefault(part.url, (kind, part))
        return list(found.values())

    def _resource_rows(self, parts: Sequence[tuple[ResourceKind, ResourcePart]]) -> Any:
        async def write(session: AsyncSession, _: CourseImport) -> None:
            rows = {}
            for kind, part in parts:
                row = models.Resource(
                    id=models.new_id(), course_id=self.course_id, kind=kind, title=part.title, url=part.url
                )
                self.ids[f"resource:{part.url}"] = row.id
                rows[row.id] = row
            await self._insert(session, Kind.RESOURCE, rows)

        return write

    async def _links(self, session: AsyncSession, _: CourseImport) -> None:
        """Link skills and resources to theories and concepts, and record those whose links changed."""
        skill_theories: dict[tuple[str, str], None] = {}
        resource_theories: dict[tuple[str, str], None] = {}
        resource_concepts: dict[tuple[str, str], None] = {}
        for chapter in self.file.chapters:
            for theory in chapter.theories:
                theory_id = self.ids[f"theory:{theory.key}"]
                for key in theory.skills:
                    skill_theories[(self.ids[f"skill:{key}"], theory_id)] = None
                for part in [*theory.readings, *theory.videos]:
                    resource_id = self.ids[f"resource:{part.url}"]
                    resource_theories[(resource_id, theory_id)] = None
                    for key in part.concepts:
                        resource_concepts[(resource_id, self.ids[f"concept:{key}"])] = None
        session.add_all(models.SkillTheory(skill_id=one, theory_id=other) for one, other in skill_theories)
        session.add_all(
            models.ResourceTheory(resource_id=one, theory_id=other) for one, other in resource_theories
        )
        session.add_all(
            models.ResourceConcept(resource_id=one, concept_id=other) for one, other in resource_concepts
        )
        await session.flush()
        for kind, model, ids in (
            (Kind.SKILL, models.Skill, {one for one, _ in skill_theories}),
            (Kind.RESOURCE, models.Resource, {one for one, _ in resource_theories}),
        ):
            rows: list[Any] = []
            for batch in _batches(sorted(ids)):
                rows += await session.scalars(select(model).where(model.id.in_(batch)))
            await guards.touch_all(session, rows, kind)

    def _relations(self, parts: Sequence[Any]) -> Any:
        async def write(session: AsyncSession, _: CourseImport) -> None:
            rows = {}
            for part in parts:
                source, target = self.ids[f"concept:{part.source}"], self.ids[f"concept:{part.target}"]
                if part.type is ConceptRelationType.RELATED_TO:
                    # The same in both directions, and kept once.
                    source, target = min(source, target), max(source, target)
                rows[f"{source}:{part.type.value}:{target}"] = models.ConceptRelation(
                    course_id=self.course_id,
                    source_id=source,
                    type=part.type,
                    target_id=target,
                    reason=part.reason,
                    origin=EdgeOrigin.TEACHER,
                )
            await self._insert(session, Kind.CONCEPT_RELATION, rows)

        return write

    def _prerequisites(self, parts: Sequence[Any]) -> Any:
        async def write(session: AsyncSession, _: CourseImport) -> None:
            rows = {}
            for part in parts:
                first, second = self.ids[f"skill:{part.prerequisite}"], self.ids[f"skill:{part.dependent}"]
                rows[f"{first}:{second}"] = models.SkillPrerequisite(
                    course_id=self.course_id,
                    prerequisite_id=first,
                    dependent_id=second,
                    reason=part.reason,
                    strength=part.strength,
                    origin=EdgeOrigin.TEACHER,
                    decided_by_id=self.teacher_id,
                    decided_at=models.now(),
                )
            await self._insert(session, Kind.SKILL_PREREQUISITE, rows)

        return write


def _batches(parts: Sequence[Any]) -> list[Sequence[Any]]:
    return [parts[start : start + ROWS_IN_A_PIECE] for start in range(0, len(parts), ROWS_IN_A_PIECE)]
