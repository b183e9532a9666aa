"""The verifier of answers that people judged: right is what somebody called right."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tools.verifiers.texts import LONGEST, plain


@dataclass(frozen=True, slots=True)
class Label:
    """Right is an answer that people called right, word for word; one nobody judged is not.

    For tasks whose answers are few, as labels of texts. A longer answer is never the same again:
    there preferences are what judges are audited on, and something else must be gold.
    """

    column = "completion"

    def reference(self, given: Any, row: Mapping[str, Any]) -> dict[str, list[str]]:
        """{right, wrong} of one row: a completion with its label, or chosen and rejected."""
        if "label" in row:
            if not isinstance(row["label"], (bool, int)) or row["label"] not in (0, 1):
                raise ValueError(f"label = {row['label']!r} is neither true nor false")
            right, wrong = ([given], []) if row["label"] else ([], [given])
        else:
            right, wrong = [given], [x for x in (row.get("rejected"),) if x is not None]
        if not all(isinstance(x, str) and plain(x) for x in [*right, *wrong]):
            raise ValueError("a judged answer is no text")
        return joined({"right": [], "wrong": []}, {"right": right, "wrong": wrong})

    def grade(self, answer: str, reference: Any) -> bool:
        """Whether it is one of those that were called right."""
        return plain(answer[:LONGEST]) in {plain(x) for x in reference["right"]}

    def formed(self, answer: str, reference: Any) -> bool:
        """Whether anybody judged it."""
        known = {plain(x) for kind in ("right", "wrong") for x in reference[kind]}
        return plain(answer[:LONGEST]) in known


def joined(one: Mapping[str, list[str]], other: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """What people said of the answers to one prompt, from two rows.

    Raises:
        ValueError: the same answer was called right and wrong.
    """
    both = {kind: [*one[kind], *other[kind]] for kind in ("right", "wrong")}
    if {plain(x) for x in both["right"]} & {plain(x) for x in both["wrong"]}:
        raise ValueError("an answer is called right here and wrong there")
    return {kind: list(dict.fromkeys(texts)) for kind, texts in both.items()}
