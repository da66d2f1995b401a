"""Mastery from evidence: four meters (METERS), pure: no database and no clock of its own.

Formulas, defaults and measurements: docs of the design, mastery.md. A meter h in [0, 1] moves with an
answer of score s in [0, 1] and weight w in (0, 1]:

    h <- h + a_w s (1 - h) - c_w (1 - s) h,   a_w = 1 - (1 - a)^w,   c_w = 1 - (1 - c)^w

It is monotone in s, so a right answer never lowers and a wrong one never raises any estimate.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sql.models import MasteryCategory, MasteryTrend

RESULTS_KEPT = 8
DAY_SECONDS = 86_400.0
CORRECT_FROM = 0.5


@dataclass(frozen=True, slots=True)
class Meter:
    """One meter: how fast it rises and falls, its weight on the logit scale, and where it starts."""

    up: float
    down: float
    weight: float
    prior: float

    def moved(self, level: float, score: float, weight: float) -> float:
        """Return the level after an answer."""
        up = 1.0 - math.pow(1.0 - self.up, weight)
        down = 1.0 - math.pow(1.0 - self.down, weight)
        # Rounding may leave [0, 1] by one unit in the last place.
        return min(1.0, max(0.0, level + up * score * (1.0 - level) - down * (1.0 - score) * level))

    def part(self, level: float) -> float:
        """Return what the meter adds on the logit scale."""
        return self.weight * (level - self.prior)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From which mastery on a category holds, and how much confidence MASTERED needs."""

    developing_from: float = 0.40
    proficient_from: float = 0.65
    mastered_from: float = 0.80
    mastered_confidence: float = 1.0 / 3.0
    prerequisite_met_from: float = 0.60


