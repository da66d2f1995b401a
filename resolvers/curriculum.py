"""Chapters and theories."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

import sql.chapters
import sql.theories
from resolvers import policy
from resolvers.courses import counts
from resolvers.types.curriculum import (
    CreateChapterInput,
    CreateChapterResult,
    CreateChapterSuccess,
    CreateTheoryInput,
    CreateTheoryResult,
    CreateTheorySuccess,
    DeleteChapterInput,
    DeleteChapterResult,
    DeleteChapterSuccess,
    DeleteTheoryInput,
    DeleteTheoryResult,
    DeleteTheorySuccess,
    MoveChapterInput,
    MoveChapterResult,
    MoveChapterSuccess,
    MoveTheoryInput,
    MoveTheoryResult,
    MoveTheorySuccess,
    ReorderChaptersInput,
    ReorderChaptersResult,
    ReorderChaptersSuccess,
    UpdateChapterInput,
    UpdateChapterResult,
    UpdateChapterSuccess,
    UpdateTheoryInput,
    UpdateTheoryResult,
    UpdateTheorySuccess,
)
from resolvers.unset import changed, given
from resolvers.writing import Call, change_record, mutation, reads, success
from sql import models


@mutation
async def create_chapter(call: Call, input: CreateChapterInput) -> CreateChapterResult:
    viewer = call.viewer
    course_id = call.id("course", input.course_id, "course_id")

    async def allowed(session: AsyncSession) -> None:
        await policy.course_to_edit(session, viewer, course_id)

    async def rule(session: AsyncSession) -> models.Chapter:
        return await sql.chapters.create_chapter(
            session,
            actor_id=viewer.id,
            course_id=course_id,
            name=input.name,
            description=given(input.description),
            order=given(input.order),
        )

    chapter, sync = await call.create(rule, input, again=reads(models.Chapter), allowed=allowed)
    return success(CreateChapterSuccess, chapter=chapter, sync=sync)


@mutation
async def update_chapter(call: Call, input: UpdateChapterInput) -> UpdateChapterResult:
    chapter_id = call.id("ch", input.id)
    chapter, sync = await change_record(
        call,
        "CHAPTER",
        chapter_id,
        lambda session: sql.chapters.update_chapter(
            session,
            actor_id=call.viewer.id,
            chapter_id=chapter_id,
            name=changed(input.name),
            description=changed(input.description),
            expected_version=given(input.expected_version),
        ),
    )
    return success(UpdateChapterSuccess, chapter=chapter, sync=sync)


@mutation
async def delete_chapter(call: Call, input: DeleteChapterInput) -> DeleteChapterResult:
    chapter_id = call.id("ch", input.id)
    target = given(input.move_theories_to)
    target_id = call.id("ch", target, "move_theories_to") if target is not None else None
    deleted, sync = await change_record(
        call,
        "CHAPTER",
        chapter_id,
        lambda session: sql.chapters.delete_chapter(
            session,
            actor_id=call.viewer.id,
            chapter_id=chapter_id,
            move_theories_to=target_id,
            expected_version=given(input.expected_version),
        ),
    )
    return success(DeleteChapterSuccess, deleted_id=input.id, deleted=counts(deleted), sync=sync)


@mutation
async def move_chapter(call: Call, input: MoveChapterInput) -> MoveChapterResult:
    chapter_id = call.id("ch", input.id)
    chapters, sync = await change_record(
        call,
        "CHAPTER",
        chapter_id,
        lambda session: sql.chapters.move_chapter(
            session,
            actor_id=call.viewer.id,
            chapter_id=chapter_id,
            order=input.order,
            expected_version=given(input.expected_version),
        ),
    )
    return success(MoveChapterSuccess, chapters=chapters, sync=sync)


@mutation
async def reorder_chapters(call: Call, input: ReorderChaptersInput) -> ReorderChaptersResult:
    viewer = call.viewer
    course_id = call.id("course", input.course_id, "course_id")
    chapter_ids = call.ids("ch", input.chapter_ids, "chapter_ids")

    async def rule(session: AsyncSession) -> list[models.Chapter]:
        await policy.course_to_edit(session, viewer, course_id)
        return await sql.chapters.reorder_chapters(
            session,
            actor_id=viewer.id,
            course_id=course_id,
            chapter_ids=chapter_ids,
            expected_version=given(input.expected_version),
        )

    chapters, sync = await call.write(rule)
    return success(ReorderChaptersSuccess, chapters=chapters, sync=sync)


@mutation
async def create_theory(call: Call, input: CreateTheoryInput) -> CreateTheoryResult:
    viewer = call.viewer
    chapter_id = call.id("ch", input.chapter_id, "chapter_id")

    async def allowed(session: AsyncSession) -> None:
        await policy.record_to_edit(session, viewer, "CHAPTER", chapter_id)

    async def rule(session: AsyncSession) -> models.Theory:
        return await sql.theories.create_theory(
            session,
            actor_id=viewer.id,
            chapter_id=chapter_id,
            name=input.name,
            summary=given(input.summary),
            order=given(input.order),
        )

    theory, sync = await call.create(rule, input, again=reads(models.Theory), allowed=allowed)
    return success(CreateTheorySuccess, theory=theory, sync=sync)


@mutation
async def update_theory(call: Call, input: UpdateTheoryInput) -> UpdateTheoryResult:
    theory_id = call.id("th", input.id)
    theory, sync = await change_record(
        call,
        "THEORY",
        theory_id,
        lambda session: sql.theories.update_theory(
            session,
            actor_id=call.viewer.id,
            theory_id=theory_id,
            name=changed(input.name),
            summary=changed(input.summary),
            expected_version=given(input.expected_version),
        ),
    )
    return success(UpdateTheorySuccess, theory=theory, sync=sync)


@mutation
async def delete_theory(call: Call, input: DeleteTheoryInput) -> DeleteTheoryResult:
    theory_id = call.id("th", input.id)
    deleted, sync = await change_record(
        call,
        "THEORY",
        theory_id,
        lambda session: sql.theories.delete_theory(
            session,
            actor_id=call.viewer.id,
            theory_id=theory_id,
            expected_version=given(input.expected_version),
        ),
    )
    return success(DeleteTheorySuccess, deleted_id=input.id, deleted=counts(deleted), sync=sync)


@mutation
async def move_theory(call: Call, input: MoveTheoryInput) -> MoveTheoryResult:
    theory_id = call.id("th", input.id)
    chapter = given(input.chapter_id)
    chapter_id = call.id("ch", chapter, "chapter_id") if chapter is not None else None
    theories, sync = await change_record(
        call,
        "THEORY",
        theory_id,
        lambda session: sql.theories.move_theory(
            session,
            actor_id=call.viewer.id,
            theory_id=theory_id,
            chapter_id=chapter_id,
            order=input.order,
            expected_version=given(input.expected_version),
        ),
    )
    return success(MoveTheorySuccess, theories=theories, sync=sync)
