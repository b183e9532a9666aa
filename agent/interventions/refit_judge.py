"""Refit a judge of the panel on every graded answer, after buying a bounded number more."""

from agent.auditing import audit_widely
from agent.groups import read_groups
from agent.made import Made, Making
from agent.past import label_rows, labels_left
from agent.seeds import seed_of
from logs.vocabulary import Ledgers

RIDGE = 1.0


def make(making: Making) -> Made:
    """A panel whose judge was refitted; answers that the old one chose are not replayed."""
    context, now, hands = making.context, making.state, making.context.hands
    observation, asked = making.observation, making.decision.arguments
    seed = seed_of(context.config, making.turn["iteration"], "refit")
    groups = read_groups(hands.store, observation.samples, observation.verdicts, now.panel)
    known = label_rows(context, making.turn)
    bought = audit_widely(
        groups[now.recipe.prompts :],
        context.task,
        budget=min(int(asked["labels"]), labels_left(context)),
        known=[row["prompt"] for row in known],
        seed=seed,
    )
    labels = hands.store.put_lines([*known, *bought.rows])
    judge = next(j for j in now.panel.judges if j.id == asked["judge"])
    artefact, report = hands.refit(judge, labels, now.constitution, ridge=RIDGE)
    better = judge.model_copy(update={"artefact": artefact, "version": judge.version + 1})
    panel = now.panel.model_copy(
        update={"judges": tuple(better if j.id == judge.id else j for j in now.panel.judges)}
    )
    update = {"panel": panel, "judge_updates": now.judge_updates + 1, "replay": None}
    return Made(
        new=now.model_copy(update=update),
        inputs={"labels": labels, "bought": hands.store.put_lines(bought.rows)},
        seeds={"refit": seed},
        spend=Ledgers(audit_labels=bought.labels),
        accuracy=(report["correct"], report["tried"]),
    )
