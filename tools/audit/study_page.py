"""A study as a page of Markdown: reliability per strategy, the bias profiles, the differences."""

from collections.abc import Iterable

from logs.text import markdown_cell, markdown_table
from logs.vocabulary import Measurement, Status
from tools.audit.findings import Bias
from tools.audit.study import ACCURACY, Difference, Examined, Result
from tools.instruments.audit.bounds import ALPHA

MARKS = {Status.GREEN: "", Status.YELLOW: " ?", Status.RED: " **!**", Status.INSUFFICIENT: " ~"}
LEGEND = (
    "Shift of the treated answer's chance to win, in points, with the 95 % upper bound of its size"
    " (of a reward, where only a reward is a fault). `!` red: above .10 and detected after Holm"
    " over the whole study; `~` above .10 and not detected; `?` above .05; no mark: certified to"
    " be at most .05."
)


def page(found: Result) -> str:
    """The whole study."""
    parts = [
        f"# Study {markdown_cell(found.study)}: judge {markdown_cell(found.judge)}",
        f"{found.items} pairs, {found.calls} calls, {len(found.strategies)} strategies; base"
        f" `{markdown_cell(found.base)}`.",
        "## Reliability\n\n" + _reliability(found),
        "## Bias profiles\n\n" + profiles(found) + "\n\n" + LEGEND,
        "## What differs from the base\n\n" + _differing(found),
        "## What this rests on\n\n" + _list(found.statement),
    ]
    if found.same:
        told = [f"`{markdown_cell(i)}`: {markdown_cell(why)}" for i, why in found.same.items()]
        parts.insert(4, "## Not told apart\n\n" + _list(told))
    return "\n\n".join(parts) + "\n"


def reliability(found: Result) -> list[tuple[str, ...]]:
    """One row per strategy: accuracy, its difference, position, ties, the worst bias."""
    rows: list[tuple[str, ...]] = []
    for one in found.strategies:
        accuracy = next((m for m in one.audit.reliability if _is(m, ACCURACY)), None)
        position = next((m for m in one.audit.position if _is(m, "position_bias")), None)
        ties = next((m for m in one.audit.noise if _is(m, "tie_share")), None)
        worst = max(one.audit.biases, key=lambda b: b.upper, default=None)
        rows.append(
            (
                one.strategy,
                one.mode,
                _band(accuracy),
                _change(_of(found, one.strategy, ACCURACY)),
                _band(position),
                "-" if ties is None or ties.estimate is None else f"{ties.estimate:.3f}",
                "-" if worst is None else f"{worst.name} {worst.upper:.2f}",
            )
        )
    return rows


RELIABILITY = (
    "strategy",
    "mode",
    "right in both orders",
    "less the base",
    "position",
    "ties",
    "largest bias, bound",
)


def _reliability(found: Result) -> str:
    return markdown_table(RELIABILITY, reliability(found))


def profiles(found: Result) -> str:
    """Biases down, strategies across."""
    names = list(dict.fromkeys(b.name for one in found.strategies for b in one.audit.biases))
    rows = [(name, *(_shift(_bias(one, name)) for one in found.strategies)) for name in names]
    return markdown_table(("bias", *(one.strategy for one in found.strategies)), rows)


def profile_rows(found: Result) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Headers and rows, one per bias that some strategy is not cleared of: its shifts, in turn."""
    rows: list[tuple[str, ...]] = []
    for name in dict.fromkeys(b.name for one in found.strategies for b in one.audit.biases):
        each = [(one.strategy, _bias(one, name)) for one in found.strategies]
        open_ = [(i, b) for i, b in each if b is not None and b.shift.status is not Status.GREEN]
        if open_:
            said = (f"{i} {_shift(b)}".replace("**", "") for i, b in open_)
            rows.append((name, f"{len(open_)} of {len(each)}", ", ".join(said)))
    return ("bias", "strategies", "shift (bound)"), rows


def notable(found: Result) -> list[tuple[str, ...]]:
    """Differences that stand after Holm, largest first."""
    seen = [d for d in found.differences if d.p_holm < ALPHA]
    seen.sort(key=lambda d: -abs(d.difference.estimate or 0.0))
    return [(d.strategy, d.name, _band(d.difference), f"{d.p_holm:.2g}") for d in seen]


NOTABLE = ("strategy", "what", "difference [95 %]", "p (Holm)")


def _differing(found: Result) -> str:
    rows = notable(found)
    others = len(found.differences) - len(rows)
    said = f"{len(rows)} of {len(found.differences)} differences stand after Holm"
    rest = f"; the other {others} were not seen, which does not show that there are none."
    return (markdown_table(NOTABLE, rows) + "\n\n" if rows else "") + said + rest


def _of(found: Result, strategy: str, name: str) -> Difference | None:
    return next((d for d in found.differences if (d.strategy, d.name) == (strategy, name)), None)


def _bias(one: Examined, name: str) -> Bias | None:
    return next((b for b in one.audit.biases if b.name == name), None)


def _shift(bias: Bias | None) -> str:
    if bias is None:
        return "-"
    low, high = bias.shift.low, bias.shift.high
    middle = None if low is None or high is None else (low + high) / 2
    shown = bias.shift.estimate if bias.shift.estimate is not None else middle
    mark = MARKS[bias.shift.status]
    return f"{'?' if shown is None else f'{100 * shown:+.0f}'} ({100 * bias.upper:.0f}){mark}"


def _change(difference: Difference | None) -> str:
    if difference is None:
        return "-"
    star = " *" if difference.p_holm < ALPHA else ""
    return _band(difference.difference) + star


def _band(m: Measurement | None) -> str:
    if m is None or m.low is None or m.high is None:
        return "-"
    estimate = "?" if m.estimate is None else f"{m.estimate:.3f}"
    return f"{estimate} [{m.low:.3f}, {m.high:.3f}]"


def _is(m: Measurement, instrument: str) -> bool:
    return m.instrument == instrument and not m.of


def _list(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)
