"""What the log says of earlier turns of this session."""

from collections.abc import Iterable, Iterator
from typing import Any

from agent.deciders import Past
from agent.edits import OFFER
from agent.state import Context, Turn
from logs.ledgers import total
from logs.scales import scale_of, stamped
from logs.vocabulary import (
    Commit,
    Decision,
    Digest,
    EntryKind,
    Exchange,
    Judge,
    Ledgers,
    LogEntry,
    Measurement,
    Nearest,
    Observation,
    Panel,
    State,
    Tier,
)

RESCORE = "exchange"
"""Step under which a change of scale is recorded, with what scores are worth on the new one."""
LABELS = "labels"
"""Step under which a refit records the grades that it bought."""
TELLING = "telling"
"""Step under which a diagnosis records the grades that it bought to tell rivals apart."""


def past_turns(context: Context, turn: Turn) -> tuple[Past, ...]:
    """The turns of this session that are over, oldest first."""
    session = turn["session"]
    return tuple(
        context.recalled(("past", session, i), lambda i=i: _past(context, session, i))  # type: ignore[misc]
        for i in range(1, turn["iteration"])
    )


def _past(context: Context, session: str, iteration: int) -> Past:
    by_step = {e.key.rsplit("/", 1)[1]: e for e in context.journal.entries_of(session, iteration)}
    decision = Decision.model_validate(by_step["decide"].body)
    record = by_step["record"].body
    observation = _read(context, by_step["observe"])
    rescored = by_step.get(RESCORE)
    return Past(
        iteration=iteration,
        intervention=decision.intervention,
        outcome=record["outcome"],
        refused_by=tuple(record["refused_by"]),
        head=observation.head,
        observation=observation,
        failure=_failure(by_step.values()),
        exchange=Exchange.model_validate(rescored.body) if rescored else None,
        flaw=decision.arguments.get("flaw", ""),
        arguments=decision.arguments,
        predicted=decision.predicted,
        # What was offered for an offer is not taken: one step for each refusal of an own idea.
        offer=None if OFFER in decision.arguments else offer_of(by_step.get("refuse")),
    )


def _failure(entries: Iterable[LogEntry]) -> str:
    failed = (str(e.body["error"]) for e in entries if e.kind is EntryKind.FAILED)
    return next(failed, "")


def offer_of(refusal: LogEntry | None) -> Nearest | None:
    """The nearest lawful change of low tier that a refusal names.

    Of low tier only: one of medium tier may spend the whole way that people left open at once.
    """
    made = (Nearest.model_validate(o) for o in refusal.body.get("offers", ())) if refusal else ()
    return next((offer for offer in made if offer.tier is Tier.LOW), None)


def observations(context: Context, turn: Turn) -> list[Observation]:
    """Earlier observations of this session, oldest first."""
    found = (
        context.journal.find(turn["session"], i, "observe") for i in range(1, turn["iteration"])
    )
    return [
        context.recalled(("seen", e.key), lambda e=e: _read(context, e))  # type: ignore[misc]
        for e in found
        if e
    ]


def _read(context: Context, entry: LogEntry) -> Observation:
    """An observation whose scores say on which scale they are, also from before that was noted."""
    seen = Observation.model_validate(entry.body)
    scale = scale_of(context.commit_at(seen.head).state)
    return seen.model_copy(update={"measurements": stamped(seen.measurements, scale)})


def recent(context: Context, observation: Observation, n: int) -> list[Observation]:
    """This observation and up to n - 1 before it, in the order of the log.

    A session goes on from HEAD: in its first turns what earlier sessions saw counts too.
    """
    return [Observation.model_validate(e.body) for e in _recent(context, observation, n)]


def _recent(context: Context, observation: Observation, n: int) -> list[LogEntry]:
    session = context.config.session.name
    here = [
        entry
        for i in range(max(1, observation.iteration - n + 1), observation.iteration + 1)
        if (entry := context.journal.find(session, i, "observe"))
    ]
    earlier: list[LogEntry] = []
    if here and len(here) < n:
        seen = context.journal.entries(kind=EntryKind.OBSERVED)
        earlier = [e for e in seen if e.seq < here[0].seq][-(n - len(here)) :]
    return [*earlier, *here]


