"""Claims made true, flaws taught away, shares of a panel, principles that can be added; and which
tier the law computes for each."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from invariants.tiers import Kind, tier_of
from logs.canonical import digest_of
from logs.errors import Refused, Undecided, UndefinedMeasurement
from logs.vocabulary import Constitution, Metric, PrincipleTier, Tier
from tests.law_cases import (
    FOUNDING,
    digest,
    failed,
    judge,
    verdict_on,
    with_judges,
    with_principles,
)
from tests.test_the_judges import FOUNDING as WEIGHTS
from tests.test_the_judges import JUDGE, constitution
from tools.counterfactual import PAID_BY
from tools.features import FEATURES, Answer
from tools.panel_weights import LEAST, log_odds, shares
from tools.principles import LIBRARY, REWORDINGS, Shipped, in_context, pushed
from tools.recalibrating import recalibrate
from tools.world.skills import SKILLS

NAMES = list(FEATURES)


# --- claims ------------------------------------------------------------------------
def said(prompts, *, seed=0, sharper=1.0, each=2):
    """Scores, grades and prompts; the truth is a log-odds of `sharper` times the score less 1."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=prompts * each)
    right = (rng.random(len(scores)) < expit(sharper * scores - 1)).astype(int)
    return scores.tolist(), right.tolist(), [f"p{i // each}" for i in range(len(scores))]


def claiming(slope, intercept):
    return replace(JUDGE, calibration=(slope, intercept))


class TestRecalibration:
    def test_of_an_overconfident_judge_takes_log_loss_off_and_changes_no_score(self):
        overconfident = claiming(3.0, -3.0)
        made, gain = recalibrate(overconfident, *said(150))
        assert gain.low > 0
        assert made.calibration == pytest.approx((1.0, -1.0), abs=0.35)
        assert made.coefficients == overconfident.coefficients
        features = np.random.default_rng(1).normal(size=(30, len(NAMES)))
        here = constitution(WEIGHTS)
        assert (
            made.score_features(features, here) == overconfident.score_features(features, here)
        ).all()

    def test_gives_a_judge_that_never_claimed_anything_its_first_claims(self):
        made, gain = recalibrate(JUDGE, *said(300))
        assert JUDGE.calibration is None and gain.low > 0
        assert made.calibration == pytest.approx((1.0, -1.0), abs=0.3)

    def test_of_many_grades_shifts_as_well_as_stretches(self):
        made, _ = recalibrate(claiming(1.0, 1.5), *said(600))
        assert made.calibration == pytest.approx((1.0, -1.0), abs=0.25)

    def test_of_claims_that_are_true_is_mostly_refused(self):
        refused = 0
        for seed in range(20):
            try:
                recalibrate(claiming(1.0, -1.0), *said(60, seed=seed))
            except Refused:
                refused += 1
        assert refused >= 17

    def test_never_turns_an_order_round(self):
        scores, right, prompts = said(300)
        with pytest.raises(Refused):
            recalibrate(JUDGE, [-s for s in scores], right, prompts)

    @pytest.mark.parametrize(
        "few", [said(47), ([0.1] * 60, [1] * 60, list(range(60))), ([], [], [])]
    )
    def test_needs_prompts_and_both_kinds_of_grades(self, few):
        with pytest.raises(Undecided, match="too little"):
            recalibrate(JUDGE, *few)

    def test_is_the_same_for_the_same_grades_and_seed(self):
        assert recalibrate(JUDGE, *said(100), seed=3) == recalibrate(JUDGE, *said(100), seed=3)


# --- shares of a panel -------------------------------------------------------------
def outcomes(accuracy, n=200, seed=0):
    return (np.random.default_rng(seed).random(n) < accuracy).astype(int).tolist()


FAMILIES = {"a": "x", "b": "y", "c": "z", "a2": "x"}


