"""Fields of what operators see: which record an account of the mirror, or a finding, is about."""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any

from strawberry import Info

import sql.sync_operations
from resolvers import ids, problems
from resolvers.context import Context
from sql import models
from sql.models import Kind

# An order has no record of its own: it is told as its owner's.
_SHOWN = {Kind.CHAPTER_SEQUENCE: "COURSE", Kind.THEORY_SEQUENCE: "CHAPTER"}
_DELETED_ENROLLMENT = re.compile(r"enr:(\d{1,19}:\d{1,19})", re.ASCII)


def shown_kind(kind: Kind) -> str:
    """Return the RecordKind of a mirrored kind."""
    return _SHOWN.get(kind, kind.value)


def kinds_shown_as(record_kind: str) -> list[Kind]:
    """Return the mirrored kinds that are told as a RecordKind; none for what is not mirrored."""
    return [kind for kind in Kind if shown_kind(kind) == record_kind]


async def global_id(context: Context, kind: Kind, key: str) -> str:
    """Return the global id of a mirrored record; of a deleted one too, which finds nothing."""
    shown = shown_kind(kind)
    if kind is Kind.ENROLLMENT:

        async def load(keys: list[str]) -> list[int | None]:
            async with context.database.read() as session:
                found = await sql.sync_operations.enrollment_ids(session, keys)
            return [found.get(one) for one in keys]

        key = str(await context.loader("enrollment ids", load).load(key) or key)
    return ids.encode(ids.PREFIX_OF_KIND[shown], key)


async def accounts_of(context: Context, record_id: str) -> list[tuple[Kind, str]]:
    """Return (kind, key) of the accounts that a record may have; none for an id of something else."""
    try:
        prefix, value = ids.decode_any(record_id)
    except ids.MalformedId:
        deleted = _deleted_enrollment(record_id)
        return [] if deleted is None else [(Kind.ENROLLMENT, deleted)]
    kinds = kinds_shown_as(ids.RECORD_KINDS[prefix])
    key: str | None = ids.text_of(value)
    if kinds == [Kind.ENROLLMENT] and isinstance(value, int):
        async with context.database.read() as session:
            key = await sql.sync_operations.enrollment_key(session, value)
    return [] if key is None else [(kind, key) for kind in kinds]


def _deleted_enrollment(record_id: str) -> str | None:
    """Return the key in an id that `global_id` gave to an enrollment which is gone."""
    try:
        text = base64.urlsafe_b64decode(record_id[:200] + "=" * (-len(record_id[:200]) % 4)).decode()
    except (ValueError, binascii.Error):
        return None
    match = _DELETED_ENROLLMENT.fullmatch(text)
    return match[1] if match and ids.encode("enr", match[1]) == record_id else None


def field_text(value: Any) -> str | None:
    """Return a value of a store as text."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)


def field_name(name: str) -> str:
    """Return a property's name in camelCase."""
    return problems.camel(name.removeprefix(":"))


def record_kind(root: models.SyncRecord) -> str:
    return shown_kind(root.kind)


async def record_id(root: models.SyncRecord, info: Info) -> str:
    return await global_id(info.context, root.kind, root.key)


def state(root: models.SyncRecord, info: Info) -> str:
    context: Context = info.context
    return sql.sync_operations.state_of(
        root, context.operations.projection_version, enabled=context.graph is not None
    )
