"""Only people refill a ledger, by signature; a rollback gives nothing back."""

from datetime import timedelta
from decimal import Decimal

import pytest

from invariants.papers import Paper
from invariants.refills import Filed, Refillable, count, net, refill_for
from invariants.roles import Role
from invariants.sshsig import Flaw, Namespace
from logs.canonical import digest_of
from logs.vocabulary import Commit, Intervention, Ledgers
from tests.keys import ANA, BEN, CAT, EVE, Person
from tests.law_cases import (
    DAY,
    FOUNDING,
    NOW,
    digest,
    failed,
    proposal,
    verdict_on,
    with_weights,
)

ROLE = Role({p.key: p.name for p in (ANA, BEN, CAT)}, threshold=2)
LOG, POLICY = digest("a"), digest("b")
ID = "0123456789abcdef"


def filed(
    person: Person,
    amount: str = "0.20",
    *,
    ledger: Refillable = Refillable.WEIGHT_PATH,
    log: str = LOG,
    policy: str = POLICY,
    valid: timedelta = DAY,
    refill: str = ID,
    namespace: str = Namespace.REFILL,
) -> Filed:
    text = refill_for(
        ledger,
        Decimal(amount),
        "reviewed",
        log=log,
        policy=policy,
        now=NOW,
        valid=valid,
        refill=refill,
    )
    return Filed(Paper(statement=text, signature=person.sign(text.encode(), namespace)), NOW)


def counted(*papers: Filed, role: Role | None = ROLE):
    return count(role, papers, log=LOG, policies=frozenset({POLICY}))


class TestARefill:
    def test_counts_once_two_of_three_signed_it(self):
        assert counted(filed(ANA)).amounts == {}
        two = counted(filed(ANA), filed(BEN))
        assert two.amounts == {"weight_path": Decimal("0.20")}
        three = counted(filed(ANA), filed(BEN), filed(CAT))
        assert three.amounts == two.amounts

    def test_of_another_id_counts_beside_it(self):
        other = "f" * 16
        papers = [filed(p, refill=i) for i in (ID, other) for p in (ANA, BEN)]
        assert counted(*papers).amounts == {"weight_path": Decimal("0.40")}

    @pytest.mark.parametrize(
        ("paper", "flaw"),
        [
            (filed(EVE), Flaw.UNKNOWN_KEY),
            (filed(BEN, namespace=Namespace.APPROVAL), Flaw.WRONG_NAMESPACE),
            (filed(BEN, log=digest("9")), Flaw.OTHER_LOG),
            (filed(BEN, policy=digest("9")), Flaw.OTHER_POLICY),
            (filed(BEN, valid=timedelta(0)), Flaw.EXPIRED),
            (filed(BEN, "0.90"), Flaw.ALTERED),
            (filed(ANA), Flaw.SAME_KEY_TWICE),
            (filed(BEN, "-1"), Flaw.MALFORMED),
            (filed(BEN, "0"), Flaw.MALFORMED),
        ],
        ids=lambda given: given.name if isinstance(given, Flaw) else "",
    )
    def test_that_is_forged_gives_nothing_and_has_a_name(self, paper, flaw):
        found = counted(filed(ANA), paper)
        assert [fault.flaw for fault in found.faults] == [flaw]
        assert found.amounts == {}

    def test_of_the_same_paper_twice_is_replayed(self):
        one = filed(ANA)
        assert [f.flaw for f in counted(one, one).faults] == [Flaw.REPLAYED]

    def test_never_makes_a_ledger_negative_and_touches_no_other(self):
        spent = Ledgers(weight_path=Decimal("0.10"), alpha=Decimal("0.3"), audit_labels=7)
        left = net(spent, counted(filed(ANA), filed(BEN)))
        assert left == spent.model_copy(update={"weight_path": Decimal(0)})

    def test_lets_an_edit_pass_that_the_spent_budget_refuses(self):
        step = with_weights(FOUNDING, helpful="0.21", concise="0.14")
        spent = Ledgers(weight_path=Decimal("0.40"))
        assert "P08-weight-path" in failed(verdict_on(step, ledgers=spent))
        refilled = net(spent, counted(filed(ANA), filed(BEN)))
        assert failed(verdict_on(step, ledgers=refilled)) == {}


class TestARollback:
    def test_gives_nothing_back(self, tmp_path):
        from logs.journal import Journal

        away = with_weights(FOUNDING, helpful="0.21", concise="0.14")
        first = Commit(
            parent=None,
            session="s",
            iteration=0,
            state=FOUNDING,
            proposal=None,
            evidence=None,
            verdict=None,
        )
        moved = first.model_copy(update={"parent": digest_of(first), "iteration": 1, "state": away})
        back = moved.model_copy(
            update={
                "parent": digest_of(moved),
                "restores": digest_of(first),
                "iteration": 2,
                "state": FOUNDING,
            }
        )
        with Journal(tmp_path / "log.sqlite") as journal:
            journal.commit(first, expected_head=None)
            spend = Ledgers(weight_path=Decimal("0.02"))
            journal.commit(moved, expected_head=digest_of(first), spend=spend)
            journal.commit(back, expected_head=digest_of(moved))
            assert journal.ledgers() == spend

    def test_is_possible_when_every_budget_is_spent(self):
        away = with_weights(FOUNDING, helpful="0.21", concise="0.14")
        ancestor = Commit(
            parent=None,
            session="s",
            iteration=1,
            state=FOUNDING,
            proposal=None,
            evidence=None,
            verdict=None,
        )
        back = proposal(
            FOUNDING,
            away,
            intervention=Intervention.ROLL_BACK,
            restores=digest_of(ancestor),
        )
        spent = Ledgers(weight_path=Decimal(9), alpha=Decimal(9))
        verdict = verdict_on(FOUNDING, old=away, given=back, restored=ancestor, ledgers=spent)
        assert failed(verdict) == {}
