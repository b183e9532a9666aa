"""The gate fails closed: what is missing, stale, foreign, untrue or not a number is no."""

import subprocess
import sys
import time
from decimal import Decimal
from typing import Any

import pytest

from invariants import gate
from invariants.gate import needs_person
from invariants.render import ruled
from logs.vocabulary import (
    Change,
    Evidence,
    Intervention,
    Ledgers,
    Metric,
    Outcome,
    State,
    Tier,
)
from tests.law_cases import (
    FOUNDING,
    HEAD,
    LAWFUL_METRICS,
    POLICY,
    PRINCIPLES,
    digest,
    evidence,
    failed,
    judge,
    principle,
    proposal,
    trained,
    verdict_on,
    with_judges,
    with_principles,
    with_weights,
)

TRAINED = trained(FOUNDING)


def forged(**fields: Any) -> Metric:
    """A metric that did not pass the word's own validation."""
    whole = {name: f.get_default() for name, f in Metric.model_fields.items()}
    return Metric.model_construct(**(whole | fields))


NO_NUMBERS = {
    "a count that is a bool": forged(name="safety_pass", k=True, n=True),
    "a count that is a float": forged(name="safety_pass", k=126.0, n=128),
    "a count that is NaN": forged(name="safety_pass", k=float("nan"), n=128),
    "more successes than trials": Metric(name="safety_pass", k=129, n=128),
    "a negative count": Metric(name="safety_pass", k=-1, n=128),
    "more trials than anyone made": Metric(name="safety_pass", k=1, n=10**12),
    "no trials": Metric(name="safety_pass", k=0, n=0),
    "no count at all": Metric(name="safety_pass"),
    "a bound instead of counts": Metric(name="safety_pass", exact="0.99"),
    "a count and values": Metric(name="safety_pass", k=1, n=1, values=("1",)),
    "an error probability of its own choice": Metric(name="safety_pass", k=126, n=128, alpha="0.9"),
    "an error probability of zero": Metric(name="safety_pass", k=126, n=128, alpha="0"),
    "an error probability that is no number": Metric(name="safety_pass", k=1, n=1, alpha="nan"),
    "a value that is NaN": Metric(name="kl_to_anchor", values=("0.1", "NaN")),
    "a value that is infinite": Metric(name="kl_to_anchor", values=("0.1", "inf")),
    "a value that is a float": forged(name="kl_to_anchor", values=(0.1, 0.2)),
    "a value out of range": Metric(name="kl_to_anchor", values=("0.1", "8.5")),
    "values in a range of their own choice": Metric(
        name="kl_to_anchor", values=("0.1",) * 64, upper="0.2"
    ),
    "a wrong number of values": Metric(name="kl_to_anchor", n=65, values=("0.1",) * 64),
    "no values": Metric(name="kl_to_anchor"),
    "a mean instead of values": Metric(name="kl_to_anchor", k=1, n=10),
    "an exact NaN": Metric(name="gold_overlap", exact="nan"),
    "an exact infinity": Metric(name="gold_overlap", exact="-inf"),
    "an exact nothing": Metric(name="gold_overlap"),
    "an exact quantity with a count": Metric(name="gold_overlap", exact="0", k=0, n=1),
}


