"""What the law offers after a refusal, where people refuse, and where people gave new budget."""

from datetime import timedelta
from decimal import Decimal

import pytest

from agent import finding, inbox, session, settle
from agent.workspace import Workspace
from invariants.approvals import Choice, statement_for
from invariants.facts import Case
from invariants.nearest import offers
from invariants.papers import Paper
from invariants.sshsig import Namespace
from logs.vocabulary import EntryKind, Evidence, Ledgers, Proposal, State
from tests import a_signed_session
from tests.a_command import plimsoll
from tests.a_signed_session import NAME, signed_workspace, stand_in
from tests.keys import ANA, BEN, Person
from tests.law_cases import FOUNDING, with_weights
from tests.sessions import Told, log

FAR = 'principle_reweighted_far = "high"'
"""A long reweighting is for people to decide; a shorter one is not."""


def far(state: State, context: str) -> State:
    return with_weights(state, helpful="0.26", concise="0.09")


@pytest.fixture
def waiting(tmp_path, monkeypatch) -> Workspace:
    """A session whose first proposal reweights so far that people are asked."""
    stand_in(monkeypatch)
    monkeypatch.setattr(a_signed_session, "narrowed", far)
    workspace = signed_workspace(tmp_path / "ws", ANA, BEN, tier=FAR)
    assert session.run(workspace, Told()).reason == session.WAITS
    return workspace


def say(workspace: Workspace, person: Person, choice: Choice) -> None:
    with workspace.journal(read_only=False) as journal:
        (waits,) = [p for p in inbox.pending_in(journal) if p.open]
        now = finding.now()
        text = statement_for(waits.binding, choice, "read it", now=now, valid=timedelta(days=1))
        paper = Paper(statement=text, signature=person.sign(text.encode(), Namespace.APPROVAL))
        inbox.hand_in(journal, waits, paper, workspace.policy.charter.approve, now)


def test_no_other_way_is_offered_after_people_said_no_although_the_law_knows_one(
    waiting, monkeypatch
):
    say(waiting, ANA, Choice.REJECT)
    session.resume(Workspace(waiting.root), Told())
    entries = {entry.key: entry.body for entry in log(waiting)}
    assert entries[f"{NAME}/1/refuse"]["offers"] == []
    proposal = Proposal.model_validate(entries[f"{NAME}/1/act"])
    case = Case(
        founding=FOUNDING,
        old=FOUNDING,
        proposal=proposal,
        evidence=Evidence.model_validate(entries[f"{NAME}/1/trial"]),
        ledgers=Ledgers(),
        approvals=0,
    )
    assert offers(waiting.policy, case) != ()


def test_an_offer_reads_the_ledgers_as_the_law_does_less_what_people_refilled(
    waiting, monkeypatch, tmp_path
):
    for person in (ANA, BEN):
        say(waiting, person, Choice.APPROVE)
    give = ("refill", "weight_path", "0.10", "--reason", "the edits were good")
    where = ("--json", "--workspace", str(waiting.root))
    first = plimsoll(*give, "--key", str(ANA.file(tmp_path)), *where)
    (name,) = first.data["signed"]
    plimsoll(*give, "--id", name, "--key", str(BEN.file(tmp_path)), *where)
    seen: list[Ledgers] = []
    monkeypatch.setattr(settle, "offers", lambda policy, case: seen.append(case.ledgers) or ())
    below = {"helpful": "0.01", "concise": "0.34"}  # under the floor of a core principle
    monkeypatch.setattr(a_signed_session, "narrowed", lambda state, _: with_weights(state, **below))
    session.resume(Workspace(waiting.root), Told())
    kinds = [entry.kind for entry in log(waiting)]
    assert EntryKind.COMMITTED in kinds and kinds[-1] == EntryKind.STOPPED
    with waiting.journal() as journal:
        assert journal.ledgers().weight_path == Decimal("0.12")
    assert [ledgers.weight_path for ledgers in seen] == [Decimal("0.02")]
