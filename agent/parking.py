"""Parking: what only people may decide is put off, and a session that nobody attends goes on.

With `[session] park = true` a proposal that the law leaves to people is parked: nobody is asked,
nothing waits, and the next turn does other work. When the turns are used up, or the decider
stops, each parked idea is taken up once more, on the state that the session ended with, tried
and ruled on anew, and only then put before people. So no approval is ever about a HEAD that is
gone. An idea that the decider comes back to before is asked about at once: there is no other work.
"""

from collections.abc import Iterator

from agent.deciders import Decider, Past, View
from agent.ideas import Idea, left
from agent.state import Context, Turn
from logs.canonical import digest_of
from logs.vocabulary import Decision, EntryKind, Intervention, Proposal, Verdict

PARK = "park"
"""Step under which a proposal is parked."""
PARKED = "parked"
"""Outcome of such a turn, and rule of the decision that takes the idea up again."""


def choose(view: View, decider: Decider) -> Decision:
    """The decision of this turn: the decider's, or the next parked idea once the rest is done."""
    ideas = left(map(_of_past, view.past)) if view.closing else ()
    if not ideas:
        return decider(view)
    first = ideas[0]
    return Decision(
        iteration=view.iteration,
        intervention=first.intervention,
        rule=PARKED,
        because=f"iteration {first.iteration} parked it; people are asked once the rest is done",
        evidence=(),
        alternatives=(),
        predicted=None,
        arguments=dict(first.arguments),
    )


def closes(context: Context, turn: Turn) -> bool:
    """Whether the planned turns are over, so that only what was parked is left to be asked."""
    config = context.config.session
    if not config.park:
        return False
    earlier = ideas_of(context, turn, turn["iteration"] - 1)
    stopped = any(idea.intervention is Intervention.STOP for idea in earlier)
    return stopped or turn["iteration"] > config.iterations


def is_left(context: Context, turn: Turn) -> bool:
    """Whether people are still to be asked about something after this turn."""
    return context.config.session.park and bool(left(ideas_of(context, turn, turn["iteration"])))


def park(context: Context, turn: Turn) -> bool:
    """Park what the gate left to people, where that is wanted; whether it is parked."""
    if context.entry(turn, PARK) is None and _may_be(context, turn):
        decision = context.word(turn, "decide", Decision)
        verdict = context.word(turn, "gate", Verdict)
        body = {
            "intervention": decision.intervention,
            "proposal": digest_of(context.word(turn, "act", Proposal)),
            "tier": verdict.tier,
            "until": "the planned turns are over",
        }
        context.log(turn, PARK, EntryKind.PARKED, body)
    return context.entry(turn, PARK) is not None


def _may_be(context: Context, turn: Turn) -> bool:
    """Once in a session, and not at its end: an idea that comes up again is asked about."""
    if not context.config.session.park or closes(context, turn):
        return False
    *earlier, now = ideas_of(context, turn, turn["iteration"])
    return not any(idea.parked and idea.is_like(now) for idea in earlier)


def ideas_of(context: Context, turn: Turn, until: int) -> Iterator[Idea]:
    """What the turns of the session up to that iteration decided, in their order."""
    for iteration in range(1, until + 1):
        one = Turn(session=turn["session"], iteration=iteration, way="")
        if context.entry(one, "decide") is None:
            continue
        decision = context.word(one, "decide", Decision)
        parked = context.entry(one, PARK) is not None
        yield Idea(iteration, decision.intervention, decision.arguments, parked)


def _of_past(past: Past) -> Idea:
    return Idea(past.iteration, past.intervention, past.arguments, past.outcome == PARKED)
