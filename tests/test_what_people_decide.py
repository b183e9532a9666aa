"""Going back needs nobody; going where only people may go waits for them."""

from decimal import Decimal

import pytest

from invariants.gate import needs_person
from logs.canonical import digest_of
from logs.vocabulary import (
    Commit,
    Evidence,
    Intervention,
    Ledgers,
    Tier,
)
from tests.law_cases import (
    FOUNDING,
    PRINCIPLES,
    digest,
    failed,
    principle,
    proposal,
    trained,
    verdict_on,
    with_principles,
    with_weights,
)

TRAINED = trained(FOUNDING)


class TestARollback:
    later = with_principles(TRAINED, *PRINCIPLES, principle("brief", "adaptive", "0.05"))
    ancestor = Commit(
        parent=None,
        session="s",
        iteration=1,
        state=TRAINED,
        proposal=None,
        evidence=None,
        verdict=None,
    )
    back = proposal(
        TRAINED,
        later,
        intervention=Intervention.ROLL_BACK,
        restores=digest_of(ancestor),
    )
    no_trial = Evidence(proposal=digest_of(back), metrics=(), harness=digest("f"), sandbox_level=0)

    def test_needs_no_trial_and_no_budget(self):
        verdict = verdict_on(
            TRAINED,
            old=self.later,
            given=self.back,
            shown=self.no_trial,
            restored=self.ancestor,
            ledgers=Ledgers(audit_labels=999, gold_queries=999, weight_path=Decimal(9)),
        )
        assert failed(verdict) == {}
        assert verdict.holds and verdict.tier is Tier.LOW

    @pytest.mark.parametrize("restored", [None, ancestor.model_copy(update={"iteration": 2})])
    def test_to_a_commit_that_is_not_shown_is_refused(self, restored):
        verdict = verdict_on(
            TRAINED, old=self.later, given=self.back, shown=self.no_trial, restored=restored
        )
        assert "law-rollback" in failed(verdict)
        assert not verdict.holds

    def test_that_brings_back_another_state_is_refused(self):
        other = trained(FOUNDING, "c")
        of = proposal(other, self.later, restores=digest_of(self.ancestor))
        verdict = verdict_on(other, old=self.later, given=of, restored=self.ancestor)
        assert failed(verdict)["law-rollback"][1][0].endswith("which is another state")

    def test_to_a_state_that_misses_a_goal_is_refused(self):
        faded = with_weights(FOUNDING, fair="0.04", harmless="0.33")
        commit = self.ancestor.model_copy(update={"state": faded})
        of = proposal(faded, self.later, restores=digest_of(commit))
        verdict = verdict_on(faded, old=self.later, given=of, restored=commit)
        assert failed(verdict)["law-rollback"][1] == (
            "G4-core-floor: for fair: new.principles[p].weight = 0.04, but must be >= 0.05",
        )


class TestAChangeOfHighTier:
    new = with_principles(
        FOUNDING,
        PRINCIPLES[0],
        PRINCIPLES[1],
        principle("helpful", "core", "0.20", contexts=("a",)),
        *PRINCIPLES[3:],
    )

    def test_waits_for_a_person_when_nothing_else_is_wrong(self):
        verdict = verdict_on(self.new)
        assert set(failed(verdict)) == {"P22-people"}
        assert needs_person(verdict) and not verdict.holds

    def test_passes_once_a_person_approved(self):
        verdict = verdict_on(self.new, approvals=1)
        assert verdict.holds and not needs_person(verdict)

    def test_is_not_worth_a_persons_time_when_something_else_is_wrong(self):
        verdict = verdict_on(self.new, selfserving_gain=None)
        assert set(failed(verdict)) == {"P09-not-self-serving", "P22-people"}
        assert not needs_person(verdict)

    def test_of_lower_tier_never_asks(self):
        assert not needs_person(verdict_on(TRAINED, safety_pass=None))
