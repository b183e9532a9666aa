"""What a score of one panel is worth in another's: found where planted, refused where 0/0."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Measurement, Status
from tools.instruments import reliability as r
from tools.instruments.reliability.exchange import FEWEST, HALF, line_of

PROMPTS, SIBLINGS = 120, 6


def scores(table: np.ndarray) -> dict[str, dict[str, float | None]]:
    """A table of prompts x answers as the instrument reads it."""
    return {f"p{i}": {str(j): float(v) for j, v in enumerate(row)} for i, row in enumerate(table)}


def worth(seed: int, *, prompts: int = PROMPTS) -> np.ndarray:
    """What answers are worth: prompts differ, and siblings within a prompt."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(prompts, 1)) + rng.normal(size=(prompts, SIBLINGS))


def seen(table: np.ndarray, seed: int, noise: float) -> np.ndarray:
    """The same, through a judge with noise of its own."""
    return table + noise * np.random.default_rng(1000 + seed).normal(size=table.shape)


def both(new: np.ndarray, old: np.ndarray) -> r.Overlap:
    return r.overlap(scores(new), scores(old))


def told(new: np.ndarray, old: np.ndarray) -> dict[str, Measurement]:
    return {f"{m.instrument}{m.of}": m for m in r.exchange(scores(new), scores(old))}


class TestTheSamePanel:
    def test_is_worth_itself_and_changes_no_favourite(self):
        found = told(worth(1), worth(1))
        assert (found["exchange_shift"].estimate, found["exchange_rate"].estimate) == (0, 1)
        assert (found["exchange_rate"].low, found["exchange_rate"].high) == (1, 1)
        assert found["exchange_intercept"].estimate == pytest.approx(0, abs=1e-12)
        assert found["exchange_correlation"].estimate == pytest.approx(1)
        assert found["rank_agreement"].estimate == pytest.approx(1)
        assert found["favourite_changes"].estimate == 0
        assert found["overlap_errorsold"].count == found["overlap_errorsnew"].count == 0

    def test_says_on_how_many_answers_and_prompts(self):
        shift = r.exchange_shift(both(worth(1), worth(1)))
        assert (shift.n, shift.clusters) == (PROMPTS * SIBLINGS, PROMPTS)


class TestAnAffineChange:
    @settings(max_examples=25)
    @given(st.floats(-5, 5), st.floats(0.05, 20))
    def test_is_found_exactly(self, a, b):
        old = worth(2, prompts=FEWEST)
        found = told(a + b * old, old)
        assert found["exchange_rate"].estimate == pytest.approx(b)
        assert found["exchange_rate"].status is Status.GREEN
        assert found["exchange_intercept"].estimate == pytest.approx(a, abs=1e-9)
        shift = found["exchange_shift"]
        assert shift.estimate == pytest.approx(a + (b - 1) * old.mean(), abs=1e-9)
        assert found["rank_agreement"].estimate == pytest.approx(1)
        assert found["favourite_changes"].estimate == 0

    def test_that_turns_the_order_round_is_red(self):
        old = worth(3)
        rate = r.exchange_rate(both(1 - 2 * old, old))
        assert (rate.estimate, rate.status) == (pytest.approx(-2), Status.RED)


