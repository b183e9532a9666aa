"""The loop of one session on its LangGraph thread: gone on with, stopped before a step, ended."""

import os

# Before langgraph is imported: no code in checkpoints.
os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true")

import gc
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.sqlite import SqliteSaver

from agent.golden import measure_gold
from agent.graph import Loop, build
from agent.halting import halt
from agent.inbox import pending_in
from agent.settle import waits
from agent.state import Context, Turn, once
from agent.stops import last_stop
from agent.workspace import Workspace
from logs.content import hidden, written_by_model
from logs.errors import Halted, WaitsForPerson
from logs.journal import Journal
from logs.report import write_report
from logs.vocabulary import Decision, Digest, EntryKind, Intervention

REPORT = "report.html"
WAITS = "waits for a person"
STEPS_PER_TURN = 12
"""Upper bound of graph steps per turn, for LangGraph's recursion limit."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a session ended."""

    reason: str
    exit_code: int
    head: Digest
    report: Path


@dataclass(frozen=True, slots=True)
class Thread:
    """The loop of a session at the place where its checkpoint left it."""

    context: Context
    loop: Loop
    config: RunnableConfig

    @property
    def next(self) -> str | None:
        """The step that comes next; None before the first turn, and after the last."""
        steps = self.loop.get_state(self.config).next
        return steps[0] if steps else None

    @property
    def iteration(self) -> int | None:
        """The turn it is in; None before the first."""
        found = self.loop.get_state(self.config).values.get("iteration")
        return int(found) if found is not None else None

    def go(self, *, begin: int = 1, until: Sequence[str] = ()) -> None:
        """Go on, or begin with that turn, until one of these steps would come or the end.

        A step whose entry is in the log does nothing again, so to begin with a turn that was
        walked before finds the way back to its place.
        """
        start = Turn(session=self.context.config.session.name, iteration=begin, way="observe")
        self.loop.invoke(
            None if self.next else start,
            self.config,
            context=self.context,
            durability="sync",
            interrupt_before=list(until),
        )


@contextmanager
def threaded(workspace: Workspace, context: Context) -> Iterator[Thread]:
    """Open the thread of the configured session; gold before its first turn is measured."""
    config = workspace.config
    folder = workspace.session(config.session.name)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(config.model_dump_json(indent=2) + "\n")
    if last_stop(context.journal, config.session.name) is None:
        context.meter.require_left()
    start = Turn(session=config.session.name, iteration=0, way="observe")
    once(context, start, "gold", lambda: measure_gold(start, context))
    thread: RunnableConfig = {
        "configurable": {"thread_id": config.session.name},
        # Twice as many turns: each of them may park something that is asked about at the end.
        "recursion_limit": 2 * STEPS_PER_TURN * config.session.iterations + 10,
    }
    with SqliteSaver.from_conn_string(str(folder / "graph.sqlite")) as saver:
        yield Thread(context, build(saver), thread)


@contextmanager
def rarely_collected() -> Iterator[None]:
    """Leave what set-up made out of the search for cycles, and search seldom.

    The modules of torch and its kin are most of the heap: walking them was a seventh of what the
    agent itself computes.
    """
    usual = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()


def to_the_end(workspace: Workspace, context: Context) -> Ending:
    """Loop until the turns are used up, somebody is waited for, or a budget is used up."""
    try:
        with rarely_collected(), threaded(workspace, context) as thread:
            thread.go(begin=open_turn(context) or 1)
    except Halted as halted:
        return halted_end(workspace, context, halted)
    return end(workspace, context)


def open_turn(context: Context) -> int | None:
    """The turn whose proposal waits for people: its steps find their entries, up to the answer."""
    name = context.config.session.name
    found = (p for p in pending_in(context.journal) if p.open and p.asked.session == name)
    return next((p.asked.iteration for p in found), None)


def end(workspace: Workspace, context: Context) -> Ending:
    """Write the last entry, the metrics and the report; a turn that waits has no last entry."""
    name = context.config.session.name
    last = max(entry.iteration for entry in context.journal.entries(session=name))
    turn = Turn(session=name, iteration=last, way="end")
    body = {"reason": _reason(context, turn)}
    if open_turn(context) is None:
        known = last_stop(context.journal, name)
        body = (known or context.log(turn, "stop", EntryKind.STOPPED, body)).body
    code = WaitsForPerson.exit_code if body["reason"] == WAITS else 0
    return Ending(body["reason"], code, context.head(), write_out(workspace, context))


def halted_end(workspace: Workspace, context: Context, halted: Halted) -> Ending:
    """Write that a budget stopped the session; a raised budget lets it go on."""
    reason = str(halt(context, halted).body["reason"])
    return Ending(reason, Halted.exit_code, context.head(), write_out(workspace, context))


def write_out(workspace: Workspace, context: Context) -> Path:
    """Write the metrics and the report of the session as the log has it now."""
    name = context.config.session.name
    folder = workspace.session(name)
    _write_metrics(context.journal, name, folder / "metrics.jsonl")
    return write_report(context.journal, name, folder / REPORT)


def _reason(context: Context, last: Turn) -> str:
    """Why no further turn follows the last one."""
    if waits(last, context):
        return WAITS
    made = context.journal.entries(session=last["session"], kind=EntryKind.DECIDED)
    stop = next((e for e in made if e.body["intervention"] == Intervention.STOP), None)
    if stop:
        decision = Decision.model_validate(stop.body)
        because = decision.because
        return f"the decider stopped: {hidden(because) if written_by_model(decision) else because}"
    return "the turns of this session are used up"


def _write_metrics(journal: Journal, session: str, path: Path) -> None:
    """Every measurement, one JSON line each, for other tools."""
    with path.open("w", encoding="utf-8") as file:
        for entry in journal.entries(session=session):
            if entry.kind in (EntryKind.OBSERVED, EntryKind.MEASURED):
                for m in entry.body["measurements"]:
                    row = {"iteration": entry.iteration, "kind": entry.kind, **m}
                    file.write(json.dumps(row) + "\n")
