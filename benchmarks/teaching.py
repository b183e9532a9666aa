"""Sessions that teach the decider that learns: ten scenarios of the benchmark, made ten turns long.

    python -m benchmarks.teaching --out FOLDER
    plimsoll bench FOLDER/*.toml --decider bandit --decider random --first-seed 20 --out RUNS
    plimsoll session experience --out lessons.jsonl RUNS/teach-*
    plimsoll bench --decider rules --decider bandit --experience lessons.jsonl --first-seed 2

The shipped scenarios end before the later turns of a repair have been graded. Seed 20 is no seed
that the deciders are compared at.
"""

import argparse
from pathlib import Path

from agent.bench.scenario import SHIPPED

TURNS = 10
TAUGHT = (
    "null",
    "length-biased-judge",
    "sycophantic-judge",
    "judge-degrades-slowly",
    "colluding-family",
    "mode-collapse",
    "saturated-prompts",
    "step-too-large",
    "label-noise",
    "duplicated-prompts",
)


def main() -> None:
    """Write the scenarios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    for name in TAUGHT:
        (out / f"{name}.toml").write_text(longer((SHIPPED / f"{name}.toml").read_text()))


def longer(scenario: str) -> str:
    """The same scenario under another name, with more turns."""
    lines = []
    for line in scenario.splitlines():
        key = line.split("=")[0].strip()
        if key == "turns":
            line = f"turns = {TURNS}"
        elif key == "name":
            line = line.replace('"', '"teach-', 1)
        lines.append(line)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
