"""METERS: knowledge tracing with four meters, pure: no database, no clock of its own.

Each meter h is in [0, 1]. For an answer with score s and evidence weight w:
h <- h + a_w s (1 - h) - c_w (1 - s) h, with a_w = 1 - (1 - a)^w and c_w = 1 - (1 - c)^w.
A right answer therefore never lowers, and a wrong one never raises, any meter, mastery or prediction.

Two meters belong to a student and a skill (sticky, steady), two to a student in a course (form, ability).
Constants were fitted on ASSISTments 2009; after Corbett & Anderson 1995 (knowledge tracing), Pavlik et al.
2009 (PFA), Gervet et al. 2020 (logistic against deep models). The half-lives are guesses.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

LAG_RATE = 0.3
RECENT_BITS = 8
CORRECT_FROM = 0.5


@dataclass(frozen=True, slots=True)
class Meter:
    """Constants of one meter: up, down, weight and prior."""

    up: float
    down: float
    weight: float
    prior: float

    def step(self, level: float, score: float, evidence: float) -> float:
        """Return the level after an answer."""
        rise = 1 - (1 - self.up) ** evidence
        fall = 1 - (1 - self.down) ** evidence
        return level + rise * score * (1 - level) - fall * (1 - score) * level

    def part(self, level: float) -> float:
        """Return the meter's share in the log-odds."""
        return self.weight * (level - self.prior)


@dataclass(frozen=True, slots=True)
class Model:
    """All constants. Half-lives are in days; thresholds are levels of current mastery, 0 to 1."""

    sticky: Meter = Meter(0.9188, 0.0756, 1.2915, 0.4347)
    steady: Meter = Meter(0.1022, 0.1279, 1.0541, 0.5928)
    form: Meter = Meter(0.7235, 0.0900, 1.6538, 0.8383)
    ability: Meter = Meter(0.0190, 0.0371, 2.5982, 0.5088)
    skill_intercept: float = 0.130
    item_offset: float = 0.0
    own_half_life_days: float = 30.0
    form_half_life_days: float = 1.0
    evidence_half_life_days: float = 90.0
    evidence_scale: float = 6.0
    trend_threshold: float = 0.03
    trend_from_answers: int = 3
    developing_from: float = 0.40
    met_from: float = 0.60
    proficient_from: float = 0.65
    mastered_from: float = 0.80
    mastered_confidence: float = 1 / 3


MODEL = Model()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A pinned set of skill intercepts b and question offsets d; what it does not name has the model's."""

    skill_intercepts: Mapping[str, float] = field(default_factory=dict)
    item_offsets: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """One piece of evidence. `id` breaks ties of `at`, so that the order is total."""

    id: str
    skill_id: str
    score: float
    at: datetime
    item_key: str | None = None
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class CourseState:
    """A student in a course."""

    form: float
    ability: float
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SkillState:
    """A student and a skill. `recent` holds the last eight results as bits, the newest lowest."""

    sticky: float
    steady: float
    lag: float = 0.0
    n_eff: float = 0.0
    count: int = 0
    recent: int = 0
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Properties:
    """The seven properties of MASTERS_SKILL, at the moment of the skill's last answer."""

    current_mastery: float
    confidence: float
    predicted_next: float
    trend: str | None
    num_assessments: int
    mastery_category: str
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Parts:
    """The log-odds of the next prediction, taken apart; they add up to it."""

    skill: float
    sticky: float
    steady: float
    ability: float
    form: float
    item: float

    @property
    def total(self) -> float:
        """Return the log-odds of a right next answer."""
        return self.skill + self.sticky + self.steady + self.ability + self.form + self.item


@dataclass(frozen=True, slots=True)
class Replay:
    """Where a student stands in a course after all evidence, and the mastery right after each answer."""

    course: CourseState
    skills: Mapping[str, SkillState]
    properties: Mapping[str, Properties]
    mastery_after: Mapping[str, float]


def start_course(model: Model = MODEL) -> CourseState:
    """Return the state before any answer."""
    return CourseState(model.form.prior, model.ability.prior)


def start_skill(model: Model = MODEL) -> SkillState:
    """Return the state before any answer."""
    return SkillState(model.sticky.prior, model.steady.prior)


def sigmoid(x: float) -> float:
    """Return 1 / (1 + e^-x), without overflow."""
    if x >= 0:
        return 1 / (1 + math.exp(-x))
    odds = math.exp(x)
    return odds / (1 + odds)


def _faded(level: float, prior: float, since: datetime | None, now: datetime, half_life_days: float) -> float:
    """Return a level moved towards its prior by the time that went by."""
    if since is None or now <= since:
        return level
    left = 0.5 ** ((now - since) / timedelta(days=half_life_days))
    return float(prior + (level - prior) * left)


