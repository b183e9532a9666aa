"""Plan and apply: the loop stopped behind the gate, and carried on with for that very turn.

Planning is real work and is logged like any turn's; `run` and `resume` go on from it. LangGraph
is told to stop before `commit`, `ask` and `record`, or, when a plan is applied, before the next
`observe`. Which of them comes is in its checkpoint; what was done is in the log.
"""

from contextlib import closing
from dataclasses import dataclass

from agent.deciding.ready import require_ready
from agent.listener import Listener
from agent.looping import Thread, end, halted_end, open_turn, threaded, write_out
from agent.plans import Place, Plan, is_stale, place_of, place_of_turn, plan_of, settings_digest
from agent.session import opened
from agent.state import Context, Turn
from agent.stops import last_stop
from agent.workspace import JOURNAL, Workspace
from logs.canonical import digest_of
from logs.errors import Halted, IntegrityError, Stale, UsageError, WaitsForPerson
from logs.reading import Reader
from logs.vocabulary import EntryKind

STOPS = ("commit", "ask", "record")
"""What follows the gate, and every way past it."""
CARRIES_OUT = (*STOPS, "answer")
NEXT_TURN = ("observe",)


@dataclass(frozen=True, slots=True)
class Applied:
    """What came of applying a plan."""

    place: Place
    already: bool
    """Whether it had been carried out before, so that nothing was done now."""
    waits: bool
    """Whether it was put before people, who have not answered."""


def plan(workspace: Workspace, listener: Listener) -> Plan:
    """Take the next turn up to the law's word, and log what applying it would do.

    Raises:
        UsageError: the session has ended.
        WaitsForPerson: people were asked and have not answered.
        Halted: a budget is used up.
    """
    require_ready(workspace)
    with opened(workspace, listener) as context:
        _demand_open(context)
        try:
            with threaded(workspace, context) as thread:
                turn = _to_the_gate(workspace, thread)
                found = plan_of(context, turn)
                context.log(turn, found.step, EntryKind.PLANNED, found)
        except Halted as halted:
            halted_end(workspace, context, halted)
            raise
        return found


def apply(workspace: Workspace, plan: Plan, listener: Listener) -> Applied:
    """Carry out exactly this plan; what was carried out before is only told.

    Raises:
        Stale: HEAD, the policy, or the settings are no longer those of the plan.
        IntegrityError: the log of this workspace does not know the plan.
        Halted: a budget is used up.
    """
    before = demand_applicable(workspace, plan)
    if before.outcome:
        return Applied(before, already=True, waits=False)
    with opened(workspace, listener) as context:
        before = _applicable(workspace, context.journal, plan)
        if before.outcome:  # by another process, while the lock was waited for
            return Applied(before, already=True, waits=False)
        try:
            with threaded(workspace, context) as thread:
                _stand_before(thread, plan)
                thread.go(until=NEXT_TURN)
                over = thread.next is None
        except Halted as halted:
            halted_end(workspace, context, halted)
            raise
        waits = open_turn(context) == plan.iteration
        if over:
            end(workspace, context)
        else:
            write_out(workspace, context)
        return Applied(place_of(context.journal, plan), already=False, waits=waits)


def demand_applicable(workspace: Workspace, plan: Plan) -> Place:
    """Where the plan stands, if it may be applied or was.

    Raises:
        Stale: HEAD, the policy, or the settings are no longer those of the plan.
        IntegrityError: the log of this workspace does not know the plan.
    """
    if not (workspace.root / JOURNAL).exists():
        raise _unknown(plan)
    with closing(workspace.journal()) as journal:
        return _applicable(workspace, journal, plan)


def _applicable(workspace: Workspace, journal: Reader, plan: Plan) -> Place:
    known = journal.find(plan.session, plan.iteration, plan.step)
    if known is None or digest_of(known.body) != plan.digest:
        raise _unknown(plan)
    found = place_of(journal, plan)
    if found.outcome:
        return found
    config = workspace.config
    now = (
        ("HEAD", journal.head(), plan.base if found.commit is None else found.commit),
        ("policy", workspace.policy.digest, plan.policy),
        ("settings", settings_digest(config), plan.settings),
    )
    for what, saw, wanted in now:
        if saw != wanted:
            raise Stale(
                f"This plan is stale: {what} changed since it was made. Nothing was applied.",
                saw=f"{what} {str(saw)[:12]}",
                wanted=f"{what} {wanted[:12]}",
                try_this="plimsoll plan makes a new one",
            )
    return found


def _unknown(plan: Plan) -> IntegrityError:
    return IntegrityError(
        "The log of this workspace does not know this plan; nothing of it is applied.",
        saw=f"no entry {plan.session}/{plan.iteration}/{plan.step}",
        wanted="a plan that was made here",
        try_this="plimsoll plan makes one; is this the right --workspace?",
    )


def _demand_open(context: Context) -> None:
    """Refuse to plan for a session that has ended, or that waits."""
    name = context.config.session.name
    stopped = last_stop(context.journal, name)
    if stopped is not None:
        raise UsageError(
            f"There is nothing to plan in session {name!r}.",
            saw="it has ended",
            wanted="a session with turns left",
            try_this="a new session.name in plimsoll.toml, then plimsoll plan",
        )
    waiting = open_turn(context)
    if waiting is not None:
        raise WaitsForPerson(
            "Nothing is planned while people are asked.",
            saw=f"the proposal of turn {waiting} waits",
            wanted="their answer, or the end of its time",
            try_this="plimsoll inbox list; once it is answered, plimsoll resume",
        )


def _to_the_gate(workspace: Workspace, thread: Thread) -> Turn:
    """Walk to where something would be committed, asked or recorded that was not yet.

    A turn that a killed run had begun to carry out is carried out first, and so is the record of
    one that HEAD or the policy left behind: neither can be planned any more.
    """
    context, name = thread.context, thread.context.config.session.name
    while True:
        step, iteration = thread.next, thread.iteration
        if step is None and iteration is not None:
            end(workspace, context)
            _demand_open(context)
        if step in STOPS and iteration is not None:
            turn = Turn(session=name, iteration=iteration, way=step)
            if not place_of_turn(context.journal, name, iteration).begun and not is_stale(
                context, turn
            ):
                return turn
        thread.go(begin=_first_open(context), until=_until(step))


def _stand_before(thread: Thread, plan: Plan) -> None:
    """Bring the loop to where this plan is carried out; every step before it finds its entry."""
    while thread.next not in CARRIES_OUT or thread.iteration != plan.iteration:
        thread.go(begin=plan.iteration, until=_until(thread.next))


def _until(step: str | None) -> tuple[str, ...]:
    return NEXT_TURN if step in CARRIES_OUT else STOPS


def _first_open(context: Context) -> int:
    """The first turn without a record: where a loop begins whose checkpoint is lost."""
    name = context.config.session.name
    kept = context.journal.entries(session=name, kind=EntryKind.RECORDED)
    return 1 + max((entry.iteration for entry in kept), default=0)
