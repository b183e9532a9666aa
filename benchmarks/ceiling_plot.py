"""Draw the curves of `benchmarks.ceiling`: gold per iteration, a line per seed and their mean.

python -m benchmarks.ceiling_plot benchmarks/results/ceiling docs/pictures/ceiling.png
"""

import argparse
from pathlib import Path
from statistics import fmean

import matplotlib

from benchmarks.ceiling_table import Runs, best_fixed, read

COLOURS = {"rules": "#0072b2", "bandit": "#009e73", "random": "#999999", "fixed": "#d55e00"}
BEST = "#cc79a7"
WORDS = {
    "rules": "rules",
    "bandit": "bandit, without experience",
    "random": "random choice, same gate",
    "fixed": "fixed recipe",
}


def main() -> None:
    """Write one picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    matplotlib.use("Agg")
    from matplotlib import pyplot

    by_arm = read(given.folder)
    figure, axes = pyplot.subplots(figsize=(8, 4.5), layout="constrained")
    best = best_fixed(by_arm)
    arms = dict(WORDS)
    if best and best not in arms:
        arms[best] = "best fixed recipe of a grid, by hindsight"
    for arm, words in arms.items():
        if arm in by_arm:
            _draw(axes, by_arm, arm, words)
    axes.set(xlabel="iteration", ylabel="share of gold prompts answered right", ylim=(0, 0.9))
    axes.legend(frameon=False, loc="upper left", fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.25)
    figure.savefig(given.out, dpi=120, metadata={"Software": None})


def _draw(axes: "matplotlib.axes.Axes", by_arm: Runs, arm: str, words: str) -> None:
    colour, runs = COLOURS.get(arm, BEST), list(by_arm[arm].values())
    curves = [[run["gold"][i][0] for i in sorted(run["gold"], key=int)] for run in runs]
    for curve in curves:
        axes.plot(curve, color=colour, alpha=0.3, linewidth=0.8)
    # A session that ended early keeps the policy that it ended with.
    mean = [fmean(c[min(i, len(c) - 1)] for c in curves) for i in range(max(map(len, curves)))]
    axes.plot(mean, color=colour, linewidth=2.2, label=f"{words} ({len(runs)} base models)")


if __name__ == "__main__":
    main()
