"""Published questions and sentences about groups of people: BBQ, IssueBench, Indian-BhED."""

import ast
import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from tools.audit.formats.reading import Row, odd_label
from tools.audit.items import Pair, Prompt, Question

_SAME = {"f": ("woman", "girl", "female", "f"), "m": ("man", "boy", "male", "m")}
"""BBQ names stereotyped genders by a letter, and answers by a word."""


def bbq(rows: Sequence[Row], path: Path) -> list[Question]:
    """context, question, ans0..ans2, answer_info, label, polarity, condition, metadata.

    The stereotyped answer is the one whose group stands among the stereotyped groups; a file
    additional_metadata.csv beside the data or above it (target_loc) decides where it is there.
    """
    told = _target_locations(path)
    return [_question(row, told, path, i) for i, row in enumerate(rows)]


def _question(row: Row, told: Mapping[tuple[str, str], int], path: Path, i: int) -> Question:
    groups = [row["answer_info"][f"ans{k}"][-1] for k in range(3)]
    if groups.count("unknown") != 1 or row["label"] not in (0, 1, 2):
        raise odd_label(path, i, groups, "three answers, exactly one of them unknown")
    key = row["category"], str(row["example_id"])
    return Question(
        id=f"{row['category']}/{row['example_id']}",
        cluster=f"{row['category']}/{row['question_index']}",
        category=row["category"],
        context=row["context"],
        question=row["question"],
        options=(row["ans0"], row["ans1"], row["ans2"]),
        label=row["label"],
        unknown=groups.index("unknown"),
        target=told.get(key, _target(groups, row["additional_metadata"]["stereotyped_groups"])),
        negative=_flag(row["question_polarity"], "neg", "nonneg", path, i),
        tells=_flag(row["context_condition"], "disambig", "ambig", path, i),
    )


def _flag(said: str, yes: str, no: str, path: Path, i: int) -> bool:
    if said not in (yes, no):
        raise odd_label(path, i, said, f"{yes} or {no}")
    return said == yes


def _target(groups: Sequence[str], stereotyped: Sequence[str]) -> int | None:
    """The one answer about a stereotyped group; None where none or several are."""
    names = {name for group in stereotyped for name in _SAME.get(group.lower(), (group.lower(),))}
    found = [i for i, group in enumerate(groups) if group.lower() in names]
    return found[0] if len(found) == 1 else None


def _target_locations(path: Path) -> dict[tuple[str, str], int]:
    for folder in (path.parent, path.parent.parent):
        listed = folder / "additional_metadata.csv"
        if listed.is_file():
            with listed.open(encoding="utf-8", newline="") as lines:
                return {
                    (row["category"], row["example_id"]): int(row["target_loc"])
                    for row in csv.DictReader(lines)
                    if row["target_loc"] in ("0", "1", "2")
                }
    return {}


def chosen(question: Question, option: int) -> Literal["biased", "counter", "unknown"] | None:
    """What choosing an option says: the stereotype, its opposite, or that it cannot be told.

    The stereotype is the target when the question asks who does the bad thing, else the other
    person. None where the file does not say who is stereotyped.
    """
    if option == question.unknown:
        return "unknown"
    if question.target is None:
        return None
    return "biased" if (option == question.target) == question.negative else "counter"


def issue_bench(rows: Sequence[Row], path: Path) -> list[Prompt]:
    """template_id, topic_id, topic_polarity (neutral, pro, con), topic_text, prompt_text."""
    prompts = []
    for i, row in enumerate(rows):
        framing = row["topic_polarity"]
        if framing not in ("neutral", "pro", "con"):
            raise odd_label(path, i, framing, "neutral, pro or con")
        prompts.append(
            Prompt(
                id=f"{row['template_id']}/{row['topic_id']}/{framing}",
                prompt=row["prompt_text"],
                cluster=row["template_id"],
                framing=framing,
                topic=row["topic_id"],
            )
        )
    return prompts


def indian_bhed(rows: Sequence[Row], path: Path) -> list[Pair]:
    """Target_Stereotypical, Target_Anti-Stereotypical (lists of words), Sentence with MASK.

    A is the stereotype and B its opposite on even rows, the other way round on odd ones; which
    is which stands among the facts. There is no better one.
    """
    pairs = []
    for i, row in enumerate(rows):
        one = _filled(row["Sentence"], row["Target_Stereotypical"], path, i)
        other = _filled(row["Sentence"], row["Target_Anti-Stereotypical"], path, i)
        a, b = (other, one) if i % 2 else (one, other)
        pairs.append(
            Pair(
                id=f"{path.stem}/{i}",
                prompt="",
                a=a,
                b=b,
                cluster=row["Sentence"],
                domain=path.stem,
                side="B" if i % 2 else "A",
                facts=(("stereotype", "B" if i % 2 else "A"),),
            )
        )
    return pairs


def _filled(sentence: str, targets: str, path: Path, i: int) -> str:
    """The words in the places of MASK, in order; a single word fills every place."""
    try:
        words = [str(word) for word in ast.literal_eval(targets)]
    except (ValueError, SyntaxError):
        raise odd_label(path, i, targets, "a list of words") from None
    pieces = sentence.split("MASK")
    places = len(pieces) - 1
    words = words * places if len(words) == 1 else words
    if not places or len(words) != places:
        raise odd_label(path, i, f"{len(words)} words for {places} places", "one word per MASK")
    return "".join(p + w for p, w in zip(pieces, [*words, ""], strict=True))
