"""Turn the results of `benchmarks.ceiling` into the tables of docs/ceiling.md.

python -m benchmarks.ceiling_table benchmarks/results/ceiling
"""

import argparse
import json
import statistics
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from scipy.stats import t as student

LATE = 12
"""Iteration from which a certified gain counts as one beyond the ceiling."""
Runs = dict[str, dict[int, dict[str, Any]]]


def main() -> None:
    """Print markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    by_arm = read(given.folder)
    print("\n".join((*summary(by_arm), "", *curves(by_arm))))


def read(folder: Path) -> Runs:
    """Every run of a folder, by arm and seed."""
    by_arm: Runs = defaultdict(dict)
    for path in sorted(folder.glob("*-[0-9].json")):
        result = json.loads(path.read_text())
        by_arm[result["arm"]][result["seed"]] = result
    return by_arm


def best_fixed(by_arm: Runs) -> str | None:
    """The grid's setting with the highest mean of gold at the end, chosen with hindsight.

    Of the settings that ran on most seeds: the others fell behind on the first one.
    """
    grid = {arm: runs for arm, runs in by_arm.items() if arm.startswith("grid-") or arm == "fixed"}
    most = max(map(len, grid.values()), default=0)
    grid = {arm: runs for arm, runs in grid.items() if len(runs) == most}
    means = {arm: statistics.fmean(map(end, runs.values())) for arm, runs in grid.items()}
    return max(means, key=lambda arm: means[arm]) if means else None


def summary(by_arm: Runs) -> Iterator[str]:
    """One row per arm: where it began, peaked, ended; and against the fixed recipes."""
    best = best_fixed(by_arm)
    yield f"Best fixed recipe by hindsight: `{best}`.\n"
    yield (
        "| arm | seeds | gold at the start | peak | at iteration | end | end minus `fixed` "
        f"| end minus best fixed | gain certified at {LATE} or later | labels | processor minutes "
        "| gold at the processor time of `rules` |"
    )
    yield "|" + "---|" * 12
    for arm, runs in by_arm.items():
        ends = [end(r) for r in runs.values()]
        peaks = [peak(r) for r in runs.values()]
        late = [certified(r) for r in runs.values()]
        yield (
            f"| {arm} | {len(runs)} | {spread([first(r) for r in runs.values()])} "
            f"| {spread([g for _, g in peaks])} | {', '.join(str(i) for i, _ in peaks)} "
            f"| {spread(ends)} | {against(by_arm, arm, 'fixed')} | {against(by_arm, arm, best)} "
            f"| {sum(late)} of {len(late)} "
            f"| {statistics.fmean(r['audit_labels'] for r in runs.values()):.0f} "
            f"| {statistics.fmean(map(cpu, runs.values())) / 60:.1f} "
            f"| {spread(at_equal_cost(by_arm, arm))} |"
        )


def cpu(run: dict[str, Any]) -> float:
    """Processor seconds of a whole run."""
    return float(max(run["cpu_seconds"].values()))


def at_equal_cost(by_arm: Runs, arm: str) -> list[float]:
    """Gold after the last turn that a run could pay for with what `rules` used on that seed."""
    found = []
    for seed, run in by_arm[arm].items():
        if seed not in by_arm.get("rules", {}):
            continue
        most = cpu(by_arm["rules"][seed])
        paid = [int(turn) for turn, used in run["cpu_seconds"].items() if used <= most]
        found.append(run["gold"][str(max(paid, default=0))][0])
    return found


def against(by_arm: Runs, arm: str, other: str | None) -> str:
    """Mean difference of the ends over seeds that both ran, with a 95 % interval of Student's."""
    both = sorted(by_arm[arm].keys() & by_arm.get(other or "", {}).keys())
    if arm == other or not both:
        return ""
    differences = [end(by_arm[arm][s]) - end(by_arm[other or ""][s]) for s in both]
    mean = statistics.fmean(differences)
    if len(both) < 2:
        return f"{mean:+.3f}"
    half = float(student.ppf(0.975, len(both) - 1)) * statistics.stdev(differences)
    half /= len(both) ** 0.5
    return f"{mean:+.3f} [{mean - half:+.3f}, {mean + half:+.3f}]"


def curves(by_arm: Runs) -> Iterator[str]:
    """Gold at temperature 1 per iteration, every run."""
    last = max(
        (int(i) for runs in by_arm.values() for r in runs.values() for i in r["gold"]), default=0
    )
    yield "| run | " + " | ".join(str(i) for i in range(last + 1)) + " |"
    yield "|---" * (last + 2) + "|"
    for arm, runs in by_arm.items():
        for seed, run in sorted(runs.items()):
            cells = [
                f"{run['gold'][str(i)][0]:.3f}" if str(i) in run["gold"] else ""
                for i in range(last + 1)
            ]
            yield f"| {arm} {seed} | " + " | ".join(cells) + " |"


def certified(run: dict[str, Any]) -> bool:
    """Whether a look at iteration 12 or later said that the gain is real, and nothing denied it."""
    return any(
        int(i) >= LATE and look["gain"][2] == "green" and not look["denied_by"]
        for i, look in run["looks"].items()
    )


def first(run: dict[str, Any]) -> float:
    """Gold before the first turn."""
    return float(run["gold"]["0"][0])


def end(run: dict[str, Any]) -> float:
    """Gold after the last turn."""
    return float(run["gold"][max(run["gold"], key=int)][0])


def peak(run: dict[str, Any]) -> tuple[int, float]:
    """Iteration and height of the highest gold."""
    gold = {int(i): float(g[0]) for i, g in run["gold"].items()}
    at = max(gold, key=lambda i: gold[i])
    return at, gold[at]


def spread(values: Sequence[float]) -> str:
    """Mean and standard deviation; the value itself where there is one."""
    more = f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else ""
    return f"{statistics.fmean(values):.3f}{more}" if values else ""


if __name__ == "__main__":
    main()
