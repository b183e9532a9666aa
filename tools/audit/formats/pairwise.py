"""Published pairs of answers with a preference: one reader per format."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tools.audit.formats.reading import Row, odd_label
from tools.audit.items import Pair, Prompt
from tools.audit.records import Side

_ONE_TWO: dict[Any, Side] = {1: "A", 2: "B", "1": "A", "2": "B"}


def llmbar(rows: Sequence[Row], path: Path) -> list[Pair]:
    """input, output_1, output_2, label in {1, 2}; the folder names the subset."""
    subset = path.parent.name
    return [
        Pair(
            id=f"{subset}/{i}",
            prompt=row["input"],
            a=row["output_1"],
            b=row["output_2"],
            gold=_one_of(_ONE_TWO, row["label"], path, i),
            domain=subset,
        )
        for i, row in enumerate(rows)
    ]


def evalbiasbench(rows: Sequence[Row], path: Path) -> list[Pair]:
    """A dictionary of lists: instruction, response1, response2, label in {1, 2}, bias."""
    return [
        Pair(
            id=f"{row['bias']}/{i}",
            prompt=row["instruction"],
            a=row["response1"],
            b=row["response2"],
            gold=_one_of(_ONE_TWO, row["label"], path, i),
            domain=row["bias"],
        )
        for i, row in enumerate(rows)
    ]


def judgebench(rows: Sequence[Row], path: Path) -> list[Pair]:
    """pair_id, question, response_A, response_B, label "A>B" or "B>A", source."""
    labels: dict[Any, Side] = {"A>B": "A", "B>A": "B"}
    return [
        Pair(
            id=str(row["pair_id"]),
            prompt=row["question"],
            a=row["response_A"],
            b=row["response_B"],
            gold=_one_of(labels, row["label"], path, i),
            cluster=str(row.get("original_id", row["pair_id"])),
            domain=row["source"],
        )
        for i, row in enumerate(rows)
    ]


def judgebench_pro(rows: Sequence[Row], path: Path) -> list[Pair]:
    """question, response_A, response_B, integer label, injected_bias, domain.

    The publisher does not say which integer means response_A, so none is guessed: gold is left
    out, and the label stands among the facts.
    """
    return [
        Pair(
            id=str(i),
            prompt=row["question"],
            a=row["response_A"],
            b=row["response_B"],
            cluster=row["question"],
            domain=row["domain"],
            facts=(("label", str(row["label"])), ("injected_bias", row["injected_bias"])),
        )
        for i, row in enumerate(rows)
    ]


def ppe(rows: Sequence[Row], path: Path) -> list[Pair]:
    """question_id, prompt, response_1, response_2, winner: model_a, model_b or a kind of tie."""
    return [
        Pair(
            id=str(row["question_id"]),
            prompt=row["prompt"],
            a=row["response_1"],
            b=row["response_2"],
            gold=_winner(row["winner"], path, i),
            domain=str(row.get("language") or ""),
            facts=(("model_a", row["model_a"]), ("model_b", row["model_b"])),
        )
        for i, row in enumerate(rows)
    ]


def mt_bench(rows: Sequence[Row], path: Path) -> list[Pair]:
    """Votes: question_id, model_a, model_b, winner, judge, conversation_a, conversation_b, turn."""
    return [
        Pair(
            id=f"{row['question_id']}/{row['model_a']}/{row['model_b']}/{row['turn']}/{i}",
            prompt=_turns(row["conversation_a"], int(row["turn"]), "user"),
            a=_turns(row["conversation_a"], int(row["turn"]), "assistant"),
            b=_turns(row["conversation_b"], int(row["turn"]), "assistant"),
            gold=_winner(row["winner"], path, i),
            cluster=str(row["question_id"]),
            facts=(("judge", row["judge"]), ("turn", str(row["turn"]))),
        )
        for i, row in enumerate(rows)
    ]


def mt_bench_questions(rows: Sequence[Row], path: Path) -> list[Prompt]:
    """question_id, category, turns."""
    return [
        Prompt(
            id=str(row["question_id"]),
            prompt="\n\n".join(row["turns"]),
            cluster=str(row["question_id"]),
            topic=row["category"],
        )
        for row in rows
    ]


def alpaca_eval(rows: Sequence[Row], path: Path) -> list[Pair]:
    """Annotations: instruction, output_1, output_2, preference from 1 (first) to 2 (second)."""
    pairs = []
    for i, row in enumerate(rows):
        said = float(row["preference"])
        if not 1 <= said <= 2:
            raise odd_label(path, i, row["preference"], "a preference from 1 to 2")
        pairs.append(
            Pair(
                id=str(i),
                prompt=row["instruction"],
                a=row["output_1"],
                b=row["output_2"],
                gold=None if said == 1.5 else "A" if said < 1.5 else "B",
                cluster=row["instruction"],
                domain=str(row.get("dataset") or ""),
                facts=(("preference", str(said)),),
            )
        )
    return pairs


def alpaca_outputs(rows: Sequence[Row], path: Path) -> list[Prompt]:
    """Outputs of one model: instruction, output, generator; only the instructions are kept."""
    return [
        Prompt(id=str(i), prompt=row["instruction"], cluster=str(i), topic=row.get("dataset") or "")
        for i, row in enumerate(rows)
    ]


def _turns(conversation: Sequence[Row], turn: int, role: str) -> str:
    """What one side said up to the turn that is judged."""
    said = [message["content"] for message in conversation if message["role"] == role]
    return "\n\n".join(said[:turn])


def _winner(said: str, path: Path, i: int) -> Side | None:
    if str(said).startswith("tie"):
        return None
    return _one_of({"model_a": "A", "model_b": "B"}, said, path, i)


def _one_of(labels: dict[Any, Side], said: Any, path: Path, i: int) -> Side:
    try:
        return labels[said]
    except (KeyError, TypeError):
        raise odd_label(path, i, said, " or ".join(map(str, labels))) from None
