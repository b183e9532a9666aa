"""An approval counts for one transition, once, by one key; every forgery has a name."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from invariants.approvals import Ballot, Binding, Choice, count, statement_for
from invariants.gate import binding_of, needs_person, rule
from invariants.papers import Paper
from invariants.policy import Policy
from invariants.roles import Charter, Role
from invariants.sshsig import Flaw, Namespace
from logs.vocabulary import Ledgers, Tier
from tests.keys import ANA, BEN, CAT, EVE, Person
from tests.law_cases import (
    DAY,
    FOUNDING,
    HEAD,
    NOW,
    POLICY,
    PRINCIPLES,
    digest,
    evidence,
    failed,
    principle,
    proposal,
    with_principles,
)

TWO_OF_THREE = Role({p.key: p.name for p in (ANA, BEN, CAT)}, threshold=2)
HERE = Binding(proposal=digest("1"), head=digest("2"), policy=digest("3"), evidence=digest("4"))


def paper(
    person: Person = ANA,
    binding: Binding = HERE,
    choice: Choice = Choice.APPROVE,
    *,
    valid: timedelta = DAY,
    namespace: str = Namespace.APPROVAL,
) -> Paper:
    text = statement_for(binding, choice, "read it", now=NOW, valid=valid)
    return Paper(statement=text, signature=person.sign(text.encode(), namespace))


def altered(given: Paper, **fields: str) -> Paper:
    text = json.dumps(json.loads(given.statement) | fields)
    return given.model_copy(update={"statement": text})


def tally(*papers: Paper, role: Role | None = TWO_OF_THREE, spent: frozenset[str] = frozenset()):
    return count(role, HERE, Ballot(papers, NOW, spent))


def nonce(given: Paper) -> str:
    return json.loads(given.statement)["nonce"]


class TestPapers:
    def test_of_two_people_count_as_two(self):
        found = tally(paper(ANA), paper(BEN))
        assert found.approvals == 2 and found.faults == []

    def test_of_one_no_and_two_yes_count_as_nothing(self):
        found = tally(paper(ANA), paper(BEN), paper(CAT, choice=Choice.REJECT))
        assert found.approvals == 0 and set(found.reject) == {CAT.key}

    def test_without_a_role_count_as_nothing(self):
        assert tally(paper(), role=None).approvals == 0


ONE = paper()
FORGERIES = {
    "same key twice": ([paper(), paper()], Flaw.SAME_KEY_TWICE, 1),
    "the same paper twice": ([ONE, ONE], Flaw.REPLAYED, 1),
    "the nonce of another paper": ([ONE], Flaw.REPLAYED, 0),
    "wrong namespace": ([paper(namespace=Namespace.POLICY)], Flaw.WRONG_NAMESPACE, 0),
    "a namespace of somebody else": ([paper(namespace="git")], Flaw.WRONG_NAMESPACE, 0),
    "expired": ([paper(valid=timedelta(0))], Flaw.EXPIRED, 0),
    "stale HEAD": (
        [paper(binding=HERE.model_copy(update={"head": digest("9")}))],
        Flaw.STALE_HEAD,
        0,
    ),
    "another proposal": (
        [paper(binding=HERE.model_copy(update={"proposal": digest("9")}))],
        Flaw.OTHER_PROPOSAL,
        0,
    ),
    "another policy": (
        [paper(binding=HERE.model_copy(update={"policy": digest("9")}))],
        Flaw.OTHER_POLICY,
        0,
    ),
    "other evidence": (
        [paper(binding=HERE.model_copy(update={"evidence": digest("9")}))],
        Flaw.OTHER_EVIDENCE,
        0,
    ),
    "unknown key": ([paper(EVE)], Flaw.UNKNOWN_KEY, 0),
    "a reason put into somebody's mouth": ([altered(ONE, reason="all fine")], Flaw.ALTERED, 0),
    "a no turned into a yes": (
        [altered(paper(choice=Choice.REJECT), decision="approve")],
        Flaw.ALTERED,
        0,
    ),
    "no signature": ([ONE.model_copy(update={"signature": "trust me"})], Flaw.MALFORMED, 0),
}


class TestAForgery:
    @pytest.mark.parametrize("which", FORGERIES)
    def test_is_refused_by_its_name(self, which):
        papers, flaw, counted = FORGERIES[which]
        spent = frozenset({nonce(ONE)} if which == "the nonce of another paper" else ())
        found = tally(*papers, spent=spent)
        assert [fault.flaw for fault in found.faults] == [flaw]
        assert found.approvals == counted

    @pytest.mark.parametrize(
        "text",
        [
            "[]",
            "{}",
            "not json",
            '{"format": "plimsoll-approval/1", "format": "plimsoll-approval/1"}',
            ONE.statement.replace('"approve"', '"aprove"'),
            ONE.statement.replace('"reason": "read it"', '"reason": ""'),
            ONE.statement.replace("+00:00", ""),
            ONE.statement.replace('"nonce"', '"extra": NaN, "nonce"'),
        ],
    )
    def test_that_is_well_signed_but_no_statement_is_malformed(self, text):
        signed = Paper(statement=text, signature=ANA.sign(text.encode(), Namespace.APPROVAL))
        found = tally(signed)
        assert [fault.flaw for fault in found.faults] == [Flaw.MALFORMED]
        assert found.approvals == 0


class TestTheGate:
    """The whole law on a change of high tier, under a policy with 2-of-3 approvers."""

    policy: Policy = replace(POLICY, charter=Charter(approve=TWO_OF_THREE))
    new = with_principles(
        FOUNDING,
        *PRINCIPLES[:2],
        principle("helpful", "core", "0.20", contexts=("a",)),
        *PRINCIPLES[3:],
    )

    def verdict(self, *papers_of: Person, head: str = HEAD):
        of = proposal(self.new)
        shown = evidence(of)
        binding = binding_of(self.policy, head, of, shown)
        ballot = Ballot(tuple(paper(person, binding) for person in papers_of), NOW)
        return rule(self.policy, FOUNDING, FOUNDING, HEAD, of, shown, Ledgers(), ballot)

    def test_waits_for_people_below_the_threshold(self):
        for people in ((), (ANA,), (ANA, ANA), (ANA, EVE)):
            verdict = self.verdict(*people)
            assert verdict.tier is Tier.HIGH and not verdict.holds
            assert "law-approvals" in failed(verdict)
            assert needs_person(verdict)

    def test_passes_with_two_keys_and_says_whose(self):
        verdict = self.verdict(ANA, BEN)
        assert verdict.holds
        (said,) = [r.values[0] for r in verdict.rulings if r.invariant == "law-approvals"]
        assert said.startswith("change.approvals = 2: ana SHA256:") and "ben SHA256:" in said

    def test_names_the_papers_that_do_not_count(self):
        _, values = failed(self.verdict(ANA, BEN, head=digest("9")))["law-approvals"]
        assert values[0].count("stale HEAD") == 2

    def test_says_in_every_verdict_that_a_policy_is_unsigned(self):
        (said,) = [r for r in self.verdict().rulings if r.invariant == "law-signatures"]
        assert said.values == ("unsigned",)

    def test_refuses_everything_under_a_policy_that_too_few_signed(self):
        half = replace(POLICY, charter=Charter(policy=TWO_OF_THREE))
        of = proposal(FOUNDING)
        verdict = rule(half, FOUNDING, FOUNDING, HEAD, of, evidence(of), Ledgers())
        _, values = failed(verdict)["law-signatures"]
        assert values == ("signed by 0 of 3, 2 needed",)
        assert not verdict.holds
