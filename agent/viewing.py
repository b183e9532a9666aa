"""What a decider sees of a turn, from the log alone; so that it can be shown the same again."""

from decimal import Decimal

from agent.auditing import informative
from agent.deciders import View
from agent.deciding.experience import experience_of
from agent.groups import calibrations
from agent.parking import closes
from agent.past import bench_of, label_rows, labels_left, past_turns, spent_before
from agent.ruling import net_ledgers
from agent.state import Context, Turn
from logs.vocabulary import Diagnosis, Observation

TIMELESS = {"seconds": Decimal(0), "cpu_seconds": Decimal(0)}


def view_of(turn: Turn, context: Context) -> View:
    """What the decider may read; built from the log alone, so that it can be replayed."""
    observed = context.word(turn, "observe", Observation)
    now = context.commit_at(observed.head).state
    spent = spent_before(context, turn, "decide")
    limits = {
        name: Decimal(value.numerator) / Decimal(value.denominator)
        for name, value in context.policy.values.items()
    }
    return View(
        iteration=turn["iteration"],
        head=observed.head,
        state=now,
        observation=observed,
        diagnosis=context.word(turn, "diagnose", Diagnosis),
        past=past_turns(context, turn),
        # No decision reads a clock: it also ticks while gold is measured, and never alike.
        ledgers=net_ledgers(context, spent).model_copy(update=TIMELESS),
        limits=limits,
        labels_left=labels_left(context, spent),
        bench=bench_of(context, now),
        calibrated=len(calibrations(context.hands.store, now.panel)) == len(now.panel.judges),
        graded_prompts=informative(label_rows(context, turn)),
        without=frozenset(context.config.session.without),
        raises=context.policy.raises,
        closing=closes(context, turn),
        experience=experience_of(turn, context),
    )
