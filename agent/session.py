"""A session: found once, loop until the turns are used up, resume where it was killed."""

import os

os.environ.setdefault(
    "LANGGRAPH_STRICT_MSGPACK", "true"
)  # before langgraph: no code in checkpoints

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from langgraph.checkpoint.sqlite import SqliteSaver

from agent.deciders import Decider
from agent.founding import found as found_workspace
from agent.golden import measured
from agent.graph import build
from agent.hands import Hands
from agent.listener import Listener
from agent.person import RollbackPlan, rollback
from agent.rules import decide, train_always
from agent.state import Context, Turn
from agent.workspace import Workspace
from logs.errors import UsageError
from logs.journal import Journal
from logs.lock import lock_workspace
from logs.report import write_report
from logs.vocabulary import Digest, EntryKind
from tools.task import MicroWorld

__all__ = ["Ending", "Listener", "RollbackPlan", "found", "resume", "rollback", "run"]

DECIDERS: dict[str, Decider] = {"rules": decide, "fixed": train_always}
STEPS_PER_TURN = 12
"""Upper bound of graph steps per turn, for LangGraph's recursion limit."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a session ended."""

    reason: str
    exit_code: int
    head: Digest
    report: Path


def found(workspace: Workspace, listener: Listener) -> Digest:
    """Make the founding commit, or find it."""
    with _opened(workspace, listener) as context:
        return context.founding


def run(workspace: Workspace, listener: Listener) -> Ending:
    """Begin the session that the configuration names.

    Raises:
        UsageError: it has begun before.
    """
    with _opened(workspace, listener) as context:
        name = workspace.config.session.name
        if context.journal.find(name, 1, "observe"):
            ended = _ended(context)
            raise UsageError(
                f"The session {name!r} has {'ended' if ended else 'begun'} already.",
                saw=f"its entries in {workspace.root / 'plimsoll.sqlite'}",
                wanted="a new name under [session], or to go on",
                try_this="edit session.name in plimsoll.toml" if ended else "plimsoll resume",
            )
        return _loop(workspace, context)


def resume(workspace: Workspace, listener: Listener) -> Ending:
    """Go on where the session was interrupted.

    Raises:
        UsageError: it never began, or has ended.
    """
    name = workspace.config.session.name
    with workspace.journal() as journal:
        begun = journal.find(name, 0, "found") or journal.find(name, 1, "observe")
    if not begun:
        raise _nothing(name, "it never began", "plimsoll run")
    with _opened(workspace, listener) as context:
        if _ended(context):
            raise _nothing(
                name, "it has ended", "plimsoll report, or a new session.name and plimsoll run"
            )
        return _loop(workspace, context)


def _nothing(name: str, saw: str, try_this: str) -> UsageError:
    return UsageError(
        f"There is nothing to resume in session {name!r}.",
        saw=saw,
        wanted="a session that was interrupted",
        try_this=try_this,
    )


@contextmanager
def _opened(workspace: Workspace, listener: Listener) -> Iterator[Context]:
    """Lock the workspace, open the log, start the hands, found if needed."""
    config = workspace.config
    with (
        lock_workspace(workspace.root),
        workspace.journal(read_only=False) as journal,
        Hands(workspace.store, workspace.scratch, config, listener) as hands,
    ):
        founding = found_workspace(workspace, journal, hands)
        entry = next(journal.entries(kind=EntryKind.FOUNDED))
        hands.reader = entry.body["reader"]
        _same_policy(workspace, entry.body["policy"])
        yield Context(
            config=config,
            policy=workspace.policy,
            task=MicroWorld(),
            journal=journal,
            hands=hands,
            decider=DECIDERS[config.session.decider],
            listener=listener,
            founding=founding,
        )


def _same_policy(workspace: Workspace, founded_under: Digest) -> None:
    if workspace.policy.digest != founded_under:
        raise UsageError(
            "The policy is not the one that this workspace was founded under.",
            saw=f"policy.toml {workspace.policy.digest[:12]}",
            wanted=f"{founded_under[:12]}, as the founding entry says",
            try_this="restore policy.toml, or found a new workspace: plimsoll init DIR",
        )


def _loop(workspace: Workspace, context: Context) -> Ending:
    config = workspace.config
    folder = workspace.session(config.session.name)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(config.model_dump_json(indent=2) + "\n")
    first = Turn(session=config.session.name, iteration=1, way="observe")
    _gold_at_start(context, first)
    with SqliteSaver.from_conn_string(str(folder / "graph.sqlite")) as saver:
        loop = build(saver)
        thread = {
            "configurable": {"thread_id": config.session.name},
            "recursion_limit": STEPS_PER_TURN * config.session.iterations + 10,
        }
        going = loop.get_state(thread).next
        loop.invoke(None if going else first, thread, context=context, durability="sync")
    return _end(workspace, context)


def _gold_at_start(context: Context, first: Turn) -> None:
    """Gold of the founding policy, so that the story has a beginning."""
    at: Turn = {**first, "iteration": 0}
    if context.entry(at, "gold") is None:
        found = measured(context, context.anchor, 0)
        body = {"measurements": [m.model_dump(mode="json") for m in found]}
        context.log(at, "gold", EntryKind.MEASURED, body)


def _ended(context: Context) -> bool:
    name = context.config.session.name
    return next(context.journal.entries(session=name, kind=EntryKind.STOPPED), None) is not None


def _end(workspace: Workspace, context: Context) -> Ending:
    """Write the last entry, the metrics and the report."""
    name = context.config.session.name
    waits = next(
        (
            e
            for e in context.journal.entries(session=name, kind=EntryKind.ASKED)
            if e.key.endswith("/ask")
        ),
        None,
    )
    reason = "waits for a person" if waits else "the turns of this session are used up"
    if not _ended(context):
        turn = Turn(session=name, iteration=context.config.session.iterations, way="end")
        context.log(turn, "stop", EntryKind.STOPPED, {"reason": reason})
    folder = workspace.session(name)
    _write_metrics(context.journal, name, folder / "metrics.jsonl")
    report = folder / "report.html"
    write_report(context.journal, name, report)
    return Ending(reason, 5 if waits else 0, context.head(), report)


def _write_metrics(journal: Journal, session: str, path: Path) -> None:
    """Every measurement, one JSON line each, for other tools."""
    with path.open("w", encoding="utf-8") as file:
        for entry in journal.entries(session=session):
            if entry.kind in (EntryKind.OBSERVED, EntryKind.MEASURED):
                for m in entry.body["measurements"]:
                    row = {"iteration": entry.iteration, "kind": entry.kind, **m}
                    file.write(json.dumps(row) + "\n")
