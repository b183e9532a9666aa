"""Is the gain real? Asked now and then on fresh gold, for people; no decision reads the answer.

HEAD and the founding policy answer the same fresh items; the founding policy answers twice, once
as the opponent of both. Each look has its own share of the error probability, so that all claims
of a workspace hold together however often it is asked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent.groups import Group, calibrations, joined, p_right
from agent.seeds import seed_of
from agent.state import Context, Turn
from logs.canonical import sha256
from logs.vocabulary import EntryKind, LogEntry, Measurement, Panel, State
from tools.instruments.audit.length import length_controlled_win_rate
from tools.instruments.drift import proxy_gold_gap, retention
from tools.instruments.sequential import Gold, claim, is_the_gain_real, plan_gain
from tools.instruments.sequential.betting import FRESH
from tools.judges import Calibration

GAIN = "gain"
"""The step under which a look is logged."""
SHOWN = 12
"""Hexadecimal digits of an item's digest: enough to tell items apart, and no prompt."""


@dataclass(frozen=True, slots=True)
class Item:
    """One fresh gold item, with one answer of each policy and the opponent's."""

    prompt: str
    now: Group
    then: Group
    """The founding policy's two answers: its own, and the opponent's."""


def claim_gain(turn: Turn, context: Context) -> None:
    """Record one look at whether HEAD beats the founding policy on gold, if one is due."""
    head = context.head()
    state, looks = context.commit_at(head).state, list(looks_of(context))
    if not _due(context, state, looks):
        return
    items = _drawn(context, state, turn)
    measured, bets = _measured(context, state, items, look=len(looks) + 1, turn=turn)
    gain = measured[0]
    body = {
        "head": head,
        "against": context.founding,
        "look": len(looks) + 1,
        "claim": claim(gain),
        "denied_by": list(gain.assumptions[: gain.assumptions.index(FRESH[0])]),
        "items": [[sha256(b.item.encode())[:SHOWN], b.truth, round(b.judged, 4)] for b in bets],
        "measurements": [m.model_dump(mode="json") for m in measured],
    }
    context.log(turn, GAIN, EntryKind.MEASURED, body)


def looks_of(context: Context) -> Sequence[LogEntry]:
    """Every look at fresh gold so far, of all sessions: they share one error probability."""
    found = context.journal.entries(kind=EntryKind.MEASURED)
    return [e for e in found if e.key.endswith(f"/{GAIN}")]


def _due(context: Context, state: State, looks: Sequence[LogEntry]) -> bool:
    """Whether this policy differs from the founding one and from the one looked at last."""
    if not context.config.world.fresh_gold or _policy(state) == _policy(context.anchor):
        return False
    last = context.commit_at(looks[-1].body["head"]).state if looks else None
    return last is None or _policy(last) != _policy(state)


def _policy(state: State) -> tuple[str, str | None]:
    return state.base, state.adapter


def _drawn(context: Context, state: State, turn: Turn) -> list[Item]:
    """Fresh items, answered by HEAD and by the founding policy, judged by HEAD's panel."""
    seed = seed_of(context.config, turn["iteration"], f"{turn['session']}:{GAIN}")
    prompts = context.task.fresh_gold(context.config.world.fresh_gold, seed=seed)
    groups = [
        joined(
            context.hands.weigh(
                of,
                prompts,
                state.panel.judges,
                constitution=state.constitution,
                samples=samples,
                seed=seed + number,
            ),
            state.panel,
        )
        for number, (of, samples) in enumerate(((state, 1), (context.anchor, 2)))
    ]
    return [Item(p, a, b) for p, a, b in zip(prompts, *groups, strict=True)]


def _measured(
    context: Context, state: State, items: Sequence[Item], *, look: int, turn: Turn
) -> tuple[list[Measurement], list[Gold]]:
    """The gain, and what else must agree before it is called one."""
    known = calibrations(context.hands.store, state.panel)
    grade = context.task.grade
    rows = [_row(item, grade, known, state.panel) for item in items]
    scored = [row for row in rows if row["judged"] is not None]
    gap = proxy_gold_gap(
        *([r[k] for r in scored] for k in ("judged", "truth", "judged0", "truth0"))
    )
    rate = length_controlled_win_rate([r["wins"] for r in scored], [r["longer"] for r in scored])
    kept = _capability(context, state, turn)
    bets = [
        # A judge that failed on an item says nothing of it; the plan leaves judges out anyhow.
        Gold(item=f"{look}/{i}/{item.prompt}", truth=row["truth"], judged=row["judged"] or 0.0)
        for i, (item, row) in enumerate(zip(items, rows, strict=True))
    ]
    gain = is_the_gain_real(
        plan_gain([], [], iteration=look, gold_items=len(bets), judged_items=0),
        bets,
        judged={},
        sealed_at=0,
        opened_at=0,
        judge_win_rate=rate.estimate,
        gap=gap,
        capability=kept.status,
    )
    return [gain, rate, gap, kept], bets


def _row(item: Item, grade: Any, known: Mapping[str, Calibration], panel: Panel) -> dict[str, Any]:
    """Wins of HEAD and of the founding policy against the same opponent, by gold and by judge."""
    said, own, rival = item.now.texts[0], *item.then.texts
    right, right0, other = (int(grade(item.prompt, text)) for text in (said, own, rival))
    a, b, c = item.now.panel[0], *item.then.panel
    row: dict[str, Any] = {"truth": (1 + right - other) / 2, "truth0": (1 + right0 - other) / 2}
    if a is None or b is None or c is None:
        return row | {"judged": None}
    p = [p_right(g, i, known, panel) for g, i in ((item.now, 0), (item.then, 0), (item.then, 1))]
    return row | {
        "judged": _won(a, c, p[0], p[2]),
        "judged0": _won(b, c, p[1], p[2]),
        "wins": (1 + (a > c) - (a < c)) / 2,
        "longer": len(said.split()) - len(rival.split()),
    }


def _won(mine: float, other: float, p: float | None, q: float | None) -> float:
    """What the judge expects gold to say of a pair; without a calibration, which it prefers."""
    if p is None or q is None:
        return (1 + (mine > other) - (mine < other)) / 2
    return (1 + p - q) / 2


def _capability(context: Context, state: State, turn: Turn) -> Measurement:
    """What the founding policy could do on fixed prompts, greedily: can HEAD still?"""
    prompts = context.task.gold_prompts(context.config.world.gold_prompts)
    lists = {
        name: {"prompts": prompts, "temperature": 0.0, "of": of}
        for name, of in (("now", "candidate"), ("then", "head"))
    }
    seed = seed_of(context.config, turn["iteration"], "capability")
    said, _ = context.hands.try_out(state, context.anchor, lists, divergence=[], seed=seed)
    graded = {
        name: [context.task.grade(p, a) for p, a in zip(prompts, answers, strict=True)]
        for name, answers in said.items()
    }
    return retention(graded["now"], graded["then"], of="greedy")
