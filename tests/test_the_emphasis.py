"""What is practised more: read off panel, beliefs and paid grades, bounded, and nothing starved."""

import random
from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.emphasis import (
    LEAST,
    MOST,
    bounded,
    disputed,
    doubted,
    learnable,
    relative,
    right,
    weak,
)
from agent.groups import Group
from logs.canonical import sha256
from logs.errors import UsageError
from logs.vocabulary import Panel
from tests.a_view import BENCH, judge
from tools.task import MicroWorld
from tools.world.pools import Pool, pool_of, prompts, strata
from tools.world.skills import LEVELS, SKILL_WEIGHTS, parse

PANEL = Panel(judges=(judge("crowd"),))
CERTAIN = {"crowd": (1000.0, -500.0)}
"""P(right) is 0 at a score of 0 and 1 at a score of 1."""
STRATA = MicroWorld().strata()


def group(scores, texts=None, bench=None):
    said = texts or [f"answer {i}" for i in range(len(scores))]
    by_judge = {"crowd": tuple(scores), BENCH.id: tuple(bench or scores)}
    return Group("p", tuple((t, -1.0, -1.0, True, -1.0) for t in said), by_judge, tuple(scores))


class TestWhatCanBeLearnt:
    @given(rights=st.integers(0, 8))
    def test_is_p_times_1_minus_p_under_a_panel_that_is_certain(self, rights):
        scores = [1.0] * rights + [0.0] * (8 - rights)
        p = rights / 8
        assert learnable(group(scores), PANEL, CERTAIN) == pytest.approx(p * (1 - p))

    @given(rights=st.integers(1, 8))
    def test_is_the_same_without_calibration_where_some_answer_is_right(self, rights):
        scores = [1.0] * rights + [0.0] * (8 - rights)
        assert learnable(group(scores), PANEL, {}) == learnable(group(scores), PANEL, CERTAIN)

    def test_is_nothing_where_none_is_right_or_the_panel_sees_no_difference(self):
        assert learnable(group([0.0] * 8), PANEL, {}) == 0
        assert learnable(group([0.0] * 8), PANEL, CERTAIN) == 0
        assert learnable(group([0.2, 0.9]), PANEL, {"crowd": (0.0, 0.3)}) == pytest.approx(0)

    def test_is_unknown_without_two_scored_siblings(self):
        assert learnable(group([0.5, None, None]), PANEL, CERTAIN) is None

    def test_leaves_out_siblings_without_a_score(self):
        assert learnable(group([1.0, 0.0, None]), PANEL, CERTAIN) == pytest.approx(0.25)


class TestAWeakness:
    def test_is_a_wrong_answer_that_the_policy_gives_most_often(self):
        answers = [["b"], ["a"], ["b"]]
        graded = {"prompt": "p", "answers": answers, "ends": [1, 0], "grades": {"1": 1, "0": 0}}
        assert right(graded) is False
        assert right(graded | {"grades": {"1": 0, "0": 1}}) is True
        assert right({"prompt": "p", "answers": answers, "grades": {"0": 1}}) is None

    def test_is_a_favourite_that_the_bench_disputes(self):
        assert disputed(group([0.0, 1.0], bench=[1.0, 0.0]), PANEL) is True
        assert disputed(group([0.0, 1.0]), PANEL) is False
        assert disputed(group([0.0, 0.0], bench=[1.0, 0.0]), PANEL) is False
        assert disputed(group([0.0, None], bench=[1.0, 0.0]), PANEL) is None
        assert disputed(group([0.0, 1.0], bench=[None, 1.0]), PANEL) is None

    def test_is_no_dispute_about_the_same_words(self):
        same = group([1.0, 0.0, 0.9], texts=["x", "y", "x"], bench=[0.1, 0.0, 0.5])
        assert disputed(same, PANEL) is False

    def test_is_a_best_answer_that_is_believed_wrong(self):
        low, high = {"crowd": (1.0, -3.0)}, {"crowd": (1.0, 3.0)}
        assert doubted(group([0.0, 1.0]), PANEL, low) is True
        assert doubted(group([0.0, 1.0]), PANEL, high) is False
        assert doubted(group([1.0, 1.0]), PANEL, low) is False
        assert doubted(group([0.0, 1.0]), PANEL, {}) is None

    def test_is_found_where_it_was_planted(self):
        fine = group([0.0, 1.0], bench=[0.0, 1.0])
        bad = group([0.0, 1.0], bench=[1.0, 0.0])
        groups = [("lists", fine)] * 40 + [("facts", bad)] * 20 + [("safety", fine)] * 20
        wrong = {"answers": [["a"], ["b"]], "ends": [0, 1], "grades": {"0": 0, "1": 1}}
        good = wrong | {"grades": {"0": 1, "1": 0}}
        audited = [("facts", wrong)] * 6 + [("lists", good)] * 20
        need = weak(groups, audited, PANEL, {})
        assert max(need, key=need.get) == "facts"
        shares = dict(SKILL_WEIGHTS)
        emphasis = bounded(need, shares)
        assert emphasis["facts"] > 1 > emphasis["lists"] >= LEAST

    def test_is_none_where_nothing_was_measured(self):
        assert weak([], [], PANEL, {}) == {}
        assert relative([]) == {} == relative([("a", 0.0), ("b", 0.0)])

    def test_of_few_observations_is_drawn_towards_the_mean(self):
        many = [("a", 0.0)] * 50 + [("b", 1.0)] * 50
        few = relative([*many, ("c", 1.0)])
        assert few["a"] < 1 < few["c"] < few["b"]


