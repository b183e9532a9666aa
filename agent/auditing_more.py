"""Buy the grades that tell whether the panel is wrong, where knowing it is worth their price."""

from agent.auditing import audit_pairs, ordered
from agent.groups import calibrations, read_groups
from agent.observing_judges import with_what_was_said
from agent.past import TELLING, ever_graded, labels_left
from agent.rules import REFIT_LABELS
from agent.seeds import seed_of
from agent.state import Context, Turn
from logs.vocabulary import EntryKind, Ledgers, Observation, Telling
from tools.instruments import judge_accuracy


def worth_buying(context: Context, telling: Telling) -> bool:
    """Whether it pays, and leaves enough labels for the repair that it may call for."""
    if not telling.labels or telling.worth is None or telling.worth <= 0:
        return False
    return labels_left(context) >= telling.labels + REFIT_LABELS


def audit_more(turn: Turn, context: Context, telling: Telling) -> None:
    """Grade further pairs of this turn's answers; they count as those of the observation do."""
    observed = context.word(turn, "observe", Observation)
    now = context.commit_at(observed.head).state
    groups = read_groups(context.hands.store, observed.samples, observed.verdicts, now.panel)[
        now.recipe.prompts :
    ]
    graded = ever_graded(context)
    audit = audit_pairs(
        [g for g in groups if g.prompt not in graded],
        context.task,
        pairs=telling.labels // 2,
        budget=labels_left(context),
        seed=seed_of(context.config, turn["iteration"], TELLING),
    )
    known = calibrations(context.hands.store, now.panel)
    rows = with_what_was_said(audit.rows, groups, now.panel, known)
    found = judge_accuracy(*ordered(audit.rows, groups, None), judge="panel")
    body = {
        "labels": context.hands.store.put_lines(rows),
        "graded": audit.labels,
        "measurements": [found.model_dump(mode="json")],
        "rivals": list(telling.rivals),
        "worth": telling.worth,
    }
    context.log(turn, TELLING, EntryKind.ANSWERED, body, Ledgers(audit_labels=audit.labels))
