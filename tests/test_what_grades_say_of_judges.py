"""Grades add up while a panel is in force: reliability, calibration, a fall, and help for gold."""

import math
import random

import pytest

from agent.auditing import duel
from agent.groups import Group
from agent.observing_judges import of_judges_in_force, with_what_was_said
from logs.vocabulary import Guarantee, Panel, Status
from tests.a_view import BENCH, judge

CROWD = judge("crowd")
PANEL = Panel(judges=(CROWD,))
KNOWN = {"crowd": (1.0, 0.0)}
"""Calibrated: a score is the log-odds of being right."""
HORIZON = 256


def group(rng, number, *, order, claims_more):
    """Four siblings, two answers of which one is right; a score is its log-odds of being that.

    `order` plants how often the judge prefers the right one, whatever it claims.
    """
    score = rng.uniform(0.2, 2.5)
    right = rng.random() < (1 / (1 + math.exp(-score)) if order is None else order)
    score += claims_more
    scores = (score, -score) * 2 if rng.random() < 0.5 else (-score, score) * 2
    favourite = 0 if scores[0] > 0 else 1
    answers = tuple((t, -1.0, -1.0, True, -1.0) for t in ("a", "b", "a", "b"))
    drawn = Group(f"prompt {number}", answers, {"crowd": scores, BENCH.id: scores}, scores)
    return drawn, {str(favourite): int(right), str(1 - favourite): int(not right)}


def turns_of(count, per_turn=12, *, order=None, claims_more=0.0, seed=0, panel=PANEL, known=KNOWN):
    """(rows, groups of the last turn) after so many turns of audits."""
    rng, rows, groups = random.Random(seed), [], []
    for turn in range(count):
        made = [
            group(rng, f"{turn}-{i}", order=order, claims_more=claims_more)
            for i in range(4 * per_turn)
        ]
        groups = [g for g, _ in made]
        graded = [
            {
                "prompt": g.prompt,
                "answers": [list(a) for a in g.answers],
                "grades": grades,
                "ends": list(duel(g)),
            }
            for g, grades in made[:per_turn]
        ]
        rows += with_what_was_said(graded, groups, panel, known)
    return rows, groups


def read(rows, groups, panel=PANEL, known=KNOWN):
    found = of_judges_in_force(rows, groups, panel, known, horizon=HORIZON)
    return {m.instrument: m for m in found}


class TestAccuracyOverTime:
    def test_adds_up_over_turns_and_holds_at_every_look(self):
        m = read(*turns_of(6, order=0.9))["judge_accuracy_over_time"]
        assert (m.n, m.guarantee) == (72, Guarantee.ANYTIME)
        assert m.status is Status.GREEN

    def test_begins_anew_with_another_panel(self):
        rows, groups = turns_of(6)
        other = Panel(judges=(CROWD.model_copy(update={"version": 2}),))
        m = read(rows, groups, other)["judge_accuracy_over_time"]
        assert (m.n, m.status) == (0, Status.INSUFFICIENT)

    def test_counts_an_error_of_the_judge_as_wrong(self):
        rows, groups = turns_of(3)
        for row in rows:
            row["said"]["panel"] = dict.fromkeys(row["said"]["panel"])
        m = read(rows, groups)["judge_accuracy_over_time"]
        assert (m.count, m.n) == (0, 36)

    def test_is_not_read_from_answers_graded_to_refit_a_judge(self):
        rows, groups = turns_of(2)
        bought = [{"prompt": "p", "answers": [], "grades": {"0": 1}}]
        assert read([*rows, *bought], groups) == read(rows, groups)


class TestAFall:
    def test_of_accuracy_below_the_floor_rings(self):
        good, _ = turns_of(4, order=0.9)
        bad, groups = turns_of(8, order=0.0, seed=1)
        m = read([*good, *bad], groups)["change_detector"]
        assert (m.status, m.guarantee) == (Status.RED, Guarantee.RUN_HORIZON)

    def test_does_not_ring_for_a_good_judge(self):
        rung = [
            read(*turns_of(10, order=0.9, seed=s))["change_detector"].status is Status.RED
            for s in range(10)
        ]
        assert not any(rung)


class TestCalibration:
    def test_of_an_honest_judge_is_not_refuted(self):
        """One false alarm in ten, at most: each has a chance of one in twenty."""
        found = [read(*turns_of(12, seed=seed)) for seed in range(10)]
        for name in ("calibration_e_process", "miscalibration"):
            assert sum(f[name].status is Status.RED for f in found) <= 1

    def test_of_a_judge_that_claims_too_much_is(self):
        found = read(*turns_of(12, claims_more=3.0))
        assert found["calibration_e_process"].status is Status.RED

    def test_is_insufficient_and_says_why_where_the_panel_claims_nothing(self):
        found = read(*turns_of(4, known={}), known={})
        for name in ("brier", "calibration_error", "cohen_kappa", "favourites_right"):
            assert found[name].status is Status.INSUFFICIENT
            assert found[name].estimate is None

    def test_does_not_stop_a_turn_in_which_nothing_was_graded(self):
        found = read([], [])
        assert all(m.status is Status.INSUFFICIENT for m in found.values())


class TestGoldWithHelp:
    def test_says_what_share_of_favourites_is_right_and_what_the_judge_is_worth(self):
        rows, groups = turns_of(1, per_turn=60, seed=4)
        found = read(rows, groups)
        share = found["favourites_right"]
        truth = sum(row["grades"][str(row["ends"][0])] for row in rows) / len(rows)
        assert share.low < truth < share.high
        assert found["gold_multiplier"].estimate == pytest.approx(1.0, abs=1.5)

    def test_counts_as_unlabelled_only_prompts_that_might_have_been_graded(self):
        rows, groups = turns_of(1, per_turn=20, seed=5)
        settled = groups[-1]
        alike = Group("agreed", settled.answers[:1] * 4, settled.by_judge, settled.panel)
        assert duel(alike) is None
        assert read(rows, [*groups, alike]) == read(rows, groups)
