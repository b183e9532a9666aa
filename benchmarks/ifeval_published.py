"""Do our checks of IFEval say what the published ones say, on real answers and near the boundary?

    python -m benchmarks.ifeval_published --published FOLDER --python PYTHON
        --out benchmarks/results/ifeval_published.json

FOLDER holds `instruction_following_eval/` as published, with `data/input_data.jsonl`, at least one
`data/input_response_data_*.jsonl`, and, where nltk finds Punkt nowhere else, `nltk_data/`. PYTHON
is one that can import what that code needs. It runs as a process of its own; ours runs in this one.
"""

import argparse
import json
import os
import random
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import plimsoll  # noqa: F401  puts this checkout first on the path
from benchmarks.ifeval_changes import at_its_count, changed
from tools.verifiers.ifeval import IfEval

SETS = ("answers", "others", "changed", "boundary")
"""The answers to the prompts; answers to other prompts; answers with small seeded changes; those
with the number that is asked for set to what the answer has, and one beside it."""
OTHERS, CHANGES = 2, 4
"""Of each instruction: so many answers to other prompts, so many changed answers."""
LEARNT = (
    "language:response_language",
    "change_case:english_capital",
    "change_case:english_lowercase",
)
"""What asks langdetect, which draws at random unless it is given a seed."""
THEIRS = """
import importlib.metadata, json, random, sys
import langdetect
langdetect.DetectorFactory.seed = int(sys.argv[1])
random.seed(0)
from instruction_following_eval import instructions_registry as registry
for line in open(sys.argv[2], encoding="utf-8"):
    name, told, answer = json.loads(line)
    check = registry.INSTRUCTION_DICT[name](name)
    check.build_description(**told)
    try:
        said = bool(answer.strip() and check.check_following(answer))
    except Exception as error:
        said = type(error).__name__
    print(json.dumps(said))
print(json.dumps({x: importlib.metadata.version(x) for x in ("nltk", "langdetect")}))
"""


class Case(NamedTuple):
    """One instruction, what it wants, and an answer."""

    kind: str
    prompt: int
    name: str
    told: dict[str, Any]
    answer: str


def rows_of(path: Path) -> list[dict[str, Any]]:
    """The objects of a file of JSON lines."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def cases_of(data: Path, seed: int) -> Iterator[Case]:
    """Every instruction of every prompt, with each of its answers."""
    draw = random.Random(seed)
    prompts = rows_of(data / "input_data.jsonl")
    for path in sorted(data.glob("input_response_data_*.jsonl")):
        said = {row["prompt"]: row["response"] for row in rows_of(path)}
        pool = list(said.values())
        for i, row in enumerate(prompts):
            if row["prompt"] not in said:
                continue  # the published answers lack a few of the published prompts
            for name, told in zip(row["instruction_id_list"], row["kwargs"], strict=True):
                yield Case("answers", i, name, told, said[row["prompt"]])
                for other in draw.sample(pool, OTHERS):
                    yield Case("others", i, name, told, other)
                for _ in range(CHANGES):
                    text = changed(said[row["prompt"]], name, told, draw)
                    yield Case("changed", i, name, told, text)
                    for near in at_its_count(text, name, told):
                        yield Case("boundary", i, name, near, text)


def ours(cases: Sequence[Case]) -> list[bool]:
    """What our verifier says."""
    rule = IfEval()
    return [rule.grade(c.answer, rule.reference([c.name], {"kwargs": [c.told]})) for c in cases]


def theirs(
    cases: Sequence[Case], published: Path, python: str, seed: int
) -> tuple[list[bool | str], dict[str, str]]:
    """What the published code says, or the name of what it raised; and its libraries' versions."""
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as file:
        file.writelines(json.dumps([c.name, c.told, c.answer]) + "\n" for c in cases)
        file.flush()
        done = subprocess.run(
            [python, "-c", THEIRS, str(seed), file.name],
            cwd=published,
            env=os.environ | {"NLTK_DATA": str(published / "nltk_data"), "PYTHONPATH": "."},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            check=True,
        )
    *said, versions = map(json.loads, done.stdout.splitlines())
    return said, versions