class TestShares:
    def test_follow_the_log_odds_of_accuracy_where_errors_are_independent(self):
        table = {"a": outcomes(0.9, 4000), "b": outcomes(0.7, 4000, 1)}
        wanted = [log_odds(sum(row), len(row)) for row in table.values()]
        found = shares(table, FAMILIES)
        assert float(found["a"]) == pytest.approx(wanted[0] / sum(wanted), abs=0.02)

    def test_count_two_judges_of_one_mind_and_family_once(self):
        a, b = outcomes(0.8), outcomes(0.8, seed=1)
        two = shares({"a": a, "b": b}, FAMILIES)
        three = shares({"a": a, "b": b, "a2": a}, FAMILIES)
        assert abs(three["a"] + three["a2"] - two["a"]) <= Decimal("0.03")

    def test_count_a_relative_less_than_a_stranger_while_pairs_are_few(self):
        few = {j: outcomes(0.8, 12, i) for i, j in enumerate(("a", "b", "a2"))}
        kin = shares(few, FAMILIES)
        strangers = shares(few, {"a": "x", "b": "y", "a2": "w"})
        assert kin["a"] + kin["a2"] < strangers["a"] + strangers["a2"]

    def test_of_few_pairs_are_nearly_equal(self):
        few = shares({"a": [1], "b": [0]}, FAMILIES, least=Decimal("0.3"))
        assert few == {"a": Decimal("0.70"), "b": Decimal("0.30")}
        assert log_odds(1, 1) < log_odds(20, 20) / 3

    def test_of_a_lone_judge_are_all_of_it(self):
        assert shares({"a": [1, 0]}, FAMILIES) == {"a": Decimal(1)}

    @settings(max_examples=80)
    @given(
        st.lists(st.integers(0, 2**12 - 1), min_size=2, max_size=4),
        st.sampled_from([Decimal("0.70"), Decimal(1)]),
    )
    def test_add_up_to_one_and_keep_their_bounds(self, rows, most):
        table = {j: [r >> k & 1 for k in range(12)] for j, r in zip("abcd", rows, strict=False)}
        found = shares(table, {j: j for j in table}, most=most)
        assert sum(found.values()) == 1
        assert all(LEAST <= s <= most for s in found.values())

    def test_rise_with_accuracy(self):
        fixed = outcomes(0.7, 400, 9)
        rows = [[1] * right + [0] * (400 - right) for right in (220, 300, 380)]
        found = [shares({"a": row, "b": fixed}, FAMILIES)["a"] for row in rows]
        assert all(low < high for low, high in pairwise(found))

    def test_of_a_judge_worse_than_a_coin_are_the_least_there_is(self):
        assert shares({"a": [1] * 50, "b": [0] * 50}, FAMILIES)["b"] == LEAST

    @pytest.mark.parametrize(
        ("table", "bounds"),
        [
            ({}, {}),
            ({"a": [], "b": []}, {}),
            ({"a": [1], "b": [1, 0]}, {}),
            ({"a": [1], "b": [1]}, {"most": Decimal("0.4")}),
        ],
    )
    def test_of_what_is_no_panel_are_refused(self, table, bounds):
        with pytest.raises(UndefinedMeasurement):
            shares(table, FAMILIES, **bounds)


# --- principles --------------------------------------------------------------------
PROMPT, WRONG_PROMPT = "copy a b =", "capital ?"
SHORT, PADDED = (Answer(prompt=PROMPT, text=t, base_logp=-1.0) for t in ("a b", "a b a b"))


def added(name, weight="0.04"):
    more = constitution({name: Decimal(weight)}).principles
    return Constitution(version=2, principles=(*constitution(WEIGHTS).principles, *more))


def advantage(scorer, under):
    short, padded = scorer([SHORT, PADDED], under)
    return short - padded


