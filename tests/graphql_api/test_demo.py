"""The simulated class: the same for everybody, ordered in time, within bounds."""

from __future__ import annotations

from statistics import mean

from graphql_api.demo import WEEKS, simulate

ANSWERS = 1_000


def test_the_same_seed_gives_the_same_class() -> None:
    assert simulate(30, 50, ANSWERS) == simulate(30, 50, ANSWERS)
    assert simulate(30, 50, 200, seed=1) != simulate(30, 50, 200, seed=2)


def test_answers_are_in_order_and_within_bounds() -> None:
    made = simulate(30, 50, ANSWERS)
    assert len(made) == ANSWERS
    assert [answer.minutes for answer in made] == sorted(answer.minutes for answer in made)
    assert {answer.score for answer in made} == {0.0, 0.5, 1.0}
    assert {answer.learner for answer in made} == set(range(30))
    assert all(0 <= answer.skill < 50 for answer in made)
    assert all(0 <= answer.minutes <= WEEKS * 7 * 24 * 60 for answer in made)


def test_learners_differ_and_some_skills_stay_untouched() -> None:
    made = simulate(30, 200, 2_000)
    averages = [mean(a.score for a in made if a.learner == number) for number in range(30)]
    assert max(averages) - min(averages) > 0.2
    assert len({answer.skill for answer in made}) < 200


def test_no_learners_or_no_skills_is_no_class() -> None:
    assert simulate(0, 10, 100) == []
    assert simulate(10, 0, 100) == []
