"""A decision taken again from what was recorded: the log up to then, the store, the settings.

What a model answered is read from the store; nobody is asked anything. Needs no training library.
"""

from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, cast

from agent.adoption import PERSON, as_kept
from agent.config import Config
from agent.deciders import Decider, View
from agent.deciding.bandit import bandit
from agent.deciding.dice import RULE, dice
from agent.deciding.experience import LEARNS
from agent.deciding.ready import LANGUAGE
from agent.face import Quiet
from agent.hands import Hands
from agent.parking import choose
from agent.rules import decide, train_always
from agent.state import Context, Turn
from agent.tasks import task_of
from agent.viewing import view_of
from agent.workspace import JOURNAL, Workspace
from invariants.policy import Policy
from logs.canonical import digest_of, plain
from logs.earlier import Earlier
from logs.errors import PlimsollError, UsageError
from logs.journal import Journal
from logs.reading import Reader
from logs.vocabulary import Decision, EntryKind, LogEntry
from tools.store import Store

SETTINGS = "config.json"
"""Of a session, beside its log: what it was run with."""
FAULTS = (PlimsollError, OSError, ValueError, KeyError, TypeError, AttributeError, StopIteration)


class Again(StrEnum):
    """What came of deciding again."""

    VERIFIED = "verified"
    DIFFERS = "differs"
    IMPOSSIBLE = "cannot be decided again"


@dataclass(frozen=True, slots=True)
class Replay:
    """A decision, and the one that the same inputs give now."""

    entry: LogEntry
    outcome: Again
    differs: tuple[str, ...] = ()
    """Fields of the decision that are not the same."""
    again: dict[str, Any] | None = None
    why_not: str = ""

    def said(self) -> str:
        """In one sentence."""
        match self.outcome:
            case Again.VERIFIED:
                return "same inputs, same answer: verified"
            case Again.DIFFERS:
                return f"same inputs, another answer: {', '.join(self.differs)} differ"
            case Again.IMPOSSIBLE:
                return f"not checked: {self.why_not}"


@dataclass(frozen=True, slots=True)
class _OnlyAStore:
    """Hands that can fetch, and do nothing else."""

    store: Store


def replay(workspace: Workspace, entry: LogEntry) -> Replay:
    """Decide again what an entry of kind `decided` decided."""
    try:
        with closing(Earlier(workspace.root / JOURNAL, entry.seq)) as log:
            view, config = _view(workspace, log, entry)
            made = plain(choose(view, _decider(workspace, config, log)))
    except FAULTS as error:
        said = error.saw if isinstance(error, PlimsollError) else f"{type(error).__name__}: {error}"
        return Replay(entry, Again.IMPOSSIBLE, why_not=said)
    differs = tuple(k for k in {**entry.body, **made} if entry.body.get(k) != made.get(k))
    outcome = Again.DIFFERS if differs else Again.VERIFIED
    return Replay(entry, outcome, differs, made)


def decision_at(journal: Reader, entry: LogEntry) -> LogEntry:
    """The decision of the turn that an entry is of.

    Raises:
        UsageError: nothing was decided in it.
    """
    found = journal.find(entry.session, entry.iteration, "decide")
    if found is not None:
        return found
    raise UsageError(
        "Nothing was decided there.",
        saw=f"entry {entry.seq}, {entry.kind}, of {entry.session} iteration {entry.iteration}",
        wanted="an entry of a turn that came to a decision",
        try_this="plimsoll log list --kind decided",
    )


def _view(workspace: Workspace, log: Earlier, entry: LogEntry) -> tuple[View, Config]:
    config = _settings(workspace, entry.session)
    founding = next(log.entries(kind=EntryKind.COMMITTED, limit=1))
    context = Context(
        config=config,
        policy=_policy(workspace, log),
        task=task_of(workspace, log),
        journal=cast(Journal, log),
        hands=cast(Hands, _OnlyAStore(workspace.store)),
        decider=decide,
        listener=Quiet(),
        founding=digest_of(founding.body),
    )
    turn = Turn(session=entry.session, iteration=entry.iteration, way="decide")
    return view_of(turn, context), config


def _policy(workspace: Workspace, log: Earlier) -> Policy:
    """The policy that was in force; before one was adopted, that of the file, if it is the same."""
    adopted = list(log.entries(session=PERSON, kind=EntryKind.ADOPTED))
    if adopted:
        return as_kept(max(adopted, key=lambda e: e.body["version"]))
    founded = next(log.entries(kind=EntryKind.FOUNDED, limit=1))
    if workspace.policy.digest == founded.body["policy"]:
        return workspace.policy
    raise UsageError(
        "The policy of that time is not kept.",
        saw=f"a policy file with digest {workspace.policy.digest[:12]}",
        wanted=f"the one with digest {str(founded.body['policy'])[:12]}",
        try_this="bring back the policy file",
    )


def _settings(workspace: Workspace, session: str) -> Config:
    """What the session was run with: its own copy, else the file if it is about that session."""
    own = workspace.session(session) / SETTINGS
    if _is_inside(own, workspace.root) and own.is_file():
        return Config.model_validate_json(own.read_bytes())
    if workspace.config.session.name == session:
        return workspace.config
    raise UsageError(
        "The settings of that session are not kept.",
        saw=f"no {own.relative_to(workspace.root)}",
        wanted="the settings that the session was run with",
        try_this="bring back the folder of the session",
    )


def _is_inside(path: Path, root: Path) -> bool:
    return path.resolve().is_relative_to(root.resolve())


def _decider(workspace: Workspace, config: Config, log: Earlier) -> Decider:
    simple: dict[str, Decider] = {"rules": decide, "fixed": train_always}
    match config.session.decider:
        case name if name in simple:
            return simple[name]
        case name if name == RULE:
            return dice(config)
        case name if name == LEARNS:
            return bandit(config)
        case name if name == LANGUAGE:
            return _as_the_model_answered(workspace, config, log)
    raise UsageError(
        "This version has no such decider.",
        saw=config.session.decider,
        wanted=", ".join([*simple, RULE, LEARNS, LANGUAGE]),
        try_this="use the version that ran the session",
    )


def _as_the_model_answered(workspace: Workspace, config: Config, log: Earlier) -> Decider:
    """The decision that follows from the answer that is kept."""
    from agent.deciding.language import HEARS, Exchange, decision_of

    def from_the_answer(view: View) -> Decision:
        heard = log.find(config.session.name, view.iteration, HEARS)
        if heard is None:
            raise UsageError(
                "What the model answered is not in the log.",
                saw=f"no entry {config.session.name}/{view.iteration}/{HEARS}",
                wanted="the answer that the decision was read from",
                try_this="plimsoll log verify",
            )
        exchange = Exchange.model_validate(heard.body)
        answer = workspace.store.get(exchange.answer).decode("utf-8") if exchange.answer else ""
        return decision_of(view, config.decider.model, exchange.failed, answer)

    return from_the_answer
