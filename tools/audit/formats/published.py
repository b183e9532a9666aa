"""The verdicts that LLMBar's authors published of other judges, in both orders.

FOLDER/**/dataset.json
FOLDER/**/evaluators/JUDGE/PROMPT/result.json
"""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from logs.errors import UsageError
from tools.audit.formats.reading import Row, need, odd_label, rows_of
from tools.audit.records import BASE, Choice, Order, Side, Verdict

PROMPT = "Vanilla_NoRules"
"""The plainest of LLMBar's prompts; `Vanilla` is the same with its rules of evaluation."""
_ORDERS: tuple[tuple[str, Order], ...] = (("swap = False", "AB"), ("swap = True", "BA"))
_WINNERS: dict[object, Choice | None] = {"1": "A", "2": "B", None: None}


def judges(folder: Path) -> dict[str, list[str]]:
    """Published judges, and the prompts each was run with."""
    found: dict[str, set[str]] = {}
    for file in sorted(folder.rglob("evaluators/*/*/result.json")):
        found.setdefault(file.parts[-3], set()).add(file.parts[-2])
    return {judge: sorted(prompts) for judge, prompts in found.items()}


def verdicts(folder: Path, judge: str, prompt: str = PROMPT) -> list[Verdict]:
    """All verdicts of one published judge with one prompt.

    A winner that could not be read from the judge's text is a missing verdict: see
    `records.check`, and `complete=False` to count it as wrong.

    Raises:
        UsageError: this judge was not published with this prompt.
    """
    files = sorted(folder.rglob(f"evaluators/{judge}/{prompt}/result.json"))
    if not files:
        known = judges(folder)
        raise UsageError(
            "No such verdicts are published here.",
            saw=f"{judge} with {prompt}",
            wanted="; ".join(f"{j}: {', '.join(p)}" for j, p in known.items()) or "LLMBar's folder",
            try_this="give the folder that holds Natural and Adversarial",
        )
    return [v for file in files for v in _of_file(file, judge, prompt)]


def _of_file(file: Path, judge: str, prompt: str) -> list[Verdict]:
    rows, subset = rows_of(file), file.parts[-5]
    need(rows, ("label", "results"), file)
    named = sha256(f"published:{judge}".encode()).hexdigest()
    asked = sha256(f"published:{prompt}".encode()).hexdigest()
    return [
        Verdict(
            item_id=f"{subset}/{i}",
            cluster_id=f"{subset}/{i}",
            judge_hash=named,
            prompt_hash=asked,
            order=order,
            repeat=repeat,
            treatment=BASE,
            verdict=_winner(result, key, file, i),
            gold=_gold(row, file, i),
            domain=subset,
        )
        for i, row in enumerate(rows)
        for repeat, result in enumerate(row["results"])
        for key, order in _ORDERS
    ]


def _winner(result: Row, key: str, file: Path, i: int) -> Choice | None:
    """The winner names the answer as stored, in either order."""
    said = result.get(key, {}).get("winner", "no winner")
    if said not in _WINNERS:
        raise odd_label(file, i, said, "winner 1, 2 or null in both orders")
    return _WINNERS[said]


def _gold(row: Row, file: Path, i: int) -> Side:
    labels: Sequence[tuple[int, Side]] = ((1, "A"), (2, "B"))
    for label, side in labels:
        if row["label"] == label:
            return side
    raise odd_label(file, i, row["label"], "1 or 2")
