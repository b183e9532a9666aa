"""A real session under a policy that two of three people signed, from its first key to its end.

Training, wall, gate, log, commands and keys are the real ones. The policy says that new weights
are for people to decide, so every turn waits. The first is killed while it waits, forged at in
every way, approved by two keys and applied once; the second is left until it expires.
"""

import json
import signal
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent import finding, session
from agent.workspace import POLICY, Workspace
from invariants.policy import default_bytes
from invariants.sshsig import Namespace
from logs.vocabulary import EntryKind
from tests.a_command import Said, plimsoll
from tests.keys import ssh_keygen
from tests.sessions import NAME, Told, create, history, in_another_process, log

pytestmark = pytest.mark.slow

WAITS, REFUSED, STALE = 5, 3, 7
SHORT = {
    "session": {"name": NAME, "iterations": 2},
    "judges": {"founding": "oracle", "comparisons": 100},
}
FIXED = ("--decider", "fixed")


class Desk:
    """One workspace, its people, and what they type."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("ana", "ben", "cat", "eve"):
            made = ssh_keygen("-q", "-t", "ed25519", "-N", "", "-C", name, "-f", folder / name)
            assert made.returncode == 0, made.stderr
        self.workspace = create(folder / "ws", **SHORT)
        lines = [(folder / f"{name}.pub").read_text().strip() for name in ("ana", "ben", "cat")]
        role = f"keys = {json.dumps(lines)}\nthreshold = 2\n"
        text = default_bytes().decode().replace("[tier]", '[tier]\nadapter = "high"', 1)
        policy = f"{text}\n[roles.policy]\n{role}\n[roles.approve]\n{role}wait_hours = 48\n"
        (self.workspace.root / POLICY).write_text(policy)
        for name in ("ana", "ben"):
            for what in ((), ("--constitution",)):
                assert self.types("policy", "sign", "--key", folder / name, *what).code == 0

    def types(self, *words: str | Path) -> Said:
        """What a command says."""
        return plimsoll(*map(str, words), "--workspace", str(self.workspace.root))

    def waiting(self) -> str:
        """The proposal that waits."""
        rows = self.types("inbox", "list", "--json").data
        return next(row["digest"] for row in rows)

    def approves(self, who: str, reason: str = "read the diff") -> Said:
        """Sign and hand in by one command."""
        return self.types("approve", self.waiting(), "--key", self.folder / who, "--reason", reason)

    def hands_in(
        self,
        who: str,
        *,
        change: Callable[[dict[str, Any]], dict[str, Any]] = lambda text: text,
        after: Callable[[str], str] = lambda text: text,
        space: str = Namespace.APPROVAL,
        name: str = "statement",
    ) -> Said:
        """Sign elsewhere, after a change, with ssh-keygen; perhaps change it again; hand it in."""
        asked = self.types("approve", self.waiting(), "--statement", "--reason", "fine", "--json")
        file = self.folder / f"{name}.json"
        file.write_text(json.dumps(change(json.loads(asked.data["statement"]))))
        Path(f"{file}.sig").unlink(missing_ok=True)
        made = ssh_keygen("-Y", "sign", "-n", space, "-f", self.folder / who, file)
        assert made.returncode == 0, made.stderr
        file.write_text(after(file.read_text()))
        return self.again(name)

    def again(self, name: str = "statement") -> Said:
        """Hand in a file that was signed before."""
        return self.types("approve", self.waiting(), "--signed", self.folder / f"{name}.json")

    def committed(self) -> list[int]:
        return [e.iteration for e in log(self.workspace) if e.kind is EntryKind.COMMITTED]


def instead(**fields: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda statement: statement | fields


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A session that was killed while its first proposal waited."""
    desk = Desk(tmp_path_factory.mktemp("people"))
    killed = in_another_process(desk.workspace, "run", *FIXED, "--kill", "ask", "--turn", "1")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    return desk


