"""What a turn carries between steps, and what a step is given.

The turn holds only where it is; every word of it is in the log, under the key
`session/iteration/step`. A step that runs again finds its own entry and returns at once.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypedDict, TypeVar, cast

from agent.config import Config
from agent.deciders import Decider
from agent.hands import Hands
from agent.listener import Listener
from agent.meter import Unmetered
from invariants.policy import Policy
from logs.errors import EngineFailed, EngineUnfit, Halted, IntegrityError, PlimsollError
from logs.journal import Journal
from logs.vocabulary import Commit, Digest, EntryKind, Ledgers, LogEntry, State, Word
from tools.task import Task

W = TypeVar("W", bound=Word)
R = TypeVar("R")


class Turn(TypedDict):
    """Where the loop is; plain values only, so that no checkpoint can carry code."""

    session: str
    iteration: int
    way: str
    """What the last step decided about the next one."""


@dataclass(frozen=True)
class Context:
    """What steps are given: tools that measure and act, and nothing that decides."""

    config: Config
    policy: Policy
    task: Task
    journal: Journal
    hands: Hands
    decider: Decider
    listener: Listener
    founding: Digest
    """The founding commit: the anchor."""
    memo: dict[Hashable, Any] = field(default_factory=dict, repr=False, compare=False)
    """Of `recalled`; a long session would read its whole past in every step."""
    meter: Unmetered = field(default_factory=Unmetered)
    """What the session spent, and what it still may."""

    def log(
        self,
        turn: Turn,
        step: str,
        kind: EntryKind,
        body: Word | dict[str, Any],
        spend: Ledgers | None = None,
    ) -> LogEntry:
        """Write the entry of one step."""
        entry = self.journal.append(
            kind,
            session=turn["session"],
            iteration=turn["iteration"],
            step=step,
            body=body,
            spend=self.meter.priced(spend),
        )
        self.listener.entry(entry)
        return entry

    def entry(self, turn: Turn, step: str) -> LogEntry | None:
        """The entry of a step of this turn, if it has run."""
        name = ("entry", turn["session"], turn["iteration"], step)
        if name not in self.memo:
            found = self.journal.find(turn["session"], turn["iteration"], step)
            if found is None:
                return None
            self.memo[name] = found
        return cast(LogEntry, self.memo[name])

    def word(self, turn: Turn, step: str, kind: type[W]) -> W:
        """The word that a step of this turn recorded.

        Raises:
            IntegrityError: it recorded nothing, or something else.
        """
        entry = self.entry(turn, step)
        if entry is None:
            raise IntegrityError(
                "A step of the loop is missing from the log.",
                saw=f"no entry {turn['session']}/{turn['iteration']}/{step}",
                wanted="every step before this one",
                try_this="plimsoll log verify",
            )
        name = ("word", entry.key, kind)
        return self.recalled(name, lambda: kind.model_validate(entry.body))

    def head(self) -> Digest:
        """The commit in force.

        Raises:
            IntegrityError: nothing was founded.
        """
        head = self.journal.head()
        if head is None:
            raise IntegrityError(
                "There is no HEAD.",
                saw="an empty log",
                wanted="a founding commit",
                try_this="plimsoll run",
            )
        return head

    def commit_at(self, digest: Digest) -> Commit:
        """A commit by its digest."""
        return self.recalled(("commit", digest), lambda: self.journal.commit_of(digest))

    def recalled(self, name: Hashable, read: Callable[[], R]) -> R:
        """What was read once and cannot change: what is over, or named by its content."""
        if name not in self.memo:
            self.memo[name] = read()
        return cast(R, self.memo[name])

    @property
    def anchor(self) -> State:
        """The founding state."""
        return self.commit_at(self.founding).state


def failure(error: PlimsollError) -> dict[str, Any]:
    """What the log keeps of a turn that failed."""
    return {"error": type(error).__name__, "what": error.what, "saw": error.saw}


def ends_the_session(error: PlimsollError) -> bool:
    """Whether an error is this machine's, its engine's or a budget's, and not the turn's: another
    turn would only repeat it.

    A disk that is full is mended by people, a budget raised, and then the same step runs again.
    """
    lasting = isinstance(error, Halted | EngineFailed | EngineUnfit)
    return lasting or isinstance(error.__cause__, OSError)


def once(context: Context, turn: Turn, step: str, run: Callable[[], None]) -> None:
    """Run a step unless its entry is already in the log."""
    if context.entry(turn, step) is None:
        run()
