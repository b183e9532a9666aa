"""Turn the results of `benchmarks.world` into the table of docs/world.md.

python -m benchmarks.world_table benchmarks/results
"""

import argparse
import itertools
import json
import math
import statistics
from pathlib import Path
from typing import Any


def main() -> None:
    """Print markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    results = [json.loads(p.read_text()) for p in sorted(given.folder.glob("*-[0-9].json"))]
    print("\n".join((*curves(results), "", *claims(results))))


def curves(results: list[dict[str, Any]]) -> list[str]:
    """Gold at temperature 1 and greedy per iteration, every run."""
    last = max(int(i) for r in results for i in r["gold"])
    head = "| run | " + " | ".join(str(i) for i in range(last + 1)) + " |"
    lines = [head, "|---" * (last + 2) + "|"]
    for r in results:
        for name, key in (("T=1", "gold"), ("greedy", "greedy")):
            cells = [
                f"{r[key][str(i)][0]:.3f}" if str(i) in r[key] else "" for i in range(last + 1)
            ]
            lines.append(f"| {r['arm']} {r['seed']} {name} | " + " | ".join(cells) + " |")
        scores = [r["judge_score_before"].get(str(i)) for i in range(last + 1)]
        shown = ["" if s is None else f"{s:.2f}" for s in scores]
        lines.append(f"| {r['arm']} {r['seed']} judge | " + " | ".join(shown) + " |")
    return lines


def claims(results: list[dict[str, Any]]) -> list[str]:
    """The figures that the issue of the world's worth turns on, with spread over seeds."""
    by_arm: dict[str, dict[int, dict[str, Any]]] = {}
    for r in results:
        by_arm.setdefault(r["arm"], {})[r["seed"]] = r
    lines = []
    for arm, runs in by_arm.items():
        first = [_at(r, 0) for r in runs.values()]
        final = [_at(r, -1) for r in runs.values()]
        peak = [max(v[0] for v in r["gold"].values()) for r in runs.values()]
        lines.append(
            f"- {arm}: gold {_spread(first)} at the start, {_spread(peak)} at the peak, "
            f"{_spread(final)} at the end ({len(runs)} seeds)"
        )
    lines += [_risen(seed, r) for seed, r in by_arm.get("oracle", {}).items()]
    lines += [_fallen(seed, r) for seed, r in by_arm.get("fixed", {}).items()]
    for seed, r in by_arm.get("governed", {}).items():
        low, high = _difference(r, "4", str(max(map(int, r["gold"]))))
        fixed = by_arm.get("fixed", {}).get(seed)
        margin = _at(r, -1) - max(v[0] for v in fixed["gold"].values()) if fixed else math.nan
        lines.append(
            f"- governed {seed}: last against iteration 4 [{low:+.3f}, {high:+.3f}]; "
            f"above the fixed recipe's peak by {margin:+.3f}; {r['audit_labels']} audit labels"
        )
    return lines


def _risen(seed: int, run: dict[str, Any]) -> str:
    first, last = "0", str(max(map(int, run["gold"])))
    both = [f"{run[k][first][0]:.3f} -> {run[k][last][0]:.3f}" for k in ("gold", "greedy")]
    return f"- oracle {seed}: T=1 {both[0]}, greedy {both[1]}, in {last} iterations"


def _fallen(seed: int, run: dict[str, Any]) -> str:
    gold = {int(i): g[0] for i, g in run["gold"].items()}
    peak = max(gold, key=lambda i: gold[i])
    scores = [run["judge_score_before"][i] for i in sorted(run["judge_score_before"], key=int)]
    rises = all(a < b for a, b in itertools.pairwise(scores))
    return (
        f"- fixed {seed}: peak {gold[peak]:.3f} at iteration {peak}, {gold[max(gold)]:.3f} at "
        f"iteration {max(gold)} ({gold[max(gold)] - gold[peak]:+.3f}); the judge's score "
        + ("rises every turn" if rises else "does NOT rise every turn")
    )


def _at(run: dict[str, Any], place: int) -> float:
    order = sorted(run["gold"], key=int)
    return float(run["gold"][order[place]][0])


def _spread(values: list[float]) -> str:
    sd = f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.3f}{sd}"


def _difference(run: dict[str, Any], first: str, last: str) -> tuple[float, float]:
    """95 % interval of a difference of two shares on the same prompts, treated as independent.

    Pairing by prompt would make it narrower; the samples are kept apart by their seeds.
    """
    (p, _, _, n), (q, _, _, m) = run["gold"][first], run["gold"][last]
    half = 1.96 * math.sqrt(p * (1 - p) / n + q * (1 - q) / m)
    return q - p - half, q - p + half


if __name__ == "__main__":
    main()