class TestAddedPrinciples:
    def test_speak_for_features_that_exist_under_ids_that_no_founding_principle_has(self):
        assert not LIBRARY.keys() & set(FEATURES.values())
        for shipped in LIBRARY.values():
            assert isinstance(shipped, Shipped) and shipped.text.endswith(".")
            assert shipped.speaks.keys() <= FEATURES.keys()
            assert set(shipped.speaks.values()) <= {1, -1}
            assert set(shipped.against) <= set(PAID_BY)

    def test_move_the_scores_of_a_judge_that_was_fitted_before_them(self):
        plain, brief = (advantage(JUDGE, c) for c in (constitution(WEIGHTS), added("brief")))
        assert brief > plain
        assert advantage(JUDGE, added("brief", "0.08")) - plain == pytest.approx(
            2 * (brief - plain)
        )

    def test_move_nothing_in_a_judge_that_was_fitted_under_them(self):
        with_it = replace(JUDGE, weights=JUDGE.weights | {"brief": 0.04})
        assert advantage(with_it, added("brief")) == advantage(JUDGE, constitution(WEIGHTS))

    def test_move_nothing_that_a_judge_does_not_see(self):
        found = pushed(added("brief"), JUDGE.weights, np.array(JUDGE.coefficients), ("chatter",))
        assert not found.any()

    def test_push_as_hard_as_founding_principles_of_that_weight_do_on_average(self):
        coefficients = np.array(JUDGE.coefficients)
        found = pushed(added("steadfast"), JUDGE.weights, coefficients, JUDGE.sees)
        share = 0.04 / sum(JUDGE.weights.values())
        assert abs(found).sum() == pytest.approx(share * abs(coefficients).sum())
        assert {NAMES[i] for i in np.flatnonzero(found)} == {"yields", "echoes_claim"}

    def test_leave_every_constitution_without_them_as_it_was(self):
        z = np.random.default_rng(0).normal(size=(5, len(NAMES)))
        unit = (z - np.array(JUDGE.mean)) / np.array(JUDGE.scale) @ np.array(JUDGE.coefficients)
        here = constitution(WEIGHTS)
        assert JUDGE.score_features(z, here) == pytest.approx(unit / JUDGE.spread)
        assert digest_of(here) == digest_of(Constitution.model_validate(here.model_dump()))

    def test_other_words_change_no_score_of_a_judge_that_reads_none(self):
        here = constitution(WEIGHTS)
        told = tuple(p.model_copy(update={"text": "Other words."}) for p in here.principles)
        assert advantage(JUDGE, here.model_copy(update={"principles": told})) == advantage(
            JUDGE, here
        )
        assert all(text.endswith(".") for texts in REWORDINGS.values() for text in texts)


class TestContexts:
    def restricted(self, *skills):
        here = constitution(WEIGHTS)
        return here.model_copy(
            update={
                "principles": tuple(
                    p.model_copy(update={"contexts": skills}) if p.id == "thorough" else p
                    for p in here.principles
                )
            }
        )

    def without(self):
        return constitution({k: v for k, v in WEIGHTS.items() if k != "thorough"})

    def test_take_a_principle_out_of_other_skills(self):
        assert advantage(JUDGE, self.restricted("facts")) == advantage(JUDGE, self.without())
        assert advantage(JUDGE, self.restricted("facts")) != advantage(JUDGE, self.restricted())

    def test_leave_it_in_its_own(self):
        everywhere = advantage(JUDGE, constitution(WEIGHTS))
        assert advantage(JUDGE, self.restricted("lists")) == everywhere
        assert advantage(JUDGE, self.restricted(*SKILLS)) == everywhere

    def test_apply_nowhere_that_no_skill_can_be_told(self):
        kept = in_context(self.restricted("lists"), WRONG_PROMPT).principles
        assert "thorough" not in {p.id for p in kept} and len(kept) == len(WEIGHTS) - 1


# --- the law -----------------------------------------------------------------------
ANN, BEA = FOUNDING.panel.judges
CEA = judge("cea", "cea")
NEWER = {"version": 2, "artefact": digest("f")}
BRIEF = FOUNDING.constitution.principles[-1].model_copy(
    update={"id": "brief", "text": LIBRARY["brief"].text, "weight": Decimal("0.04")}
)


def weighed(*weights, updates=0):
    judges = (
        j.model_copy(update={"weight": Decimal(w)})
        for j, w in zip((ANN, BEA, CEA), weights, strict=False)
    )
    return with_judges(FOUNDING, *judges, updates=updates)


