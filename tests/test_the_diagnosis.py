"""The diagnosis: planted faults are found, healthy turns are not accused, doubt is not comfort."""

import random
from dataclasses import replace
from types import SimpleNamespace

import pytest

from agent.deciders import Past
from agent.diagnose import MIN_PAIRS, diagnose, say
from agent.hypotheses import AUDIT
from agent.past import recent
from logs.journal import Journal
from logs.vocabulary import (
    EntryKind,
    Finding,
    Hypothesis,
    Intervention,
    Measurement,
    Observation,
    Status,
)
from tests.a_view import KL_MAX, PAIRS, accuracy, calm, observed, past
from tests.sessions import NAME, tiny
from tools import instruments as measure
from tools.instruments.retest import follows as follows_feature
from tools.instruments.retest import retest

COIN = accuracy(PAIRS // 2)
A_SCALE, ANOTHER = "a" * 64, "b" * 64
BLAMES_THE_JUDGE = {Hypothesis.JUDGE_OVEROPTIMISED, Hypothesis.JUDGE_STALE}


def found(
    now: Observation, *before: Observation, past: tuple[Past, ...] = ()
) -> dict[Hypothesis, Finding]:
    findings = diagnose(now, before, kl_max=KL_MAX, past=past).findings
    supports = [f.support for f in findings]
    assert supports == sorted(supports, reverse=True)
    assert all(0 <= s <= 1 for s in supports)
    return {f.hypothesis: f for f in findings}


def score(centre: float, scale: str | None = A_SCALE) -> Measurement:
    """The panel's mean score, known to a tenth."""
    found = measure.score([centre - 0.1, centre, centre + 0.1] * 16)
    return found.model_copy(update={"scale": scale})


def varied(share: float) -> Measurement:
    """Distinct pairs of words among all."""
    return measure.mean("distinct_2", [share - 0.01, share, share + 0.01] * 16, units="share")


def drifted(name: str, value: float) -> Measurement:
    """A change against the anchor that is beyond its line."""
    return Measurement(
        instrument=name,
        estimate=value,
        units="relative change",
        low=value - 0.05,
        high=value + 0.05,
        null=0.0,
        n=400,
        status=Status.RED,
        of="anchor",
    )


def tied(share: float, of: str = "") -> Measurement:
    """Prompts on which siblings tie."""
    rows = [[1.0, 1.0]] * round(200 * share) + [[0.0, 1.0]] * round(200 * (1 - share))
    return measure.tie_rate(rows).model_copy(update={"of": of})


def retested(changed: int, *, follows: float | None = None) -> tuple[Measurement, ...]:
    """The judge in force, asked again about 100 answers."""
    then = [float(i) for i in range(100)]
    now = [s + (1.0 if i < changed else 0.0) for i, s in enumerate(then)]
    words = [float(i < changed) if follows else float(i % 7) for i in range(100)]
    return (
        retest(then, now, judge="crowd"),
        follows_feature(then, now, words, judge="crowd", by="words"),
    )


class TestAPlantedFault:
    def test_a_judge_that_says_something_else_of_the_same_answers_is_not_believed(self):
        finding = found(observed(*retested(40)))
        assert finding[Hypothesis.JUDGE_STALE].support > 0.6
        assert any(
            "judge_retest[crowd] = 0.4" in s for s in finding[Hypothesis.JUDGE_STALE].because
        )
        assert Hypothesis.JUDGE_BIASED not in finding

    def test_a_change_that_follows_a_feature_of_the_answers_is_a_bias(self):
        diagnosis = diagnose(observed(*retested(40, follows=1.0)), [], kl_max=KL_MAX)
        assert diagnosis.findings[0].hypothesis is Hypothesis.JUDGE_BIASED
        assert "judge_shift_follows[crowd, words]" in diagnosis.findings[0].because[0]

    def test_earlier_audits_do_not_speak_for_a_judge_that_was_changed(self):
        good = [observed(accuracy(23, 24))] * 3
        now = observed(*retested(40))
        findings = diagnose(now, good, good, kl_max=KL_MAX).findings
        stale = next(f for f in findings if f.hypothesis is Hypothesis.JUDGE_STALE)
        assert stale.support > 0.9

    @pytest.mark.parametrize("name", ["distinct_prompts", "leaked_prompts"])
    def test_data_that_repeat_or_leak_are_a_defect(self, name):
        bad = measure.proportion(name, 51, 512, units="share").model_copy(
            update={"status": Status.RED}
        )
        assert found(observed(bad))[Hypothesis.DATA_DEFECT].support > 0.8

    def test_a_training_that_a_check_of_its_data_blocked_is_a_defect_of_the_data(self):
        blocked = replace(past(4, outcome="failed"), failure="Refused")
        assert found(observed(), past=(blocked,))[Hypothesis.DATA_DEFECT].support > 0.8
        other = replace(blocked, intervention=Intervention.REFIT_JUDGE)
        assert Hypothesis.DATA_DEFECT not in found(observed(), past=(other,))

    def test_a_step_that_the_law_found_too_far_is_a_drift(self):
        refused = past(4, outcome="refused", refused_by=("P10-near-anchor",))
        assert found(observed(), past=(refused,))[Hypothesis.DRIFT].support > 0.6

    def test_a_judge_that_is_gamed_scores_higher_and_orders_like_a_coin(self):
        diagnosis = found(observed(COIN, score(1.5)), observed(score(0.1)))
        finding = diagnosis[Hypothesis.JUDGE_OVEROPTIMISED]
        assert finding.support > diagnosis[Hypothesis.HEALTHY].support
        assert any(line.startswith("judge_score = 1.5") for line in finding.because)
        assert any(line.startswith("judge_score = 0.1") for line in finding.because)

    def test_a_judge_that_orders_like_a_coin_without_rising_scores_is_out_of_date(self):
        diagnosis = found(observed(COIN, score(0.1)), observed(score(0.1)))
        assert Hypothesis.JUDGE_STALE in diagnosis
        assert Hypothesis.JUDGE_OVEROPTIMISED not in diagnosis

    def test_a_judge_that_is_worse_than_a_coin_is_suspected_more(self):
        coin, worse = found(observed(COIN)), found(observed(accuracy(PAIRS // 4)))
        assert (
            worse[Hypothesis.JUDGE_STALE].support
            >= coin[Hypothesis.JUDGE_STALE].support
            > coin[Hypothesis.HEALTHY].support
        )

    @pytest.mark.parametrize("flaw", ["padding", "repeating", "yielding"])
    def test_a_judge_that_pays_for_a_flaw_is_biased(self, flaw):
        paid = measure.flaw_pays(60, 64, flaw=flaw)
        finding = found(observed(paid))[Hypothesis.JUDGE_BIASED]
        assert finding.because[0].startswith(f"flaw_pays[{flaw}] = ")
        assert finding.support > 0.9

    def test_the_flaw_that_pays_most_comes_first(self):
        paid = (
            measure.flaw_pays(46, 64, flaw="padding"),
            measure.flaw_pays(62, 64, flaw="yielding"),
        )
        findings = diagnose(observed(*paid), [], kl_max=KL_MAX).findings
        biased = [f for f in findings if f.hypothesis is Hypothesis.JUDGE_BIASED]
        assert "yielding" in biased[0].because[0]
        assert len(biased) == 2

    def test_a_distribution_that_lost_its_words_has_collapsed(self):
        finding = found(observed(varied(0.35)), observed(varied(0.8)))
        assert Hypothesis.DISTRIBUTION_COLLAPSE in finding
        told = finding[Hypothesis.DISTRIBUTION_COLLAPSE].because
        assert told[0].startswith("distinct_2 = 0.350")
        assert told[0].endswith("after 0.800")

    def test_answers_to_different_prompts_that_became_alike_are_a_collapse(self):
        finding = found(observed(drifted("vendi_change", -0.7)))[Hypothesis.DISTRIBUTION_COLLAPSE]
        assert finding.support > 0.5
        assert finding.because[0].startswith("vendi_change[anchor] = -0.7")

    def test_answers_that_still_share_no_words_speak_against_it(self):
        varied_words = drifted("self_bleu_change", 0.01).model_copy(update={"status": Status.GREEN})
        alone = found(observed(drifted("vendi_change", -0.7)))
        both = found(observed(drifted("vendi_change", -0.7), varied_words))
        kind = Hypothesis.DISTRIBUTION_COLLAPSE
        assert both[kind].support < alone[kind].support
        assert both[kind].against[0].startswith("self_bleu_change")

    def test_siblings_that_agree_are_no_collapse_since_they_may_know_the_answer(self):
        for known in ("siblings_change", "entropy_change", "vendi_change"):
            assert Hypothesis.DISTRIBUTION_COLLAPSE not in found(observed(drifted(known, -0.35)))

    def test_siblings_that_tie_all_at_once_where_nobody_practises_have_collapsed(self):
        finding = found(observed(tied(0.75, of=AUDIT), tied(0.8)), observed(tied(0.25, of=AUDIT)))
        assert finding[Hypothesis.DISTRIBUTION_COLLAPSE].support > 0.5
        assert Hypothesis.PROMPT_SATURATION not in finding

    def test_siblings_that_tie_where_they_practise_alone_have_saturated_prompts(self):
        before = observed(tied(0.25, of=AUDIT))
        finding = found(observed(tied(0.25, of=AUDIT), tied(0.95)), before)
        assert finding[Hypothesis.PROMPT_SATURATION].support > 0.5
        assert Hypothesis.DISTRIBUTION_COLLAPSE not in finding

    def test_nats_of_the_drift_set_are_believed_before_those_of_the_practice_prompts(self):
        high = 0.85 * KL_MAX
        far = drifted("kl_per_token", high).model_copy(update={"high": high})
        assert Hypothesis.DRIFT in found(observed(far))
        near = far.model_copy(update={"high": 0.1})
        practice = measure.divergence([high - 0.01, high, high + 0.01] * 16, of="anchor")
        assert Hypothesis.DRIFT not in found(observed(near, practice))

    def test_prompts_on_which_siblings_tie_are_saturated(self):
        assert found(observed(tied(1.0)))[Hypothesis.PROMPT_SATURATION].support > 0.9

    def test_drift_is_seen_before_the_law_must_refuse_it(self):
        near = 0.8 * KL_MAX
        drifted = measure.divergence([near - 0.01, near, near + 0.01] * 16, of="anchor")
        assert Hypothesis.DRIFT in found(observed(drifted))

    def test_a_judge_that_fails_is_a_defect_of_the_data(self):
        failing = measure.judge_errors(40, 384)
        assert found(observed(failing))[Hypothesis.DATA_DEFECT].support > 0.5
        assert Hypothesis.DATA_DEFECT not in found(observed(measure.judge_errors(2, 384)))

    def test_several_faults_at_once_are_all_named(self):
        planted = (
            COIN,
            measure.flaw_pays(60, 64, flaw="padding"),
            measure.tie_rate([[1.0, 1.0]] * 200),
            measure.judge_errors(100, 384),
        )
        assert set(found(observed(*planted))) == {
            Hypothesis.JUDGE_STALE,
            Hypothesis.JUDGE_BIASED,
            Hypothesis.PROMPT_SATURATION,
            Hypothesis.DATA_DEFECT,
            Hypothesis.HEALTHY,
        }


class TestAHealthyTurn:
    def test_is_called_healthy_and_nothing_else(self):
        (finding,) = found(observed(), observed()).values()
        assert finding.hypothesis is Hypothesis.HEALTHY
        assert finding.support == 1
        assert any(line.startswith("judge_accuracy[panel] = ") for line in finding.because)

    def test_is_still_healthy_when_scores_rise_with_a_judge_that_is_right(self):
        assert set(found(observed(score(2.0)), observed(score(0.1)))) == {Hypothesis.HEALTHY}

    def test_is_rarely_accused_by_chance(self):
        """A judge right nine times in ten, flaws that pay one time in ten: pure noise otherwise."""
        rng = random.Random(11)
        accused = 0
        for _ in range(400):
            right = sum(rng.random() < 0.9 for _ in range(40))
            paid = sum(rng.random() < 0.1 for _ in range(64))
            now = observed(
                accuracy(right, 40),
                measure.flaw_pays(paid, 64, flaw="padding"),
                measure.tie_rate([[0.0, float(rng.random() < 0.7)] for _ in range(48)]),
            )
            accused += set(found(now, observed())) != {Hypothesis.HEALTHY}
        assert accused / 400 < 0.05

    def test_is_not_what_is_left_after_a_strong_finding(self):
        diagnosis = found(observed(measure.flaw_pays(64, 64, flaw="padding")))
        biased, healthy = diagnosis[Hypothesis.JUDGE_BIASED], diagnosis[Hypothesis.HEALTHY]
        assert healthy.support == pytest.approx(1 - biased.support)
        assert healthy.against == (biased.because[0],)


class TestTooLittleData:
    def test_is_never_green(self):
        """What cannot be estimated has no estimate, and no status that comforts."""
        for thin in (accuracy(0, 0), measure.judge_errors(0, 0), measure.tie_rate([])):
            assert thin.status is Status.INSUFFICIENT
            assert thin.estimate is None
            assert "insufficient" in say(thin)

    def test_about_the_panel_is_not_evidence_that_it_is_right(self):
        """Few pairs, all of them right: not healthy without a doubt, and nobody's fault."""
        for few in (accuracy(0, 0), accuracy(MIN_PAIRS - 1, MIN_PAIRS - 1)):
            diagnosis = found(observed(few))
            assert set(diagnosis) == {Hypothesis.HEALTHY, Hypothesis.NOISE}
            assert diagnosis[Hypothesis.HEALTHY].support < 1

    def test_about_the_panel_does_not_accuse_it_either(self):
        assert not set(found(observed(accuracy(0, MIN_PAIRS - 1)))) & BLAMES_THE_JUDGE

    def test_about_a_flaw_accuses_nobody(self):
        for wins, n in ((0, 0), (1, 4), (2, 12)):
            thin = measure.flaw_pays(wins, n, flaw="padding")
            assert Hypothesis.JUDGE_BIASED not in found(observed(thin))

    def test_at_the_beginning_hides_no_judge_that_is_wrong_now(self):
        assert set(found(observed(COIN))) & BLAMES_THE_JUDGE

    def test_in_the_first_turn_is_not_a_collapse(self):
        first = observed(varied(0.8), without=("distinct_2",))
        assert Hypothesis.DISTRIBUTION_COLLAPSE not in found(observed(varied(0.2)), first)
        assert Hypothesis.DISTRIBUTION_COLLAPSE not in found(observed(varied(0.2)))


class TestEvidence:
    @pytest.mark.parametrize("name", list(calm()))
    def test_is_one_line_with_its_numbers(self, name):
        line = say(calm()[name])
        assert line.startswith(f"{name} = ")
        assert line.endswith(f"n={calm()[name].n}")
        assert "\n" not in line

    def test_of_a_point_without_an_interval_shows_none(self):
        point = calm()["length"].model_copy(update={"low": None, "high": None})
        assert "[" not in say(point)

    def test_does_not_depend_on_the_order_of_measurements(self):
        now = observed(COIN, measure.flaw_pays(60, 64, flaw="padding"))
        turned = now.model_copy(update={"measurements": now.measurements[::-1]})
        assert diagnose(now, [], kl_max=KL_MAX) == diagnose(turned, [], kl_max=KL_MAX)


class TestTheAuditsOfSeveralTurns:
    """A dozen pairs are mostly chance: those about the same panel speak together."""

    @staticmethod
    def blamed(now: Measurement, *audited: Measurement) -> bool:
        rest = [observed(m) for m in audited]
        findings = diagnose(observed(now), rest, rest, kl_max=KL_MAX).findings
        return any(f.hypothesis in BLAMES_THE_JUDGE for f in findings)

    def test_one_unlucky_turn_after_good_ones_accuses_nobody(self):
        unlucky = accuracy(4, 9)
        assert self.blamed(unlucky)
        assert not self.blamed(unlucky, accuracy(10, 11), accuracy(8, 9))

    def test_one_lucky_turn_after_bad_ones_acquits_nobody(self):
        lucky = accuracy(9, 9)
        assert not self.blamed(lucky)
        assert self.blamed(lucky, accuracy(2, 9), accuracy(4, 10))

    def test_the_evidence_is_told_with_all_the_pairs(self):
        rest = [observed(accuracy(4, 9))]
        found_now = diagnose(observed(accuracy(5, 10)), rest, rest, kl_max=KL_MAX).findings
        told = next(f for f in found_now if f.hypothesis in BLAMES_THE_JUDGE)
        assert told.because[0].endswith("n=19")


class TestASecondSession:
    """It goes on from HEAD, and from what was seen of the panel that is in force."""

    @staticmethod
    def observed_in(journal, session, turn):
        seen = observed(turn=turn)
        journal.append(
            EntryKind.OBSERVED, session=session, iteration=turn, step="observe", body=seen
        )
        return seen

    @pytest.fixture
    def context(self, tmp_path):
        journal = Journal(tmp_path / "plimsoll.sqlite")
        return SimpleNamespace(journal=journal, config=tiny())

    def test_counts_in_its_first_turns_what_earlier_ones_saw(self, context):
        before = [self.observed_in(context.journal, "earlier", turn) for turn in (1, 2, 3)]
        now = self.observed_in(context.journal, NAME, 1)
        assert recent(context, now, 3) == [*before[1:], now]

    def test_does_not_look_further_back_than_it_was_asked_to(self, context):
        self.observed_in(context.journal, "earlier", 1)
        here = [self.observed_in(context.journal, NAME, turn) for turn in (1, 2, 3, 4)]
        assert recent(context, here[3], 3) == here[1:]

    def test_never_sees_what_was_observed_later(self, context):
        first = self.observed_in(context.journal, NAME, 1)
        self.observed_in(context.journal, "later", 1)
        self.observed_in(context.journal, NAME, 2)
        assert recent(context, first, 3) == [first]