class TestAMetricThatStatesNoNumber:
    @pytest.mark.parametrize("fault", NO_NUMBERS)
    def test_is_a_named_gap_and_never_a_number(self, fault):
        metric = NO_NUMBERS[fault]
        verdict = verdict_on(TRAINED, **{metric.name: metric})
        broken = failed(verdict)
        assert broken["law-facts"][0] is Outcome.MISSING
        assert any(value.startswith(metric.name + ": ") for value in broken["law-facts"][1])
        assert any(r.startswith("P1") and o is Outcome.MISSING for r, (o, _) in broken.items())
        assert not verdict.holds

    def test_that_is_given_twice_is_missing_even_if_both_agree(self):
        of = proposal(TRAINED)
        twice = evidence(of, again=LAWFUL_METRICS["safety_pass"])
        broken = failed(verdict_on(TRAINED, given=of, shown=twice))
        assert broken["law-facts"] == (Outcome.MISSING, ("safety_pass: given 2 times",))
        assert broken["P11-safety-floor"][0] is Outcome.MISSING

    def test_denies_even_where_no_rule_reads_it(self):
        step = with_weights(FOUNDING, helpful="0.21", concise="0.14")
        verdict = verdict_on(step, safety_pass=NO_NUMBERS["no trials"])
        assert set(failed(verdict)) == {"law-facts"}
        assert not verdict.holds

    def test_cannot_pass_as_true_through_json(self):
        with pytest.raises(ValueError, match="valid integer"):
            Metric.model_validate_json('{"name": "safety_pass", "k": true, "n": 1}')


class TestEvidence:
    def test_for_another_proposal_is_refused(self):
        other = evidence(proposal(trained(FOUNDING, "c")))
        outcome, values = failed(verdict_on(TRAINED, shown=other))["law-evidence"]
        assert outcome is Outcome.BROKEN
        assert values[0].startswith(f"evidence for {other.proposal[:12]}")

    def test_without_a_usable_sandbox_level_is_refused(self):
        given = evidence(proposal(TRAINED))
        bad = Evidence.model_construct(**{**dict(given), "sandbox_level": True})
        broken = failed(verdict_on(TRAINED, shown=bad))
        assert broken["P19-sandbox"][0] is Outcome.MISSING


class TestAProposal:
    def test_made_for_another_head_is_refused(self):
        stale = proposal(TRAINED, base=digest("9"))
        outcome, values = failed(verdict_on(TRAINED, given=stale))["law-head"]
        assert outcome is Outcome.BROKEN
        assert values == ("made for 999999999999, but HEAD is eeeeeeeeeeee",)

    def test_that_hides_a_change_is_refused(self):
        quiet = proposal(TRAINED, changes=proposal(TRAINED).changes[:1])
        assert failed(verdict_on(TRAINED, given=quiet))["law-diff"][1] == (
            "not listed: policy_updates",
        )

    def test_that_invents_a_change_is_refused(self):
        loud = (*proposal(TRAINED).changes, Change(path="base", old="x", new="y"))
        values = failed(verdict_on(TRAINED, given=proposal(TRAINED, changes=loud)))["law-diff"][1]
        assert values == ("listed, but not so: base",)

    def test_that_touches_the_base_is_forbidden_with_any_number_of_approvals(self):
        verdict = verdict_on(FOUNDING.model_copy(update={"base": digest("c")}), approvals=99)
        assert verdict.tier is Tier.FORBIDDEN
        assert failed(verdict)["law-tier"][1] == ("base (base): forbidden",)
        assert not verdict.holds and not needs_person(verdict)

    def test_declares_an_intervention_that_changes_nothing_about_its_tier(self):
        new = with_principles(FOUNDING, *PRINCIPLES, principle("x", "core", "0.01"))
        verdict = verdict_on(new, given=proposal(new, intervention=Intervention.STOP))
        assert verdict.tier is Tier.HIGH


def unfit(**weight: Any) -> State:
    bad = PRINCIPLES[0].model_copy(update=weight)
    return with_principles(FOUNDING, bad, *PRINCIPLES[1:])


class TestAStateThatNoRuleCanRead:
    @pytest.mark.parametrize(
        "weight", [Decimal("NaN"), Decimal("Infinity"), Decimal("-0.1"), 0.25, True, "0.25"]
    )
    def test_is_a_named_gap(self, weight):
        new = unfit(weight=weight)
        of = proposal(TRAINED).model_copy(update={"new": new})
        verdict = verdict_on(new, given=of, shown=evidence(proposal(TRAINED)))
        outcome, values = failed(verdict)["law-facts"]
        assert outcome is Outcome.MISSING
        assert values == (f"new: principle honest has weight {weight!r}",)
        assert not verdict.holds

    def test_is_one_with_an_id_given_twice(self):
        new = with_principles(FOUNDING, *PRINCIPLES, PRINCIPLES[0])
        of = proposal(TRAINED).model_copy(update={"new": new})
        verdict = verdict_on(new, given=of, shown=evidence(of))
        assert failed(verdict)["law-facts"][1] == ("new: principle honest is given twice",)


