"""A session: found once, loop until the turns are used up, resume where it was killed."""

import os

# Before langgraph is imported: no code in checkpoints.
os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true")

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.sqlite import SqliteSaver

from agent.adoption import adopt, require_fit
from agent.deciders import Decider
from agent.deciding.chosen import chosen
from agent.deciding.ready import require_ready
from agent.founding import found as found_workspace
from agent.golden import measure_gold
from agent.graph import build
from agent.hands import Hands
from agent.inbox import pending_in
from agent.listener import Listener
from agent.person import RollbackPlan, rollback
from agent.rules import decide, train_always
from agent.settle import waits
from agent.state import Context, Turn, once
from agent.workspace import JOURNAL, Workspace
from invariants.policy import Policy
from invariants.record import attest
from logs.content import hidden, written_by_model
from logs.errors import UsageError, WaitsForPerson
from logs.journal import Journal
from logs.lock import lock_workspace
from logs.report import write_report
from logs.vocabulary import Decision, Digest, EntryKind, Intervention, LogEntry
from tools.task import MicroWorld

__all__ = ["Ending", "Listener", "RollbackPlan", "found", "resume", "rollback", "run"]

DECIDERS: dict[str, Decider] = {"rules": decide, "fixed": train_always}
PARAMETERS = (
    "audit_labels_max",
    "gold_queries_max",
    "judge_ratio",
    "judge_slack",
    "kl_max",
    "step_l1",
    "weight_path_max",
)
"""Numbers of the policy that the loop itself reads, to ask for nothing that must be refused."""
REPORT = "report.html"
WAITS = "waits for a person"
STEPS_PER_TURN = 12
"""Upper bound of graph steps per turn, for LangGraph's recursion limit."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a session meets; the benchmark plants faults here, and nowhere else."""

    hands: type[Hands] = Hands
    around: Callable[[Context], Context] = lambda context: context


USUAL = Setting()


@dataclass(frozen=True, slots=True)
class Ending:
    """How a session ended."""

    reason: str
    exit_code: int
    head: Digest
    report: Path


def found(workspace: Workspace, listener: Listener) -> Digest:
    """Make the founding commit, or find it."""
    with opened(workspace, listener) as context:
        return context.founding


def run(workspace: Workspace, listener: Listener, setting: Setting = USUAL) -> Ending:
    """Begin the session that the configuration names.

    Raises:
        UsageError: it has begun before.
    """
    require_ready(workspace)
    with opened(workspace, listener, setting) as context:
        name = workspace.config.session.name
        if context.journal.find(name, 1, "observe"):
            ended = _stopped(context) is not None
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
    if not (workspace.root / JOURNAL).exists():
        raise _nothing(name, "it never began", "plimsoll run")
    with workspace.journal() as journal:
        begun = journal.find(name, 0, "found") or journal.find(name, 1, "observe")
    if not begun:
        raise _nothing(name, "it never began", "plimsoll run")
    require_ready(workspace)
    with opened(workspace, listener) as context:
        if _stopped(context) and (workspace.session(name) / REPORT).exists():
            raise _nothing(name, "it has ended", "plimsoll report; or a new session.name, then run")
        return _loop(workspace, context)


def _nothing(name: str, saw: str, try_this: str) -> UsageError:
    return UsageError(
        f"There is nothing to resume in session {name!r}.",
        saw=saw,
        wanted="a session that was interrupted",
        try_this=try_this,
    )


@contextmanager
def opened(workspace: Workspace, listener: Listener, setting: Setting = USUAL) -> Iterator[Context]:
    """Lock the workspace, open the log, start the hands, found if needed."""
    config = workspace.config
    with (
        lock_workspace(workspace.root),
        workspace.journal(read_only=False) as journal,
        setting.hands(workspace.store, workspace.scratch, config, listener) as hands,
    ):
        _speaks_of_what_is_read(workspace.policy)
        require_fit(workspace, founded=journal.head() is not None)
        founding = found_workspace(workspace, journal, hands)
        entry = next(journal.entries(kind=EntryKind.FOUNDED))
        hands.reader = entry.body["reader"]
        if adopted := adopt(workspace, journal, entry.body["policy"]):
            listener.entry(adopted)
        attest(workspace.root, workspace.policy, journal.commit_of(founding).state)
        yield setting.around(
            Context(
                config=config,
                policy=workspace.policy,
                task=MicroWorld(),
                journal=journal,
                hands=hands,
                decider=chosen(DECIDERS, workspace, journal, listener),
                listener=listener,
                founding=founding,
            )
        )


