"""Is a panel better than its leader? On answers that a session stored, graded by the oracle.

    python -m benchmarks.panels WORKSPACE --out benchmarks/results/panels.json

Weights are those that the agent would give, from the audited pairs that it had bought by then;
accuracy is counted on all practised prompts of the turn, which no audit saw. People read this: the
agent has no oracle.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent.workspace import Workspace
from logs.vocabulary import EntryKind, Observation
from tools.instruments.audit import cross, mcnemar, newcombe
from tools.panel_weights import shares
from tools.task import MicroWorld

Floats = NDArray[np.float64]
FAMILIES = {"crowd": "surface", "clerk": "reader"}
CAUTION = (0.5, 1.0)


@dataclass(frozen=True)
class Drawn:
    """One turn: per practised prompt the scores by judge, the grades and the skill."""

    turn: int
    scores: list[dict[str, Floats]]
    right: list[Floats]
    skill: list[str]
    duels: list[tuple[str, dict[str, int]]] = field(default_factory=list)
    """(skill, judge -> whether it ordered the audited pair rightly) of the turn."""


Rule = Callable[[Mapping[str, Floats], str], Floats]


def weighted(weights: Mapping[str, float]) -> Rule:
    """The weighted mean."""
    return lambda scores, _: np.sum([w * scores[j] for j, w in weights.items()], axis=0)


def cautious(weights: Mapping[str, float], k: float) -> Rule:
    """Weighted mean less k standard deviations between the judges.

    Coste et al. 2023 (arXiv 2310.02743) subtract the variance; the deviation is in units of score.
    """

    def rule(scores: Mapping[str, Floats], _: str) -> Floats:
        table = np.stack([scores[j] for j in weights])
        w = np.array(list(weights.values()))[:, None]
        middle = (w * table).sum(0)
        return np.asarray(middle - k * np.sqrt((w * (table - middle) ** 2).sum(0)))

    return rule


def worst(judges: Sequence[str]) -> Rule:
    """The lowest of the judges' scores: worst-case optimisation of the same paper."""
    return lambda scores, _: np.min([scores[j] for j in judges], axis=0)


def routed(by_skill: Mapping[str, Mapping[str, float]], else_: Mapping[str, float]) -> Rule:
    """Other weights for other skills."""
    return lambda scores, skill: weighted(by_skill.get(skill, else_))(scores, skill)


def favourites(drawn: Drawn, rule: Rule) -> list[float]:
    """Per prompt with right and wrong answers 1 where the favourite is right."""
    return [
        float(right[int(np.argmax(rule(scores, skill)))])
        for scores, right, skill in zip(drawn.scores, drawn.right, drawn.skill, strict=True)
        if 0 < right.sum() < len(right)
    ]


def pairwise(drawn: Drawn, rule: Rule) -> float:
    """Share of pairs of a right and a wrong sibling that are ordered rightly; a tie is half."""
    each = []
    for scores, right, skill in zip(drawn.scores, drawn.right, drawn.skill, strict=True):
        if 0 < right.sum() < len(right):
            s = rule(scores, skill)
            gaps = s[right == 1][:, None] - s[right == 0][None, :]
            each.append(float(((gaps > 0) + 0.5 * (gaps == 0)).mean()))
    return float(np.mean(each))


def rules_of(duels: Sequence[tuple[str, dict[str, int]]], leader: str) -> dict[str, Rule]:
    """Every way of adding the judges up, with weights from the audited pairs so far."""
    judges = list(FAMILIES)
    other = next(j for j in judges if j != leader)
    given = _shares([d for _, d in duels], judges)
    by_skill: dict[str, list[dict[str, int]]] = defaultdict(list)
    for skill, outcome in duels:
        by_skill[skill].append(outcome)
    enough = {s: _shares(rows, judges) for s, rows in by_skill.items() if len(rows) >= 6}
    return {
        "leader alone": weighted({leader: 1.0}),
        "the other alone": weighted({other: 1.0}),
        "0.7 / 0.3": weighted({leader: 0.7, other: 0.3}),
        "audited shares": weighted(given),
        **{f"audited shares, mean - {k} sd": cautious(given, k) for k in CAUTION},
        "the lower score": worst(judges),
        "audited shares by skill": routed(enough, given),
    }


