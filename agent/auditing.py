"""Buy grades: the only place where the agent's side calls the oracle, and every call is counted."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agent.groups import Group
from tools.task import Task

Graded = dict[str, Any]
"""{prompt, answers, grades: {index: 0|1}, and what it was graded for: ends, favourites, most}"""


@dataclass(frozen=True, slots=True)
class Audit:
    """Graded answers, and how many grades they cost."""

    rows: list[Graded]
    labels: int


def audit_pairs(
    groups: Sequence[Group], task: Task, *, pairs: int, budget: int, seed: int
) -> Audit:
    """Grade the panel's favourite and the answer that the policy gives most often besides it.

    Only prompts on which some answer was given several times: elsewhere hardly any answer is
    right and a pair of grades says nothing. The choice does not depend on the judges.
    """
    duels = [(g, d) for g in groups if (d := duel(g)) is not None]
    chosen = random.Random(seed).sample(duels, min(pairs, budget // 2, len(duels)))
    rows = [_graded(g, task, ends) | {"ends": list(ends)} for g, ends in chosen]
    return Audit(rows, 2 * len(rows))


def audit_others(
    groups: Sequence[Group], task: Task, *, prompts: int, budget: int, seed: int
) -> Audit:
    """Grade the most frequent answer on prompts that `audit_pairs` never asks about.

    A policy that learns leaves behind on prompts with two rival answers those that are hard for
    it; without grades of the others its share of right answers seems to fall.
    """
    others = [g for g in groups if duel(g) is None]
    chosen = random.Random(f"others:{seed}").sample(others, min(prompts, budget, len(others)))
    rows = []
    for group in chosen:
        most = group.texts.index(most_frequent(group))
        rows.append(_graded(group, task, [most]) | {"most": most})
    return Audit(rows, len(rows))


def most_frequent(group: Group) -> str:
    """The answer that a policy gives most often; of several, the one it gave first."""
    return Counter(group.texts).most_common(1)[0][0]


SETTLED = 0.3
"""Share of siblings that must agree on some answer before a prompt is audited."""


def duel(group: Group) -> tuple[int, int] | None:
    """(favourite, most frequent other answer), or None where nothing would be learnt."""
    best = _favourite(group.panel)
    votes = Counter(group.texts)
    if best is None or max(votes.values()) < SETTLED * len(group.texts):
        return None
    others = [t for t, _ in votes.most_common() if t != group.texts[best]]
    if not others:
        return None
    return best, group.texts.index(others[0])


def audit_rivals(
    groups: Sequence[Group],
    task: Task,
    *,
    rivals: Sequence[str],
    leader: str,
    prompts: int,
    budget: int,
    seed: int,
) -> Audit:
    """Grade both favourites where a judge of the bench prefers another answer than the panel.

    Here two judges can be told apart; elsewhere they agree and a grade says nothing.
    """
    rng = random.Random(seed)
    rows: list[Graded] = []
    for group in rng.sample(groups, len(groups)):
        if len(rows) >= min(prompts, budget // 2):
            break
        ours = _favourite(group.panel)
        other = {r: _favourite(group.by_judge[r]) for r in rivals}
        differ = {
            r: i
            for r, i in other.items()
            if ours is not None and i is not None and group.texts[i] != group.texts[ours]
        }
        if differ and ours is not None:
            rival = rng.choice(sorted(differ))
            rows.append(
                _graded(group, task, (ours, differ[rival]))
                | {"favourites": [ours, differ[rival]], "rival": rival, "leader": leader}
            )
    return Audit(rows, 2 * len(rows))


def _favourite(scores: Sequence[float | None]) -> int | None:
    """The answer a judge likes best; None where it failed on any."""
    if None in scores or not scores:
        return None
    return max(range(len(scores)), key=lambda i: scores[i] or 0.0)


def won(rows: Sequence[Graded], rival: str, leader: str) -> tuple[int, int]:
    """(prompts where only the rival's favourite was right, those where just one of the two was)."""
    wins = n = 0
    for row in rows:
        if row.get("rival") == rival and row["leader"] == leader:
            ours, theirs = (row["grades"][str(i)] for i in row["favourites"])
            n += ours != theirs
            wins += theirs > ours
    return wins, n


def audit_widely(
    groups: Sequence[Group], task: Task, *, budget: int, known: Sequence[str], seed: int
) -> Audit:
    """Grade up to three different answers of further prompts, until the budget is used."""
    rng = random.Random(seed)
    fresh = [g for g in groups if g.prompt not in set(known) and len(set(g.texts)) > 1]
    rows, labels = [], 0
    for group in rng.sample(fresh, len(fresh)):
        first_of = {text: i for i, text in reversed(list(enumerate(group.texts)))}
        indices = rng.sample(sorted(first_of.values()), min(3, len(first_of)))
        if labels + len(indices) > budget:
            break
        labels += len(indices)
        rows.append(_graded(group, task, indices))
    return Audit(rows, labels)


def _graded(group: Group, task: Task, indices: Sequence[int]) -> Graded:
    grades = {str(i): int(task.grade(group.prompt, group.texts[i])) for i in indices}
    return {"prompt": group.prompt, "answers": [list(a) for a in group.answers], "grades": grades}


def ordered(rows: Sequence[Graded], groups: Sequence[Group], judge: str | None) -> tuple[int, int]:
    """How many of the audited pairs with different grades a judge orders as the grades do.

    A tie or an error counts as wrong. `judge` None is the panel.

    Returns:
        (correct, pairs with different grades)
    """
    by_prompt = {g.prompt: g for g in groups}
    correct = tried = 0
    for row in rows:
        if "ends" not in row or row["prompt"] not in by_prompt:
            continue
        a, b = row["ends"]
        if row["grades"][str(a)] == row["grades"][str(b)]:
            continue
        right, wrong = (a, b) if row["grades"][str(a)] else (b, a)
        group = by_prompt[row["prompt"]]
        scores = group.panel if judge is None else group.by_judge[judge]
        high, low = scores[right], scores[wrong]
        tried += 1
        correct += high is not None and low is not None and high > low
    return correct, tried


def informative(rows: Sequence[Graded]) -> int:
    """Prompts with both a right and a wrong graded answer."""
    return sum(len(set(row["grades"].values())) == 2 for row in rows)