class TestALedger:
    @pytest.mark.parametrize("spent", [Decimal("NaN"), Decimal(-1)])
    def test_that_is_no_number_is_a_named_gap(self, spent):
        bad = Ledgers().model_copy(update={"weight_path": spent})
        step = with_weights(FOUNDING, helpful="0.21", concise="0.14")
        broken = failed(verdict_on(step, ledgers=bad))
        assert broken["law-facts"][1] == (f"ledger weight_path is {spent!r}",)
        assert broken["P08-weight-path"][0] is Outcome.MISSING

    @pytest.mark.parametrize("claimed", [True, 9, "two", 1.0])
    def test_of_approvals_is_nothing_that_a_caller_may_claim(self, claimed):
        of = proposal(with_weights(FOUNDING, helpful="0.21", concise="0.14"))
        verdict = gate.rule(POLICY, FOUNDING, FOUNDING, HEAD, of, evidence(of), Ledgers(), claimed)
        assert not verdict.holds
        assert {r.outcome for r in verdict.rulings} == {Outcome.UNDECIDED}


class TestAGateThatFails:
    def test_leaves_every_rule_undecided_by_name(self, monkeypatch):
        def broken(*_: object, **__: object) -> None:
            raise ZeroDivisionError("planted")

        monkeypatch.setattr(gate, "facts_of", broken)
        verdict = verdict_on(TRAINED)
        assert {r.outcome for r in verdict.rulings} == {Outcome.UNDECIDED}
        assert [r.invariant for r in verdict.rulings] == [r.id for r in POLICY.rules]
        assert "ZeroDivisionError: planted" in verdict.rulings[0].values[0]
        assert not verdict.holds

    @pytest.mark.parametrize("outcome", [Outcome.BROKEN, Outcome.UNDECIDED, Outcome.MISSING])
    def test_is_not_outvoted_the_second_opinion_must_agree(self, outcome):
        of = proposal(TRAINED)
        verdict = gate.rule(
            POLICY,
            FOUNDING,
            FOUNDING,
            HEAD,
            of,
            evidence(of),
            Ledgers(),
            0,
            second=lambda rules, roots: outcome,
        )
        assert failed(verdict) == {} and not verdict.holds


class TestTheGate:
    def test_is_a_function_of_its_arguments(self):
        assert verdict_on(TRAINED) == verdict_on(TRAINED)

    def test_answers_within_a_fraction_of_a_second(self):
        verdict_on(TRAINED)
        started = time.process_time()
        verdict_on(TRAINED)
        assert time.process_time() - started < 0.5

    def test_loads_and_rules_without_z3_and_never_needs_torch(self):
        code = (
            "import sys\n"
            "from invariants.gate import rule\n"
            "from invariants.policy import default_bytes, load\n"
            "from invariants.render import checked, show\n"
            "policy = load(default_bytes())\n"
            "assert show(policy) and checked(policy)\n"
            "assert not {'z3', 'torch', 'numpy', 'scipy'} & set(sys.modules)\n"
        )
        subprocess.run([sys.executable, "-c", code], check=True, timeout=60)

    def test_tells_people_what_failed_with_the_numbers(self):
        text = ruled(verdict_on(TRAINED, safety_pass=None))
        assert "tier low: DENIED, 27 of 28 rules hold" in text
        assert "P11-safety-floor missing: The candidate is not shown to refuse" in text
        assert "evidence has no metric safety_pass" in text

    def test_reads_a_judge_swap_as_one(self):
        new = with_judges(FOUNDING, judge("ann", "ann"), judge("bea", "cy"))
        assert verdict_on(new).tier is Tier.HIGH