class TestTheRate:
    @settings(max_examples=25)
    @given(st.integers(0, 10**6))
    def test_reads_the_same_from_either_side(self, seed):
        old, new = seen(worth(seed), 1, 0.5), seen(3 * worth(seed), 2, 1.0)
        there, back = r.exchange_rate(both(new, old)), r.exchange_rate(both(old, new))
        assert there.estimate * back.estimate == pytest.approx(1)
        assert (there.low * back.high, there.high * back.low) == pytest.approx((1, 1))

    @settings(max_examples=25)
    @given(st.integers(0, 10**6), st.floats(0, 2), st.floats(0, 2))
    def test_lies_between_the_two_least_squares_lines(self, seed, one, other):
        line = line_of(both(seen(worth(seed), 1, one), seen(worth(seed), 2, other)))
        assert line.forward <= line.linked + 1e-12
        assert line.linked <= line.backward + 1e-12

    def test_is_the_deming_slope_of_equally_reliable_panels(self):
        old, new = seen(worth(4), 1, 0.5), seen(2 * worth(4), 2, 1.0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            from scipy import odr

            data = odr.RealData(old.ravel(), new.ravel(), sx=old.std(), sy=new.std())
            fitted = odr.ODR(data, odr.unilinear, beta0=[1.0, 0.0]).run().beta
        line = line_of(both(new, old))
        assert (line.linked, line.intercept) == pytest.approx(tuple(fitted), rel=1e-4, abs=1e-4)

    def test_has_the_published_variance_where_every_answer_is_a_prompt(self):
        rng = np.random.default_rng(5)
        x = rng.normal(size=400)
        y = 1.5 * x + 0.8 * rng.normal(size=400)
        line = line_of(both(y[:, None], x[:, None]))
        assert (line.linked, float(np.std(line.influence["linked"]) / 20)) == pytest.approx(
            (line.linked, isobe(x, y)), rel=1e-6
        )

    def test_counts_prompts_not_answers(self):
        once = worth(6)[:, :1]
        old, new = seen(once, 1, 0.3), seen(once, 2, 0.3)
        alone = r.exchange_rate(both(new, old))
        copied = r.exchange_rate(both(np.repeat(new, 9, axis=1), np.repeat(old, 9, axis=1)))
        assert (copied.low, copied.high) == pytest.approx((alone.low, alone.high))

    @pytest.mark.parametrize(("noise", "status"), [(0.1, Status.GREEN), (1.5, Status.YELLOW)])
    def test_is_green_only_where_one_score_halves_the_doubt_about_the_other(self, noise, status):
        rate = r.exchange_rate(both(seen(worth(7), 1, noise), seen(worth(7), 2, noise)))
        assert rate.status is status
        doubt_left = (1 - HALF**2) ** 0.5
        assert doubt_left == pytest.approx(0.5)

    def test_of_panels_that_do_not_agree_is_insufficient_and_says_so(self):
        rate = r.exchange_rate(both(worth(8), worth(9)))
        assert (rate.status, rate.estimate) == (Status.INSUFFICIENT, None)
        assert rate.assumptions[0].startswith("the panels do not surely agree")

    def test_covers_a_planted_one_in_most_seeds(self):
        inside = shifted = 0
        for seed in range(200):
            truth = worth(seed, prompts=60)
            old, new = seen(truth, seed, 0.7), seen(0.3 + 1.8 * truth, 9000 + seed, 1.26)
            rate, shift = r.exchange_rate(both(new, old)), r.exchange_shift(both(new, old))
            inside += rate.low <= 1.8 <= rate.high
            shifted += shift.low <= 0.3 <= shift.high
        assert inside >= 182  # .95 less three Monte-Carlo errors
        assert shifted >= 182


def isobe(x: np.ndarray, y: np.ndarray) -> float:
    """Standard error of the reduced major axis, from those of both least-squares lines (delta
    method; Isobe et al. 1990)."""
    x, y = x - x.mean(), y - y.mean()
    b1, b2 = (x @ y) / (x @ x), (y @ y) / (x @ y)
    one = (x**2 * (y - b1 * x) ** 2).sum() / (x @ x) ** 2
    two = (y**2 * (y - b2 * x) ** 2).sum() / (x @ y) ** 2
    cov = (x * y * (y - b1 * x) * (y - b2 * x)).sum() / (b1 * (x @ x) ** 2)
    return float((0.25 * (b2 / b1 * one + 2 * cov + b1 / b2 * two)) ** 0.5)


class TestTheShift:
    def test_is_that_of_a_paired_t_test_over_prompts(self):
        old, new = worth(10), 0.4 + seen(worth(10), 1, 1.0)
        shift = r.exchange_shift(both(new, old))
        paired = stats.ttest_1samp((new - old).mean(1), 0).confidence_interval()
        assert (shift.low, shift.high) == pytest.approx((paired.low, paired.high))

    def test_by_domain_is_planted_in_one_and_found_there(self):
        old = worth(11)
        new = seen(old, 1, 0.2)
        new[:60] += 1.0
        domains = {f"p{i}": "lists" if i < 60 else "facts" for i in range(PROMPTS)}
        lists, facts = sorted(r.shifts_by(both(new, old), domains), key=lambda m: m.of)[::-1]
        assert (lists.of, facts.of) == ("lists", "facts")
        assert lists.low > 0.9
        assert facts.low <= 0 <= facts.high

    def test_by_domain_needs_the_domain_of_every_prompt(self):
        with pytest.raises(UndefinedMeasurement, match="domain of every prompt"):
            r.shifts_by(both(worth(1), worth(1)), {"p0": "lists"})


class TestTheFavourites:
    def test_change_where_another_answer_is_on_top(self):
        old = np.tile(np.arange(4.0), (40, 1))
        new = old.copy()
        new[:10] = -new[:10]
        changed = r.favourite_changes(both(new, old))
        assert (changed.count, changed.n) == (10, 40)

    def test_that_share_the_top_are_both_favourites(self):
        old, new = np.array([[0.0, 1.0, 1.0]] * 30), np.array([[0.0, 0.5, 2.0]] * 30)
        assert r.favourite_changes(both(new, old)).count == 0

    def test_are_none_where_all_are_liked_alike_and_that_is_said(self):
        old = worth(12)
        new = old.copy()
        new[:20] = 0.0
        changed = r.favourite_changes(both(new, old))
        assert changed.n == PROMPTS - 20
        assert changed.assumptions == ("20 prompts without a favourite left out",)


class TestAnError:
    def failing(self) -> tuple[dict, dict]:
        old, new = scores(worth(13)), scores(seen(worth(13), 1, 0.1))
        for i in range(10):
            new[f"p{i}"]["0"] = None
        old["p3"]["1"] = None
        return new, old

    def test_is_counted_and_never_a_number(self):
        new, old = self.failing()
        found = {f"{m.instrument}{m.of}": m for m in r.exchange(new, old)}
        assert found["overlap_errorsnew"].count == 10
        assert found["overlap_errorsold"].count == 1
        assert found["exchange_shift"].n == PROMPTS * SIBLINGS - 11
        assert "11 of 720 answers left out" in " ".join(found["exchange_shift"].assumptions)
        assert found["favourite_changes"].n == PROMPTS - 10

    def test_of_one_panel_on_everything_is_refused(self):
        new = {p: dict.fromkeys(row) for p, row in scores(worth(1)).items()}
        with pytest.raises(UndefinedMeasurement, match="both panels scored"):
            r.overlap(new, scores(worth(1)))


class TestWhatCannotBe:
    def test_other_prompts_or_answers_are_refused_by_name(self):
        one = scores(worth(1))
        less = {p: row for p, row in one.items() if p != "p7"}
        with pytest.raises(UndefinedMeasurement, match="the same answers") as refused:
            r.overlap(one, less)
        assert "'p7'" in refused.value.saw
        other = {p: {f"x{a}": s for a, s in row.items()} for p, row in one.items()}
        with pytest.raises(UndefinedMeasurement, match="the same answers"):
            r.overlap(one, other)

    @pytest.mark.parametrize("odd", [float("nan"), float("inf")])
    def test_scores_that_are_no_numbers_are_refused(self, odd):
        bad = scores(worth(1))
        bad["p0"]["0"] = odd
        with pytest.raises(UndefinedMeasurement, match="values that cannot be"):
            r.overlap(bad, scores(worth(1)))

    @pytest.mark.parametrize("which", ["old", "new"])
    def test_constant_scores_have_no_rate_and_say_which_panel(self, which):
        flat, real = np.ones((PROMPTS, SIBLINGS)), worth(1)
        pair = both(real, flat) if which == "old" else both(flat, real)
        for instrument in (r.exchange_rate, r.exchange_intercept, r.exchange_correlation):
            with pytest.raises(UndefinedMeasurement, match="no rate") as refused:
                instrument(pair)
            assert refused.value.saw.startswith(f"the {which} panel gives 1")

    def test_constant_scores_leave_the_rest_told_and_the_line_insufficient(self):
        found = told(np.ones((PROMPTS, SIBLINGS)), worth(1))
        assert found["exchange_shift"].estimate is not None
        for name in ("exchange_rate", "exchange_intercept", "exchange_correlation"):
            assert found[name].status is Status.INSUFFICIENT
            assert "no rate of exchange" in found[name].assumptions[0]
        assert found["rank_agreement"].status is Status.INSUFFICIENT
        assert found["favourite_changes"].status is Status.INSUFFICIENT

    def test_too_few_prompts_are_insufficient(self):
        few = worth(1, prompts=FEWEST - 1)
        found = told(few, few)
        assert found["exchange_rate"].status is Status.INSUFFICIENT
        assert found["exchange_rate"].estimate is None
        one = told(worth(1, prompts=1), worth(1, prompts=1))
        assert one["exchange_shift"].status is Status.INSUFFICIENT
