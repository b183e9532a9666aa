"""`plimsoll log why`: from a commit or an entry back to everything that it rests on.

commit -> verdict -> evidence -> proposal -> decision -> diagnosis -> observation -> the
judges, prompts, constitution and recipe in force, and the commits back to the founding one.
"""

from pydantic import Field

from logs.canonical import digest_of
from logs.errors import IntegrityError
from logs.gain import Gain, compare
from logs.reading import Reader
from logs.refs import find_entry
from logs.scales import JUDGED, scales_in
from logs.turns import Ending, Turn, turn_of
from logs.vocabulary import Digest, EntryKind, Intervention, Prediction, State, Word


class Ancestor(Word):
    """One commit on the way back."""

    digest: Digest
    iteration: int
    intervention: Intervention | None
    """None is the founding commit."""
    restores: Digest | None


class Comparison(Word):
    """A prediction and what the next observation said."""

    predicted: Prediction
    actual: float | None
    iteration: int
    """Of the observation."""
    other_scale: bool = False
    """Whether the panel's scores are on another scale than when it was predicted."""

    @property
    def as_predicted(self) -> bool | None:
        """Whether it came true; None if it was not measured, or on another scale."""
        if self.actual is None or self.other_scale:
            return None
        return self.predicted.low <= self.actual <= self.predicted.high


class Said(Word):
    """What one person said of a proposal; every field but entry and time is from signed bytes."""

    entry: int
    """Number of the log entry that keeps the paper."""
    at: str
    """When the log took it in."""
    by: str = ""
    """Whose key it is, as the policy says."""
    key: str = ""
    """Fingerprint, as `ssh-keygen -l` prints it."""
    decision: str = ""
    over: dict[str, Digest] = Field(default_factory=dict)
    """Proposal, HEAD, policy and evidence that the statement names."""
    expires: str = ""
    reason: str = ""
    does_not_count: str = ""
    """Why the paper is worth nothing; then nothing else is told of it."""


class Why(Word):
    """All causes of one entry, each as the word that was logged."""

    seq: int
    kind: EntryKind
    key: str
    at: str
    word: Digest
    leaf: Digest
    turn: Turn
    ending: Ending
    state: State | None
    """In force when it was observed: judges, constitution, prompts, recipe."""
    state_of: Digest | None
    """The commit of that state."""
    comparison: Comparison | None
    effect: Gain
    """On gold, from the turn before to this one."""
    lineage: tuple[Ancestor, ...]
    """Nearest first; the last one is the founding commit."""
    people: tuple[Said, ...] = ()
    """What people said of the proposal; whoever can verify signatures puts it here."""
    replay: str = ""
    """What came of deciding again; whoever can decide puts it here."""
    size: int = 0
    """Entries of the log by now: every checkpoint above `seq` holds the entry."""


def why(journal: Reader, ref: str) -> Why:
    """Walk back from what `ref` names.

    Raises:
        UsageError: nothing, or more than one thing, has this name.
    """
    entry = find_entry(journal, ref)
    turn = _turn(journal, entry.session, entry.iteration)
    before = _turn(journal, entry.session, entry.iteration - 1)
    after = _turn(journal, entry.session, entry.iteration + 1)
    base = _base(turn)
    return Why(
        seq=entry.seq,
        kind=entry.kind,
        key=entry.key,
        at=entry.at,
        word=digest_of(entry.body),
        leaf=journal.leaf_of(entry.seq),
        turn=turn,
        ending=turn.ending,
        state=journal.commit_of(base).state if base else None,
        state_of=base,
        comparison=_comparison(turn, after),
        effect=compare(before.measured("gold"), turn.measured("gold")),
        lineage=_lineage(journal, turn.digest or base),
        size=journal.size(),
    )


def _turn(journal: Reader, session: str, iteration: int) -> Turn:
    found = tuple(journal.entries_of(session, iteration))
    if not found:
        return Turn(session=session, iteration=iteration, entries={})
    return turn_of(found, scales_in(journal))


def _base(turn: Turn) -> Digest | None:
    """The commit that was in force when the turn began."""
    if turn.observation:
        return turn.observation.head
    if turn.proposal:
        return turn.proposal.base
    return turn.digest


def _comparison(turn: Turn, after: Turn) -> Comparison | None:
    predicted = turn.decision.predicted if turn.decision else None
    if predicted is None or after.observation is None:
        return None
    name, _, of = predicted.metric.removesuffix("]").partition("[")
    seen = after.observation.measurements
    measured = next((m for m in seen if (m.instrument, m.of) == (name, of)), None)
    return Comparison(
        predicted=predicted,
        actual=measured.estimate if measured else None,
        iteration=after.iteration,
        other_scale=name in JUDGED and (turn.scale is None or turn.scale != after.scale),
    )


def _lineage(journal: Reader, digest: Digest | None) -> tuple[Ancestor, ...]:
    ancestors: list[Ancestor] = []
    seen = set[Digest]()
    while digest:
        if digest in seen:
            raise IntegrityError(
                "The history of this commit runs in a circle.",
                saw=digest,
                wanted="parents that lead back to the founding commit",
                try_this="plimsoll log verify",
            )
        seen.add(digest)
        commit = journal.commit_of(digest)
        decided = journal.find(commit.session, commit.iteration, "decide")
        ancestors.append(
            Ancestor(
                digest=digest,
                iteration=commit.iteration,
                intervention=decided.body.get("intervention") if decided else None,
                restores=commit.restores,
            )
        )
        digest = commit.parent
    return tuple(ancestors)
