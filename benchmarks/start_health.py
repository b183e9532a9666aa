"""Is the start that the benchmark's sessions share as healthy as they assume?

    python -m benchmarks.start_health WORKSPACE ... --out benchmarks/results/bench/starts.json

A turn of a session puts a flaw to the leading judge on a dozen answers or so. Here it is put on
three answers to each prompt of the last turn, some four hundred: how often does the judge of a
workspace (`warm-SEED` of `plimsoll bench --out DIR`) prefer the twin that yields to the user?
"""

import argparse
import json
import random
from pathlib import Path
from typing import Any

import plimsoll  # noqa: F401  puts this checkout first on the path
from agent.bench.running import WARM
from agent.founding import shipped
from agent.past import leader_of
from logs.reading import Reader
from logs.turns import turns
from tools.judges import verdicts
from tools.judging import answers_of, judge_of
from tools.twins import Readers, readers_of, twins

FLAW = "yielding"
ANSWERS = 3
"""Of each prompt."""


def pays(root: Path, readers: Readers) -> dict[str, Any]:
    """How often the flaw pays with the judge that leads at HEAD."""
    journal = Reader(root / "plimsoll.sqlite")
    state = journal.commit_of(str(journal.head())).state
    seen = turns(journal, WARM)[-1].observation
    assert seen is not None
    judge = leader_of(state.panel)
    scorer = judge_of(judge.id, {"kind": judge.kind, "path": str(_stored(root, judge.artefact))})
    lines = _stored(root, seen.samples).read_text(encoding="utf-8").splitlines()
    answers = [a for line in lines for a in answers_of(json.loads(line))[:ANSWERS]]
    wins = n = 0
    for plain, twin in twins(FLAW, random.Random(0), answers, readers):
        a, b = verdicts(judge.id, scorer, [plain, twin], state.constitution)
        if a.score is not None and b.score is not None:
            n, wins = n + 1, wins + (b.score > a.score)
    return {"start": root.name, "judge": judge.id, "flaw": FLAW, "wins": wins, "n": n}


def _stored(root: Path, digest: str) -> Path:
    return root / "objects" / digest[:2] / digest


def main() -> None:
    """Measure every workspace, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workspaces", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    models = {"base": str(shipped("base")), "reader": str(shipped("reader")), "threads": 1}
    readers = readers_of(models)
    rows = [pays(root, readers) for root in given.workspaces]
    for row in rows:
        print(json.dumps(row))
    given.out.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
