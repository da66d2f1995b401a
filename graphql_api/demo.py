"""What the demo adds to the example courses: accounts, and a class of simulated learners.

The learners are made up. Each has an ability, each skill a difficulty, and an answer is right with the
probability of a one-parameter logistic model that grows with practice; one seed fixes all of it, so that
everybody's demo shows the same class.
"""

from __future__ import annotations

import math
import random
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

import sql.accounts
import sql.demo_reads
import sql.enrollments
import sql.mastery
import sql.passwords
from graphql_api.opening import Stores
from sql import models
from sql.models import Role

# For the demo alone, and printed by it: its data folder holds nothing that would need a better one.
PASSWORD = "lab-tutor-demo-2026"
TEACHER = "teacher@demo.example"
ADMIN = "admin@demo.example"
STUDENT = "student01@demo.example"

LEARNERS = 30
WEEKS = 6
BATCH = 500
SEED = 20_261_101
# Names the demo's assessments, so that recording them again records nothing.
KEYS = uuid.UUID("5b0cf1f4-6f1c-4b0e-9d0e-1f6f2c1d7a11")

FIRST_NAMES = (
    "Ada", "Amir", "Bela", "Chiara", "Daniel", "Elif", "Emeka", "Farah", "Greta", "Hiro",
    "Ines", "Ivan", "Jonas", "Kaveh", "Lena", "Li", "Mara", "Mateo", "Nadia", "Noor",
    "Oskar", "Priya", "Rafael", "Sofia", "Tariq", "Uma", "Viktor", "Wen", "Yara", "Zoe",
)  # fmt: skip
LAST_NAME = "(simulated)"


@dataclass(frozen=True, slots=True)
class Answer:
    """One simulated answer. `day` counts from the first day of the simulated weeks."""

    learner: int
    skill: int
    score: float
    minutes: int


def simulate(learners: int, skills: int, answers: int, *, seed: int = SEED) -> list[Answer]:
    """Return answers in the order of time, the same for the same numbers.

    Learners go through the skills in the order given (the order of the course), some faster than others, and
    practise a few skills at a time. The chance of a right answer is sigmoid(ability + practice - difficulty).
    """
    if not learners or not skills:
        return []
    source = random.Random(seed)  # noqa: S311 - a simulation that has to repeat, no secret
    abilities = [source.gauss(0.3, 0.9) for _ in range(learners)]
    difficulties = [source.gauss(0.0, 0.7) for _ in range(skills)]
    pace = [source.uniform(0.25, 0.95) for _ in range(learners)]
    practised: dict[tuple[int, int], int] = {}
    made: list[Answer] = []
    for number in range(answers):
        learner = number % learners
        moment = (number + source.random()) / answers
        # A learner's front moves through the course with time; most answers are about what is just behind it.
        front = min(skills - 1, int(moment * pace[learner] * skills))
        skill = max(0, front - min(int(source.expovariate(0.4)), 12))
        seen = practised.get((learner, skill), 0)
        practised[learner, skill] = seen + 1
        strength = abilities[learner] + 0.45 * math.log1p(seen) * 1.6 - difficulties[skill]
        chance = 1.0 / (1.0 + math.exp(-strength))
        draw = source.random()
        # One answer in eight earns partial credit, as marked exercises do.
        score = 1.0 if draw < chance else 0.5 if draw < chance + (1.0 - chance) * 0.125 else 0.0
        made.append(Answer(learner, skill, score, int(moment * WEEKS * 7 * 24 * 60)))
    return sorted(made, key=lambda answer: (answer.minutes, answer.learner, answer.skill))


async def ensure_people(stores: Stores) -> tuple[int, int, list[int]]:
    """Make the demo's accounts that are missing; return the ids of (admin, teacher, learners)."""
    people = [
        (ADMIN, "Alex", "Operator", Role.ADMIN),
        (TEACHER, "Robin", "Teacher", Role.TEACHER),
        *(
            (f"student{number + 1:02}@demo.example", name, LAST_NAME, Role.STUDENT)
            for number, name in enumerate(FIRST_NAMES[:LEARNERS])
        ),
    ]
    ids: list[int] = []
    # One hash for all: the password is public anyway, and thirty hashes are meant to take their time.
    password_hash: str | None = None
    async with stores.database.read() as session:
        found = {email: await sql.accounts.find_by_email(session, email) for email, *_ in people}
    if None in found.values():
        password_hash = await sql.passwords.hash_password(PASSWORD)
    async with stores.database.write() as session:
        for email, first_name, last_name, role in people:
            user = found[email]
            if user is None and password_hash is not None:
                user = await sql.accounts.create_user(
                    session,
                    email=email,
                    password_hash=password_hash,
                    first_name=first_name,
                    last_name=last_name,
                    role=role,
                )
            assert user is not None  # noqa: S101 - found, or made just now
            ids.append(user.id)
    admin, teacher, *learners = ids
    return admin, teacher, learners


async def enroll_all(stores: Stores, course_id: int, teacher_id: int, learners: Sequence[int]) -> None:
    """Enroll the learners who are not enrolled yet."""
    async with stores.database.write() as session:
        enrolled = await sql.demo_reads.list_enrolled_students(session, course_id)
        missing = [learner for learner in learners if learner not in enrolled]
        if missing:
            await sql.enrollments.enroll_students(
                session, actor_id=teacher_id, course_id=course_id, student_ids=missing, emails=[]
            )


async def record_class(
    stores: Stores, course_id: int, teacher_id: int, learners: Sequence[int], answers: int
) -> AsyncIterator[tuple[int, int]]:
    """Record the simulated answers of a course in batches; yield (done, total) after each.

    A batch that was recorded before is left alone: its idempotency keys are known. So a demo that was cut
    short goes on where it stopped.
    """
    async with stores.database.read() as session:
        skills = await sql.demo_reads.list_skills_in_course_order(session, course_id)
        done_keys = await sql.demo_reads.list_assessment_keys(session, course_id)
        teacher = await sql.accounts.find_by_email(session, TEACHER)
    made = simulate(len(learners), len(skills), answers, seed=SEED + course_id)
    # Counted from when the demo was made: a run that goes on must not move the weeks.
    made_at = teacher.created_at if teacher is not None else models.now()
    start = made_at - timedelta(weeks=WEEKS, minutes=1)
    todo = [(str(uuid.uuid5(KEYS, f"{course_id}:{index}")), answer) for index, answer in enumerate(made)]
    todo = [(key, answer) for key, answer in todo if key not in done_keys]
    done = len(made) - len(todo)
    yield done, len(made)
    for offset in range(0, len(todo), BATCH):
        batch = todo[offset : offset + BATCH]
        async with stores.database.write() as session:
            await sql.mastery.record_assessments(
                session,
                actor_id=teacher_id,
                assessments=[
                    sql.mastery.AssessmentValue(
                        student_id=learners[answer.learner],
                        skill_id=skills[answer.skill],
                        score=answer.score,
                        assessed_at=start + timedelta(minutes=answer.minutes),
                        item_key=None,
                        idempotency_key=key,
                    )
                    for key, answer in batch
                ],
                now=models.now(),
            )
        done += len(batch)
        yield done, len(made)
