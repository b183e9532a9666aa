"""The decision table: what it does in each situation, and that it never does anything else."""

from dataclasses import replace

import pytest

from agent.deciders import View
from agent.edits import EDITS_IN_A_ROW, MOST_REFUSALS
from agent.rules import (
    BETTER_BY,
    JUDGE_FLOOR_RULES,
    MIN_GRADED,
    REFIT_LABELS,
    STALE_AFTER,
    TABLE,
    decide,
)
from logs.vocabulary import Intervention, Ledgers
from tests.a_view import BENCH, PAIRS, accuracy, past, state, trained, view, wins
from tools import instruments as measure

COIN = accuracy(PAIRS // 2)
PADDING = measure.flaw_pays(60, 64, flaw="padding")
SETTLED = measure.tie_rate([[1.0, 1.0]] * 200)
SILENT = measure.judge_errors(200, 384)
DOUBTFUL = accuracy(14, 24)
"""Pairs that leave open whether the panel is right."""
REFUSED = (*trained(3), past(4, outcome="refused", refused_by=JUDGE_FLOOR_RULES))
VAULT_ASKED = (*trained(3), past(4, Intervention.ROLL_BACK, "kept"))
UNTRAINED = (past(1, Intervention.REFRESH_PROMPTS),)


def chosen(seen: View) -> Intervention:
    return decide(seen).intervention


def edits(*outcomes: str, after: int = 0) -> tuple[object, ...]:
    """Turns that edited the constitution, behind some that trained."""
    edited = (
        past(after + i, Intervention.EDIT_CONSTITUTION, outcome)
        for i, outcome in enumerate(outcomes, start=1)
    )
    return (*trained(after), *edited)


class TestAHealthyTurn:
    def test_trains(self):
        assert chosen(view()) is Intervention.TRAIN

    def test_trains_in_the_first_turn_too(self):
        first = view(iteration=1, past=(), graded_prompts=0, labels_left=512, calibrated=False)
        assert chosen(replace(first, state=state(policy_updates=0))) is Intervention.TRAIN

    def test_predicts_that_the_panels_score_does_not_fall(self):
        predicted = decide(view()).predicted
        score = view().measured("judge_score")
        assert predicted.metric == "judge_score"
        assert predicted.low == score.estimate < predicted.high


class TestAPanelBelowItsFloor:
    """Refused by the law, or ordering audited pairs like a coin; the policy is looked at first."""

    @pytest.mark.parametrize(
        "seen",
        [
            view(
                DOUBTFUL,
                past=(*UNTRAINED, past(2, outcome="refused", refused_by=JUDGE_FLOOR_RULES)),
            ),
            view(COIN, past=VAULT_ASKED),
        ],
        ids=["the law refused to train on it", "audited pairs"],
    )
    def test_is_refitted(self, seen):
        decision = decide(seen)
        assert decision.intervention is Intervention.REFIT_JUDGE
        assert decision.arguments == {
            "judge": "crowd",
            "labels": str(REFIT_LABELS),
            "debias": "all",
        }
        assert decision.predicted.metric == "judge_accuracy[panel]"

    def test_is_named_with_the_turn_that_was_refused(self):
        because = decide(view(DOUBTFUL, past=REFUSED)).because
        assert "iteration 4" in because
        assert JUDGE_FLOOR_RULES[0] in because

    def test_is_believed_again_when_the_pairs_since_speak_for_it(self):
        """The law refuses for want of pairs too; what was graded since has shown enough."""
        assert chosen(view(past=REFUSED)) is Intervention.TRAIN

    def test_is_never_trained_on(self):
        for labels in (0, 400):
            for graded in (0, 60):
                for before in ((), trained(4), VAULT_ASKED, REFUSED):
                    seen = view(COIN, labels_left=labels, graded_prompts=graded, past=before)
                    assert chosen(seen) is not Intervention.TRAIN

    @pytest.mark.parametrize(
        "lacking",
        [
            {"graded_prompts": MIN_GRADED - 1},
            {"labels_left": REFIT_LABELS - 1},
            {"past": (*VAULT_ASKED, past(5, Intervention.REFIT_JUDGE, "refused"))},
        ],
        ids=["graded prompts", "labels", "luck with the last refit"],
    )
    def test_is_swapped_when_a_refit_lacks(self, lacking):
        better = accuracy(PAIRS, of=BENCH.id)
        decision = decide(view(COIN, better, **{"past": VAULT_ASKED, **lacking}))
        assert decision.intervention is Intervention.SWAP_JUDGE
        assert decision.arguments == {"judge": BENCH.id}

    def test_is_refitted_with_just_enough(self):
        enough = {"graded_prompts": MIN_GRADED, "labels_left": REFIT_LABELS}
        assert chosen(view(COIN, past=VAULT_ASKED, **enough)) is Intervention.REFIT_JUDGE

    @pytest.mark.parametrize(
        "rival",
        [
            accuracy(int(PAIRS * (COIN.estimate + BETTER_BY)) - 1, of=BENCH.id),
            accuracy(0, 0, BENCH.id),
        ],
        ids=["hardly better", "not audited"],
    )
    def test_is_not_swapped_for_a_judge_that_is(self, rival):
        seen = view(COIN, rival, past=VAULT_ASKED, graded_prompts=0, labels_left=0)
        assert chosen(seen) is Intervention.ASK_PERSON

    def test_is_not_swapped_for_a_judge_that_sits_in_the_panel_already(self):
        better = accuracy(PAIRS, of=BENCH.id)
        nothing_left = {"graded_prompts": 0, "labels_left": 0, "bench": ()}
        seen = view(COIN, better, past=VAULT_ASKED, **nothing_left)
        assert chosen(seen) is Intervention.ASK_PERSON

    def test_calls_nobody_while_the_next_audits_can_still_make_a_refit_possible(self):
        seen = view(COIN, past=VAULT_ASKED, graded_prompts=MIN_GRADED - 1, bench=())
        decision = decide(seen)
        assert decision.intervention is Intervention.TRAIN
        assert any("too few to repair it yet" in a.because for a in decision.alternatives)

    def test_waits_for_a_person_when_judges_would_change_too_fast(self):
        better, hasty = accuracy(PAIRS, of=BENCH.id), state(judge_updates=1000)
        decision = decide(view(COIN, better, past=VAULT_ASKED, state=hasty))
        assert decision.intervention is Intervention.ASK_PERSON
        assert "nothing I may do" in decision.because

    def test_stays_disbelieved_after_the_vault_was_asked_until_it_is_repaired(self):
        assert chosen(view(past=VAULT_ASKED)) is Intervention.REFIT_JUDGE

    def test_was_repaired_and_earlier_trouble_is_over(self):
        repaired = (*REFUSED, past(5, Intervention.REFIT_JUDGE), past(6))
        assert chosen(view(iteration=7, past=repaired)) is Intervention.TRAIN


class TestASilentPanel:
    def test_is_not_trained_on(self):
        decision = decide(view(SILENT))
        assert decision.intervention in (Intervention.SWAP_JUDGE, Intervention.ASK_PERSON)
        assert "judge_errors" in decision.because

    def test_without_a_single_score_leaves_only_a_person(self):
        dead = (measure.judge_errors(384, 384), accuracy(0, 0), measure.score([]))
        assert chosen(view(*dead)) is Intervention.ASK_PERSON

    def test_comes_before_everything_else(self):
        assert decide(view(SILENT, COIN, PADDING, SETTLED)).rule == TABLE[0][0]

    def test_is_not_one_that_failed_once(self):
        assert chosen(view(measure.judge_errors(1, 384))) is Intervention.TRAIN


class TestAPolicyThatABrokenJudgeTrained:
    def test_is_rolled_back_if_the_vault_agrees_the_newest_commit_first(self):
        decision = decide(view(DOUBTFUL, past=REFUSED))
        assert decision.intervention is Intervention.ROLL_BACK
        heads = [p.head for p in reversed(REFUSED[:3])]
        assert decision.arguments["candidates"].split(",") == heads

    def test_is_not_rolled_back_when_it_never_trained_under_that_judge(self):
        repaired = (*trained(3), past(4, Intervention.REFIT_JUDGE))
        for before in ((), UNTRAINED, repaired):
            assert chosen(view(COIN, past=before)) is not Intervention.ROLL_BACK

    def test_is_not_rolled_back_while_the_judge_is_believed(self):
        assert chosen(view()) is not Intervention.ROLL_BACK

    def test_is_put_before_the_vault_once(self):
        assert chosen(view(COIN, past=VAULT_ASKED)) is not Intervention.ROLL_BACK


class TestABetterJudgeOnTheBench:
    def test_takes_the_seat(self):
        decision = decide(view(wins(20, 20)))
        assert decision.intervention is Intervention.SWAP_JUDGE
        assert decision.arguments == {"judge": BENCH.id}
        assert "favourite_wins[clerk]" in decision.because

    @pytest.mark.parametrize("record", [(0, 0), (1, 1), (3, 4), (10, 20), (0, 20)])
    def test_must_be_certainly_better(self, record):
        assert chosen(view(wins(*record))) is Intervention.TRAIN

    def test_waits_while_judges_may_not_change(self):
        hasty = view(wins(20, 20), state=state(judge_updates=1000))
        assert chosen(hasty) is Intervention.TRAIN


class TestAFlawThatPays:
    def test_is_answered_with_an_edit_against_that_flaw(self):
        decision = decide(view(PADDING))
        assert decision.intervention is Intervention.EDIT_CONSTITUTION
        assert decision.arguments == {"flaw": "padding", "size": "all"}
        assert decision.predicted.metric == "flaw_pays[padding]"
        assert decision.predicted.high == pytest.approx(PADDING.estimate)

    def test_has_a_remedy(self):
        from agent.interventions.edit_constitution import REMEDIES
        from tools.counterfactual import FLAWS

        assert set(REMEDIES) == set(FLAWS)

    def test_is_answered_with_a_smaller_step_after_a_refusal(self):
        seen = view(PADDING, past=edits("refused", after=3))
        assert decide(seen).arguments == {"flaw": "padding", "size": "step"}

    def test_is_left_alone_when_edits_are_refused_again_and_again(self):
        refused = ["refused"] * MOST_REFUSALS
        before = edits(*refused, after=1)
        assert chosen(view(PADDING, past=before, graded_prompts=0)) is Intervention.TRAIN

    def test_is_taught_to_the_judge_where_edits_lead_nowhere_and_grades_allow_it(self):
        decision = decide(view(PADDING, past=edits(*["refused"] * MOST_REFUSALS, after=1)))
        assert decision.intervention is Intervention.REFIT_JUDGE
        assert decision.arguments["debias"] == "padding"

    def test_is_not_answered_when_the_path_of_weights_is_spent(self):
        most = view().limits["weight_path_max"]
        spent = Ledgers(weight_path=most - view().limits["step_l1"] / 2)
        decision = decide(view(PADDING, ledgers=spent, graded_prompts=0))
        assert decision.intervention is Intervention.TRAIN
        assert any("of the path of weights is left" in a.because for a in decision.alternatives)

    def test_is_answered_while_the_path_has_just_one_step_left(self):
        limits = view().limits
        spent = Ledgers(weight_path=limits["weight_path_max"] - limits["step_l1"])
        assert chosen(view(PADDING, ledgers=spent)) is Intervention.EDIT_CONSTITUTION

    def test_is_not_answered_for_ever_without_training_in_between(self):
        most = ["committed"] * EDITS_IN_A_ROW
        assert chosen(view(PADDING, past=edits(*most[1:]))) is Intervention.EDIT_CONSTITUTION
        assert chosen(view(PADDING, past=edits(*most))) is Intervention.TRAIN
        rested = (*edits(*most), past(EDITS_IN_A_ROW + 1))
        assert chosen(view(PADDING, past=rested)) is Intervention.EDIT_CONSTITUTION

    def test_waits_while_the_judge_itself_is_broken(self):
        assert chosen(view(PADDING, COIN, past=VAULT_ASKED)) is Intervention.REFIT_JUDGE


class TestAnUntestedJudge:
    def test_is_refitted_once_the_policy_has_moved_on(self):
        seen = view(calibrated=False, past=trained(STALE_AFTER))
        assert chosen(seen) is Intervention.REFIT_JUDGE

    def test_is_good_enough_for_the_first_updates(self):
        seen = view(calibrated=False, past=trained(STALE_AFTER - 1))
        assert chosen(seen) is Intervention.TRAIN

    def test_is_trained_on_while_grades_are_too_few(self):
        assert chosen(view(calibrated=False, graded_prompts=0)) is Intervention.TRAIN


class TestSaturatedPrompts:
    def test_are_refreshed(self):
        decision = decide(view(SETTLED))
        assert decision.intervention is Intervention.REFRESH_PROMPTS
        assert decision.predicted.metric == "tie_rate"

    def test_are_not_refreshed_again_right_after_it_failed(self):
        failed = (*trained(3), past(4, Intervention.REFRESH_PROMPTS, "failed"))
        assert chosen(view(SETTLED, past=failed)) is Intervention.TRAIN
