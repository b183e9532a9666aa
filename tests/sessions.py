"""Real sessions, as small as they can be: the wall, TRL, the gate and the log are the real ones.

    python -m tests.sessions WORKSPACE run|resume|plan|apply [--kill STEP [--during] [--turn N]]

runs one in a process of its own, and ends that process at a given step, as a power cut would.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import psutil

import plimsoll  # noqa: F401  puts this checkout first on the path
from agent import planning, plans, session
from agent.config import Config
from agent.rules import train_always
from agent.workspace import Workspace
from logs.vocabulary import Alternative, Decision, Intervention, LogEntry
from tests.house import ROOT

NAME = "tiny"
TINY: dict[str, Mapping[str, Any]] = {
    "session": {"name": NAME, "iterations": 3},
    "world": {"gold_prompts": 50},
    "judges": {"comparisons": 200},
    "audit": {"pairs": 40, "rivals": 8},
    "drift": {"prompts": 24, "samples": 2},
    "recipe": {"prompts": 48, "samples": 4, "epochs": 1, "replay": 32},
    "limits": {"threads": 2},
}


class Told:
    """A listener that remembers what it was told."""

    def __init__(self) -> None:
        self.entries: list[LogEntry] = []
        self.steps: list[tuple[int, int, str]] = []

    def progress(self, done: int, of: int, what: str) -> None:
        """Remember it."""
        self.steps.append((done, of, what))

    def entry(self, entry: LogEntry) -> None:
        """Remember it."""
        self.entries.append(entry)


def tiny(**sections: Mapping[str, Any]) -> Config:
    """The smallest configuration, with some keys of some sections changed."""
    given = {n: {**TINY.get(n, {}), **sections.get(n, {})} for n in (TINY | dict(sections))}
    return Config.model_validate(given)


def create(root: Path, **sections: Mapping[str, Any]) -> Workspace:
    """A new workspace that is not founded yet."""
    return Workspace.create(root, tiny(**sections))


def founded(root: Path, **sections: Mapping[str, Any]) -> Workspace:
    """A new workspace with its founding commit."""
    made = create(root, **sections)
    session.found(made, Told())
    return made


def ran(root: Path, **sections: Mapping[str, Any]) -> tuple[Workspace, session.Ending, Told]:
    """A session from its beginning to its end, in this process."""
    made, told = create(root, **sections), Told()
    return made, session.run(made, told), told


def copied(workspace: Workspace, to: Path) -> Workspace:
    """The same workspace in another place: nothing in it depends on where it lies."""
    shutil.copytree(workspace.root, to)
    return Workspace(to)


def log(workspace: Workspace, name: str | None = NAME) -> list[LogEntry]:
    """All entries of a session, or of all sessions."""
    with workspace.journal() as journal:
        return list(journal.entries(session=name))


def history(workspace: Workspace) -> list[tuple[str, str, Any]]:
    """What happened, without clock times, memory and disk: key, kind, body and price of each."""
    return [(e.key, str(e.kind), _timeless(e.body), _price(e)) for e in log(workspace, None)]


MACHINE = (
    "seconds",
    "agent_cpu_seconds",
    "peak_rss_mb",
    "disk_bytes",
    "gpus",
    "engine",
    "memory",
    "budgets",
    "remote_judges",
    "models",
)
"""What the record of a turn says of the machine and the clock."""


def _timeless(body: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in body.items() if k not in MACHINE}


def _price(entry: LogEntry) -> dict[str, Any]:
    """What an entry spent, but for time."""
    spent = entry.spend.model_dump() if entry.spend else {}
    return {k: v for k, v in spent.items() if v and not k.endswith("seconds")}


def asks_in_turn_2(view: Any) -> Decision:
    """Trains once, then asks a person."""
    decision = train_always(view)
    if view.iteration < 2:
        return decision
    why_not = Alternative(intervention=Intervention.TRAIN, because="this test wants to ask")
    update = {
        "intervention": Intervention.ASK_PERSON,
        "predicted": None,
        "alternatives": (why_not,),
    }
    return decision.model_copy(update=update)


DECIDERS: Mapping[str, Callable[[Any], Decision]] = {"fixed": train_always, "asks": asks_in_turn_2}


def gold_of(entries: list[LogEntry]) -> list[float]:
    """Gold at temperature 1 by iteration."""
    measured = (e for e in entries if e.key.endswith("/gold"))
    return [
        next(m["estimate"] for m in e.body["measurements"] if m["instrument"] == "gold")
        for e in measured
    ]


def spent(entries: list[LogEntry], ledger: str) -> Decimal:
    """The sum of what entries say they spent."""
    return sum((Decimal(getattr(e.spend, ledger)) for e in entries if e.spend), Decimal(0))


# --- in a process of its own -------------------------------------------------------


def in_another_process(
    workspace: Workspace, verb: str, *options: str, timeout: float = 900
) -> subprocess.CompletedProcess[str]:
    """Run or resume the session as a shell would; what it says is in the result."""
    return subprocess.run(
        command(workspace, verb, *options),
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def command(workspace: Workspace, verb: str, *options: str) -> list[str]:
    """The words of that process."""
    return [sys.executable, "-m", "tests.sessions", str(workspace.root), verb, *options]


def processes_of(workspace: Workspace) -> list[str]:
    """Processes that name this workspace; the wall notices within seconds that it is orphaned."""
    until = time.monotonic() + 15
    while (found := _naming(str(workspace.root))) and time.monotonic() < until:
        time.sleep(0.1)
    return found


def _naming(place: str) -> list[str]:
    found = []
    for process in psutil.process_iter():
        try:
            words = [*process.cmdline(), process.cwd()]
            if process.status() != psutil.STATUS_ZOMBIE and any(place in word for word in words):
                found.append(" ".join(words))
        except psutil.Error:
            continue
    return found


class Killer(Told):
    """Ends its own process, without a word."""

    def __init__(self, step: str, *, during: bool, turn: int, session: str = NAME) -> None:
        super().__init__()
        first = during and step == "observe"  # the entry before it is that of another turn
        self.during = during
        self.at = f"{session}/{turn - first}/{BEFORE[step] if during else step}"
        self.now = self.at if first else ""

    def progress(self, done: int, of: int, what: str) -> None:
        """In the midst of a job of that step."""
        if self.during and self.now == self.at:
            os.kill(os.getpid(), signal.SIGKILL)

    def entry(self, entry: LogEntry) -> None:
        """When the step has written its entry, and LangGraph does not know it yet."""
        self.now = entry.key
        if not self.during and self.now == self.at:
            os.kill(os.getpid(), signal.SIGKILL)


BEFORE = {"observe": "record", "act": "claims", "trial": "act", "gold": "commit"}
"""Step -> the one whose entry is the last when the jobs of the step run."""


def main() -> None:
    """Run or resume a session, and perhaps die."""
    parser = argparse.ArgumentParser()
    parser.add_argument("workspace", type=Path)
    parser.add_argument("verb", choices=["run", "resume", "plan", "apply"])
    parser.add_argument("--kill")
    parser.add_argument("--during", action="store_true")
    parser.add_argument("--turn", type=int, default=2)
    parser.add_argument("--decider", choices=DECIDERS)
    given = parser.parse_args()
    how: dict[str, Any] = {"during": given.during, "turn": given.turn}
    how["session"] = Workspace(given.workspace).config.session.name
    killer = Killer(given.kill, **how) if given.kill else None
    if given.decider:
        session.DECIDERS["rules"] = DECIDERS[given.decider]
    workspace, told = Workspace(given.workspace), killer or Told()
    if given.verb == "plan":
        print(planning.plan(workspace, told).digest)
        return
    if given.verb == "apply":
        planning.apply(workspace, plans.read(workspace.root / "next.plan"), told)
        return
    ending = getattr(session, given.verb)(workspace, told)
    print(ending.reason)
    sys.exit(ending.exit_code)


if __name__ == "__main__":
    main()
