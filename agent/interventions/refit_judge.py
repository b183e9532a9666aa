"""Refit the judges on every graded answer, after buying a bounded number more; seat the best.

Against a flaw, where the decision names one: see `tools.refitting`.
"""

from collections.abc import Sequence
from typing import Any

from agent.auditing import audit_widely
from agent.groups import read_groups
from agent.interventions.seats import led_by, newer, with_versions
from agent.made import Made, Making
from agent.past import LABELS, bench_of, label_rows, labels_left
from agent.seeds import seed_of
from logs.vocabulary import Digest, EntryKind, Judge, JudgeKind, Ledgers
from tools.counterfactual import ALL, PAID_BY, named

RIDGE = 1.0
DEBIAS = "debias"
"""Argument of a decision that refits against a flaw: which one."""


def make(making: Making) -> Made | str:
    """A panel led by the refitted judge with the least loss on grades it was not fitted on.

    Answers that the old judge chose are not replayed.
    """
    context, now, hands = making.context, making.state, making.context.hands
    known = (*now.panel.judges, *bench_of(context, now))
    candidates = [judge for judge in known if judge.kind is JudgeKind.FEATURE]
    if not candidates:
        return "no judge here can be refitted on grades"
    flaw = making.decision.arguments.get(DEBIAS)
    if flaw is not None and not named(flaw):
        return f"no judge is refitted against {flaw!r}, only against {', '.join((*PAID_BY, ALL))}"
    seed = seed_of(context.config, making.turn["iteration"], "refit")
    labels, bought = _labels(making)
    against = (flaw, now, seed) if flaw else None
    fits = [
        (judge, *hands.refit(judge, labels, now.constitution, ridge=RIDGE, against=against))
        for judge in candidates
    ]
    versions = {judge.id: newer(judge, artefact) for judge, artefact, _ in fits}
    best, _, report = min(fits, key=lambda fit: fit[2]["log_loss"])
    update = {
        "panel": led_by(with_versions(now.panel, versions), versions[best.id]),
        "judge_updates": now.judge_updates + 1,
        "replay": None,
    }
    inputs = {"labels": labels, "bought": bought, "fits": hands.store.put_json(_table(fits))}
    return Made(
        new=now.model_copy(update=update),
        inputs=inputs,
        seeds={"refit": seed},
        accuracy=(report["correct"], report["tried"]),
    )


def _labels(making: Making) -> tuple[Digest, Digest]:
    """All grades so far with some more, and the new ones alone."""
    store, known = making.context.hands.store, label_rows(making.context, making.turn)
    bought = _bought(making, [row["prompt"] for row in known])
    return store.put_lines([*known, *store.get_lines(bought)]), bought


def _bought(making: Making, known: Sequence[str]) -> Digest:
    """Further graded answers, bought once: they are paid for even if the refit fails."""
    context, now, observation = making.context, making.state, making.observation
    entry = context.entry(making.turn, LABELS)
    if entry is None:
        store = context.hands.store
        groups = read_groups(store, observation.samples, observation.verdicts, now.panel)
        audit = audit_widely(
            groups[now.recipe.prompts :],
            context.task,
            budget=min(int(making.decision.arguments["labels"]), labels_left(context)),
            known=known,
            seed=seed_of(context.config, making.turn["iteration"], "refit"),
        )
        body = {"labels": store.put_lines(audit.rows), "graded": audit.labels}
        price = Ledgers(audit_labels=audit.labels)
        entry = context.log(making.turn, LABELS, EntryKind.ANSWERED, body, price)
    return str(entry.body["labels"])


def _table(fits: list[tuple[Judge, Digest, dict[str, Any]]]) -> dict[str, Any]:
    """What each candidate reached, for whoever asks why this one was seated."""
    return {judge.id: report for judge, _, report in fits}