PAST = (datetime.now(UTC) - timedelta(hours=1)).isoformat(timespec="seconds")
FORGERIES: dict[str, tuple[int, dict[str, Any]]] = {
    "unknown key": (REFUSED, {"who": "eve"}),
    "wrong namespace": (REFUSED, {"space": Namespace.POLICY}),
    "altered statement": (REFUSED, {"after": lambda text: text.replace("fine", "fine by all")}),
    "expired": (REFUSED, {"change": instead(expires=PAST)}),
    "stale HEAD": (STALE, {"change": instead(head="0" * 64)}),
    "another policy": (REFUSED, {"change": instead(policy="0" * 64)}),
    "another proposal": (REFUSED, {"change": instead(proposal="0" * 64)}),
    "other evidence": (REFUSED, {"change": instead(evidence="0" * 64)}),
}


class TestAProposalOnRealWeights:
    """In this order: each test goes on where the one before ended."""

    def test_survives_the_kill_and_waits(self, desk):
        before = history(desk.workspace)
        resumed = in_another_process(desk.workspace, "resume", *FIXED)
        assert resumed.returncode == WAITS, resumed.stderr
        assert history(desk.workspace) == before
        assert before[-1][0] == f"{NAME}/1/ask" and desk.committed() == [0]
        (row,) = desk.types("inbox", "list", "--json").data
        assert (row["change"], row["approvals"], row["standing"]) == ("train", "0 of 2", "waits")

    @pytest.mark.parametrize("name", FORGERIES)
    def test_takes_in_no_forgery_and_names_it(self, desk, name):
        code, how = FORGERIES[name]
        said = desk.hands_in(**({"who": "cat"} | how))
        assert (said.code, f"does not count: {name}." in said.err) == (code, True), said.err
        assert desk.types("inbox", "list", "--json").data[0]["approvals"] == "0 of 2"

    def test_waits_when_one_key_said_yes_twice_or_the_same_paper_came_again(self, desk):
        assert desk.hands_in("ana", name="first").code == 0
        twice = desk.approves("ana", "once more")
        assert twice.code == REFUSED and "does not count: same key twice." in twice.err
        replayed = desk.again("first")
        assert replayed.code == REFUSED and "does not count: replayed." in replayed.err
        resumed = in_another_process(desk.workspace, "resume", *FIXED)
        assert resumed.returncode == WAITS and desk.committed() == [0]

    def test_is_applied_once_by_two_keys_although_the_process_is_killed_then_too(self, desk):
        assert desk.approves("ben", "agreed with ana").code == 0
        killed = in_another_process(
            desk.workspace, "resume", *FIXED, "--kill", "commit", "--turn", "1"
        )
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        resumed = in_another_process(desk.workspace, "resume", *FIXED)
        assert resumed.returncode == WAITS, resumed.stderr
        assert desk.committed() == [0, 1]
        keys = [entry.key for entry in log(desk.workspace, None)]
        assert len(keys) == len(set(keys))

    def test_is_explained_by_those_who_approved_it_and_verified(self, desk):
        told = desk.types("log", "why", "HEAD", "--json", "--content").data["people"]
        assert [(one["by"], one["reason"]) for one in told] == [
            ("ana", "fine"),
            ("ben", "agreed with ana"),
        ]
        verified = desk.types("log", "verify")
        assert verified.code == 0 and verified.out.endswith("VERIFIED\n"), verified.out
        assert "1 of high tier, each approved by enough keys" in verified.out

    def test_is_nothing_for_the_proposal_after_it(self, desk):
        said = desk.again("first")
        assert said.code == STALE and "does not count: stale HEAD." in said.err

    def test_expires_to_no_when_nobody_answers(self, desk, monkeypatch):
        later = finding.now() + timedelta(hours=49)
        monkeypatch.setattr(finding, "now", lambda: later)
        ending = session.resume(Workspace(desk.workspace.root), Told())
        assert ending.exit_code == 0
        assert desk.committed() == [0, 1]
        entries = {entry.key: entry.body for entry in log(desk.workspace)}
        assert entries[f"{NAME}/2/answer"]["decision"] == "expired"
        assert "the default is no" in entries[f"{NAME}/2/refuse"]["because"]
        assert desk.types("inbox", "list").code == 0
        assert desk.types("log", "verify").code == 0
