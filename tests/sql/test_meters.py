"""The meters: bounded, monotone, replayable, explained."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sql.meters import Answer, Meters, Settings, Snapshot, State, from_json, sigmoid, to_json
from sql.models import MasteryCategory, MasteryTrend

START = datetime(2026, 1, 1, tzinfo=UTC)
SKILLS = ("a", "b", "c")


@st.composite
def answers(draw: st.DrawFn, least: int = 0) -> list[Answer]:
    made = draw(
        st.lists(
            st.tuples(
                st.sampled_from(SKILLS),
                st.floats(0, 1),
                st.integers(0, 400 * 86_400),
                st.floats(0.01, 1),
                st.sampled_from([None, "easy", "hard"]),
            ),
            min_size=least,
            max_size=40,
        )
    )
    return [
        Answer(f"{number:03}", skill, score, START + timedelta(seconds=second), item, weight)
        for number, (skill, score, second, weight, item) in enumerate(made)
    ]


METERS = Meters(snapshot=Snapshot({"b": -0.4}, {"easy": 0.7, "hard": -1.1}))
LATER = START + timedelta(days=500)


def estimates(state: State, at: datetime) -> list[float]:
    aged = METERS.aged(state, at)
    found = []
    for skill_id in SKILLS:
        skill = aged.skills.get(skill_id) or METERS.start_skill()
        found += [
            METERS.current_mastery(aged.learner, skill_id, skill),
            METERS.predicted_next(aged.learner, skill_id, skill),
        ]
    return found


@given(answers())
def test_everything_stays_in_its_bounds(evidence: list[Answer]) -> None:
    replay = METERS.replay(evidence)
    assert all(0 <= level <= 1 for level in (replay.state.learner.form, replay.state.learner.ability))
    for skill_id, skill in replay.state.skills.items():
        assert 0 <= skill.sticky <= 1
        assert 0 <= skill.steady <= 1
        values = replay.values[skill_id]
        assert values.current_mastery is not None
        assert 0 < values.current_mastery < 1
        assert 0 <= values.confidence < 1
        assert values.num_assessments == sum(one.skill_id == skill_id for one in evidence)


@given(answers(), st.sampled_from(SKILLS), st.floats(0.01, 1))
def test_a_right_answer_never_lowers_and_a_wrong_one_never_raises(
    evidence: list[Answer], skill_id: str, weight: float
) -> None:
    state = METERS.replay(evidence).state
    before = estimates(state, LATER)
    right = estimates(METERS.step(state, Answer("x", skill_id, 1.0, LATER, weight=weight)), LATER)
    wrong = estimates(METERS.step(state, Answer("x", skill_id, 0.0, LATER, weight=weight)), LATER)
    assert all(after >= b - 1e-12 for after, b in zip(right, before, strict=True))
    assert all(after <= b + 1e-12 for after, b in zip(wrong, before, strict=True))


@given(answers(least=1), st.data())
def test_a_better_score_anywhere_never_lowers_the_end(evidence: list[Answer], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(evidence) - 1))
    old = evidence[place]
    better = Answer(
        old.id,
        old.skill_id,
        data.draw(st.floats(old.score, 1)),
        old.assessed_at,
        old.item_key,
        old.weight,
    )
    raised = [better if number == place else one for number, one in enumerate(evidence)]
    low, high = estimates(METERS.replay(evidence).state, LATER), estimates(METERS.replay(raised).state, LATER)
    assert all(h >= lo - 1e-9 for h, lo in zip(high, low, strict=True))


@given(answers(), st.randoms(use_true_random=False))
def test_any_order_of_arrival_gives_the_same_state(evidence: list[Answer], source: random.Random) -> None:
    shuffled = list(evidence)
    source.shuffle(shuffled)
    assert METERS.replay(shuffled) == METERS.replay(evidence)


@given(answers())
def test_steps_one_by_one_give_the_same_as_a_replay(evidence: list[Answer]) -> None:
    state = METERS.start()
    for one in sorted(evidence, key=lambda one: (one.assessed_at, one.id)):
        state = METERS.step(state, one)
    assert state == METERS.replay(evidence).state


@given(answers(), st.sampled_from(SKILLS), st.sampled_from([None, "easy", "unknown"]))
def test_the_parts_of_an_explanation_add_up(evidence: list[Answer], skill_id: str, item: str | None) -> None:
    state = METERS.replay(evidence).state
    told = METERS.explain(state, skill_id, item_key=item, at=LATER)
    aged = METERS.aged(state, LATER)
    skill = aged.skills.get(skill_id) or METERS.start_skill()
    predicted = METERS.predicted_next(aged.learner, skill_id, skill, item)
    assert told.predicted_next == pytest.approx(predicted)
    assert sum(part.probability for part in told.parts) == pytest.approx(predicted)
    assert sigmoid(sum(part.logit for part in told.parts)) == pytest.approx(predicted)


@given(answers(least=1))
def test_time_alone_only_takes_own_mastery_and_confidence_back(evidence: list[Answer]) -> None:
    state = METERS.replay(evidence).state
    for skill_id, skill in state.skills.items():
        aged = METERS.aged_skill(skill, LATER)
        assert METERS.own(aged) <= METERS.own(skill) + 1e-12, skill_id
        assert METERS.confidence(aged) <= METERS.confidence(skill)


def test_the_first_right_answer_gives_the_numbers_of_the_formula() -> None:
    replay = Meters().replay([Answer("1", "a", 1.0, START)])
    sticky = 0.4347 + 0.9188 * (1 - 0.4347)
    steady = 0.5928 + 0.1022 * (1 - 0.5928)
    form = 0.8383 + 0.7235 * (1 - 0.8383)
    ability = 0.5088 + 0.0190 * (1 - 0.5088)
    logit = 0.130 + 1.2915 * (sticky - 0.4347) + 1.0541 * (steady - 0.5928) + 2.5982 * (ability - 0.5088)
    values = replay.values["a"]
    assert values.current_mastery == pytest.approx(sigmoid(logit))
    assert values.predicted_next == pytest.approx(sigmoid(logit + 1.6538 * (form - 0.8383)))
    assert values.confidence == pytest.approx(1 / 7)
    assert values.trend is None
    assert values.mastery_category is MasteryCategory.PROFICIENT


def test_without_answers_a_mastery_is_null_and_not_zero() -> None:
    values = Meters().values(Meters().start(), "a")
    assert (values.current_mastery, values.predicted_next, values.trend) == (None, None, None)
    assert values.mastery_category is MasteryCategory.NOT_STARTED


def test_mastered_needs_a_third_of_confidence() -> None:
    meters = Meters()
    assert meters.category(0.9, 0.34) is MasteryCategory.MASTERED
    assert meters.category(0.9, 0.33) is MasteryCategory.PROFICIENT
    assert meters.category(0.65, 0.0) is MasteryCategory.PROFICIENT
    assert meters.category(0.64, 1.0) is MasteryCategory.DEVELOPING
    assert meters.category(0.40, 0.0) is MasteryCategory.DEVELOPING
    assert meters.category(0.39, 0.0) is MasteryCategory.STRUGGLING


def test_the_trend_follows_a_run_of_answers() -> None:
    def trend(scores: list[float]) -> MasteryTrend | None:
        evidence = [
            Answer(f"{n:02}", "a", score, START + timedelta(minutes=n)) for n, score in enumerate(scores)
        ]
        return Meters().replay(evidence).values["a"].trend

    assert trend([1, 1]) is None
    assert trend([0, 0, 0, 1, 1]) is MasteryTrend.IMPROVING
    assert trend([1, 1, 1, 0, 0, 0, 0]) is MasteryTrend.DECLINING
    assert trend([1] * 60) is MasteryTrend.STABLE


def test_an_average_skill_tops_out_below_the_threshold_of_knowledge_tracing() -> None:
    evidence = [Answer(f"{n:04}", "a", 1.0, START + timedelta(seconds=n)) for n in range(2_000)]
    mastery = Meters().replay(evidence).values["a"].current_mastery
    assert mastery is not None
    assert 0.92 < mastery < 0.95


def test_own_evidence_halves_in_thirty_days() -> None:
    meters = Meters(Settings())
    skill = meters.replay([Answer("1", "a", 1.0, START)]).state.skills["a"]
    aged = meters.aged_skill(skill, START + timedelta(days=30))
    assert meters.own(aged) == pytest.approx(meters.own(skill) / 2)


def test_a_state_survives_json() -> None:
    replay = METERS.replay([Answer("1", "a", 0.4, START), Answer("2", "a", 1.0, LATER)])
    learner, skill = replay.learners["a"], replay.state.skills["a"]
    assert from_json(to_json(learner, skill)) == (learner, skill)


def test_the_summary_says_how_many_were_right_and_when() -> None:
    scores = [0, 1, 1, 1, 1, 1, 1, 1, 0]
    evidence = [Answer(str(n), "a", score, START + timedelta(minutes=n)) for n, score in enumerate(scores)]
    told = METERS.explain(METERS.replay(evidence).state, "a", at=START + timedelta(days=12, hours=1))
    assert told.summary == "7 of your last 8 answers right, last practised 12 days ago"
    assert METERS.explain(METERS.start(), "a").summary == "no answers yet"