needs = st.dictionaries(st.sampled_from(sorted(STRATA)), st.floats(0, 10), max_size=len(STRATA))


class TestTheBounds:
    @given(need=needs)
    def test_keep_every_weight_and_the_sum_of_shares(self, need):
        weights = bounded(need, STRATA)
        if not any(need.values()):
            assert weights == {}
            return
        assert weights.keys() == STRATA.keys()
        assert all(LEAST <= w <= MOST for w in weights.values())
        assert sum(STRATA[k] * w for k, w in weights.items()) == pytest.approx(1, abs=2e-3)

    @given(need=needs)
    def test_keep_the_order_of_needs(self, need):
        weights = bounded(need, STRATA)
        if weights:
            for a in need:
                for b in need:
                    assert need[a] <= need[b] or weights[a] >= weights[b]

    @given(need=needs, seed=st.integers(0, 99))
    def test_starve_no_skill(self, need, seed):
        weights = bounded(need, STRATA)
        drawn = Counter(
            parse(p).skill for p in prompts(Pool.TRAIN, 400, seed=seed, emphasis=weights)
        )
        for skill, share in SKILL_WEIGHTS.items():
            assert drawn[skill] >= int(LEAST * share * 400 * 0.99)

    def test_forget_names_that_the_world_does_not_have(self):
        assert bounded({"sorting": 3.0}, STRATA) == {}


class TestPromptsByLevel:
    def test_come_in_proportion_to_the_emphasis(self):
        task, n = MicroWorld(), 4000
        emphasis = {"lists-4": 2.0, "lists-2": 0.5}
        drawn = Counter(map(task.skill, task.train_prompts(n, seed=5, emphasis=emphasis)))
        total = sum(STRATA[k] * emphasis.get(k, 1.0) for k in STRATA)
        for name in ("lists-2", "lists-3", "lists-4", "lists-5", "facts"):
            expected = n * STRATA[name] * emphasis.get(name, 1.0) / total
            assert abs(drawn[name] - expected) < 5 * expected**0.5

    def test_leave_other_skills_as_they_are_drawn(self):
        assert sum(strata().values()) == pytest.approx(1)
        assert {k for k in strata() if k.startswith("lists")} == {f"lists-{i}" for i in LEVELS}

    @given(emphasis=st.dictionaries(st.sampled_from(sorted(STRATA)), st.floats(0.25, 3)))
    def test_stay_in_their_pool_and_repeat_for_the_same_seed(self, emphasis):
        drawn = prompts(Pool.TRAIN, 60, seed=2, emphasis=emphasis)
        assert len(drawn) == 60 and {pool_of(p) for p in drawn} == {Pool.TRAIN}
        assert drawn == prompts(Pool.TRAIN, 60, seed=2, emphasis=emphasis)

    @pytest.mark.parametrize(
        ("emphasis", "digest"),
        [
            ({}, "c7c8097c5e17251aee4bd0e7181a39c0662f41fc9b324af83c9a5f646c94c90f"),
            ({"chain": 2.0}, "6fc0f4e2b17148047148647dbb98d88192aeb1b65cdce311bceac820a873dd24"),
        ],
    )
    def test_are_those_of_before_levels_where_none_is_named(self, emphasis, digest):
        drawn = prompts(Pool.TRAIN, 300, seed=3, emphasis=emphasis)
        assert sha256("\n".join(drawn).encode()) == digest

    @pytest.mark.parametrize(
        "wrong", [{"lists-9": 2.0}, {"facts-2": 1.0}, {"sort": 1.0}, {"lists": -1.0}]
    )
    def test_of_an_emphasis_that_nothing_has_are_refused(self, wrong):
        with pytest.raises(UsageError, match="this emphasis"):
            prompts(Pool.TRAIN, 10, seed=0, emphasis=wrong)


def test_a_panel_of_two_believes_by_weight():
    two = Panel(
        judges=(
            judge("crowd").model_copy(update={"weight": Decimal("0.75")}),
            BENCH.model_copy(update={"weight": Decimal("0.25")}),
        )
    )
    known = CERTAIN | {BENCH.id: (0.0, 0.0)}
    rng = random.Random(1)
    scores = [rng.choice([0.0, 1.0]) for _ in range(6)] + [0.0, 1.0]
    share = sum(scores) / len(scores)
    found = learnable(group(scores), two, known)
    assert found == pytest.approx(0.75**2 * share * (1 - share))
