"""Lines of the decision table on judges and panel, and what the menu offers on them."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings

from agent.deciding.menu import Whole, possible
from agent.diagnose import say
from agent.judge_lines import (
    LABELS,
    MIN_GRADED,
    QUIET,
    biased,
    co_adapted,
    ensemble,
    miscalibrated,
    reweigh,
)
from agent.lines import Line
from logs.vocabulary import (
    Constitution,
    Diagnosis,
    Finding,
    Hypothesis,
    Intervention,
    JudgeKind,
    Panel,
    Principle,
    PrincipleTier,
    Status,
)
from tests.a_view import BENCH, accuracy, judge, past, state, trained, view
from tests.test_any_view import views
from tools import instruments as measure
from tools.counterfactual import PAID_BY
from tools.instruments.reliability import calibration_e_process
from tools.principles import LIBRARY
from tools.recalibrating import FEWEST

CROWD = judge("crowd")
PAIR = Panel(
    judges=(
        CROWD.model_copy(update={"weight": Decimal("0.7")}),
        BENCH.model_copy(update={"weight": Decimal("0.3")}),
    )
)
OFF = calibration_e_process([0.95] * 200, [0, 1] * 100, of="panel")
PAYS = measure.flaw_pays(60, 64, flaw="padding")
LINES = {
    miscalibrated: Intervention.RECALIBRATE_JUDGE,
    biased: Intervention.REFIT_JUDGE,
    co_adapted: Intervention.REINITIALISE_JUDGE,
    ensemble: Intervention.ADD_JUDGE,
    reweigh: Intervention.REWEIGHT_PANEL,
}


def grown_together(**fields):
    because = ("agreement = 0.990 n=400",)
    found = Finding(hypothesis=Hypothesis.CO_ADAPTATION, support=0.8, because=because)
    return view(diagnosis=Diagnosis(findings=(found,)), **fields)


def apart(**fields):
    """Two judges of which the lighter one is the better."""
    given_state = state(panel=PAIR)
    found = (accuracy(14, of="crowd"), accuracy(23, of=BENCH.id))
    return view(*found, **{"state": given_state, "bench": (), "past": (), **fields})


APPLY = {
    miscalibrated: lambda **fields: view(OFF, **fields),
    biased: lambda **fields: view(PAYS, **fields),
    co_adapted: grown_together,
    ensemble: view,
    reweigh: apart,
}


@pytest.mark.parametrize("line", LINES, ids=lambda f: f.__name__)
class TestEveryLine:
    def test_applies_where_its_fault_is_seen_and_says_why(self, line):
        found = line(APPLY[line]())
        assert isinstance(found, Line) and found.intervention is LINES[line]
        assert found.because and found.predicted is not None

    def test_chooses_what_the_menu_offers(self, line):
        seen = APPLY[line]()
        found = line(seen)
        items = [i for i in possible(seen) if i.intervention is found.intervention]
        assert found.arguments in [i.taken(found.arguments) for i in items]

    @pytest.mark.parametrize("outcome", ["committed", "refused", "failed", "kept"])
    def test_does_not_repeat_what_the_last_turns_did_whatever_came_of_it(self, line, outcome):
        for back in range(1, QUIET + 1):
            lately = (*trained(3), past(4, LINES[line], outcome), *trained(5)[5 - back + 1 :])
            assert isinstance(line(APPLY[line](past=lately)), str)
        before = (past(1, LINES[line], "refused"), *(past(i) for i in range(2, 2 + QUIET)))
        assert isinstance(line(APPLY[line](past=before)), Line)

    def test_changes_no_judge_faster_than_the_law_allows(self, line):
        panel = APPLY[line]().state.panel
        hasty = APPLY[line](state=state(panel=panel, judge_updates=1000))
        assert isinstance(line(hasty), Line if line is reweigh else str)

    def test_passes_on_a_calm_turn(self, line):
        calm = view(accuracy(12, of=BENCH.id), past=())
        assert isinstance(line(calm), str) and line(calm)

    @settings(max_examples=25)
    @given(seen=views())
    def test_says_something_of_any_view_and_always_the_same(self, line, seen):
        assert line(seen) == line(seen)


class TestMiscalibrated:
    def test_does_not_answer_to_a_gap_of_scores_that_no_map_of_claims_would_close(self):
        assert OFF.status is Status.RED
        assert isinstance(miscalibrated(view(measure.judge_gap([0.95] * 60, [0.0] * 60))), str)

    def test_needs_a_good_order_for_then_claims_alone_are_off(self):
        assert "order" in miscalibrated(view(OFF, accuracy(13)))

    def test_needs_grades(self):
        assert "too few" in miscalibrated(view(OFF, graded_prompts=FEWEST - 1))

    def test_names_the_judge_that_decides(self):
        seen = view(OFF, state=state(panel=PAIR))
        assert miscalibrated(seen).arguments == {"judge": "crowd"}


class TestBiased:
    def test_is_against_the_flaw_that_pays_most(self):
        found = biased(view(PAYS, measure.flaw_pays(64, 64, flaw="repeating")))
        assert found.arguments["debias"] == "repeating"
        assert found.predicted.metric == "flaw_pays[repeating]"

    def test_goes_without_labels_where_none_are_left(self):
        assert biased(view(PAYS, labels_left=0)).arguments["labels"] == "0"
        assert biased(view(PAYS)).arguments["labels"] == str(LABELS)

    def test_needs_grades(self):
        assert "too few" in biased(view(PAYS, graded_prompts=MIN_GRADED - 1))

    def test_says_the_evidence_when_it_passes(self):
        seen = view(PAYS, state=state(judge_updates=1000))
        assert say(PAYS) in biased(seen)


class TestCoAdapted:
    def test_refits_from_the_founding_weights_where_grades_allow_it(self):
        assert co_adapted(grown_together()).arguments == {"judge": "crowd", "to": "grades"}

    def test_else_goes_back_to_the_founding_judge_itself(self):
        newer = CROWD.model_copy(update={"version": 2})
        there = state(panel=Panel(judges=(newer,)))
        found = co_adapted(grown_together(graded_prompts=0, state=there))
        assert found.arguments == {"judge": "crowd", "to": "founding"}

    def test_has_nowhere_to_go_back_to_from_a_founding_judge(self):
        assert "as it was founded" in co_adapted(grown_together(graded_prompts=0))


class TestEnsemble:
    def test_seats_nobody_of_the_same_family(self):
        relative = judge(BENCH.id, CROWD.family)
        assert isinstance(ensemble(view(bench=(relative,))), str)

    @pytest.mark.parametrize("right", [10, 17])
    def test_seats_nobody_who_is_clearly_worse(self, right):
        assert isinstance(ensemble(view(accuracy(right, of=BENCH.id), past=())), str)

    def test_reads_all_turns_in_which_the_judges_were_these(self):
        few = (accuracy(4, 5, of=name) for name in ("panel", "crowd", BENCH.id))
        fewer = view(*few, past=())
        assert isinstance(ensemble(fewer), str)
        assert isinstance(ensemble(replace(fewer, past=trained(4))), Line)


class TestReweigh:
    def test_leaves_weights_that_fit(self):
        assert isinstance(reweigh(apart(observation=view().observation)), str)

    def test_needs_judges_that_audited_pairs_tell_apart(self):
        few = (accuracy(2, 3, of="crowd"), accuracy(3, 3, of=BENCH.id))
        seen = view(*few, state=state(panel=PAIR), bench=(), past=())
        assert isinstance(reweigh(seen), str)


# --- the menu ----------------------------------------------------------------------
def items(seen, intervention):
    return [i for i in possible(seen) if i.intervention is intervention]


class TestTheMenu:
    def test_weighs_only_a_panel_of_several(self):
        assert not items(view(), Intervention.REWEIGHT_PANEL)
        assert items(apart(), Intervention.REWEIGHT_PANEL)

    def test_refits_against_each_flaw_that_a_feature_adds_to_also_without_labels(self):
        against = items(view(), Intervention.REFIT_JUDGE)[1].arguments
        assert list(against["debias"].values) == [*PAID_BY, "all"]
        assert against["labels"].low == 0
        assert items(view(labels_left=0), Intervention.REFIT_JUDGE)[0].arguments["labels"] == Whole(
            0, 0
        )

    def test_brings_back_to_its_founding_only_a_judge_that_left_it(self):
        found = items(view(), Intervention.REINITIALISE_JUDGE)
        assert [list(i.arguments["to"].values) for i in found] == [["grades"]]
        newer = state(panel=Panel(judges=(CROWD.model_copy(update={"version": 2}),)))
        found = items(view(state=newer), Intervention.REINITIALISE_JUDGE)
        assert [list(i.arguments["to"].values) for i in found] == [["founding"], ["grades"]]

    def test_adds_only_principles_that_are_absent_and_that_the_path_pays_for(self):
        edits = items(view(), Intervention.EDIT_CONSTITUTION)
        first = next(i for i in edits if "add" in i.arguments)
        assert list(first.arguments["add"].values) == list(LIBRARY)
        poor = view(ledgers=view().ledgers.model_copy(update={"weight_path": Decimal("0.4")}))
        edits = items(poor, Intervention.EDIT_CONSTITUTION)
        assert not any("add" in i.arguments for i in edits)

    def governed(self, kind=JudgeKind.FEATURE):
        principles = (
            Principle(id="honest", text="t", weight=Decimal("0.8"), tier=PrincipleTier.CORE),
            Principle(id="concise", text="t", weight=Decimal("0.2"), tier=PrincipleTier.ADAPTIVE),
        )
        seated = Panel(judges=(CROWD.model_copy(update={"kind": kind}),))
        here = state(constitution=Constitution(version=1, principles=principles), panel=seated)
        return [i.arguments for i in items(view(state=here), Intervention.EDIT_CONSTITUTION)]

    def test_restricts_principles_of_the_adaptive_tier_alone(self):
        (found,) = (a for a in self.governed() if "context" in a)
        assert list(found["context"].values) == ["concise"]
        assert "all" in found["skills"].values and "lists" in found["skills"].values

    def test_rewords_only_where_a_judge_reads_words(self):
        assert not any("reword" in a for a in self.governed())
        (found,) = (a for a in self.governed(JudgeKind.GENERATIVE) if "reword" in a)
        assert list(found["reword"].values) == ["concise"]

    @pytest.mark.parametrize("kind", sorted({*LINES.values(), Intervention.EDIT_CONSTITUTION}))
    def test_holds_nothing_that_is_switched_off(self, kind):
        for seen in (view(), apart()):
            assert not items(replace(seen, without=frozenset({kind})), kind)