def _shares(outcomes: Sequence[dict[str, int]], judges: Sequence[str]) -> dict[str, float]:
    table = {j: [o[j] for o in outcomes] for j in judges}
    return {j: float(w) for j, w in shares(table, FAMILIES).items()}


def read(workspace: Workspace) -> list[Drawn]:
    """Every turn of the log whose panel has the founding judges or their refits."""
    task, store = MicroWorld(), workspace.store
    with workspace.journal() as journal:
        seen = [
            Observation.model_validate(e.body) for e in journal.entries(kind=EntryKind.OBSERVED)
        ]
    found = []
    for o in seen:
        rows = zip(store.get_lines(o.samples), store.get_lines(o.verdicts), strict=True)
        labels = {r["prompt"]: r for r in store.get_lines(o.labels)} if o.labels else {}
        found.append(_drawn(o.iteration, rows, labels, task))
    return found


def _drawn(turn: int, rows: Any, labels: Mapping[str, Any], task: MicroWorld) -> Drawn:
    drawn = Drawn(turn, [], [], [])
    for sample, verdict in rows:
        prompt, scores = sample["prompt"], verdict["scores"]
        skill = task.skill(prompt).split("-")[0]
        if prompt in labels:
            _note(drawn, labels[prompt], scores, skill)
        elif all(None not in s for s in scores.values()):
            drawn.scores.append({j: np.array(s, dtype=np.float64) for j, s in scores.items()})
            drawn.right.append(
                np.array([task.grade(prompt, a[0]) for a in sample["answers"]], dtype=np.float64)
            )
            drawn.skill.append(skill)
    return drawn


def _note(drawn: Drawn, row: Mapping[str, Any], scores: Mapping[str, Any], skill: str) -> None:
    grades = {int(i): g for i, g in row["grades"].items()}
    if "ends" in row and len({grades[i] for i in row["ends"]}) == 2:
        a, b = sorted(row["ends"], key=lambda i: -grades[i])
        drawn.duels.append((skill, {j: int(s[a] > s[b]) for j, s in scores.items()}))


def measured(turns: Sequence[Drawn], leader: str) -> list[dict[str, Any]]:
    """One row per way of adding up, over all turns from the second on."""
    found: dict[str, list[list[float]]] = defaultdict(list)
    ordered: dict[str, list[float]] = defaultdict(list)
    duels: list[tuple[str, dict[str, int]]] = []
    for drawn in turns:
        duels += drawn.duels
        if len(duels) < 12:
            continue
        for name, rule in rules_of(duels, leader).items():
            found[name].append(favourites(drawn, rule))
            ordered[name].append(pairwise(drawn, rule))
    base = [x for turn in found["leader alone"] for x in turn]
    return [_row(name, found[name], ordered[name], base) for name in found]


def _row(
    name: str, turns: Sequence[Sequence[float]], ordered: Sequence[float], base: Sequence[float]
) -> dict[str, Any]:
    each = [x for turn in turns for x in turn]
    table = cross(list(base), each)
    low, high = newcombe(table)
    return {
        "panel": name,
        "prompts": len(each),
        "favourite right": round(float(np.mean(each)), 4),
        "against the leader": round(table.difference, 4),
        "interval": [round(low, 4), round(high, 4)],
        "mid-p": round(float(mcnemar(table.gained, table.lost)), 4),
        "pairs ordered": round(float(np.mean(ordered)), 4),
    }


def main() -> None:
    """Measure, print Markdown, write JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    turns = read(Workspace(given.workspace))
    rows = {leader: measured(turns, leader) for leader in FAMILIES}
    for leader, found in rows.items():
        print(f"\nLeader {leader}\n")
        print("| panel | favourite right | against the leader | mid-p | pairs ordered |")
        print("|---|---|---|---|---|")
        for r in found:
            low, high = r["interval"]
            print(
                f"| {r['panel']} | {r['favourite right']:.3f} | "
                f"{r['against the leader']:+.3f} [{low:+.3f}, {high:+.3f}] | {r['mid-p']:.3f} | "
                f"{r['pairs ordered']:.3f} |"
            )
    if given.out:
        given.out.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