def table(we: Sequence[bool], they: Sequence[bool | str]) -> dict[str, Any]:
    """The counts of one row; where theirs raised, it says no."""
    count = Counter((a, b is True) for a, b in zip(we, they, strict=True))
    agree = count[True, True] + count[False, False]
    return {
        "n": len(we),
        "both_true": count[True, True],
        "both_false": count[False, False],
        "only_ours": count[True, False],
        "only_theirs": count[False, True],
        "raised": sum(isinstance(b, str) for b in they),
        "agreement": round(agree / len(we), 4),
    }


def by_instruction(
    cases: Sequence[Case], we: Sequence[bool], they: Sequence[bool | str], again: dict[int, Any]
) -> dict[str, dict[str, Any]]:
    """A table for each set and instruction; `itself` is theirs beside theirs with another seed."""
    found: dict[str, dict[str, Any]] = {}
    for kind in SETS:
        for name in sorted({c.name for c in cases}):
            which = [i for i, c in enumerate(cases) if (c.kind, c.name) == (kind, name)]
            if not which:
                continue
            row = table([we[i] for i in which], [they[i] for i in which])
            if name in LEARNT:
                same = sum(they[i] == again[i] for i in which)
                row["itself"] = round(same / len(which), 4)
            found.setdefault(kind, {})[name] = row
    return found


def whole_prompts(
    cases: Sequence[Case], we: Sequence[bool], they: Sequence[bool | str]
) -> dict[str, Any]:
    """Strict accuracy of both, and how often they agree, over prompts with their own answers."""
    all_of: dict[tuple[int, str], list[bool]] = {}
    for case, a, b in zip(cases, we, they, strict=True):
        if case.kind == "answers":
            both = all_of.setdefault((case.prompt, case.answer), [True, True])
            both[0], both[1] = both[0] and a, both[1] and b is True
    row = table([a for a, _ in all_of.values()], [b for _, b in all_of.values()])
    right = {"ours": row["only_ours"], "theirs": row["only_theirs"]}
    return row | {who: round((row["both_true"] + n) / row["n"], 4) for who, n in right.items()}


def main() -> None:
    """Ask both, print Markdown, write JSON; the cases that differ, where a file is named."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--published", type=Path, required=True)
    parser.add_argument("--python", required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--differences", type=Path)
    given = parser.parse_args()
    published = given.published.resolve()
    cases = list(cases_of(published / "instruction_following_eval" / "data", given.seed))
    we = ours(cases)
    they, versions = theirs(cases, published, given.python, 0)
    learnt = [i for i, c in enumerate(cases) if c.name in LEARNT]
    twice, _ = theirs([cases[i] for i in learnt], published, given.python, 1)
    rows = by_instruction(cases, we, they, dict(zip(learnt, twice, strict=True)))
    told = {"versions": versions, "prompts": whole_prompts(cases, we, they), "sets": rows}
    show(told)
    if given.out:
        given.out.write_text(json.dumps(told, indent=1) + "\n")
    if given.differences:
        with given.differences.open("w") as file:
            for case, a, b in zip(cases, we, they, strict=True):
                if a is not b:
                    file.write(json.dumps({"ours": a, "theirs": b} | case._asdict()) + "\n")


def show(told: dict[str, Any]) -> None:
    """The counts as Markdown."""
    print(f"prompts: {told['prompts']}\n")
    print("| instruction | " + " | ".join(SETS) + " |\n|---|" + "---|" * len(SETS))
    for name in told["sets"]["answers"]:
        cells = (_cell(told["sets"][kind].get(name)) for kind in SETS)
        print(f"| {name} | " + " | ".join(cells) + " |")


def _cell(row: dict[str, Any] | None) -> str:
    if row is None:
        return ""
    return "{both_true}/{both_false}/{only_ours}/{only_theirs} {agreement:.4f}".format(**row)


if __name__ == "__main__":
    main()
