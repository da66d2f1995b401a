"""Readings and videos of a course, the theories they belong to and the concepts they cover."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

import sql.audit
import sql.sync_state
from sql import errors, guards, links, models
from sql.models import Kind, Resource, ResourceConcept, ResourceKind, ResourceTheory, Theory
from sql.text import Checker
from sql.unset import UNSET


async def create_resource(
    session: AsyncSession,
    *,
    actor_id: int,
    kind: ResourceKind,
    title: str,
    url: str,
    theory_ids: Sequence[str],
    concept_ids: Sequence[str] | None = (),
) -> Resource:
    """Add a reading or video; raise NotFound, InvalidInput, Conflict (archived, DUPLICATE address).

    The course is the one of the first theory.
    """
    checker = Checker()
    checker.text(("title",), title, models.TITLE_LENGTH)
    check_url(checker, ("url",), url)
    checker.count(("theoryIds",), theory_ids, 1, links.GREATEST_COUNT)
    checker.count(("conceptIds",), concept_ids or (), 0, links.GREATEST_COUNT)
    checker.raise_if_any()
    theory = await session.get(Theory, theory_ids[0])
    if theory is None:
        raise errors.NotFound(Kind.THEORY, theory_ids[0], ("theoryIds", "0"))
    course_id = theory.course_id
    await guards.live_course(session, course_id)
    await _refuse_taken_url(session, course_id, url)
    await _require_links(session, course_id, theory_ids, concept_ids)
    resource = Resource(course_id=course_id, kind=kind, title=title, url=url)
    session.add(resource)
    await session.flush()
    await _replace_links(session, resource, theory_ids, concept_ids or ())
    await guards.touch(session, resource, Kind.RESOURCE, resource.id)
    await sql.audit.write(
        session,
        actor_id,
        "createResource",
        Kind.RESOURCE,
        resource.id,
        course_id=course_id,
        changes=[sql.audit.Change("title", None, title)],
    )
    return resource


async def update_resource(
    session: AsyncSession,
    *,
    actor_id: int,
    resource_id: str,
    title: Any = UNSET,
    url: Any = UNSET,
    theory_ids: Sequence[str] | None = None,
    concept_ids: Sequence[str] | None = None,
    expected_version: int | None = None,
) -> Resource:
    """Change a reading or video; what is UNSET, and links that are None, stay."""
    resource = await _resource(session, resource_id)
    await guards.live_course(session, resource.course_id)
    guards.check_version(resource, expected_version)
    checker = Checker()
    if title is not UNSET:
        checker.text(("title",), title, models.TITLE_LENGTH)
    if url is not UNSET:
        check_url(checker, ("url",), url)
    if theory_ids is not None:
        checker.count(("theoryIds",), theory_ids, 1, links.GREATEST_COUNT)
    checker.count(("conceptIds",), concept_ids or (), 0, links.GREATEST_COUNT)
    checker.raise_if_any()
    if url is not UNSET:
        await _refuse_taken_url(session, resource.course_id, url, resource_id)
    await _require_links(session, resource.course_id, theory_ids, concept_ids)
    changes = guards.assign(resource, {"title": title, "url": url})
    changes += await _replace_links(session, resource, theory_ids, concept_ids)
    if changes:
        await guards.touch(session, resource, Kind.RESOURCE, resource.id)
        await sql.audit.write(
            session,
            actor_id,
            "updateResource",
            Kind.RESOURCE,
            resource.id,
            course_id=resource.course_id,
            changes=changes,
        )
    return resource


async def delete_resource(
    session: AsyncSession, *, actor_id: int, resource_id: str, expected_version: int | None = None
) -> None:
    """Delete a reading or video; raise NotFound, StaleVersion, Conflict (archived)."""
    resource = await _resource(session, resource_id)
    await guards.live_course(session, resource.course_id)
    guards.check_version(resource, expected_version)
    await remove_resources(session, [resource_id])
    await sql.audit.write(
        session,
        actor_id,
        "deleteResource",
        Kind.RESOURCE,
        resource_id,
        course_id=resource.course_id,
        changes=[sql.audit.Change("title", resource.title, None)],
    )


async def remove_resources(session: AsyncSession, resource_ids: Sequence[str]) -> None:
    """Delete readings and videos with their links, and record them."""
    if not resource_ids:
        return
    await sql.sync_state.record_many(session, Kind.RESOURCE, resource_ids, deleted=True)
    await session.execute(
        delete(Resource).where(Resource.id.in_(resource_ids)).execution_options(synchronize_session="fetch")
    )


def check_url(checker: Checker, path: errors.Path, value: Any) -> None:
    """Report an address that is not http or https, or can not be stored."""
    before = len(checker.found)
    checker.text(path, value, models.URL_LENGTH)
    if len(checker.found) == before and not _is_web_address(value):
        checker.add(path, f"{path[-1]} must be an http or https address without white space.")


def _is_web_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
        usable = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False
    has_space = any(character.isspace() for character in value)
    return parts.scheme.lower() in ("http", "https") and usable and not has_space


async def _resource(session: AsyncSession, resource_id: str) -> Resource:
    resource = await session.get(Resource, resource_id)
    if resource is None:
        raise errors.NotFound(Kind.RESOURCE, resource_id, ("id",))
    return resource


async def _refuse_taken_url(
    session: AsyncSession, course_id: int, url: str, resource_id: str | None = None
) -> None:
    other = await session.scalar(
        select(Resource.id).where(Resource.course_id == course_id, Resource.url == url)
    )
    if other is not None and other != resource_id:
        raise errors.Conflict(
            "DUPLICATE",
            "The course already has a reading or video of this address.",
            path=("url",),
            conflicting=(Kind.RESOURCE.value, other),
        )


async def _require_links(
    session: AsyncSession,
    course_id: int,
    theory_ids: Sequence[str] | None,
    concept_ids: Sequence[str] | None,
) -> None:
    await links.require_same_course(
        session, course_id=course_id, kind=Kind.THEORY, keys=theory_ids or (), field="theoryIds"
    )
    await links.require_same_course(
        session, course_id=course_id, kind=Kind.CONCEPT, keys=concept_ids or (), field="conceptIds"
    )


async def _replace_links(
    session: AsyncSession,
    resource: Resource,
    theory_ids: Sequence[str] | None,
    concept_ids: Sequence[str] | None,
) -> list[sql.audit.Change]:
    owner = ("resource_id", resource.id)
    changes = []
    if theory_ids is not None:
        changes.append(
            await links.replace(session, ResourceTheory, owner=owner, other="theory_id", wanted=theory_ids)
        )
    if concept_ids is not None:
        changes.append(
            await links.replace(session, ResourceConcept, owner=owner, other="concept_id", wanted=concept_ids)
        )
    return [change for change in changes if change is not None]