@dataclass(frozen=True, slots=True)
class Settings:
    """Every number of the model. The half-lives of own and form are guesses; the meters were fitted."""

    sticky: Meter = Meter(0.9188, 0.0756, 1.2915, 0.4347)
    steady: Meter = Meter(0.1022, 0.1279, 1.0541, 0.5928)
    form: Meter = Meter(0.7235, 0.0900, 1.6538, 0.8383)
    ability: Meter = Meter(0.0190, 0.0371, 2.5982, 0.5088)
    intercept: float = 0.130
    item_offset: float = 0.0
    confidence_evidence: float = 6.0  # weight of evidence at which confidence is one half
    evidence_half_life_days: float = 90.0
    own_half_life_days: float = 30.0
    form_half_life_days: float = 1.0
    lag_rate: float = 0.3
    trend_band: float = 0.03
    trend_least_answers: int = 3
    thresholds: Thresholds = field(default_factory=Thresholds)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Pinned intercepts b of skills and offsets d of questions; what it does not know has the default."""

    skill_intercepts: Mapping[str, float] = field(default_factory=dict)
    item_offsets: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """One piece of evidence. `id` orders answers of the same moment."""

    id: str
    skill_id: str
    score: float
    assessed_at: datetime
    item_key: str | None = None
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class LearnerState:
    """What a student brings to every skill of a course. `at` is the time of the last answer."""

    form: float
    ability: float
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SkillState:
    """What a student has shown of one skill. `results` holds the last 8 as bits, the newest lowest."""

    sticky: float
    steady: float
    lag: float = 0.0
    evidence: float = 0.0
    count: int = 0
    results: int = 0
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class State:
    """A student in a course."""

    learner: LearnerState
    skills: Mapping[str, SkillState] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Values:
    """The properties of a mastery. Null without an answer, and then never 0."""

    current_mastery: float | None
    confidence: float
    predicted_next: float | None
    trend: MasteryTrend | None
    num_assessments: int
    mastery_category: MasteryCategory


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a prediction, on the logit scale and in probability; both columns add up."""

    name: str
    logit: float
    probability: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why the next answer is predicted as it is."""

    predicted_next: float
    parts: tuple[Part, ...]
    summary: str


@dataclass(frozen=True, slots=True)
class Replay:
    """What a fold over evidence gives.

    `mastery_after` by answer id; `values` and `states` by skill, each at the skill's last answer.
    """

    state: State
    mastery_after: dict[str, float]
    values: dict[str, Values]
    learners: dict[str, LearnerState]


def sigmoid(x: float) -> float:
    """Return 1 / (1 + e^-x) without overflow."""
    if x >= 0.0:
        return 1.0 / (1.0 + math.exp(-x))
    grown = math.exp(x)
    return grown / (1.0 + grown)


def _kept(days: float, half_life_days: float) -> float:
    """Return the share that is left after some days; evidence that comes from before now counts as of now."""
    return 1.0 if days <= 0.0 else math.pow(0.5, days / half_life_days)


def _days(since: datetime | None, until: datetime) -> float:
    return 0.0 if since is None else (until - since).total_seconds() / DAY_SECONDS


class Meters:
    """The model with its settings and one pinned snapshot."""

    def __init__(self, settings: Settings | None = None, snapshot: Snapshot | None = None) -> None:
        self.settings = settings or Settings()
        self.snapshot = snapshot or Snapshot()

    def start(self) -> State:
        """Return the state of a student without evidence."""
        return State(LearnerState(self.settings.form.prior, self.settings.ability.prior))

    def start_skill(self) -> SkillState:
        """Return the state of a skill without evidence."""
        return SkillState(self.settings.sticky.prior, self.settings.steady.prior)

    def step(self, state: State, answer: Answer) -> State:
        """Return the state after one more answer; the state given stays as it is."""
        skill = state.skills.get(answer.skill_id) or self.start_skill()
        learner, after = self.advance(state.learner, skill, answer)
        return State(learner, {**state.skills, answer.skill_id: after})

    def advance(
        self, learner: LearnerState, skill: SkillState, answer: Answer
    ) -> tuple[LearnerState, SkillState]:
        """Return both parts of a state after an answer; constant cost, however much evidence there is."""
        rules = self.settings
        learner = self.aged_learner(learner, answer.assessed_at)
        skill = self.aged_skill(skill, answer.assessed_at)
        score, weight = answer.score, answer.weight
        learner = LearnerState(
            rules.form.moved(learner.form, score, weight),
            rules.ability.moved(learner.ability, score, weight),
            answer.assessed_at,
        )
        sticky = rules.sticky.moved(skill.sticky, score, weight)
        steady = rules.steady.moved(skill.steady, score, weight)
        own = rules.sticky.part(sticky) + rules.steady.part(steady)
        bit = 1 if score >= CORRECT_FROM else 0
        return learner, SkillState(
            sticky=sticky,
            steady=steady,
            lag=skill.lag + rules.lag_rate * (own - skill.lag),
            evidence=skill.evidence + weight,
            count=skill.count + 1,
            results=((skill.results << 1) | bit) & ((1 << RESULTS_KEPT) - 1),
            at=answer.assessed_at,
        )

    def aged_skill(self, skill: SkillState, at: datetime) -> SkillState:
        """Return a skill's state at a later time: what is above its prior falls back towards it."""
        rules, days = self.settings, _days(skill.at, at)
        if days <= 0.0:
            return skill
        kept = _kept(days, rules.own_half_life_days)
        return replace(
            skill,
            sticky=_faded(skill.sticky, rules.sticky.prior, kept),
            steady=_faded(skill.steady, rules.steady.prior, kept),
            evidence=skill.evidence * _kept(days, rules.evidence_half_life_days),
            at=at,
        )

    def aged_learner(self, learner: LearnerState, at: datetime) -> LearnerState:
        """Return a student's state at a later time: form returns to its prior from both sides."""
        rules, days = self.settings, _days(learner.at, at)
        if days <= 0.0:
            return learner
        kept = _kept(days, rules.form_half_life_days)
        prior = rules.form.prior
        return LearnerState(prior + (learner.form - prior) * kept, learner.ability, at)

    def aged(self, state: State, at: datetime) -> State:
        """Return a state as it is at a later time without further answers."""
        return State(
            self.aged_learner(state.learner, at),
            {key: self.aged_skill(skill, at) for key, skill in state.skills.items()},
        )

    def intercept(self, skill_id: str) -> float:
        """Return b of a skill."""
        return float(self.snapshot.skill_intercepts.get(skill_id, self.settings.intercept))

    def offset(self, item_key: str | None) -> float:
        """Return d of a question; 0 on average."""
        if item_key is None:
            return self.settings.item_offset
        return float(self.snapshot.item_offsets.get(item_key, self.settings.item_offset))

    def own(self, skill: SkillState) -> float:
        """Return what the skill's own evidence adds on the logit scale."""
        return self.settings.sticky.part(skill.sticky) + self.settings.steady.part(skill.steady)

    def mastery_logit(self, learner: LearnerState, skill_id: str, skill: SkillState) -> float:
        """Return b + own + abil."""
        return self.intercept(skill_id) + self.own(skill) + self.settings.ability.part(learner.ability)

    def current_mastery(self, learner: LearnerState, skill_id: str, skill: SkillState) -> float:
        """Return the chance of a right answer on an average question of the skill."""
        return sigmoid(self.mastery_logit(learner, skill_id, skill))

    def predicted_next(
        self, learner: LearnerState, skill_id: str, skill: SkillState, item_key: str | None = None
    ) -> float:
        """Return the chance that the next answer is right, form and question included."""
        return sigmoid(
            self.mastery_logit(learner, skill_id, skill)
            + self.settings.form.part(learner.form)
            + self.offset(item_key)
        )

    def confidence(self, skill: SkillState) -> float:
        """Return the weight of the evidence: n / (n + 6), in [0, 1)."""
        return skill.evidence / (skill.evidence + self.settings.confidence_evidence)

    def trend(self, learner: LearnerState, skill_id: str, skill: SkillState) -> MasteryTrend | None:
        """Return where recent answers point to; None below three answers."""
        if skill.count < self.settings.trend_least_answers:
            return None
        abil = self.settings.ability.part(learner.ability)
        change = self.current_mastery(learner, skill_id, skill) - sigmoid(
            self.intercept(skill_id) + abil + skill.lag
        )
        if change > self.settings.trend_band:
            return MasteryTrend.IMPROVING
        return MasteryTrend.DECLINING if change < -self.settings.trend_band else MasteryTrend.STABLE

    def category(self, mastery: float | None, confidence: float) -> MasteryCategory:
        """Return a mastery in words; without an answer NOT_STARTED, which is not the same as 0."""
        limits = self.settings.thresholds
        if mastery is None:
            return MasteryCategory.NOT_STARTED
        if mastery >= limits.mastered_from and confidence >= limits.mastered_confidence:
            return MasteryCategory.MASTERED
        if mastery >= limits.proficient_from:
            return MasteryCategory.PROFICIENT
        if mastery >= limits.developing_from:
            return MasteryCategory.DEVELOPING
        return MasteryCategory.STRUGGLING

    def values_of(self, learner: LearnerState, skill_id: str, skill: SkillState) -> Values:
        """Return the properties of a mastery from the two parts of a state, without ageing them."""
        if skill.count == 0:
            return Values(None, 0.0, None, None, 0, MasteryCategory.NOT_STARTED)
        mastery = self.current_mastery(learner, skill_id, skill)
        confidence = self.confidence(skill)
        return Values(
            current_mastery=mastery,
            confidence=confidence,
            predicted_next=self.predicted_next(learner, skill_id, skill),
            trend=self.trend(learner, skill_id, skill),
            num_assessments=skill.count,
            mastery_category=self.category(mastery, confidence),
        )

    def values(self, state: State, skill_id: str, at: datetime | None = None) -> Values:
        """Return the properties of a mastery; aged to `at` when given."""
        aged = state if at is None else self.aged(state, at)
        return self.values_of(aged.learner, skill_id, aged.skills.get(skill_id) or self.start_skill())

    def replay(self, answers: Iterable[Answer]) -> Replay:
        """Fold over answers in the order of (assessed_at, id), whatever order they arrive in."""
        learner, skills = self.start().learner, dict[str, SkillState]()
        after: dict[str, float] = {}
        values: dict[str, Values] = {}
        learners: dict[str, LearnerState] = {}
        for answer in sorted(answers, key=lambda one: (one.assessed_at, one.id)):
            skill_id = answer.skill_id
            learner, skill = self.advance(learner, skills.get(skill_id) or self.start_skill(), answer)
            skills[skill_id] = skill
            learners[skill_id] = learner
            after[answer.id] = self.current_mastery(learner, skill_id, skill)
        for skill_id, skill in skills.items():
            values[skill_id] = self.values_of(learners[skill_id], skill_id, skill)
        return Replay(State(learner, skills), after, values, learners)

    def explain(
        self,
        state: State,
        skill_id: str,
        *,
        item_key: str | None = None,
        at: datetime | None = None,
    ) -> Explanation:
        """Return the parts of the prediction, which add up to it, and one sentence about the evidence."""
        aged = state if at is None else self.aged(state, at)
        skill = aged.skills.get(skill_id) or self.start_skill()
        steps = [
            ("skill", self.intercept(skill_id)),
            ("own", self.own(skill)),
            ("ability", self.settings.ability.part(aged.learner.ability)),
            ("form", self.settings.form.part(aged.learner.form)),
            ("item", self.offset(item_key)),
        ]
        parts, total, reached = [], 0.0, 0.0
        for name, logit in steps:
            total += logit
            chance = sigmoid(total)
            parts.append(Part(name, logit, chance - reached))
            reached = chance
        return Explanation(reached, tuple(parts), summary(state.skills.get(skill_id), at))


