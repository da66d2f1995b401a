"""What the mirror reads is the same text on both databases: moments, enums, flags."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mirror import rows
from sql.models import Chapter, Course, Mastery
from sql.session import Database
from tests.mirror import world
from tests.mirror.world import CHAPTER_1, COURSE, SKILL_1, STUDENT


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC), "2026-03-04T05:06:07Z"),
        (datetime(2026, 3, 4, 5, 6, 7, 80, tzinfo=UTC), "2026-03-04T05:06:07.000080Z"),
    ],
)
async def test_moments_and_enums_come_as_text(database: Database, moment: datetime, text: str) -> None:
    async with database.write() as session:
        await world.build(session)
    async with database.write() as session:
        (await session.get_one(Chapter, CHAPTER_1)).created_at = moment
        (await session.get_one(Course, COURSE)).archived_at = moment
        mastery = await session.get_one(Mastery, (STUDENT, SKILL_1))
        mastery.assessed_at = moment
        category = mastery.mastery_category.value
    async with database.read() as session:
        chapter = (await rows.chapters(session, [CHAPTER_1]))[CHAPTER_1].row
        course = (await rows.courses(session, [str(COURSE)]))[str(COURSE)].row
        masteries = await rows.masteries(session, [f"{STUDENT}:{SKILL_1}"])
    assert chapter["created_at"] == text
    assert course["properties"]["archived"] is True
    assert course["properties"]["level"] == "BACHELOR"
    written = masteries[f"{STUDENT}:{SKILL_1}"].row
    assert (written["updated_at"], written["properties"]["mastery_category"]) == (text, category)