AUDIT_WINDOW = 3
"""Turns whose audited pairs speak for a panel together: a dozen pairs alone are mostly chance."""


def under_this_panel(context: Context, observation: Observation) -> list[Observation]:
    """This observation, and those of the last turns in which the same judges were in force.

    Pairs that were audited to tell rivals apart stand before the observation they came after.
    """
    panel = context.commit_at(observation.head).state.panel
    found: list[Observation] = []
    for entry in _recent(context, observation, AUDIT_WINDOW):
        seen = Observation.model_validate(entry.body)
        if context.commit_at(seen.head).state.panel == panel:
            found += [*_told_apart(context, entry, seen), seen]
    return found


def _told_apart(context: Context, entry: LogEntry, seen: Observation) -> Iterator[Observation]:
    more = context.journal.find(entry.session, entry.iteration, TELLING)
    if more:
        told = tuple(Measurement.model_validate(m) for m in more.body["measurements"])
        yield seen.model_copy(update={"measurements": told})


def founding_entry(context: Context) -> LogEntry:
    """The entry that tells which judges sit on the bench."""
    return next(context.journal.entries(kind=EntryKind.FOUNDED))


def bench_of(context: Context, state: State) -> tuple[Judge, ...]:
    """Founding judges that are not in the panel now."""
    seated = {j.id for j in state.panel.judges}
    known = (Judge.model_validate(j) for j in founding_entry(context).body["judges"])
    return tuple(j for j in known if j.id not in seated)


def leader_of(panel: Panel) -> Judge:
    """The judge with the largest weight in the panel."""
    return max(panel.judges, key=lambda j: j.weight)


def spent_before(context: Context, turn: Turn, step: str) -> Ledgers:
    """The ledgers as they were when a step began, whenever that is asked."""
    entry = context.entry(turn, step)
    if entry is None:
        return context.journal.ledgers()
    before = (e.spend for e in context.journal.entries() if e.seq < entry.seq)
    return Ledgers.model_validate(total(before))


def labels_left(context: Context, spent: Ledgers | None = None) -> int:
    """Audit labels that may still be bought, by the configuration and by the policy."""
    budget = min(context.config.audit.labels, int(context.policy.values["audit_labels_max"]))
    return max(0, budget - (spent or context.journal.ledgers()).audit_labels)


def label_rows(context: Context, turn: Turn) -> list[dict[str, Any]]:
    """Every graded answer of the session up to this turn's observation."""
    store = context.hands.store
    return [row for digest in _label_digests(context, turn) for row in store.get_lines(digest)]


def _label_digests(context: Context, turn: Turn) -> Iterator[Digest]:
    for i in range(1, turn["iteration"] + 1):
        observed = context.journal.find(turn["session"], i, "observe")
        if observed and observed.body["labels"]:
            yield observed.body["labels"]
        told = context.journal.find(turn["session"], i, TELLING)
        if told:
            yield told.body["labels"]
        bought = context.journal.find(turn["session"], i, LABELS)
        if bought and i < turn["iteration"]:
            yield bought.body["labels"]


def ever_graded(context: Context) -> set[str]:
    """Prompts with a graded answer in any session: a judge may have been fitted on them."""
    store, entries = context.hands.store, context.journal.entries
    digests = [
        *(e.body["labels"] for e in entries(kind=EntryKind.OBSERVED)),
        *(e.body.get("labels") for e in entries(kind=EntryKind.ANSWERED)),
    ]
    return {row["prompt"] for digest in digests if digest for row in store.get_lines(digest)}


def probe_of(context: Context, commit: Commit) -> Digest:
    """What this commit's policy answered to the probe prompts when it was tried out.

    A commit that did not change the adapter answers as its parent did.
    """
    while commit.proposal is not None:
        if commit.restores:
            commit = context.commit_at(commit.restores)
            continue
        tried = context.journal.find(commit.session, commit.iteration, "trial")
        data = tried.body["data"] if tried else {}
        if "probe-next" in data:
            return str(data["probe-next"])
        commit = context.commit_at(_parent(commit))
    return str(founding_entry(context).body["probe"])


def _parent(commit: Commit) -> Digest:
    if commit.parent is None:
        raise AssertionError("a commit with a proposal has a parent")
    return commit.parent
