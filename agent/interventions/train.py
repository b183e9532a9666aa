"""Train the adapter on what the panel preferred among HEAD's own answers."""

from collections.abc import Sequence

from agent.checking_data import require_as_judged
from agent.groups import Group, calibrations, p_right, read_groups
from agent.made import Made, Making
from agent.seeds import seed_of
from agent.vaulting import require_no_gold, without_gold
from logs.vocabulary import Panel
from tools.pairs import Judged, Shown, balanced, make_pairs, make_shown, replayed
from tools.store import Store

MARGIN = 1e-6
BELIEVED = 0.4
"""A calibrated panel teaches only answers that it believes right with this probability."""
BUFFER = 8192
"""Chosen answers kept for replay."""


def make(making: Making) -> Made:
    """A candidate trained on pairs, chosen answers and some replayed ones.

    Raises:
        Refused: the training data hold gold, or are not what was drawn and judged.
    """
    context, now = making.context, making.state
    observation, hands = making.observation, making.context.hands
    turn = making.turn["iteration"]
    seed = seed_of(context.config, turn, "train")
    groups = read_groups(hands.store, observation.samples, observation.verdicts, now.panel)
    taught = teachable(groups[: now.recipe.prompts], hands.store, now.panel)
    clean = without_gold(context, [t for j in taught for t in (j.prompt, *j.answers)])
    # What only resembles gold is left out; what is of another pool must block the turn below.
    taught = [j for j in taught if j.prompt in clean or context.task.overlap([j.prompt])]
    pairs = [p for p in make_pairs(taught, margin=MARGIN) if {p.chosen, p.rejected} <= clean]
    shown = [s for s in make_shown(taught) if s.answer in clean]
    if now.recipe.balance:
        shown = balanced(shown, spread=now.recipe.balance, seed=seed)
    buffer = hands.get_shown(now.replay)
    again = replayed(buffer, now.recipe.replay, seed=seed)
    pairs_at, shown_at = hands.put_pairs(pairs), hands.put_shown([*shown, *again])
    require_no_gold(context, pairs_at, shown_at)
    require_as_judged(context, (pairs_at, shown_at), groups, again)
    adapter, _ = hands.train(now, now.recipe, pairs_at, shown_at, seed=seed)
    update = {
        "adapter": adapter,
        "replay": hands.put_shown(_kept(buffer, shown)),
        "policy_updates": now.policy_updates + 1,
    }
    return Made(
        new=now.model_copy(update=update),
        inputs={
            "samples": observation.samples,
            "verdicts": observation.verdicts,
            "pairs": pairs_at,
            "shown": shown_at,
        },
        seeds={
            "train": seed,
            "samples": seed_of(context.config, making.turn["iteration"], "observe"),
        },
    )


def teachable(groups: Sequence[Group], store: Store, panel: Panel) -> list[Judged]:
    """Groups with something to teach: not a tie, and believed where the panel is calibrated."""
    known = calibrations(store, panel)
    kept = []
    for group in groups:
        ends = group.ends()
        best = max(
            (i for i, s in enumerate(group.panel) if s is not None),
            key=lambda i: group.panel[i] or 0.0,
            default=None,
        )
        if best is None:
            continue
        believed = p_right(group, best, known, panel)
        if (believed is None and ends is not None) or (
            believed is not None and believed >= BELIEVED
        ):
            kept.append(group.judged)
    return kept


def _kept(buffer: Sequence[Shown], shown: Sequence[Shown]) -> list[Shown]:
    """The newest answers, each prompt once."""
    newest = {s.prompt: s for s in (*buffer, *shown)}
    return list(newest.values())[-BUFFER:]