def summary(skill: SkillState | None, at: datetime | None = None) -> str:
    """Return the evidence in words, e.g. "7 of your last 8 answers right, last practised 12 days ago"."""
    if skill is None or skill.count == 0 or skill.at is None:
        return "no answers yet"
    shown = min(skill.count, RESULTS_KEPT)
    right = (skill.results & ((1 << shown) - 1)).bit_count()
    text = f"{right} of your last {shown} answers right" if shown > 1 else f"{right} of 1 answer right"
    if at is None:
        return text
    days = int(max(0.0, _days(skill.at, at)))
    ago = "today" if days == 0 else "yesterday" if days == 1 else f"{days} days ago"
    return f"{text}, last practised {ago}"


def _faded(level: float, prior: float, kept: float) -> float:
    # Only what was learned fades: a level below the prior would otherwise rise without an answer.
    return prior + (level - prior) * kept if level > prior else level


def to_json(learner: LearnerState, skill: SkillState) -> dict[str, Any]:
    """Return a state as plain values, for Mastery.state."""
    return {
        "form": learner.form,
        "ability": learner.ability,
        "sticky": skill.sticky,
        "steady": skill.steady,
        "lag": skill.lag,
        "evidence": skill.evidence,
        "count": skill.count,
        "results": skill.results,
        "at": skill.at.isoformat() if skill.at else None,
    }


def from_json(data: Mapping[str, Any]) -> tuple[LearnerState, SkillState]:
    """Return the two parts of a state from what to_json gave."""
    at = datetime.fromisoformat(data["at"]) if data.get("at") else None
    return (
        LearnerState(data["form"], data["ability"], at),
        SkillState(
            sticky=data["sticky"],
            steady=data["steady"],
            lag=data["lag"],
            evidence=data["evidence"],
            count=data["count"],
            results=data["results"],
            at=at,
        ),
    )
