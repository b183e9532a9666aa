"""A proposal of high tier waits for people, survives a restart, and is applied once."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from agent import finding, inbox, session
from agent.workspace import POLICY, Workspace
from invariants.approvals import Choice, statement_for
from invariants.papers import Paper
from invariants.policy import default_bytes
from invariants.sshsig import Flaw, Namespace
from logs.errors import PlimsollError, Refused, Stale, UsageError
from logs.vocabulary import EntryKind
from tests.a_command import plimsoll
from tests.a_signed_session import NAME, Died, DiesAt, sign_beside, signed_workspace, stand_in
from tests.keys import ANA, BEN, CAT, EVE, Person
from tests.sessions import Told, log

DAY = timedelta(days=1)
WAITS = 5


@pytest.fixture(autouse=True)
def without_training(monkeypatch):
    stand_in(monkeypatch)


@pytest.fixture
def waiting(tmp_path) -> Workspace:
    """A session whose first proposal waits."""
    workspace = signed_workspace(tmp_path / "ws", ANA, BEN)
    ending = session.run(workspace, Told())
    assert (ending.exit_code, ending.reason) == (WAITS, session.WAITS)
    return workspace


def again(workspace: Workspace) -> Workspace:
    """The same workspace, as another process finds it."""
    return Workspace(workspace.root)


def pending(workspace: Workspace) -> inbox.Pending:
    with workspace.journal() as journal:
        return [p for p in inbox.pending_in(journal) if p.open][-1]


def say(
    workspace: Workspace,
    person: Person,
    choice: Choice = Choice.APPROVE,
    space: str = Namespace.APPROVAL,
) -> Paper:
    """Hand in what one person says of the proposal that waits."""
    waits = pending(workspace)
    text = statement_for(waits.binding, choice, "read it", now=finding.now(), valid=DAY)
    paper = Paper(statement=text, signature=person.sign(text.encode(), space))
    hand_in(workspace, paper)
    return paper


def hand_in(workspace: Workspace, paper: Paper) -> None:
    role = workspace.policy.charter.approve
    with workspace.journal(read_only=False) as journal:
        waits = [p for p in inbox.pending_in(journal) if p.open][-1]
        inbox.hand_in(journal, waits, paper, role, finding.now())


def committed(workspace: Workspace) -> list[int]:
    return [e.iteration for e in log(workspace) if e.kind is EntryKind.COMMITTED]


class TestAProposalOfHighTier:
    def test_waits_and_a_restart_neither_loses_nor_applies_it(self, waiting):
        before = [e.key for e in log(waiting, None)]
        ending = session.resume(again(waiting), Told())
        assert ending.exit_code == WAITS
        assert [e.key for e in log(waiting, None)] == before
        assert not any(e.kind is EntryKind.STOPPED for e in log(waiting))

    def test_is_not_applied_by_one_key(self, waiting):
        say(waiting, ANA)
        assert session.resume(again(waiting), Told()).exit_code == WAITS
        assert committed(waiting) == [0]

    def test_is_applied_once_by_two_keys_and_the_session_goes_on(self, waiting):
        say(waiting, ANA)
        session.resume(again(waiting), Told())
        say(waiting, CAT)
        ending = session.resume(again(waiting), Told())
        assert committed(waiting) == [0, 1]
        assert ending.exit_code == WAITS  # the second turn's proposal
        assert pending(waiting).asked.iteration == 2
        session.resume(again(waiting), Told())
        assert committed(waiting) == [0, 1]
        verdict = next(e for e in log(waiting) if e.key == f"{NAME}/1/gate-again").body
        said = {r["invariant"]: r["values"] for r in verdict["rulings"]}
        assert said["law-approvals"][0].startswith("change.approvals = 2: ana SHA256:")
        assert said["law-signatures"] == ["signed by 2 of 3, 2 needed: ana, ben"]

    def test_is_refused_by_one_signed_no(self, waiting):
        say(waiting, ANA)
        say(waiting, BEN, Choice.REJECT)
        session.resume(again(waiting), Told())
        refused = next(e for e in log(waiting) if e.kind is EntryKind.REFUSED)
        assert refused.body["because"].startswith("rejected by ben: read it")
        assert committed(waiting) == [0]
        assert pending(waiting).asked.iteration == 2

    def test_expires_to_no_although_two_approved(self, waiting, monkeypatch):
        say(waiting, ANA)
        say(waiting, BEN)
        later = finding.now() + timedelta(hours=49)
        monkeypatch.setattr(finding, "now", lambda: later)
        session.resume(again(waiting), Told())
        answer = next(e for e in log(waiting) if e.key == f"{NAME}/1/answer")
        assert answer.body["decision"] == "expired"
        assert committed(waiting) == [0]

    def test_ends_the_session_once_everything_is_answered(self, waiting):
        for _ in range(2):
            say(waiting, ANA)
            say(waiting, BEN)
            ending = session.resume(again(waiting), Told())
        assert ending.exit_code == 0
        assert committed(waiting) == [0, 1, 2]

    def test_counts_a_key_again_whose_first_statement_ran_out(self, waiting, monkeypatch):
        say(waiting, ANA)
        later = finding.now() + timedelta(hours=30)
        monkeypatch.setattr(finding, "now", lambda: later)
        say(waiting, BEN)
        assert session.resume(again(waiting), Told()).exit_code == WAITS
        assert committed(waiting) == [0]
        say(waiting, ANA)
        session.resume(again(waiting), Told())
        assert committed(waiting) == [0, 1]

    @pytest.mark.parametrize("step", ["answer", "gate-again", "commit", "record"])
    def test_is_applied_once_whenever_the_process_dies(self, waiting, step):
        say(waiting, ANA)
        say(waiting, BEN)
        with pytest.raises(Died):
            session.resume(again(waiting), DiesAt(step))
        session.resume(again(waiting), Told())
        assert committed(waiting) == [0, 1]
        keys = [e.key for e in log(waiting)]
        assert len(keys) == len(set(keys))
        assert pending(waiting).asked.iteration == 2

    @pytest.mark.parametrize("step", ["gate", "ask"])
    def test_waits_although_the_process_died_while_it_asked(self, tmp_path, step):
        workspace = signed_workspace(tmp_path / "ws", ANA, BEN)
        with pytest.raises(Died):
            session.run(workspace, DiesAt(step))
        assert session.resume(again(workspace), Told()).exit_code == WAITS
        assert pending(workspace).asked.iteration == 1


class TestAForgedPaper:
    @pytest.mark.parametrize(
        ("person", "space", "flaw"),
        [(EVE, Namespace.APPROVAL, Flaw.UNKNOWN_KEY), (ANA, "file", Flaw.WRONG_NAMESPACE)],
    )
    def test_is_not_taken_in(self, waiting, person, space, flaw):
        with pytest.raises(Refused, match=f"does not count: {flaw}"):
            say(waiting, person, space=space)
        assert pending(waiting).papers == ()

    def test_by_the_same_key_twice_is_not_taken_in(self, waiting):
        say(waiting, ANA)
        with pytest.raises(Refused, match=Flaw.SAME_KEY_TWICE):
            say(waiting, ANA)

    def test_that_was_used_before_is_not_taken_in_again(self, waiting):
        paper = say(waiting, ANA)
        with pytest.raises(Refused, match=Flaw.REPLAYED):
            hand_in(waiting, paper)

    def test_of_the_first_proposal_is_nothing_for_the_second(self, waiting):
        first = say(waiting, ANA)
        say(waiting, BEN)
        session.resume(again(waiting), Told())
        with pytest.raises(Stale, match=Flaw.STALE_HEAD):
            hand_in(waiting, first)

    def test_written_into_the_log_past_the_door_is_not_counted_by_the_gate(self, waiting):
        waits = pending(waiting)
        text = statement_for(waits.binding, Choice.APPROVE, "me too", now=finding.now(), valid=DAY)
        say(waiting, ANA)
        forged = Paper(statement=text, signature=EVE.sign(text.encode(), Namespace.APPROVAL))
        with waiting.journal(read_only=False) as journal:
            journal.append(
                EntryKind.ANSWERED,
                session="person",
                iteration=waits.asked.seq,
                step="paper-approve-by-ben",
                body={"by": "ben", "decision": "approve", "paper": forged.model_dump()},
            )
        assert session.resume(again(waiting), Told()).exit_code == WAITS
        assert committed(waiting) == [0]


class TestTheCommands:
    def test_list_show_and_sign_what_waits(self, waiting, tmp_path):
        where = ("--workspace", str(waiting.root))
        listed = plimsoll("inbox", "list", "--json", *where)
        (row,) = listed.data
        assert listed.code == WAITS and row["approvals"] == "0 of 2"
        name = row["digest"][:8]
        shown = plimsoll("inbox", "show", name, "--json", *where).data
        assert shown["tier"] == "high" and any("law-approvals" in b for b in shown["broken"])
        key, why = str(ANA.file(tmp_path)), ("--reason", "read it")
        first = plimsoll("approve", name, "--key", key, *why, "--json", *where)
        assert first.data["approvals"] == 1, first.err
        twice = plimsoll("approve", name, "--key", key, *why, "--json", *where)
        assert twice.code == 3 and "same key twice" in twice.error["what"]
        elsewhere = tmp_path / "statement.json"
        asked = plimsoll("approve", name, "--statement", *why, "--json", *where)
        elsewhere.write_text(asked.data["statement"])
        signature = BEN.sign(elsewhere.read_bytes(), Namespace.APPROVAL)
        Path(f"{elsewhere}.sig").write_text(signature)
        second = plimsoll("approve", name, "--signed", str(elsewhere), "--json", *where)
        assert second.data["approvals"] == 2, second.err
        session.resume(again(waiting), Told())
        assert committed(waiting) == [0, 1]

    def test_say_who_signed_the_policy(self, tmp_path):
        workspace = signed_workspace(tmp_path / "ws", ANA)
        where = ("--workspace", str(workspace.root))
        asked = plimsoll("policy", "verify", "--json", *where)
        assert asked.code == 3
        assert asked.data["policy_is"] == "signed by 1 of 3, 2 needed: ana"
        for what in ((), ("--constitution",)):
            key = str(BEN.file(tmp_path))
            assert plimsoll("policy", "sign", "--key", key, *what, *where).code == 0
        assert plimsoll("policy", "verify", "--json", *where).data["verified"] == "yes"
        stranger = plimsoll("policy", "sign", "--key", str(EVE.file(tmp_path)), *where)
        assert stranger.code == 3 and "not one that the policy names" in stranger.err


class TestAPolicyOfTooFewSigners:
    def test_founds_nothing(self, tmp_path):
        workspace = signed_workspace(tmp_path / "ws", ANA)
        with pytest.raises(Refused, match="policy is not signed by enough"):
            session.run(workspace, Told())
        assert log(workspace, None) == []


class TestTheNextVersion:
    def test_is_taken_when_old_and_new_people_signed_and_never_an_older_one(self, waiting):
        path = waiting.root / POLICY
        first = path.read_bytes()
        named = f'previous = "sha256:{waiting.policy.digest}"\n'.encode()
        path.write_bytes(first.replace(b"version = 1\n", b"version = 2\n" + named, 1))
        with pytest.raises(PlimsollError):  # nobody signed it
            session.resume(again(waiting), Told())
        for file in waiting.root.glob("policy.toml.*.sig"):
            file.unlink()
        sign_beside(path, Namespace.POLICY, BEN, CAT)
        session.resume(again(waiting), Told())
        adopted = [e.body["version"] for e in log(waiting, "person") if "version" in e.body]
        assert adopted == [1, 2]
        stale = next(e for e in log(waiting) if e.key == f"{NAME}/1/answer")
        assert stale.body["decision"] == "stale"
        path.write_bytes(first)
        for file in waiting.root.glob("policy.toml.*.sig"):
            file.unlink()
        sign_beside(path, Namespace.POLICY, ANA, BEN)
        with pytest.raises(Refused, match="an older policy is never taken back"):
            session.resume(again(waiting), Told())

    def test_of_an_unsigned_workspace_is_refused_and_the_record_says_unsigned(self, tmp_path):
        workspace = signed_workspace(tmp_path / "ws")
        path, where = workspace.root / POLICY, ("--workspace", str(workspace.root))
        path.write_bytes(default_bytes())
        assert session.run(again(workspace), Told()).exit_code == WAITS
        entry = next(e for e in log(workspace, "person") if e.kind is EntryKind.ADOPTED)
        assert entry.body["signed"] == "unsigned"
        assert "unsigned" in json.dumps([e.body for e in log(workspace) if e.kind == "ruled"])
        closed = [e.body["policy_signed"] for e in log(workspace) if e.kind == "recorded"]
        assert closed == ["unsigned"]
        assert "UNSIGNED: nobody signed" in plimsoll("log", "verify", *where).out
        said = plimsoll("policy", "verify", "--json", *where).data
        assert (said["policy_is"], said["verified"]) == ("unsigned", "unsigned")
        path.write_bytes(default_bytes().replace(b"version = 1\n", b"version = 2\n", 1))
        with pytest.raises(UsageError, match="not the one that this workspace was founded under"):
            session.found(again(workspace), Told())
        with pytest.raises(UsageError, match="not the one that this workspace was founded under"):
            session.rollback(again(workspace), "HEAD~1", reason="under my own law", dry_run=True)

    def test_of_an_unsigned_workspace_says_so_aloud_at_the_end_of_a_run(self, tmp_path):
        workspace = signed_workspace(tmp_path / "ws")
        (workspace.root / POLICY).write_bytes(default_bytes())
        said = plimsoll("run", "--workspace", str(workspace.root))
        assert said.code == WAITS
        assert "the policy is UNSIGNED" in said.err
