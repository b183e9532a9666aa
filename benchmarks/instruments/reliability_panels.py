"""Agreement, cycles and panels, simulated: a part of `benchmarks.instruments.reliability`."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import stats
from scipy.special import expit

from benchmarks.instruments.rates import Row, row
from logs.vocabulary import Status
from tools.instruments import reliability as r
from tools.instruments.reliability.panels import effective_votes
from tools.instruments.reliability.transitivity import triads


def agreed() -> Iterator[Row]:
    """B4: coverage of kappa and alpha where agreement beyond chance is .6."""
    rng = np.random.default_rng(4)
    for prevalence in (0.5, 0.9):
        inside: list[bool] = []
        alphas: list[bool] = []
        for _ in range(1000):
            people = (rng.random(200) < prevalence).astype(int)
            other = (rng.random(200) < prevalence).astype(int)
            judge = np.where(rng.random(200) < 0.6, people, other)
            m = r.cohen_kappa(judge.tolist(), people.tolist(), margin=1.0)
            inside.append(m.low <= 0.6 <= m.high)  # type: ignore[operator]
            if len(alphas) < 200:
                rows = np.stack([people, judge], axis=1).tolist()
                a = r.krippendorff_alpha(rows, draws=299, margin=1.0)
                alphas.append(a.low <= 0.6 <= a.high)  # type: ignore[operator]
        for name, found in (("kappa", inside), ("Krippendorff alpha", alphas)):
            situation = f"true .6, prevalence {prevalence}"
            yield row(name, situation, found, n=200, what="coverage", asked=">=", bound=0.92)


def tournament(rng: np.random.Generator, m: int, noise: float) -> Any:
    """A round robin of m answers with logistic noise; infinite is a coin, none a strict order."""
    worth = rng.normal(size=m)
    gap = worth[:, None] - worth[None, :]
    if np.isinf(noise):
        gap = np.zeros((m, m))
    wins = (gap + (noise if np.isfinite(noise) else 1.0) * rng.logistic(size=(m, m)) > 0) * 1.0
    upper = np.triu(wins, 1)
    return upper + np.tril(1 - upper.T, -1)


def cycles() -> Iterator[Row]:
    """B5: shares of cyclic triads, and the alarm at 40 prompts of 6 answers."""
    rng = np.random.default_rng(5)
    for noise, name in (
        (np.inf, "coin"),
        (1.0, "Bradley-Terry, noise 1"),
        (0.3, "Bradley-Terry, noise .3"),
        (0.0, "strict"),
    ):
        shares, alarms, greens = [], [], []
        for _ in range(300):
            games = [tournament(rng, 6, noise) for _ in range(40)]
            counted = np.array([triads(g) for g in games])
            shares.append(counted[:, 0].sum() / counted[:, 1].sum())
            status = r.cyclic_triads(games).status
            alarms.append(status is Status.RED)
            greens.append(status is Status.GREEN)
        if name == "coin":
            yield row(
                "cyclic triads", name, shares, n=40, what="mean share", asked=">=", bound=0.23
            )
            yield row(
                "cyclic triads", name, shares, n=40, what="mean share", asked="<=", bound=0.27
            )
        else:
            bound = 0.0 if name == "strict" else None
            asked: Any = "<=" if name == "strict" else ""
            yield row(
                "cyclic triads", name, shares, n=40, what="mean share", asked=asked, bound=bound
            )
        yield row("cyclic triads", name, alarms, n=40, what="red")
        yield row("cyclic triads", name, greens, n=40, what="green")


def votes(rng: np.random.Generator, n: int, latent: float, judges: int = 5) -> tuple[Any, Any, Any]:
    """Truth, votes and errors of judges that are right in 75 %; latent correlation of errors."""
    truth = (rng.random(n) < 0.5) * 1.0
    shared, own = rng.normal(size=(n, 1)), rng.normal(size=(n, judges))
    wrong = (np.sqrt(latent) * shared + np.sqrt(1 - latent) * own > stats.norm.ppf(0.75)) * 1.0
    return truth, np.abs(truth[:, None] - wrong), wrong


def panels() -> Iterator[Row]:
    """B6: Dawid-Skene and effective votes, with independent and with shared errors."""
    rng = np.random.default_rng(6)
    for latent, name in ((0.0, "independent"), (0.6, "errors shared, latent .6")):
        rows: dict[str, list[float]] = {}
        for _ in range(300):
            truth, said, wrong = votes(rng, 2000, latent)
            fit = r.dawid_skene(said)
            off = np.abs(np.array([*fit.sensitivity, *fit.specificity]) - 0.75)
            q = np.array(fit.posterior)
            known = [said[truth == t, k].mean() for k in range(5) for t in (0, 1)]
            seen = {
                "mean error of se, sp": off.mean(),
                "all ten within .03": off.max() <= 0.03,
                "all ten within .03, truth known": np.abs(
                    np.abs(known - np.tile([0, 1], 5)) - 0.25
                ).max()
                <= 0.03,
                "accuracy": ((q > 0.5) == truth).mean(),
                "accuracy it believes in": np.maximum(q, 1 - q).mean(),
                "overclaim is red": r.panel_overclaim(q, truth).status is Status.RED,
                "n_eff": effective_votes(wrong)[0],
                "n_eff within .3 of 5": abs(effective_votes(wrong)[0] - 5) <= 0.3,
                "n_eff, 200 gold": effective_votes(wrong[:200])[0],
            }
            for key, value in seen.items():
                rows.setdefault(key, []).append(float(value))
        for key, values in rows.items():
            asked, bound = _asked(latent, key)
            instrument = "n_eff" if "n_eff" in key else "Dawid-Skene"
            n = 200 if "200" in key else 2000
            yield row(instrument, name, values, n=n, what=key, asked=asked, bound=bound)
    yield from covered()


def _asked(latent: float, key: str) -> tuple[Any, float | None]:
    if latent == 0:
        return {
            "mean error of se, sp": ("<=", 0.03),
            "n_eff within .3 of 5": (">=", 0.95),
        }.get(key, ("", None))
    return {"n_eff": ("<=", 2.5), "overclaim is red": (">=", 0.95)}.get(key, ("", None))


def covered() -> Iterator[Row]:
    """Coverage of the bootstrap of n_eff, at 200 gold items."""
    rng = np.random.default_rng(61)
    for latent, name in ((0.0, "independent"), (0.6, "errors shared, latent .6")):
        true = float(effective_votes(votes(np.random.default_rng(1), 2_000_000, latent)[2])[0])
        inside = []
        for _ in range(200):
            m = r.n_eff(votes(rng, 200, latent)[2], draws=199)
            inside.append(m.low <= true <= m.high)  # type: ignore[operator]
        yield row("n_eff", name, inside, n=200, what="coverage", asked=">=", bound=0.9)


def positions() -> Iterator[Row]:
    """B6: sharpness and position of three judges, 40 prompts of 6 answers, all pairs."""
    sharp, place = (1.5, 0.5, -0.5), (0.0, 0.8, 0.0)
    rng = np.random.default_rng(62)
    found: list[list[Any]] = []
    for _ in range(40):
        fit = r.bradley_terry(comparisons(rng, sharp, place))
        found.append(
            [
                m
                for k in range(3)
                for m in (r.sharpness(fit, f"judge {k}"), r.position_bias(fit, f"judge {k}"))
            ]
        )
    for i in range(6):
        name = "position" if i % 2 else "sharpness"
        true = (place if i % 2 else sharp)[i // 2]
        situation = f"judge with {true}"
        yield row(
            f"Bradley-Terry {name}", situation, [m[i].estimate for m in found], n=40, what="mean"
        )
        inside = [m[i].low <= true <= m[i].high for m in found]
        yield row(
            f"Bradley-Terry {name}", situation, inside, n=40, what="coverage", asked=">=", bound=0.9
        )


def comparisons(
    rng: np.random.Generator, sharp: Any, place: Any, prompts: int = 40, answers: int = 6
) -> list[r.Comparison]:
    """Round robins of every judge on every prompt, in random order."""
    out = []
    for prompt in range(prompts):
        worth = rng.normal(size=answers)
        for k, (a, b) in enumerate(zip(sharp, place, strict=True)):
            for i in range(answers):
                for j in range(i):
                    first, second = (i, j) if rng.random() < 0.5 else (j, i)
                    p = expit(a * (worth[first] - worth[second]) + b)
                    out.append(
                        r.Comparison(
                            judge=f"judge {k}",
                            first=(prompt, first),
                            second=(prompt, second),
                            won=int(rng.random() < p),
                            cluster=prompt,
                        )
                    )
    return out