def principles(**update):
    *others, last = FOUNDING.constitution.principles
    assert last.tier is PrincipleTier.ADAPTIVE
    return with_principles(FOUNDING, *others, last.model_copy(update=update))


TIERS = {
    "recalibrate": (
        with_judges(FOUNDING, ANN.model_copy(update=NEWER), BEA),
        Tier.MEDIUM,
        Kind.JUDGE_REFIT,
    ),
    "add a judge": (with_judges(FOUNDING, ANN, BEA, CEA), Tier.MEDIUM, Kind.JUDGE_ADDED),
    "reweight": (weighed("0.6", "0.4"), Tier.LOW, Kind.PANEL_REWEIGHTED),
    "add a principle": (
        with_principles(FOUNDING, *FOUNDING.constitution.principles, BRIEF),
        Tier.MEDIUM,
        Kind.PRINCIPLE_ADDED,
    ),
    "restrict": (principles(contexts=("facts",)), Tier.MEDIUM, Kind.PRINCIPLE_EDITED),
    "reword": (principles(text="Other words."), Tier.MEDIUM, Kind.PRINCIPLE_EDITED),
    "restrict the core": (
        with_principles(
            FOUNDING,
            FOUNDING.constitution.principles[0].model_copy(update={"contexts": ("facts",)}),
            *FOUNDING.constitution.principles[1:],
        ),
        Tier.HIGH,
        Kind.CORE_TOUCHED,
    ),
}


@pytest.mark.parametrize("name", TIERS)
def test_the_law_computes_the_tier_of_each_change(name):
    new, tier, kind = TIERS[name]
    found = tier_of(FOUNDING, new, step_l1=Fraction(2, 25))
    assert (found.tier, kind in found.kinds) == (tier, True)


class TestTheLaw:
    def test_lets_a_changed_judge_in_only_with_grades_that_it_was_not_fitted_on(self):
        new, _, _ = TIERS["recalibrate"]
        assert verdict_on(new).holds
        poor = Metric(name="new_judge_accuracy", k=3, n=5)
        assert "P23-judge-validated" in failed(verdict_on(new, new_judge_accuracy=poor))

    def test_counts_a_recalibration_as_a_change_of_a_judge(self):
        uncounted = with_judges(FOUNDING, ANN.model_copy(update=NEWER), BEA, updates=0)
        found = tier_of(FOUNDING, uncounted)
        assert (found.tier, Kind.COUNTERS_UNTRUE in found.kinds) == (Tier.FORBIDDEN, True)

    def test_lets_no_judge_of_two_be_silenced_by_its_weight(self):
        assert verdict_on(weighed("0.7", "0.3")).holds
        assert "P15-no-lone-judge" in failed(verdict_on(weighed("1", "0")))
        assert "P15-no-lone-judge" in failed(verdict_on(weighed("0.71", "0.29")))

    def test_bars_a_third_judge_without_a_voice_by_no_rule_of_the_default_policy(self):
        """Known: removing a judge is of medium tier, a weight of 0 of low. Our makers never do."""
        three = with_judges(FOUNDING, ANN, BEA, CEA)
        silent = (ANN, BEA, CEA.model_copy(update={"weight": Decimal(0)}))
        verdict = verdict_on(with_judges(three, *silent, updates=0), old=three)
        assert verdict.holds and verdict.tier is Tier.LOW

    def test_keeps_an_added_principle_small_and_the_core_in_the_majority(self):
        assert verdict_on(TIERS["add a principle"][0]).holds
        large = BRIEF.model_copy(update={"weight": Decimal("0.3")})
        grown = with_principles(FOUNDING, *FOUNDING.constitution.principles, large)
        assert "P04-total-ball" in failed(verdict_on(grown))

    def test_never_lets_the_agent_restrict_a_principle_of_the_core(self):
        assert "P01-immutable-kept" in failed(verdict_on(TIERS["restrict the core"][0]))
