"""Readings and videos of a course: which theories they belong to, which concepts they cover."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

import sql.audit
import sql.sync_state
from sql import errors, guards, links, models
from sql.models import Kind, Resource, ResourceConcept, ResourceKind, ResourceTheory, Theory
from sql.text import Checker
from sql.unset import UNSET


def normal_url(url: str) -> str:
    """Return an address with scheme and host in lower case and no white space around it; else unchanged.

    Raises ValueError, with a sentence for the caller, for one that is not http or https.
    """
    text = url.strip()
    if any(character.isspace() for character in text):
        raise ValueError("url can not hold white space.")
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("url is not a valid address.") from None
    if parts.scheme.lower() not in ("http", "https"):
        raise ValueError("url must begin with http:// or https://.")
    if not host:
        raise ValueError("url must name a host.")
    if "@" in parts.netloc:
        raise ValueError("url can not hold a user name or password.")
    return urlunsplit((parts.scheme.lower(), parts.netloc.lower(), *parts[2:]))


def check_url(checker: Checker, path: errors.Path, url: Any) -> str:
    """Report an address that is not valid; return it normalised, "" for one that is not."""
    before = len(checker.found)
    checker.text(path, url, models.URL_LENGTH)
    if len(checker.found) == before:
        try:
            return normal_url(url)
        except ValueError as error:
            checker.add(path, str(error))
    return ""


RESOURCES_IN_THEORY = 50  # of each kind


async def _refuse_full_theories(
    session: AsyncSession, kind: ResourceKind, theory_ids: Sequence[str], resource_id: str
) -> None:
    """Raise InvalidInput for theories that have no room for one more resource of a kind."""
    rows = await session.execute(
        select(ResourceTheory.theory_id, func.count())
        .join(Resource, Resource.id == ResourceTheory.resource_id)
        .where(ResourceTheory.theory_id.in_(theory_ids), Resource.kind == kind, Resource.id != resource_id)
        .group_by(ResourceTheory.theory_id)
    )
    full = {key for key, count in rows if count >= RESOURCES_IN_THEORY}
    checker = Checker()
    for position, key in enumerate(theory_ids):
        if key in full:
            message = f"A theory has at most {RESOURCES_IN_THEORY} of each kind of resource."
            checker.add(("theoryIds", str(position)), message)
    checker.raise_if_any()


async def create_resource(
    session: AsyncSession,
    *,
    actor_id: int,
    kind: ResourceKind,
    title: str,
    url: str,
    theory_ids: Sequence[str],
    concept_ids: Sequence[str] = (),
) -> Resource:
    """Add a reading or video to 1 to 50 theories of one course.

    Raises NotFound, InvalidInput, Conflict DUPLICATE (with the resource that has the address) or WRONG_STATE.
    """
    checker = Checker()
    checker.text(("title",), title, models.TITLE_LENGTH)
    address = check_url(checker, ("url",), url)
    theories = links.check_ids(checker, ("theoryIds",), theory_ids, least=1)
    concepts = links.check_ids(checker, ("conceptIds",), concept_ids)
    checker.raise_if_any()
    first = await session.get(Theory, theories[0])
    if first is None:
        raise errors.NotFound(Kind.THEORY, theories[0], ("theoryIds", "0"))
    course_id = first.course_id
    await guards.live_course(session, course_id)
    await links.require_theories(session, course_id, theories)
    await links.require_concepts(session, course_id, concepts)
    await _refuse_full_theories(session, ResourceKind(kind), theories, "")
    await _refuse_taken_url(session, course_id, address)
    resource = Resource(
        id=models.new_id(), course_id=course_id, kind=ResourceKind(kind), title=title, url=address
    )
    session.add(resource)
    await session.flush()
    await _relink(session, resource.id, theories, concepts)
    await guards.touch(session, resource, Kind.RESOURCE, resource.id)
    await sql.audit.write(
        session, actor_id, "createResource", Kind.RESOURCE, resource.id, course_id=course_id
    )
    return resource


async def _relink(
    session: AsyncSession,
    resource_id: str,
    theories: Sequence[str] | None,
    concepts: Sequence[str] | None,
) -> list[sql.audit.Change]:
    changes = []
    if theories is not None and await links.relink(
        session, ResourceTheory.resource_id, ResourceTheory.theory_id, resource_id, theories
    ):
        changes.append(sql.audit.Change("theoryIds", None, len(theories)))
    if concepts is not None and await links.relink(
        session, ResourceConcept.resource_id, ResourceConcept.concept_id, resource_id, concepts
    ):
        changes.append(sql.audit.Change("conceptIds", None, len(concepts)))
    return changes


async def _refuse_taken_url(
    session: AsyncSession, course_id: int, url: str, resource_id: str | None = None
) -> None:
    other = await session.scalar(
        select(Resource.id).where(Resource.course_id == course_id, Resource.url == url)
    )
    if other is not None and other != resource_id:
        raise errors.Conflict(
            "DUPLICATE",
            "The course already has a reading or video at this address.",
            path=("url",),
            conflicting=(Kind.RESOURCE.value, other),
        )


async def _resource(session: AsyncSession, resource_id: str) -> Resource:
    resource = await session.get(Resource, resource_id)
    if resource is None:
        raise errors.NotFound(Kind.RESOURCE, resource_id)
    return resource


async def update_resource(
    session: AsyncSession,
    *,
    actor_id: int,
    resource_id: str,
    title: Any = UNSET,
    url: Any = UNSET,
    theory_ids: Any = UNSET,
    concept_ids: Any = UNSET,
    expected_version: int | None = None,
) -> Resource:
    """Change a resource and its links; what is UNSET stays, lists replace what was linked before.

    Raises NotFound, StaleVersion, InvalidInput, Conflict DUPLICATE or WRONG_STATE. A resource may end
    without theories only when their deletion leaves it so.
    """
    resource = await _resource(session, resource_id)
    course_id = resource.course_id
    await guards.live_course(session, course_id)
    guards.check_version(resource, expected_version)
    checker = Checker()
    if title is not UNSET:
        checker.text(("title",), title, models.TITLE_LENGTH)
    address = UNSET if url is UNSET else check_url(checker, ("url",), url)
    theories = None if theory_ids is UNSET else links.check_ids(checker, ("theoryIds",), theory_ids, least=1)
    concepts = None if concept_ids is UNSET else links.check_ids(checker, ("conceptIds",), concept_ids)
    checker.raise_if_any()
    if theories is not None:
        await links.require_theories(session, course_id, theories)
        await _refuse_full_theories(session, resource.kind, theories, resource_id)
    if concepts is not None:
        await links.require_concepts(session, course_id, concepts)
    if address is not UNSET:
        await _refuse_taken_url(session, course_id, str(address), resource_id)
    changes = guards.assign(resource, {"title": title, "url": address})
    changes += await _relink(session, resource_id, theories, concepts)
    if changes:
        await guards.touch(session, resource, Kind.RESOURCE, resource_id)
        await sql.audit.write(
            session,
            actor_id,
            "updateResource",
            Kind.RESOURCE,
            resource_id,
            course_id=course_id,
            changes=changes,
        )
    return resource


async def delete_resource(
    session: AsyncSession, *, actor_id: int, resource_id: str, expected_version: int | None = None
) -> None:
    """Delete a resource; theories and concepts stay. Raises NotFound, StaleVersion, Conflict WRONG_STATE."""
    resource = await _resource(session, resource_id)
    await guards.live_course(session, resource.course_id)
    guards.check_version(resource, expected_version)
    await sql.sync_state.record(session, Kind.RESOURCE, resource_id, deleted=True)
    await session.execute(delete(Resource).where(Resource.id == resource_id))
    await sql.audit.write(
        session,
        actor_id,
        "deleteResource",
        Kind.RESOURCE,
        resource_id,
        course_id=resource.course_id,
        changes=[sql.audit.Change("title", resource.title, None)],
    )
