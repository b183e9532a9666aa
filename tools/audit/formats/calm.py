"""CALM: pairs of answers with the same pairs under one perturbation."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tools.audit.formats.reading import Row
from tools.audit.items import Pair, Twin
from tools.audit.records import Side

ADULT = "nsfw"
"""Items whose `data_resource` says so are role play that no audit needs; they are left out."""
_BIASES = {
    "with_reference": "authority",
    "longer": "verbosity",
    "fallacy": "fallacy",
    "polished": "refinement",
    "cheerful": "sentiment",
    "sad": "sentiment",
    "angry": "sentiment",
    "fear": "sentiment",
}


def calm_pairs(rows: Sequence[Row], path: Path) -> list[Pair]:
    """Base sets: question, answer1 (chosen), answer2 (rejected), data_resource."""
    return [
        Pair(
            id=f"{path.stem}/{i}",
            prompt=row["question"],
            a=row["answer1"],
            b=row["answer2"],
            gold="A",
            domain=row["data_resource"],
        )
        for i, row in enumerate(rows)
        if _wanted(row)
    ]


def calm_twins(rows: Sequence[Row], path: Path) -> list[Twin]:
    """Bias sets: the same with answerN_<variant>, the perturbed answer; one twin per variant.

    A set without a second answer (refinement) compares the answer with itself, polished or not.
    """
    return [
        _twin(row, name, f"{path.stem}/{i}")
        for i, row in enumerate(rows)
        if _wanted(row)
        for name in sorted(row)
        if name.startswith(("answer1_", "answer2_")) and row[name]
    ]


def left_out(rows: Sequence[Row]) -> int:
    """Items that are not for an audit."""
    return sum(not _wanted(row) for row in rows)


def _wanted(row: Row) -> bool:
    return ADULT not in str(row["data_resource"]).lower()


def _twin(row: Row, name: str, item: str) -> Twin:
    which, _, variant = name.partition("_")
    side: Side = "A" if which == "answer1" else "B"
    kind = next((bias for word, bias in _BIASES.items() if variant.startswith(word)), variant)
    base = Pair(
        id=f"{item}/{name}",
        prompt=row["question"],
        a=row["answer1"],
        b=row.get("answer2") or row["answer1"],
        cluster=item,
        domain=row["data_resource"],
        side=side,
    )
    treated = base.with_answer(side, row[name])
    return Twin(bias=f"{kind}/{variant}", base=base, treated=replace(treated, side=side))
