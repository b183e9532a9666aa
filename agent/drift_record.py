"""What a session remembers of its drift: which answers were drawn, and what was told by them.

One artefact per turn, named by the turn's observation; the next turn reads the last one, so a
session that was killed finds everything again, and a log without any simply begins.
"""

from collections.abc import Iterable, Sequence

from agent.state import Context, Turn
from logs.errors import IntegrityError
from logs.vocabulary import Digest, EntryKind, Finite, Measurement, State, Word


class Answered(Word):
    """One policy's answers to the fixed prompts, drawn in the turn that it came into force."""

    adapter: Digest | None
    iteration: int
    """0 for the anchor, whose answers the session's first turn draws."""
    answers: Digest
    nats: Digest
    """Per prompt {"entropy" and each reference: nats at each token of each answer}."""
    kl: Finite = 0.0
    """Nats per answer from the anchor."""


class Audited(Word):
    """What one prompt with paid grades says."""

    iteration: int
    adapter: Digest | None
    panel: Digest
    """Of panel and constitution: who claimed."""
    skill: str
    right: bool
    """The grade of the answer that the policy gives most often."""
    gap: Finite
    """The panel's claim minus what the grades confirm, in [-1, 1]."""


class DriftRecord(Word):
    """Everything that the next turn needs; the first policy is the anchor, the last one HEAD's."""

    planned: int
    """Looks that were planned when the session began: alpha is divided among them."""
    looks: int = 0
    looked: int = 0
    """The turn of the last look."""
    policies: tuple[Answered, ...]
    audits: tuple[Audited, ...] = ()
    changes: tuple[Measurement, ...] = ()
    """Of the last look, against the anchor and the policy before."""
    judged: Digest | None = None
    """Panel and constitution by which HEAD's answers were judged last."""
    judged_in: int = 0
    """The turn of that."""
    judgements: tuple[Measurement, ...] = ()
    """What came of that: ceiling, verdicts, tripwires."""
    probed: int = 0
    """Place in `policies` of the checkpoint that was probed last; 0 is the anchor."""
    anchor_probes: Digest | None = None
    """Which probes the anchor answers badly, by form; once it was asked."""

    @property
    def anchor(self) -> Answered:
        """The founding policy's answers."""
        return self.policies[0]

    @property
    def head(self) -> Answered:
        """The answers of the policy in force."""
        return self.policies[-1]

    @property
    def before(self) -> Answered | None:
        """Those of the policy that was in force before."""
        return self.policies[-2] if len(self.policies) > 1 else None

    def with_(self, **changes: object) -> "DriftRecord":
        """The record with some fields changed."""
        return self.model_copy(update=changes)


def last_record(context: Context, turn: Turn) -> DriftRecord | None:
    """What the latest earlier turn of this session remembered; None in logs without any."""
    entries = context.journal.entries(session=turn["session"], kind=EntryKind.OBSERVED)
    named = [
        digest
        for e in entries
        if e.iteration < turn["iteration"] and (digest := e.body.get("drift"))
    ]
    return read(context, named[-1]) if named else None


def read(context: Context, digest: Digest) -> DriftRecord:
    """A record from the store.

    Raises:
        IntegrityError: it is missing, damaged, or is no record.
    """
    try:
        return DriftRecord.model_validate(context.hands.store.get_json(digest))
    except ValueError as error:
        raise IntegrityError(
            "The record of drift is not one.",
            saw=f"{digest[:12]}: {type(error).__name__}",
            wanted="what an earlier turn of this session wrote",
            try_this="plimsoll log verify",
        ) from error


def write(context: Context, record: DriftRecord) -> Digest:
    """Store a record under its digest."""
    return context.hands.store.put_json(record.model_dump(mode="json"))


def policy_of(answered: Answered, like: State) -> State:
    """A state whose policy gave those answers."""
    return like.model_copy(update={"adapter": answered.adapter})


DIGITS = 9
"""Significant digits that are recorded: the last bits of a matrix product depend on how many
threads made it, and a turn that runs again must say the same."""


def rounded(found: Iterable[Measurement]) -> tuple[Measurement, ...]:
    """Measurements to the digits that are recorded."""
    return tuple(
        m.model_copy(
            update={
                name: float(f"{value:.{DIGITS}g}")
                for name in ("estimate", "low", "high")
                if (value := getattr(m, name)) is not None
            }
        )
        for m in found
    )


def again(found: Sequence[Measurement], iteration: int) -> tuple[Measurement, ...]:
    """Measurements of an earlier turn, said to be so: nothing was drawn again."""
    note = f"unchanged since turn {iteration}: measured then, not drawn again"
    return tuple(
        m
        if m.assumptions[:1] == (note,)
        else m.model_copy(update={"assumptions": (note, *m.assumptions)})
        for m in found
    )
