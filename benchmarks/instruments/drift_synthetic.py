"""Drift instruments where the truth is set by hand: divergence, gap, retention, turn of gold."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from logs.vocabulary import Status
from tools.instruments.drift.gap import proxy_gold_gap
from tools.instruments.drift.judges_side import ceiling_growth
from tools.instruments.drift.kl import exact_kl, kl_per_token, sampled_kl
from tools.instruments.drift.overoptimisation import Fit, fit, gold_slope
from tools.instruments.drift.retention import retention
from tools.instruments.drift.tripwires import checks_change, probes_due, reward_jump

Row = Callable[[str, str, int, int, float, str], dict[str, Any]]
RNG = np.random.default_rng
SEEDS = 500


def synthetic(row: Row) -> Iterator[dict[str, Any]]:
    """All rows."""
    yield from _divergence(row)
    yield from _gap(row)
    yield from _retention(row)
    yield from _ceiling(row)
    yield from _turn(row)
    yield from _tripwire(row)


def _divergence(row: Row, runs: int = 200, n: int = 400, tokens: int = 20) -> Iterator[Any]:
    """(iv) A tilt by a known vector on a Markov language of 40 words: the rate is analytic."""
    words, tilt = 40, np.linspace(-0.6, 0.6, 40)
    q = RNG(0).normal(size=(words, words)) * 1.5
    p = q + tilt
    logs = [x - np.logaddexp.reduce(x, axis=1)[:, None] for x in (p, q)]
    moves = np.exp(logs[0])
    at_state = moves @ tilt - np.log((np.exp(logs[1]) * np.exp(tilt)).sum(1))
    here, truth = np.full(words, 1 / words), 0.0
    for _ in range(tokens):
        truth += float(here @ at_state) / tokens
        here = here @ moves
    cumulative = moves.cumsum(1)
    means: dict[str, list[float]] = {"exact": [], "k1": [], "k3": []}
    near = {name: 0 for name in means}
    for seed in range(runs):
        states = np.empty((n, tokens + 1), dtype=int)
        rng = RNG([9, seed])
        states[:, 0] = rng.integers(words, size=n)
        for t in range(tokens):
            draw = rng.random((n, 1))
            states[:, t + 1] = np.minimum((cumulative[states[:, t]] < draw).sum(1), words - 1)
        before, after = states[:, :-1], states[:, 1:]
        told = [log[before, after] for log in logs]
        sides: dict[str, Any] = {"exact": list(exact_kl(p, q)[before])}
        for name in ("k1", "k3"):
            sides[name] = sampled_kl(list(told[0]), list(told[1]), name)
        for name, side in sides.items():
            m = kl_per_token(side, "anchor", estimator=name)  # type: ignore[arg-type]
            values = np.array([np.mean(answer) for answer in side])
            error = values.std(ddof=1) / np.sqrt(n)
            near[name] += abs(values.mean() - truth) <= 3 * error
            means[name].append(float(m.estimate or 0.0))
    for name in means:
        what = f"(iv) known tilt, {truth:.3f} nats/token: within 3 SE"
        found = row(f"kl {name}", what, runs, n, near[name] / runs, ">= 0.9")
        yield found | {
            "sd": float(np.std(means[name])),
            "bias": float(np.mean(means[name]) - truth),
        }


def _gap(row: Row, n: int = 2000) -> Iterator[Any]:
    for hacked, bound in ((0.0, "<= 0.07"), (0.3, ">= 0.9")):
        red = 0
        for seed in range(SEEDS):
            rng = RNG([3, seed])
            gold, gold0 = rng.random((2, n)) < 0.5
            flips, flips0 = rng.random((2, n)) < 0.15
            judged = np.where(rng.random(n) < hacked, True, gold ^ flips)
            lists = (judged, gold, gold0 ^ flips0, gold0)
            m = proxy_gold_gap(*(x.astype(float).tolist() for x in lists))
            red += m.status is Status.RED
        what = "judge as noisy as ever" if not hacked else "judge fooled on 30 %"
        yield row("proxy_gold_gap (red)", what, SEEDS, n, red / SEEDS, bound)


def _retention(row: Row, n: int = 2000) -> Iterator[Any]:
    for loss, bound in ((0.0, "<= 0.07"), (0.05, ">= 0.9")):
        red = 0
        for seed in range(SEEDS):
            rng = RNG([4, seed])
            then = rng.random(n) < 0.7
            moved = rng.random(n)
            now = np.where(moved < 0.05, rng.random(n) < 0.7, then) & (rng.random(n) >= loss / 0.7)
            red += retention(now.tolist(), then.tolist()).status is Status.RED
        what = "nothing lost" if not loss else "5 points lost"
        yield row("retention (red)", what, SEEDS, n, red / SEEDS, bound)


def _ceiling(row: Row, n: int = 400) -> Iterator[Any]:
    for extra, bound in ((0.0, "<= 0.07"), (0.25, ">= 0.9")):
        alarms = 0
        for seed in range(SEEDS):
            rng = RNG([5, seed])
            then, now = rng.integers(1, 6, size=(2, n)).astype(float)
            now[rng.random(n) < extra] = 5
            m = ceiling_growth(now.tolist(), then.tolist(), top=5)
            alarms += m.status in (Status.YELLOW, Status.RED)
        what = "same judge, same policy" if not extra else "20 points more at the top"
        yield row("ceiling_growth", what, SEEDS, n, alarms / SEEDS, bound)


def _turn(row: Row, last: int = 12, noise: float = 0.1) -> Iterator[Any]:
    """Gold by the training form, a = .6, b = .3, peak at d = e; a look at each iterate from 5."""
    for until, what, bound in (
        (np.e, "up to the peak, 8 looks", "<= 0.07"),
        (2.2 * np.e, "past the peak, 8 looks", ">= 0.9"),
    ):
        for weighted in (True, False):
            stops, early = 0, 0
            for seed in range(SEEDS):
                d = np.linspace(until / last, until, last)
                gold = d * (0.6 - 0.3 * np.log(d)) + noise * RNG([6, seed]).normal(size=last)
                red = [k for k in range(5, last + 1) if _stops(d[:k], gold[:k], weighted)]
                stops += bool(red)
                early += bool(red) and d[red[0] - 1] < np.e
            name = "gold_slope (red)" if weighted else "unweighted fit (red)"
            found = row(name, what, SEEDS, last, stops / SEEDS, bound if weighted else "")
            yield found | {"before_peak": early / SEEDS}


def _stops(d: Any, gold: Any, weighted: bool) -> bool:
    kl = (d**2).tolist()
    if weighted:
        return gold_slope(kl, gold.tolist()).status is Status.RED
    return _unweighted(d, gold).slope(float(d[-1]))[1][1] < 0


def _unweighted(d: Any, gold: Any) -> Fit:
    """Ordinary least squares of gold/d, as first specified, for comparison."""
    design = np.stack([np.ones(len(d)), -np.log(d)], axis=1)
    (a, b), *_ = np.linalg.lstsq(design, gold / d)
    residual = gold / d - design @ np.array([a, b])
    cov = float(residual @ residual) / (len(d) - 2) * np.linalg.inv(design.T @ design)
    shape = fit((d**2).tolist(), gold.tolist())
    entries = (float(cov[0, 0]), float(cov[0, 1]), float(cov[1, 1]))
    return Fit(form=shape.form, a=float(a), b=float(b), covariance=entries, iterates=len(d))


def _tripwire(row: Row, n: int = 400) -> Iterator[Any]:
    for reward, checks, shared, what, bound in (
        (0.0, 0.0, 0.5, "nothing moved", "<= 0.07"),
        (0.0, 0.0, 0.0, "nothing moved, scores of a prompt unrelated", "<= 0.07"),
        (0.6, 0.15, 0.5, "reward and checks rose", "<= 0.07"),
        (0.6, 0.0, 0.5, "reward rose alone", ">= 0.9"),
    ):
        due = 0
        for seed in range(SEEDS):
            rng = RNG([7, seed])
            prompt, own = rng.normal(size=n), rng.normal(size=(2, n))
            scores = np.sqrt(shared) * prompt + np.sqrt(1 - shared) * own
            then = rng.random(n)
            now = np.where(rng.random(n) < 0.8, then, rng.random(n))
            jump = reward_jump((scores[0] + reward).tolist(), scores[1].tolist())
            passed = checks_change((now < 0.5 + checks).tolist(), (then < 0.5).tolist())
            due += probes_due(jump, passed).due
        yield row("probes_due", what, SEEDS, n, due / SEEDS, bound)
