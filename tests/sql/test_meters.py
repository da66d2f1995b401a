"""The meters: bounded, monotone, replayable in any order, and explained by their parts."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sql import meters
from sql.meters import MODEL, Answer

START = datetime(2026, 1, 1, tzinfo=UTC)
scores = st.floats(0, 1)
answers = st.lists(
    st.builds(
        Answer,
        id=st.uuids().map(str),
        skill_id=st.sampled_from(["a", "b", "c"]),
        score=scores,
        at=st.integers(0, 200_000).map(lambda minutes: START + timedelta(minutes=minutes)),
        weight=st.floats(0.05, 1),
    ),
    max_size=30,
    unique_by=lambda answer: answer.id,
)


@given(answers)
def test_everything_is_bounded(given_answers: list[Answer]) -> None:
    found = meters.replay(given_answers)
    for state in found.skills.values():
        assert 0 <= state.sticky <= 1
        assert 0 <= state.steady <= 1
    assert 0 <= found.course.form <= 1
    assert 0 <= found.course.ability <= 1
    for one in found.properties.values():
        assert 0 < one.current_mastery < 1
        assert 0 < one.predicted_next < 1
        assert 0 <= one.confidence < 1


@given(answers, st.randoms())
def test_the_order_of_arrival_does_not_matter(given_answers: list[Answer], random: object) -> None:
    shuffled = list(given_answers)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert meters.replay(shuffled) == meters.replay(given_answers)


@given(answers, scores, scores)
def test_more_credit_never_lowers_anything(given_answers: list[Answer], one: float, other: float) -> None:
    low, high = sorted((one, other))
    last = Answer("z", "a", low, START + timedelta(days=200))
    worse = meters.replay([*given_answers, last]).properties
    better = meters.replay([*given_answers, replace(last, score=high)]).properties
    assert better["a"].current_mastery >= worse["a"].current_mastery
    assert better["a"].predicted_next >= worse["a"].predicted_next


@given(answers, st.sampled_from(["a", "b"]))
def test_a_right_answer_never_lowers_and_a_wrong_one_never_raises(
    given_answers: list[Answer], skill_id: str
) -> None:
    now = START + timedelta(days=200)
    before = meters.replay(given_answers)
    course = meters.age_course(before.course, now)
    for score, compare in ((1.0, 1), (0.0, -1)):
        for other in ("a", "b", "c"):
            state = meters.age_skill(before.skills.get(other) or meters.start_skill(), now)
            earlier = meters.parts(course, state, MODEL.skill_intercept)
            stepped = meters.replay([*given_answers, Answer("z", skill_id, score, now)])
            after = meters.age_skill(stepped.skills.get(other) or meters.start_skill(), now)
            later = meters.parts(stepped.course, after, MODEL.skill_intercept)
            assert compare * (later.total - earlier.total) >= -1e-12


@given(answers)
def test_the_parts_add_up_to_the_prediction(given_answers: list[Answer]) -> None:
    found = meters.replay(given_answers)
    if not given_answers:
        return
    last = max(given_answers, key=lambda one: (one.at, one.id))
    shares = meters.parts(found.course, found.skills[last.skill_id], MODEL.skill_intercept)
    prediction = found.properties[last.skill_id].predicted_next
    assert math.isclose(prediction, meters.sigmoid(shares.total))


def test_the_figures_of_one_right_answer() -> None:
    found = meters.replay([Answer("1", "a", 1.0, START)]).properties["a"]
    sticky = 0.4347 + 0.9188 * (1 - 0.4347)
    steady = 0.5928 + 0.1022 * (1 - 0.5928)
    ability = 0.5088 + 0.0190 * (1 - 0.5088)
    odds = 0.130 + 1.2915 * (sticky - 0.4347) + 1.0541 * (steady - 0.5928) + 2.5982 * (ability - 0.5088)
    assert found.current_mastery == pytest.approx(1 / (1 + math.exp(-odds)))
    assert found.confidence == pytest.approx(1 / 7)
    assert found.trend is None
    assert found.num_assessments == 1
    assert found.mastery_category == "PROFICIENT"


def test_mastered_needs_evidence() -> None:
    right = [Answer(str(n), "a", 1.0, START + timedelta(hours=n)) for n in range(12)]
    assert meters.replay(right[:2]).properties["a"].mastery_category == "PROFICIENT"
    assert meters.replay(right).properties["a"].mastery_category == "MASTERED"


def test_forgetting_goes_back_to_the_prior_and_not_below() -> None:
    right = [Answer(str(n), "a", 1.0, START + timedelta(hours=n)) for n in range(5)]
    state = meters.replay(right).skills["a"]
    aged = meters.age_skill(state, START + timedelta(days=3_650))
    assert MODEL.sticky.prior <= aged.sticky < state.sticky
    assert aged.n_eff == pytest.approx(0, abs=1e-9)
    wrong = meters.replay([Answer("1", "a", 0.0, START)]).skills["a"]
    assert meters.age_skill(wrong, START + timedelta(days=365)).steady == wrong.steady