def _speaks_of_what_is_read(policy: Policy) -> None:
    """A policy may set any number, but the loop must find those that it reads.

    Raises:
        UsageError: some of them are missing.
    """
    missing = [name for name in PARAMETERS if name not in policy.values]
    if missing:
        raise UsageError(
            "The policy lacks parameters that the loop reads.",
            saw=f"no [param.NAME] for {', '.join(missing)}",
            wanted=", ".join(PARAMETERS),
            try_this="plimsoll init --dry-run shows the usual ones",
        )


def _loop(workspace: Workspace, context: Context) -> Ending:
    config = workspace.config
    folder = workspace.session(config.session.name)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(config.model_dump_json(indent=2) + "\n")
    first = Turn(session=config.session.name, iteration=1, way="observe")
    start: Turn = {**first, "iteration": 0}
    once(context, start, "gold", lambda: measure_gold(start, context))
    with SqliteSaver.from_conn_string(str(folder / "graph.sqlite")) as saver:
        loop = build(saver)
        thread: RunnableConfig = {
            "configurable": {"thread_id": config.session.name},
            "recursion_limit": STEPS_PER_TURN * config.session.iterations + 10,
        }
        going = loop.get_state(thread).next
        begin: Turn = {**first, "iteration": _open_turn(context) or 1}
        loop.invoke(None if going else begin, thread, context=context, durability="sync")
    return _end(workspace, context)


def _open_turn(context: Context) -> int | None:
    """The turn whose proposal waits for people: its steps find their entries, up to the answer."""
    name = context.config.session.name
    found = (p for p in pending_in(context.journal) if p.open and p.asked.session == name)
    return next((p.asked.iteration for p in found), None)


def _stopped(context: Context) -> LogEntry | None:
    """The last entry of the session, if it has ended."""
    name = context.config.session.name
    return next(context.journal.entries(session=name, kind=EntryKind.STOPPED), None)


def _reason(context: Context, last: Turn) -> str:
    """Why no further turn follows the last one."""
    if waits(last, context):
        return WAITS
    decided = context.entry(last, "decide")
    if decided and decided.body["intervention"] == Intervention.STOP:
        decision = Decision.model_validate(decided.body)
        because = decision.because
        return f"the decider stopped: {hidden(because) if written_by_model(decision) else because}"
    return "the turns of this session are used up"


def _end(workspace: Workspace, context: Context) -> Ending:
    """Write the last entry, the metrics and the report; a turn that waits has no last entry."""
    name = context.config.session.name
    last = max(entry.iteration for entry in context.journal.entries(session=name))
    turn = Turn(session=name, iteration=last, way="end")
    body = {"reason": _reason(context, turn)}
    if _open_turn(context) is None:
        body = (_stopped(context) or context.log(turn, "stop", EntryKind.STOPPED, body)).body
    folder = workspace.session(name)
    _write_metrics(context.journal, name, folder / "metrics.jsonl")
    report = folder / REPORT
    write_report(context.journal, name, report)
    reason = body["reason"]
    code = WaitsForPerson.exit_code if reason == WAITS else 0
    return Ending(reason, code, context.head(), report)


def _write_metrics(journal: Journal, session: str, path: Path) -> None:
    """Every measurement, one JSON line each, for other tools."""
    with path.open("w", encoding="utf-8") as file:
        for entry in journal.entries(session=session):
            if entry.kind in (EntryKind.OBSERVED, EntryKind.MEASURED):
                for m in entry.body["measurements"]:
                    row = {"iteration": entry.iteration, "kind": entry.kind, **m}
                    file.write(json.dumps(row) + "\n")
