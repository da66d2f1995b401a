"""`among` chooses the same rows as `in_`, on both databases, with a text that does not grow with the values."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Dialect, not_, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from sql.models import Kind, SyncRecord
from sql.session import Database
from sql.sets import among

KEYS = ["1", "2", "it's", 'a "b" \\ c', "ключ", "x:y", "null", "[1]"]


async def _fill(database: Database) -> None:
    async with database.write() as session:
        for number, key in enumerate(KEYS, start=1):
            session.add(
                SyncRecord(id=number, kind=Kind.CHAPTER, key=key, version=2**40 + number, attempts=number % 3)
            )


async def _chosen(database: Database, condition: Any) -> list[int]:
    async with database.read() as session:
        found = await session.scalars(select(SyncRecord.id).where(condition).order_by(SyncRecord.id))
        return list(found)


async def test_it_chooses_what_in_chooses(database: Database) -> None:
    await _fill(database)
    table = SyncRecord
    texts = ["it's", "null", 'a "b" \\ c', "ключ", "nobody"]
    numbers = [2**40 + 1, 2**40 + 3, 7]
    pairs = [(1, "1"), (2, "2"), (2, "1"), (8, "[1]")]
    triples = [(1, "1", 1), (2, "2", 0), (5, "ключ", 2)]
    for own, usual in (
        (among(table.key, texts), table.key.in_(texts)),
        (not_(among(table.key, texts)), table.key.not_in(texts)),
        (among(table.version, numbers), table.version.in_(numbers)),
        (among((table.id, table.key), pairs), tuple_(table.id, table.key).in_(pairs)),
        (
            among((table.id, table.key, table.attempts), triples),
            tuple_(table.id, table.key, table.attempts).in_(triples),
        ),
    ):
        chosen = await _chosen(database, own)
        assert chosen
        assert chosen == await _chosen(database, usual)
    assert await _chosen(database, among(table.key, [])) == []
    assert await _chosen(database, among((table.id, table.key), [])) == []
    # A text of SQL for an enum.
    assert len(await _chosen(database, among((table.kind, table.id), [("CHAPTER", 1), ("SKILL", 2)]))) == 1


def test_the_text_is_one_whatever_the_number_of_values() -> None:
    for make in (sqlite.dialect, postgresql.dialect):
        dialect: Dialect = make()
        texts = {
            str(select(SyncRecord.id).where(among(SyncRecord.key, KEYS * count)).compile(dialect=dialect))
            for count in (1, 500)
        }
        assert len(texts) == 1
