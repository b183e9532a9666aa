"""The law asked about the proposal of one turn, with what the log knows of everything it needs."""

from datetime import datetime

from agent.adoption import PERSON, policies_of
from agent.state import Context, Turn, W
from invariants import gate as law
from invariants.approvals import Ballot
from invariants.papers import Paper
from invariants.refills import Filed, Refilled, count, net
from logs.reading import Reader
from logs.vocabulary import (
    Commit,
    Digest,
    EntryKind,
    Evidence,
    Ledgers,
    LogEntry,
    Proposal,
    Verdict,
)

AGAIN = "gate-again"
"""Step of the ruling with the approvals of people."""


def ruled(turn: Turn, context: Context, ballot: Ballot | None = None) -> Verdict:
    """The verdict on this turn's proposal, with the papers that people handed in."""
    proposal = context.word(turn, "act", Proposal)
    head = context.head()
    restored = _ancestor(context, head, proposal.restores)
    return law.rule(
        context.policy,
        context.anchor,
        context.commit_at(head).state,
        head,
        proposal,
        context.word(turn, "trial", Evidence),
        net_ledgers(context),
        ballot,
        restored=restored,
    )


def ruling(context: Context, turn: Turn) -> LogEntry | None:
    """The last entry of the gate in this turn."""
    return context.entry(turn, AGAIN) or context.entry(turn, "gate")


def ruling_of(context: Context, turn: Turn, kind: type[W]) -> W:
    """The last word of the gate in this turn."""
    return context.word(turn, AGAIN if context.entry(turn, AGAIN) else "gate", kind)


def net_ledgers(context: Context, spent: Ledgers | None = None) -> Ledgers:
    """What was spent less what people refilled, as the law reads it."""
    found = refilled(context.journal, context)
    return net(context.journal.ledgers() if spent is None else spent, found)


def refilled(journal: Reader, context: Context) -> Refilled:
    """What people refilled; every signature is verified again."""
    return count(
        context.policy.charter.approve,
        filed_refills(journal),
        log=context.founding,
        policies=policies_of(journal),
    )


def filed_refills(journal: Reader) -> list[Filed]:
    """The papers about refills, in the order in which the log took them in."""
    return [
        Filed(Paper.model_validate(e.body["refill"]), _time(e))
        for e in journal.entries(session=PERSON, kind=EntryKind.ANSWERED)
        if "refill" in e.body
    ]


def _time(entry: LogEntry) -> datetime:
    return datetime.fromisoformat(entry.at)


def _ancestor(context: Context, head: Digest, wanted: Digest | None) -> Commit | None:
    """The commit to restore, if it really lies before HEAD."""
    at: Digest | None = head
    while at is not None and wanted is not None:
        commit = context.commit_at(at)
        if at == wanted:
            return commit
        at = commit.parent
    return None
