"""What holds of every decision: reasons, numbers, alternatives, and nothing that is sealed."""

from dataclasses import replace
from decimal import Decimal

import pytest

from agent.act import MAKERS
from agent.deciders import View
from agent.rules import TABLE, decide, train_always
from logs.vocabulary import Intervention, Ledgers
from tests.a_view import calm, observed, view, wins
from tests.test_the_decider import COIN, PADDING, SETTLED, SILENT, VAULT_ASKED
from tools import instruments as measure

SITUATIONS = {
    "healthy": view(),
    "damaged policy": view(COIN),
    "broken judge": view(COIN, past=VAULT_ASKED),
    "no way to repair it": view(COIN, past=VAULT_ASKED, graded_prompts=0),
    "silent judge": view(SILENT),
    "better judge": view(wins(20, 20)),
    "flaw": view(PADDING),
    "untested judge": view(calibrated=False),
    "settled": view(SETTLED),
}
in_every_situation = pytest.mark.parametrize("seen", SITUATIONS.values(), ids=SITUATIONS.keys())


class TestEveryDecision:
    @in_every_situation
    def test_names_every_other_line_of_the_table_with_a_reason(self, seen):
        decision = decide(seen)
        others = [name for name, _, _ in TABLE if name != decision.rule]
        assert len(decision.alternatives) == len(others)
        assert all(len(a.because) > 10 for a in decision.alternatives)

    @in_every_situation
    def test_shows_the_numbers_that_it_read(self, seen):
        decision = decide(seen)
        assert decision.because
        for line in ("judge_accuracy[panel] = ", "judge_score = ", "kl_to_anchor = "):
            assert any(e.startswith(line) and "n=" in e for e in decision.evidence)

    @in_every_situation
    def test_is_the_same_for_the_same_view(self, seen):
        assert decide(seen) == decide(replace(seen)) == decide(seen)

    def test_has_a_maker_or_needs_none(self):
        needs_none = {Intervention.ASK_PERSON, Intervention.STOP}
        assert set(MAKERS) == set(Intervention) - needs_none
        assert {intervention for _, intervention, _ in TABLE} <= set(MAKERS)


class TestTheFixedDecider:
    @in_every_situation
    def test_trains_whatever_it_sees(self, seen):
        decision = train_always(seen)
        assert decision.intervention is Intervention.TRAIN
        assert decision.rule == "fixed"

    def test_trains_on_nothing_at_all(self):
        blind = view(observation=observed(without=tuple(calm())))
        assert train_always(blind).intervention is Intervention.TRAIN


def test_a_decision_does_not_read_what_the_log_seals():
    """Gold has no place in a view: no field of it, and no instrument."""
    assert not [name for name in View.__dataclass_fields__ if "gold" in name]
    gold = measure.gold(1, 50)
    leaked = view(observation=observed(gold))
    assert decide(leaked).intervention is decide(view()).intervention
    assert decide(leaked).because == decide(view()).because
    assert not any("gold" in line for line in decide(leaked).evidence)


def test_a_budget_is_compared_exactly():
    """A path that is spent to the last digit is spent."""
    limits = view().limits
    spent = limits["weight_path_max"] - limits["step_l1"] + Decimal("1e-20")
    decision = decide(view(PADDING, ledgers=Ledgers(weight_path=spent), graded_prompts=0))
    assert decision.intervention is Intervention.TRAIN
