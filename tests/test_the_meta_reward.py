"""The meta-reward: the worst component from its bounds, claims scored properly, gates that void."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss

from logs.errors import Refused, UndefinedMeasurement
from logs.vocabulary import Guarantee, Measurement, Status
from tools.instruments.audit import both_orders_accuracy, shift_of
from tools.instruments.estimates import proportion
from tools.instruments.intervals import clopper_pearson
from tools.instruments.meta import (
    DEFAULT,
    MENU,
    REQUIRED,
    Claim,
    Components,
    Definition,
    Drift,
    Filed,
    Gate,
    Judged,
    Plan,
    Planted,
    Spending,
    active_items,
    after,
    at_least,
    base_rate,
    broken,
    budget,
    commitment,
    contamination,
    data_quality,
    deep_audit_due,
    gap_detector,
    grad_norm_outliers,
    hidden_metrics,
    honest_claims,
    integrity,
    judge_quality,
    ledger,
    mark_of,
    meta_reward,
    rescored,
    revealed,
    sabotage,
    sabotage_control,
    shown_minus_hidden,
    stability,
    throughout,
    verdict,
    verdicts_by_bets,
)

HOLD = tuple(Gate(name, True, "") for name in REQUIRED)
SHARES = st.floats(0, 1)


def a(instrument, estimate=0.0, low=0.0, high=0.0, n=1000):
    return Measurement(
        instrument=instrument,
        estimate=estimate,
        low=low,
        high=high,
        units="",
        n=n,
        guarantee=Guarantee.FIXED_N,
        status=Status.GREEN,
    )


def planted(n=400, caught=0.95, rejected=0.05):
    good = round(caught * n)
    return Planted(
        flipped=n,
        flipped_caught=good,
        duplicates=n,
        duplicates_caught=good,
        clean=n,
        clean_rejected=round(rejected * n),
    )


def judged(n=600, right=0.9, **changed):
    first = np.tile([1.0, 0.0], (n, 1))
    first[: round((1 - right) * n)] = (0.0, 1.0)
    same = np.arange(n) % 2
    fields = {
        "accuracy": both_orders_accuracy(first, ["A"] * n),
        "shifts": {"length": shift_of(same, same)},
    }
    return Judged(**(fields | changed))


def drift(**changed):
    calm = {
        "kl": a("kl_to_anchor", 0.1, 0.09, 0.11),
        "entropy": a("token_entropy", -0.02, -0.05, 0.01),
        "length": a("log_length", 0.02, -0.01, 0.05),
        "capability": a("retention", 0.0, -0.005, 0.005),
        "outliers": a("grad_norm_outliers", 0.001, 0.0, 0.005),
    }
    return Drift(**(calm | changed))


def four(data=0.8, judge=0.7, stable=0.9, claims=0.2):
    values = {
        "data_quality": data,
        "judge_quality": judge,
        "stability": stable,
        "honest_claims": claims,
    }
    return Components(
        **dict(
            zip(
                ("data", "judge", "stability", "claims"),
                (a(k, v, v) for k, v in values.items()),
                strict=True,
            )
        )
    )


def filed(q, verdicts, base=0.5, per=1):
    return [
        Filed(claim=str(i % per), iteration=i // per, q=p, base=base, verdict=v)
        for i, (p, v) in enumerate(zip(q, verdicts, strict=True))
    ]


class TestDataQuality:
    def test_is_recall_less_false_rejection_each_at_its_worse_end(self):
        got = data_quality(planted(), a("vendi", 0.0, 0.0, 0.0))
        low = clopper_pearson(760, 800)[0] - clopper_pearson(20, 400)[1]
        assert got.low == pytest.approx(low)
        assert got.estimate == pytest.approx(0.9)

    def test_falls_with_diversity_and_does_not_rise_with_it(self):
        even = data_quality(planted(), a("vendi", 0.0, 0.0, 0.0)).low
        assert data_quality(planted(), a("vendi", -0.5, -0.5)).low == pytest.approx(even / 2)
        assert data_quality(planted(), a("vendi", 0.4, 0.3)).low == pytest.approx(even)

    @given(st.integers(1, 12), SHARES, SHARES)
    def test_is_lower_with_fewer_items_of_the_same_kind(self, times, caught, rejected):
        few = planted(20, caught, rejected)
        many = Planted(**{name: times * getattr(few, name) for name in Planted.__slots__})
        assert data_quality(few, a("vendi", 0.0)).low <= data_quality(many, a("vendi")).low + 1e-12

    def test_of_one_batch_is_not_enough_to_say_a_number(self):
        got = data_quality(planted(20, 0.95, 0.05), a("vendi"))
        assert got.status is Status.INSUFFICIENT
        assert got.estimate is None and 0 < got.low < 0.65

    def test_without_planted_items_is_not_known_and_its_bound_is_nothing(self):
        got = data_quality(planted(0), a("vendi"))
        assert (got.estimate, got.low, got.status) == (None, 0.0, Status.INSUFFICIENT)

    def test_refuses_more_caught_than_planted_and_other_instruments(self):
        with pytest.raises(UndefinedMeasurement, match="counts planted items"):
            data_quality(replace(planted(20), flipped_caught=21), a("vendi"))
        with pytest.raises(UndefinedMeasurement, match="in its place"):
            data_quality(planted(), a("distinct_2"))


class TestJudgeQuality:
    def test_is_the_bound_of_both_orders_accuracy_rescaled(self):
        got = judge_quality(judged())
        assert got.low == pytest.approx((clopper_pearson(540, 600)[0] - 0.5) / 0.5)

    def test_of_a_judge_locked_to_a_place_is_nothing(self):
        locked = both_orders_accuracy(np.ones((600, 2)), ["A"] * 600)
        assert judge_quality(judged(accuracy=locked)).low == 0.0

    def test_loses_what_the_worst_bias_exceeds_its_margin_by(self):
        n = 600
        before = np.zeros(n)
        after_it = np.r_[np.ones(n // 5), np.zeros(n - n // 5)]
        biased = {"length": shift_of(before, after_it), "none": shift_of(before, before)}
        assert judge_quality(judged(shifts=biased)).low == 0.0
        assert "largest bias length" in judge_quality(judged(shifts=biased)).assumptions[0]

    def test_of_a_panel_is_divided_by_how_far_its_judges_err_together(self):
        alone = judge_quality(judged()).low
        votes = a("n_eff", 2.0, 1.5, 2.5)
        assert judge_quality(judged(judges=3, votes=votes)).low == pytest.approx(alone / 2)
        assert judge_quality(judged(judges=3)).low == pytest.approx(alone / 3)

    def test_of_a_judge_whose_biases_were_not_audited_is_not_known(self):
        got = judge_quality(judged(shifts={}))
        assert (got.low, got.status) == (0.0, Status.INSUFFICIENT)


class TestStability:
    def test_is_what_the_most_used_budget_leaves(self):
        got = stability(drift())
        assert got.low == pytest.approx(1 - 0.005 / 0.02)
        assert "retention" in stability(drift()).assumptions[0] or got.low == pytest.approx(0.75)

    @pytest.mark.parametrize(
        "spent",
        [
            {"kl": a("kl_to_anchor", 0.5, 0.4, 0.6)},
            {"entropy": a("token_entropy", -0.25, -0.31, -0.2)},
            {"length": a("log_length", 0.18, 0.1, 0.21)},
            {"capability": a("retention", -0.01, -0.02, 0.0)},
            {"outliers": a("grad_norm_outliers", 0.03, 0.01, 0.05)},
        ],
    )
    def test_is_nothing_when_any_budget_may_be_used_up(self, spent):
        assert stability(drift(**spent)).low == 0.0

    def test_gives_nothing_for_growing_surer_of_more_or_for_shorter_answers(self):
        better = drift(
            entropy=a("token_entropy", 0.3, 0.2, 0.4), length=a("log_length", -0.3, -0.4, -0.2)
        )
        assert stability(better).low == pytest.approx(stability(drift()).low)

    @pytest.mark.parametrize("name", ["kl", "entropy", "length", "capability", "outliers"])
    def test_is_not_known_where_a_part_was_not_measured(self, name):
        got = stability(drift(**{name: None}))
        assert (got.estimate, got.low, got.status) == (None, 0.0, Status.INSUFFICIENT)

    def test_counts_gradient_norms_above_five_medians(self):
        assert grad_norm_outliers([1.0] * 97 + [4.9, 5.1, 60.0]).count == 2
        with pytest.raises(UndefinedMeasurement, match="median gradient norm is 0"):
            grad_norm_outliers([0.0] * 9 + [1.0])


class TestHonestClaims:
    @given(st.lists(st.tuples(SHARES, st.booleans()), min_size=8, max_size=40), SHARES)
    def test_are_the_brier_score_less_that_of_the_base_rate(self, rows, base):
        q, v = zip(*rows, strict=True)
        got = honest_claims(filed(q, v, base))
        if got.estimate is not None:
            wanted = brier_score_loss(v, [base] * len(v), labels=[0, 1]) - brier_score_loss(
                v, q, labels=[0, 1]
            )
            assert got.estimate == pytest.approx(max(0.0, wanted), abs=1e-9)

    @given(SHARES, SHARES, SHARES)
    def test_pay_best_in_expectation_for_the_truth(self, truth, said, base):
        def expected(q):
            return truth * ((base - 1) ** 2 - (q - 1) ** 2) + (1 - truth) * (base**2 - q**2)

        assert expected(truth) >= expected(said) - 1e-12

    def test_give_nothing_for_always_answering_the_base_rate(self):
        verdicts = [True, False] * 20
        assert honest_claims(filed([0.5] * 40, verdicts)).low == 0.0

    def test_give_nothing_for_always_saying_yes_where_the_base_rate_knows_it(self):
        rng = np.random.default_rng(0)
        verdicts = (rng.random(200) < 0.6).tolist()
        base = [base_rate(verdicts[:i]) for i in range(200)]
        rows = [
            Filed(claim="c", iteration=i, q=1.0, base=b, verdict=v)
            for i, (b, v) in enumerate(zip(base, verdicts, strict=True))
        ]
        assert honest_claims(rows).low == 0.0

    def test_left_unanswered_are_scored_as_the_worst_answer(self):
        verdicts = [True] * 12
        dodged = honest_claims(filed([None] * 12, verdicts))
        assert dodged.low == 0.0
        worst = honest_claims(filed([0.99] * 10 + [None] * 2, verdicts)).low
        assert worst < honest_claims(filed([0.99] * 10 + [0.0] * 2, verdicts)).low + 1e-12

    def test_undecided_earn_nothing_and_are_carried_over(self):
        q, v = [0.9, 0.2] * 10, [True, False] * 10
        all_told = honest_claims(filed(q, v))
        half_open = honest_claims(filed(q, [x if i % 4 < 2 else None for i, x in enumerate(v)]))
        assert half_open.low < all_told.low
        assert half_open.low > 0
        assert "10 of 20 claims decided" in half_open.assumptions[0]

    def test_of_few_iterations_have_no_bound_but_nothing(self):
        got = honest_claims(filed([0.9] * 4, [True] * 4))
        assert (got.low, got.status) == (0.0, Status.INSUFFICIENT)

    def test_are_answered_once(self):
        with pytest.raises(UndefinedMeasurement, match="answered once"):
            honest_claims(filed([0.5], [True]) * 2)

    def test_base_rates_are_those_of_earlier_verdicts_alone(self):
        assert base_rate([]) == 0.5
        assert base_rate([True, None, True, False]) == pytest.approx(3 / 5)


class TestAVerdict:
    GAIN = MENU[1]

    @pytest.mark.parametrize(
        ("low", "high", "said"),
        [(0.03, 0.05, True), (-0.01, 0.01, False), (0.0, 0.04, None), (0.02, 0.03, True)],
    )
    def test_needs_the_whole_interval_on_one_side(self, low, high, said):
        assert verdict(self.GAIN, a("gain", None, low, high)) is said

    def test_of_a_bias_is_about_both_signs(self):
        bias = MENU[2]
        assert verdict(bias, a("net_shift", 0, -0.02, 0.03)) is True
        assert verdict(bias, a("net_shift", 0, -0.2, -0.06)) is False
        assert verdict(bias, a("net_shift", 0, -0.06, 0.02)) is None

    def test_is_open_without_a_measurement_and_refused_from_another(self):
        assert verdict(self.GAIN, None) is None
        with pytest.raises(UndefinedMeasurement, match="measurement it names"):
            verdict(self.GAIN, a("length", 0, 0, 0))
        with pytest.raises(UndefinedMeasurement):
            verdict(Claim(name="x", instrument="gain", of="math"), a("gain"))

    def test_by_bets_is_rarely_wrong_and_finds_large_gains(self):
        rng = np.random.default_rng(4)

        def verdicts(p):
            return verdicts_by_bets((rng.random((400, 400)) < p).astype(float), 0.5)

        null = verdicts(0.5)
        assert np.mean(null == 1) <= 0.05 and np.mean(null == 0) <= 0.05
        assert np.mean(verdicts(0.65) == 1) >= 0.95
        assert np.mean(verdicts(0.35) == 0) >= 0.95


class TestTheSabotageControl:
    ITEMS = np.random.default_rng(5)

    def scores(self, n=60):
        rng = np.random.default_rng(5)
        return 1 + 0.5 * rng.standard_normal(n), 0.4 + 0.5 * rng.standard_normal(n), np.zeros(n)

    def test_holds_for_an_evaluator_that_ranks_anchor_degraded_null(self):
        got = sabotage_control(*self.scores())
        assert got.status is Status.GREEN and sabotage(got).holds is True

    def test_is_broken_by_an_evaluator_that_is_upside_down_constant_or_mistaken_once(self):
        anchor, degraded, null = self.scores()
        assert sabotage_control(-anchor, -degraded, null).status is Status.RED
        assert sabotage_control(null, null, null).status is Status.RED
        assert sabotage_control(degraded, anchor, null).status is Status.RED
        assert sabotage_control(anchor, null, degraded).status is Status.RED

    def test_with_too_few_items_is_insufficient_and_does_not_hold(self):
        few = sabotage_control(*self.scores(3))
        assert few.status is Status.INSUFFICIENT and not sabotage(few).holds
        assert sabotage_control([], [], []).status is Status.INSUFFICIENT
        assert sabotage(None).holds is None

    def test_refuses_scores_that_are_none(self):
        anchor, degraded, null = self.scores()
        with pytest.raises(UndefinedMeasurement):
            sabotage_control([float("nan"), *anchor[1:]], degraded, null)
        with pytest.raises(UndefinedMeasurement):
            sabotage_control(anchor[:-1], degraded, null)


class TestAGate:
    FILES = {"prompt": "a" * 64, "weights": "b" * 64, "ledger": "c" * 64}  # noqa: RUF012

    @given(st.sampled_from(sorted(FILES)), st.text("0123456789abcdef", min_size=64, max_size=64))
    def test_of_integrity_breaks_at_any_other_digest(self, name, other):
        seen = self.FILES | {name: other}
        assert integrity(self.FILES, seen).holds is (seen == self.FILES)

    def test_of_integrity_breaks_when_a_file_is_gone_or_new_or_nothing_was_filed(self):
        assert integrity(self.FILES, {}).holds is False
        assert integrity(self.FILES, self.FILES | {"new": "d"}).holds is False
        assert integrity({}, {}).holds is None

    def test_of_rescoring_asks_for_the_last_bit(self):
        scores = np.random.default_rng(0).random(50).tolist()
        assert rescored(scores, list(scores)).holds is True
        assert rescored(scores, [*scores[:-1], np.nextafter(scores[-1], 2)]).holds is False
        assert rescored(scores, scores[:-1]).holds is False
        assert rescored([float("nan")] * 50, [float("nan")] * 50).holds is False
        assert rescored(scores[:49], scores[:49]).holds is None

    def test_of_the_ledger_breaks_when_entries_go_or_change_and_not_when_they_come(self):
        mark = mark_of(["a", "b"])
        assert ledger(mark, ["a", "b", "c"]).holds is True
        assert ledger(mark, ["a"]).holds is False
        assert ledger(mark, ["a", "x", "c"]).holds is False
        assert ledger(mark, ["c", "d", "e", "f"]).holds is False

    def test_asks_a_lower_bound_not_an_estimate(self):
        measured = proportion("safety_pass", 47, 50, units="share")
        assert at_least("safety", measured, 0.9).holds is False
        assert at_least("safety", None, 0.9).holds is None

    def test_of_contamination_and_budget(self):
        assert [contamination(n).holds for n in (0, 1, None)] == [True, False, None]
        assert [budget(x, 1.0).holds for x in (1.0, 1.01, -1.0, float("nan"))] == [
            True,
            False,
            None,
            None,
        ]

    def test_of_a_run_is_that_of_its_worst_iteration(self):
        once = (*HOLD[:-1], Gate(HOLD[-1].name, False, "broken"))
        assert not broken(throughout([HOLD, HOLD]))
        assert [g.name for g in broken(throughout([HOLD, once, HOLD]))] == [HOLD[-1].name]
        assert "iteration 2" in broken(throughout([HOLD, HOLD[1:]]))[0].because


class TestTheMetaReward:
    @given(SHARES, SHARES, SHARES, st.floats(0, 0.25), SHARES)
    def test_is_half_the_worst_and_half_the_claims_less_the_cost(self, d, j, s, c, gold):
        got = meta_reward(four(d, j, s, c), HOLD, Spending(gold=gold))
        assert got.low == pytest.approx(0.5 * min(d, j, s) + 0.5 * c - 0.1 * gold)

    @pytest.mark.parametrize("gate", REQUIRED)
    @pytest.mark.parametrize("holds", [False, None])
    def test_is_void_when_any_gate_does_not_hold(self, gate, holds):
        gates = [Gate(g.name, holds if g.name == gate else True, "") for g in HOLD]
        got = meta_reward(four(), gates, Spending(gold=0.5))
        assert (got.status, got.low) == (Status.RED, pytest.approx(-0.05))
        assert f"void: {gate}" in got.assumptions[0]

    @pytest.mark.parametrize("gate", REQUIRED)
    def test_is_void_when_any_gate_is_missing(self, gate):
        gates = [g for g in HOLD if g.name != gate]
        assert meta_reward(four(), gates, Spending(gold=0)).status is Status.RED

    def test_shows_no_number_when_a_component_is_insufficient_and_still_ranks_by_its_bound(self):
        parts = four()
        few = parts.claims.model_copy(update={"estimate": None, "low": 0.0})
        got = meta_reward(replace(parts, claims=few), HOLD, Spending(gold=0))
        assert (got.status, got.estimate) == (Status.INSUFFICIENT, None)
        assert got.low == pytest.approx(0.35)

    def test_is_lowered_by_a_failed_audit_as_much_as_ten_audits_cost(self):
        clean = meta_reward(four(), HOLD, Spending(gold=0)).low
        failed = meta_reward(four(), HOLD, Spending(gold=0, failed_audits=1)).low
        assert clean - failed == pytest.approx(10 * DEFAULT.audit_cost)

    def test_refuses_components_in_each_others_place_and_gates_that_speak_twice(self):
        parts = four()
        with pytest.raises(UndefinedMeasurement, match="each in its place"):
            meta_reward(replace(parts, data=parts.judge), HOLD, Spending(gold=0))
        with pytest.raises(UndefinedMeasurement, match="says one thing"):
            meta_reward(parts, (*HOLD, HOLD[0]), Spending(gold=0))

    def test_says_which_definition_it_used(self):
        other = Definition(gold_cost=0.2)
        assert other.digest != DEFAULT.digest == Definition().digest
        told = meta_reward(four(), HOLD, Spending(gold=0), definition=other).assumptions
        assert f"definition {other.digest[:12]}" in told


PLAN = Plan(
    metrics=("data_quality",),
    n={"gold": 256},
    stopping="after 12 iterations",
    menu=tuple(claim.name for claim in MENU),
    seeds={"session": 0},
    definition=DEFAULT.digest,
)


class TestAPlan:
    @pytest.mark.parametrize(
        "changed",
        [
            {"n": {"gold": 255}},
            {"stopping": "when it looks good"},
            {"seeds": {"session": 1}},
            {"menu": PLAN.menu[:-1]},
            {"definition": Definition(gold_cost=0.0).digest},
        ],
    )
    def test_that_was_not_filed_is_noticed_however_little_it_differs(self, changed):
        filed_digest = commitment(PLAN, "salt")
        assert revealed(filed_digest, PLAN, "salt").holds is True
        assert revealed(filed_digest, replace(PLAN, **changed), "salt").holds is False

    def test_is_hidden_by_its_salt_until_it_is_revealed(self):
        assert commitment(PLAN, "salt") != commitment(PLAN, "other")


class TestSealedItems:
    POOL = tuple(f"item {i}" for i in range(100))

    def test_are_a_quarter_new_each_iteration_and_never_come_back(self):
        seen = [set(active_items(self.POOL, n=20, iteration=k, seed=3)) for k in range(1, 17)]
        assert all(len(now - before) == 5 for before, now in pairwise(seen))
        for k, items in enumerate(seen):
            assert not items & set().union(*seen[k + 4 :], set())

    def test_are_refused_when_the_pool_is_used_up(self):
        with pytest.raises(Refused, match="used up"):
            active_items(self.POOL, n=20, iteration=18, seed=3)
        with pytest.raises(UndefinedMeasurement):
            active_items([*self.POOL, "item 0"], n=20, iteration=1, seed=3)


class TestWhatIsNotForeseen:
    def test_is_one_deep_audit_in_ten(self):
        due = np.mean([deep_audit_due("secret", k) for k in range(4000)])
        assert due == pytest.approx(0.10, abs=0.015)
        assert any(deep_audit_due("a", k) != deep_audit_due("b", k) for k in range(50))

    def test_are_two_instruments_of_each_component(self):
        known = {"data": ["x", "y", "z", "w"], "judge": ["p", "q", "r"]}
        hidden = hidden_metrics(known, "secret")
        assert {name: len(k) for name, k in hidden.items()} == {"data": 2, "judge": 2}
        assert len({frozenset(hidden_metrics(known, str(s))["data"]) for s in range(99)}) == 6
        with pytest.raises(UndefinedMeasurement, match="shows some"):
            hidden_metrics({"data": ["x", "y"]}, "secret")


class TestShownMinusHidden:
    def watched(self, rise, items=300):
        rng = np.random.default_rng(6)
        detector = gap_detector(0.52, items=items)
        for _ in range(items):
            shown, hidden = rng.uniform(0.4, 0.8), rng.uniform(0.4, 0.8, 2) - rise
            detector = after(detector, shown, np.clip(hidden, 0, 1).tolist())
        return shown_minus_hidden(detector, of="judge")

    def test_is_silent_while_they_agree(self):
        assert self.watched(0.0).status is Status.GREEN

    def test_rings_when_the_shown_one_rises_alone(self):
        got = self.watched(0.25)
        assert got.status is Status.RED
        assert got.guarantee is Guarantee.RUN_HORIZON and got.level == pytest.approx(0.95)

    def test_refuses_scores_outside_0_and_1_and_nothing_hidden(self):
        detector = gap_detector(items=10)
        with pytest.raises(UndefinedMeasurement):
            after(detector, 1.2, [0.5])
        with pytest.raises(UndefinedMeasurement):
            after(detector, 0.5, [])