def age_course(state: CourseState, now: datetime, model: Model = MODEL) -> CourseState:
    """Return the course's state at a later moment: form goes back to its prior, ability stays."""
    form = _faded(state.form, model.form.prior, state.at, now, model.form_half_life_days)
    return replace(state, form=form, at=max(now, state.at) if state.at else now)


def age_skill(state: SkillState, now: datetime, model: Model = MODEL) -> SkillState:
    """Return the skill's state at a later moment: what is above its prior falls back, evidence fades."""
    if state.at is None or now <= state.at:
        return state
    sticky, steady = (
        _faded(level, meter.prior, state.at, now, model.own_half_life_days) if level > meter.prior else level
        for level, meter in ((state.sticky, model.sticky), (state.steady, model.steady))
    )
    n_eff = _faded(state.n_eff, 0.0, state.at, now, model.evidence_half_life_days)
    return replace(state, sticky=sticky, steady=steady, n_eff=n_eff, at=now)


def step(
    course: CourseState, skill: SkillState, answer: Answer, model: Model = MODEL
) -> tuple[CourseState, SkillState]:
    """Return both states after an answer; constant cost."""
    course, skill = age_course(course, answer.at, model), age_skill(skill, answer.at, model)
    score, evidence = answer.score, answer.weight
    course = CourseState(
        form=model.form.step(course.form, score, evidence),
        ability=model.ability.step(course.ability, score, evidence),
        at=answer.at,
    )
    sticky = model.sticky.step(skill.sticky, score, evidence)
    steady = model.steady.step(skill.steady, score, evidence)
    own = model.sticky.part(sticky) + model.steady.part(steady)
    skill = SkillState(
        sticky=sticky,
        steady=steady,
        lag=skill.lag + LAG_RATE * (own - skill.lag),
        n_eff=skill.n_eff + evidence,
        count=skill.count + 1,
        recent=((skill.recent << 1) | (score >= CORRECT_FROM)) & ((1 << RECENT_BITS) - 1),
        at=answer.at,
    )
    return course, skill


def parts(
    course: CourseState, skill: SkillState, intercept: float, offset: float = 0.0, model: Model = MODEL
) -> Parts:
    """Return the log-odds of the next answer, taken apart."""
    return Parts(
        skill=intercept,
        sticky=model.sticky.part(skill.sticky),
        steady=model.steady.part(skill.steady),
        ability=model.ability.part(course.ability),
        form=model.form.part(course.form),
        item=offset,
    )


def properties(
    course: CourseState, skill: SkillState, intercept: float, offset: float = 0.0, model: Model = MODEL
) -> Properties:
    """Return the seven properties of a skill that was answered at least once."""
    if skill.at is None:
        raise ValueError("a skill without an answer has no properties")
    shares = parts(course, skill, intercept, offset, model)
    own = shares.sticky + shares.steady
    mastery = sigmoid(shares.skill + own + shares.ability)
    confidence = skill.n_eff / (skill.n_eff + model.evidence_scale)
    trend = None
    if skill.count >= model.trend_from_answers:
        moved = mastery - sigmoid(shares.skill + shares.ability + skill.lag)
        if moved > model.trend_threshold:
            trend = "IMPROVING"
        elif moved < -model.trend_threshold:
            trend = "DECLINING"
        else:
            trend = "STABLE"
    return Properties(
        current_mastery=mastery,
        confidence=confidence,
        predicted_next=sigmoid(shares.total),
        trend=trend,
        num_assessments=skill.count,
        mastery_category=category(mastery, confidence, model),
        updated_at=skill.at,
    )


def category(mastery: float, confidence: float, model: Model = MODEL) -> str:
    """Return mastery in words; MASTERED needs enough evidence."""
    if mastery < model.developing_from:
        return "STRUGGLING"
    if mastery < model.proficient_from:
        return "DEVELOPING"
    if mastery < model.mastered_from or confidence < model.mastered_confidence:
        return "PROFICIENT"
    return "MASTERED"


def replay(answers: Iterable[Answer], snapshot: Snapshot | None = None, model: Model = MODEL) -> Replay:
    """Fold a student's evidence in a course, in the order of its time, whatever order it came in."""
    pinned = snapshot or Snapshot()
    course = start_course(model)
    skills: dict[str, SkillState] = {}
    found: dict[str, Properties] = {}
    after: dict[str, float] = {}
    for answer in sorted(answers, key=lambda one: (one.at, one.id)):
        state = skills.get(answer.skill_id) or start_skill(model)
        course, state = step(course, state, answer, model)
        skills[answer.skill_id] = state
        intercept = pinned.skill_intercepts.get(answer.skill_id, model.skill_intercept)
        # Of the skill's average question: which one comes next is not known.
        found[answer.skill_id] = properties(course, state, intercept, model.item_offset, model)
        after[answer.id] = found[answer.skill_id].current_mastery
    return Replay(course, skills, found, after)
