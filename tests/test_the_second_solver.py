"""cvc5 answers every question about the policies that come along as z3 did, or it is said."""

from pathlib import Path

import pytest

import invariants
from invariants.policy import default_bytes, load
from invariants.proof import check_policy
from invariants.solver import Desk, crosscheck, free
from invariants.solver.questions import Asked
from tests.law_cases import FOUNDING

TEMPLATES = sorted((Path(invariants.__file__).parent / "templates").glob("*.toml"))
POLICIES = {"default": default_bytes()} | {
    path.stem: path.read_bytes() for path in TEMPLATES if not path.stem.endswith(".cases")
}


@pytest.mark.parametrize("name", POLICIES)
def test_it_agrees_on_every_proof_and_every_counterexample(name):
    desk = Desk()
    founding = FOUNDING if name == "default" else None
    assert check_policy(load(POLICIES[name]), founding, desk=desk).sound
    assert {one.found for one in desk.asked} == {"sat", "unsat"}
    assert crosscheck.disagreements(desk.asked) == ()


class TestADisagreement:
    def test_of_a_planted_wrong_answer_is_named(self):
        desk = Desk()
        desk.ask("question", [free("real", "x") > 1])
        (true,) = desk.asked
        false = Asked(true.name, "unsat", true.ms, true.text)
        assert crosscheck.disagreements([true]) == ()
        assert crosscheck.disagreements([false]) == ("question: z3 unsat, cvc5 sat",)

    def test_over_text_that_cannot_be_read_is_not_agreement(self):
        garbled = Asked("question", "sat", 0.0, "(set-logic ALL)\n(assert (< 1 true))\n(check-sat)")
        (said,) = crosscheck.disagreements([garbled])
        assert said == "question: z3 sat, cvc5 unknown"
