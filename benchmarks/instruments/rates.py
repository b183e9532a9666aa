"""Rates over many seeds, as rows that say what was asked of them and whether it was met."""

import argparse
import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import numpy as np

Row = dict[str, Any]
Asked = Literal["<=", ">=", ""]


def row(
    instrument: str,
    situation: str,
    values: Any,
    *,
    n: int,
    asked: Asked = "",
    bound: float | None = None,
    allow_se: float = 0.0,
    what: str = "rate",
) -> Row:
    """One measured number with its Monte-Carlo standard error, against what is asked of it.

    Args:
        values: one per seed; their mean is the number.
        allow_se: standard errors by which a null may exceed its bound, by chance alone.
    """
    array = np.asarray(values, dtype=np.float64)
    mean, error = float(array.mean()), float(array.std() / math.sqrt(len(array)))
    slack = allow_se * error
    met = {"<=": lambda: mean <= (bound or 0) + slack, ">=": lambda: mean >= (bound or 0) - slack}
    return {
        "instrument": instrument,
        "situation": situation,
        "what": what,
        "seeds": len(array),
        "n": n,
        "value": round(mean, 4),
        "se": round(error, 4),
        "asked": f"{asked} {bound:g}" + (f" + {allow_se:g} SE" if allow_se else "")
        if asked
        else "",
        "met": met[asked]() if asked else None,
    }


def quantile_row(
    instrument: str,
    situation: str,
    delays: Any,
    share: float,
    *,
    n: int,
    bound: float | None = None,
) -> Row:
    """A quantile of delays, infinite where nothing happened; its error from order statistics."""
    ordered = np.sort(np.asarray(delays, dtype=np.float64))
    count = len(ordered)
    spread = math.sqrt(count * share * (1 - share))
    below, at, above = (
        ordered[min(count - 1, max(0, math.ceil(count * share + k * spread) - 1))]
        for k in (-1, 0, 1)
    )
    return {
        "instrument": instrument,
        "situation": situation,
        "what": f"items, {share:.0%} quantile",
        "seeds": count,
        "n": n,
        "value": float(at) if math.isfinite(at) else "never",
        "se": round(float(above - below) / 2, 1) if math.isfinite(above) else "",
        "asked": f"<= {bound:g}" if bound is not None else "",
        "met": bool(at <= bound) if bound is not None else None,
    }


def first(reached: Any) -> Any:
    """Index from 1 of the first true along the last axis; infinite if none."""
    return np.where(reached.any(-1), reached.argmax(-1) + 1, np.inf)


def table(rows: Iterable[Row]) -> str:
    """The rows in Markdown."""
    names = ("instrument", "situation", "what", "seeds", "n", "value", "se", "asked", "met")
    lines = [" | ".join(names), " | ".join("---" for _ in names)]
    for one in rows:
        met = {True: "yes", False: "**no**", None: ""}[one["met"]]
        cells = {**one, "met": met, "asked": one["asked"].replace("<", "&lt;")}
        lines.append(" | ".join(str(cells[name]) for name in names))
    return "\n".join(f"| {line} |" for line in lines)


def publish(rows: list[Row], description: str) -> None:
    """Print the table, and write the rows where `--out` says."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--out", type=Path)
    out = parser.parse_args().out
    if out:
        out.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    print(table(rows))
