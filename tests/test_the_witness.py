"""What people signed can be walked back to, and what was changed of it afterwards is noticed."""

import json
import shutil
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agent import finding, inbox, session
from agent.testimony import said_of
from agent.witness import QUESTIONS, verify_all
from agent.workspace import CONSTITUTION, POLICY, Workspace
from invariants.approvals import Choice, statement_for
from invariants.papers import Paper
from invariants.policy import default_bytes
from invariants.sshsig import Namespace
from logs.journal import Journal
from logs.vocabulary import Commit, EntryKind, LogEntry
from logs.why import why
from tests.a_command import plimsoll
from tests.a_signed_session import sign_beside, signed_workspace, stand_in
from tests.keys import ANA, BEN, CAT, EVE, Person
from tests.sessions import Told, log

FILES, PAPERS, COMMITS = (
    "signed files are as they were",
    "what people said is signed",
    "commits obey a policy in force",
)
POLICIES, REFILLS = "policies are those people signed", "refills are signed"


@pytest.fixture(scope="module")
def approved(tmp_path_factory) -> Workspace:
    """A session whose first proposal two people approved, and whose second one waits."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        stand_in(monkeypatch)
        workspace = signed_workspace(tmp_path_factory.mktemp("approved") / "ws", ANA, BEN)
        session.run(workspace, Told())
        for person, reason in ((ANA, "read the diff"), (BEN, "agreed with ana")):
            hand_in(workspace, person, reason)
        session.resume(Workspace(workspace.root), Told())
    return workspace


@pytest.fixture
def own(approved, tmp_path) -> Workspace:
    """A copy that a test may change."""
    return Workspace(Path(shutil.copytree(approved.root, tmp_path / "own")))


def hand_in(
    workspace: Workspace, person: Person, reason: str, valid: timedelta = timedelta(days=1)
) -> None:
    with workspace.journal(read_only=False) as journal:
        waits = [p for p in inbox.pending_in(journal) if p.open][-1]
        text = statement_for(waits.binding, Choice.APPROVE, reason, now=finding.now(), valid=valid)
        paper = Paper(statement=text, signature=person.sign(text.encode(), Namespace.APPROVAL))
        role = workspace.policy.charter.approve
        inbox.hand_in(journal, waits, paper, role, finding.now())


def bad(workspace: Workspace) -> dict[str, str]:
    """What is not as it should be, by question."""
    answers = verify_all(Workspace(workspace.root))
    asked = (a for a in answers if a.name in QUESTIONS)  # what the stand-ins commit has no weights
    return {answer.name: answer.detail for answer in asked if answer.ok is False}


def rewritten(
    workspace: Workspace, to: Path, change: Callable[[LogEntry], dict[str, Any] | None]
) -> Workspace:
    """The same workspace with a log that somebody wrote anew as a whole, hashes and all."""
    shutil.copytree(workspace.root, to, ignore=shutil.ignore_patterns("plimsoll.sqlite*"))
    with Journal(to / "plimsoll.sqlite") as journal:
        for entry in log(workspace, None):
            body = change(entry)
            if body is None:
                continue
            if entry.kind is EntryKind.COMMITTED:
                journal.commit(Commit.model_validate(body), expected_head=journal.head())
                continue
            where = {"session": entry.session, "iteration": entry.iteration}
            step = entry.key.rsplit("/", 1)[1]
            journal.append(entry.kind, **where, step=step, body=body, spend=entry.spend)
    return Workspace(to)


class TestWhy:
    def test_walks_from_a_commit_to_those_who_approved_it(self, approved):
        where = ("--workspace", str(approved.root))
        said = plimsoll("log", "why", "HEAD", "--content", *where).out
        for person, reason in ((ANA, "read the diff"), (BEN, "agreed with ana")):
            assert f"approve by {person.name} {person.key.fingerprint}" in said
            assert reason in said
        told = plimsoll("log", "why", "HEAD", "--json", "--content", *where).data["people"]
        commit = [entry.body for entry in log(approved) if entry.kind == "committed"][-1]
        for one in told:
            assert one["over"]["proposal"] == commit["proposal"]
            assert one["over"]["evidence"] == commit["evidence"]
            assert one["over"]["head"] == commit["parent"]
            assert one["over"]["policy"] == approved.policy.digest
            assert one["at"] and one["expires"] and one["entry"]

    def test_hides_what_they_wrote_unless_it_is_asked_for(self, approved):
        where = ("--workspace", str(approved.root))
        for form in ((), ("--json",)):
            said = plimsoll("log", "why", "HEAD", *form, *where).out
            assert "read the diff" not in said and "hidden" in said

    def test_says_of_a_paper_in_the_log_that_nobody_signed_that_it_does_not_count(self, own):
        with own.journal(read_only=False) as journal:
            asked = next(p for p in inbox.pending_in(journal) if p.open).asked
            forge(journal, asked.seq)
            turn = why(journal, str(asked.seq)).turn
            (said,) = said_of(journal, turn)
        assert said.does_not_count.startswith("unknown key")
        assert (said.by, said.reason) == ("", "")

    def test_tells_of_no_people_where_none_were_asked(self, approved):
        where = ("--workspace", str(approved.root))
        assert plimsoll("log", "why", "HEAD~1", "--json", *where).data["people"] == []


def forge(journal: Journal, asked: int) -> None:
    """A paper signed by Eve, written past the door as if Ben had signed it."""
    waits = next(p for p in inbox.pending_in(journal) if p.asked.seq == asked)
    text = statement_for(
        waits.binding, Choice.APPROVE, "me too", now=finding.now(), valid=timedelta(days=1)
    )
    paper = Paper(statement=text, signature=EVE.sign(text.encode(), Namespace.APPROVAL))
    body = {"by": "ben", "decision": "approve", "paper": paper.model_dump()}
    where = {"session": "person", "iteration": asked}
    journal.append(EntryKind.ANSWERED, **where, step="paper-forged", body=body)


class TestAWorkspaceThatNobodyTouched:
    def test_is_verified_with_everything_that_people_signed(self, approved):
        answers = {a.name: a for a in verify_all(approved)}
        assert [answers[name].ok for name in QUESTIONS] == [True] * 5
        assert answers[POLICIES].detail == "version 1 is signed by 2 of 3, 2 needed: ana, ben"
        assert answers[COMMITS].detail.startswith("1 of high tier")
        assert answers[PAPERS].detail == "2 signed statements about proposals"

    def test_may_bear_one_more_signature_later_and_a_draft_of_the_next_version(self, own):
        sign_beside(own.root / POLICY, Namespace.POLICY, CAT)
        assert bad(own) == {}
        text = (own.root / POLICY).read_bytes()
        named = f'version = 2\nprevious = "sha256:{own.policy.digest}"\n'.encode()
        (own.root / POLICY).write_bytes(text.replace(b"version = 1\n", named, 1))
        (answer,) = [a for a in verify_all(Workspace(own.root)) if a.name == FILES]
        assert answer.ok is None and answer.detail.startswith("version 2 lies there, signed by 0")

    def test_may_hold_a_statement_that_ran_out_beside_a_later_one_of_the_same_key(self, own):
        hand_in(own, CAT, "at first sight", valid=timedelta(seconds=5))
        time.sleep(5.1)
        hand_in(own, CAT, "at second sight")
        (answer,) = [a for a in verify_all(own) if a.name == PAPERS]
        assert (answer.ok, answer.detail) == (True, "4 signed statements about proposals")


class TestAFileChangedAfterwards:
    @pytest.mark.parametrize("name", [POLICY, CONSTITUTION])
    def test_is_noticed(self, own, name):
        path = own.root / name
        path.write_bytes(path.read_bytes() + b"\n# harmless\n")
        assert f"{name} is another one" in bad(own)[FILES]

    @pytest.mark.parametrize("name", [POLICY, CONSTITUTION])
    def test_is_noticed_when_it_is_gone(self, own, name):
        (own.root / name).unlink()
        assert bad(own)[FILES] == f"{name} is gone"

    @pytest.mark.parametrize("name", [POLICY, CONSTITUTION])
    def test_is_noticed_when_it_is_a_signature_that_was_removed(self, own, name):
        (own.root / f"{name}.ben.sig").unlink()
        assert f"the signature of {name} by ben was altered or removed" in bad(own)[FILES]
        assert "signed by 1 of 3" in bad(own)[FILES]

    @pytest.mark.parametrize("name", [POLICY, CONSTITUTION])
    def test_is_noticed_when_it_is_a_signature_that_was_altered(self, own, name):
        path = own.root / f"{name}.ben.sig"
        path.write_text(BEN.sign(b"something else", Namespace.POLICY))
        assert f"the signature of {name} by ben was altered or removed" in bad(own)[FILES]

    def test_makes_the_command_say_no(self, own):
        (own.root / f"{POLICY}.ben.sig").unlink()
        said = plimsoll("log", "verify", "--workspace", str(own.root))
        assert said.code == 4 and f"BAD  {FILES}: the signature of {POLICY} by ben" in said.out


class TestALogWrittenAnewAsAWhole:
    def test_is_verified_when_nothing_in_it_was_changed(self, approved, tmp_path):
        same = rewritten(approved, tmp_path / "same", lambda entry: entry.body)
        assert bad(same) == {}

    def test_is_noticed_when_a_reason_was_put_into_somebodys_mouth(self, approved, tmp_path):
        def change(entry: LogEntry) -> dict[str, Any]:
            return json.loads(json.dumps(entry.body).replace("agreed with ana", "agreed with eve"))

        found = bad(rewritten(approved, tmp_path / "other", change))
        assert "altered statement" in found[PAPERS] and "altered statement" in found[COMMITS]

    def test_is_noticed_when_an_approval_was_removed(self, approved, tmp_path):
        def change(entry: LogEntry) -> dict[str, Any] | None:
            return None if entry.body.get("by") == "ben" else entry.body

        found = bad(rewritten(approved, tmp_path / "other", change))
        assert "was counted from other papers" in found[PAPERS]

    def test_is_noticed_when_an_approval_was_removed_from_the_answer_too(self, approved, tmp_path):
        def change(entry: LogEntry) -> dict[str, Any] | None:
            if entry.body.get("by") == "ben":
                return None
            cut = {"papers": entry.body["papers"][:1]} if "papers" in entry.body else {}
            return entry.body | cut

        found = bad(rewritten(approved, tmp_path / "other", change))
        assert "approved by 1 keys, 2 needed" in found[COMMITS]

    def test_is_noticed_when_nobody_was_asked(self, approved, tmp_path):
        def change(entry: LogEntry) -> dict[str, Any] | None:
            return None if entry.kind in ("asked", "answered") else entry.body

        found = bad(rewritten(approved, tmp_path / "other", change))
        assert "that nobody answered" in found[COMMITS]

    def test_is_noticed_when_a_signature_of_the_policy_was_taken_out(self, approved, tmp_path):
        def change(entry: LogEntry) -> dict[str, Any]:
            cut = {"signatures": entry.body["signatures"][:1]} if "signatures" in entry.body else {}
            return entry.body | cut

        found = bad(rewritten(approved, tmp_path / "other", change))
        assert "signed by 1 of 3" in found[POLICIES]

    def test_is_noticed_when_the_policy_itself_was_left_out(self, approved, tmp_path):
        def change(entry: LogEntry) -> dict[str, Any] | None:
            return None if entry.kind is EntryKind.ADOPTED else entry.body

        found = bad(rewritten(approved, tmp_path / "other", change))
        assert found[FILES] == "the policy names who signs it, but the log keeps no policy"

    def test_is_noticed_when_its_policy_is_another_text(self, approved, tmp_path):
        def change(entry: LogEntry) -> dict[str, Any]:
            lax = {"text": default_bytes().decode()} if "text" in entry.body else {}
            return entry.body | lax

        assert (
            "another policy than the one that it names"
            in bad(rewritten(approved, tmp_path / "other", change))[POLICIES]
        )

    def test_is_noticed_when_a_commit_was_ruled_on_under_another_policy(self, approved, tmp_path):
        digest = approved.policy.digest

        def change(entry: LogEntry) -> dict[str, Any]:
            swapped = entry.kind is EntryKind.RULED
            text = json.dumps(entry.body)
            return json.loads(text.replace(digest, "0" * 64) if swapped else text)

        found = bad(rewritten(approved, tmp_path / "other", change))
        assert "was never in force" in found[COMMITS]


def test_another_founding_constitution_than_was_signed_is_noticed(approved, tmp_path):
    def change(entry: LogEntry) -> dict[str, Any]:
        text = entry.body.get("constitution_text", "").replace("Be fair.", "Be fast.")
        return entry.body | ({"constitution_text": text} if text else {})

    found = bad(rewritten(approved, tmp_path / "other", change))
    assert found[FILES] == "the founding commit has another constitution than people signed"


def test_a_forged_paper_in_a_log_is_noticed(own):
    with own.journal(read_only=False) as journal:
        forge(journal, next(p for p in inbox.pending_in(journal) if p.open).asked.seq)
    assert "unknown key" in bad(own)[PAPERS]


class TestARefill:
    def test_by_two_people_counts_and_is_verified(self, own, tmp_path):
        where = ("--json", "--workspace", str(own.root))
        give = ("refill", "weight_path", "0.20", "--reason", "reviewed the edits")
        first = plimsoll(*give, "--key", str(ANA.file(tmp_path)), *where)
        (name,) = first.data["signed"]
        assert first.data["ledgers"]["weight_path"]["refilled"] == "0"
        second = plimsoll(*give, "--id", name, "--key", str(BEN.file(tmp_path)), *where)
        assert second.data["signed"] == {name: "2 of 2"}
        assert second.data["ledgers"]["weight_path"]["refilled"] == "0.20"
        again = plimsoll(*give, "--id", name, "--key", str(BEN.file(tmp_path)), *where)
        assert again.code == 3 and "same key twice" in again.error["what"]
        (answer,) = [a for a in verify_all(own) if a.name == REFILLS]
        assert (answer.ok, answer.detail) == (True, "2 signed statements about budgets")

    def test_that_somebody_wrote_larger_is_noticed(self, own, tmp_path):
        key = str(ANA.file(tmp_path))
        where = ("--workspace", str(own.root))
        plimsoll("refill", "alpha", "0.10", "--reason", "a new year", "--key", key, *where)

        def change(entry: LogEntry) -> dict[str, Any]:
            return json.loads(json.dumps(entry.body).replace("0.10", "9.10"))

        assert "altered statement" in bad(rewritten(own, tmp_path / "other", change))[REFILLS]
