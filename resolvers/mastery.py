"""Evidence: recording assessments. Mastery itself is read from the graph (graph_roots)."""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

import sql.mastery
from resolvers import policy
from resolvers.types.mastery import RecordAssessmentsInput, RecordAssessmentsResult, RecordAssessmentsSuccess
from resolvers.unset import given
from resolvers.writing import Call, mutation, success
from resolvers.written import WrittenMastery
from sql import errors as sql_errors
from sql import models

GREATEST_BATCH = 500


@mutation
async def record_assessments(call: Call, input: RecordAssessmentsInput) -> RecordAssessmentsResult:
    viewer = call.viewer
    if not 1 <= len(input.assessments) <= GREATEST_BATCH:
        message = f"1 to {GREATEST_BATCH} assessments go together, not {len(input.assessments)}."
        raise sql_errors.InvalidInput([sql_errors.FieldError(("assessments",), message)])
    values = [
        sql.mastery.AssessmentValue(
            student_id=call.id("user", one.student_id, "assessments", str(index), "student_id"),
            skill_id=call.id("skill", one.skill_id, "assessments", str(index), "skill_id"),
            score=one.score,
            assessed_at=given(one.assessed_at),
            item_key=given(one.item_key),
            idempotency_key=str(one.idempotency_key),
        )
        for index, one in enumerate(input.assessments)
    ]

    async def rule(session: AsyncSession) -> Any:
        await policy.records_to_edit(session, viewer, "SKILL", [value.skill_id for value in values])
        return await sql.mastery.record_assessments(
            session, actor_id=viewer.id, assessments=values, now=models.now()
        )

    result, sync = await call.write(rule)
    return success(
        RecordAssessmentsSuccess,
        masteries=[WrittenMastery(row) for row in result.masteries],
        recorded_count=result.recorded_count,
        repeated_count=result.repeated_count,
        sync=sync,
    )
