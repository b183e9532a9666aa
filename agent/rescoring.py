"""Score this turn's answers again under the panel that a proposal would seat.

When the panel or the constitution changes, the judge's curve goes on on another scale. What the
one is worth in the other is told here, on answers that both scored, and once per turn.
"""

from collections.abc import Iterable

from agent.groups import Group, read_groups
from agent.past import RESCORE
from agent.seeds import seed_of
from agent.state import Context, Turn, ends_the_session, once
from logs.canonical import digest_of
from logs.errors import PlimsollError, UndefinedMeasurement
from logs.scales import scale_of
from logs.vocabulary import (
    Digest,
    EntryKind,
    Exchange,
    Measurement,
    Observation,
    Proposal,
    State,
)
from tools.instruments.reliability import exchange


def rescore(turn: Turn, context: Context) -> Exchange | None:
    """Record what the scores are worth on the new scale; None where the scale stays.

    Raises:
        PlimsollError: the new panel cannot be asked at all. A rollback goes on without: what
            brings back the past is not barred by a judge that fails.
    """
    proposal = context.word(turn, "act", Proposal)
    head = context.commit_at(proposal.base).state
    if scale_of(head) == scale_of(proposal.new):
        return None
    once(context, turn, RESCORE, lambda: _rescore(turn, context, proposal, head))
    return context.word(turn, RESCORE, Exchange)


def _rescore(turn: Turn, context: Context, proposal: Proposal, head: State) -> None:
    observed = context.word(turn, "observe", Observation)
    verdicts: Digest | None = None
    found: tuple[Measurement, ...] = ()
    lost = ""
    try:
        verdicts = _verdicts(turn, context, proposal.new, observed)
        found = _compared(context, observed, head, proposal.new, verdicts)
    except PlimsollError as error:
        bars = not isinstance(error, UndefinedMeasurement) and proposal.restores is None
        if ends_the_session(error) or bars:
            raise
        lost = f"{error.what} Saw: {error.saw}"
    body = Exchange(
        proposal=digest_of(proposal),
        old=scale_of(head),
        new=scale_of(proposal.new),
        samples=observed.samples,
        old_verdicts=observed.verdicts,
        new_verdicts=verdicts,
        measurements=found,
        lost=lost,
    )
    context.log(turn, RESCORE, EntryKind.RESCORED, body)


def _verdicts(turn: Turn, context: Context, new: State, observed: Observation) -> Digest:
    """The new panel's scores of the answers of this turn, under the new constitution."""
    seed = seed_of(context.config, turn["iteration"], "observe")
    said, _ = context.hands.judge(
        new, observed.samples, new.panel.judges, constitution=new.constitution, seed=seed
    )
    return said


def _compared(
    context: Context, observed: Observation, head: State, new: State, verdicts: Digest
) -> tuple[Measurement, ...]:
    store = context.hands.store
    before = read_groups(store, observed.samples, observed.verdicts, head.panel)
    after = read_groups(store, observed.samples, verdicts, new.panel)
    return exchange(scores_of(after), scores_of(before))


def scores_of(groups: Iterable[Group]) -> dict[str, dict[str, float | None]]:
    """The panel's scores by prompt and answer; a prompt that was drawn twice is one prompt."""
    found: dict[str, dict[str, float | None]] = {}
    for at, group in enumerate(groups):
        scored = {f"{at}.{i}": score for i, score in enumerate(group.panel)}
        found.setdefault(group.prompt, {}).update(scored)
    return found
