"""Budgets of a session as arithmetic: what was spent of what, and which one is used up."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from agent.config import BudgetSection, Config
from agent.remote_usage import Prices, Tokens, money_of, prices_of
from logs.errors import Halted
from sandbox.limits import Limits

HOUR, GB, MILLION = Decimal(3600), Decimal(10**9), Decimal(10**6)
ASKING = "approvals"
"""The one budget that bars no work, only the next question to people."""
PLACES = Decimal("0.000001")
SHORTEST_JOB = 0.001
"""Seconds that a job is given at least; whatever is left of a budget is above zero."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What a session spent so far."""

    seconds: Decimal = Decimal(0)
    cpu_seconds: Decimal = Decimal(0)
    tokens_in: int = 0
    tokens_out: int = 0
    """Of the model that decides."""
    judged: Mapping[str, Tokens] = field(default_factory=dict)
    """By remote judge."""
    disk_bytes: int | None = None
    """Of the workspace's artefacts now; None where nobody looked."""
    approvals: int = 0
    """Proposals put before people in the last 24 hours."""


@dataclass(frozen=True, slots=True)
class Line:
    """One budget: its name in plimsoll.toml, what was spent, and what may be."""

    name: str
    spent: Decimal | None
    """None where it is not known; unknown is not zero."""
    limit: Decimal | None
    """None: no limit."""

    @property
    def used_up(self) -> bool:
        """Whether nothing is left."""
        return self.limit is not None and self.spent is not None and self.spent >= self.limit

    @property
    def left(self) -> Decimal | None:
        """What may still be spent; None without a limit, or where it is not known."""
        if self.limit is None or self.spent is None:
            return None
        return max(Decimal(0), self.limit - self.spent)

    def row(self) -> dict[str, str | None]:
        """As the log keeps it; exact amounts as text."""
        return {"name": self.name, "spent": _text(self.spent), "limit": _text(self.limit)}

    def said(self) -> str:
        """Spent / limit for people."""
        spent = "unknown" if self.spent is None else _plain(self.spent)
        if self.limit is None:
            return f"{spent}, no limit"
        share = "" if self.spent is None else f" ({self.spent / self.limit:.0%})"
        return f"{spent} of {_plain(self.limit)}{share}"


def lines(budget: BudgetSection, spent: Spent, prices: Prices | None = None) -> tuple[Line, ...]:
    """Every budget, whether it has a limit or not.

    Args:
        prices: of remote judges; without them none is known.
    """
    tokens = spent.tokens_in + spent.tokens_out + sum(map(sum, spent.judged.values()))
    disk = None if spent.disk_bytes is None else Decimal(spent.disk_bytes) / GB
    rows: tuple[tuple[str, Decimal | None, float], ...] = (
        ("hours", spent.seconds / HOUR, budget.hours),
        ("cpu_hours", spent.cpu_seconds / HOUR, budget.cpu_hours),
        ("tokens", Decimal(tokens), budget.tokens),
        ("money", _all_money(budget, spent, prices or {}), budget.money),
        ("disk_gb", disk, budget.disk_gb),
        (ASKING, Decimal(spent.approvals), budget.approvals),
    )
    return tuple(
        Line(name, None if amount is None else _rounded(amount), _exact(limit))
        for name, amount, limit in rows
    )


def money(budget: BudgetSection, tokens_in: int, tokens_out: int) -> Decimal | None:
    """What these tokens cost; None where a price is not known and something was spent."""
    amount = Decimal(0)
    for tokens, price in (
        (tokens_in, budget.price_per_million_tokens_in),
        (tokens_out, budget.price_per_million_tokens_out),
    ):
        if tokens and price is None:
            return None
        amount += tokens * Decimal(repr(price or 0.0)) / MILLION
    return amount


def _all_money(budget: BudgetSection, spent: Spent, prices: Prices) -> Decimal | None:
    """For the model that decides and for all judges; None where one of them is not known."""
    decided = money(budget, spent.tokens_in, spent.tokens_out)
    judged = money_of(spent.judged, prices)
    return None if decided is None or judged is None else decided + judged


def used_up(found: Iterable[Line], *, asking: bool = False) -> Line | None:
    """The first budget that is used up: of those that bar work, or of questions to people."""
    return next((line for line in found if line.used_up and (line.name == ASKING) is asking), None)


def require_left(found: Iterable[Line], *, asking: bool = False) -> None:
    """Go on only while every budget has something left.

    Raises:
        Halted: one of them is used up.
    """
    line = used_up(found, asking=asking)
    if line is not None:
        raise Halted(
            f"The budget {line.name!r} of this session is used up.",
            saw=f"{line.name} {line.said()}",
            wanted=f"less than budget.{line.name} = {_plain(line.limit or Decimal(0))}",
            try_this=f"raise {line.name} under [budget] in plimsoll.toml, then plimsoll resume",
        )


def clipped(limits: Limits, found: Sequence[Line]) -> Limits:
    """Limits of a job that may take no longer than what is left of the hours."""
    left = next((line.left for line in found if line.name == "hours"), None)
    if left is None:
        return limits
    seconds = max(float(left * HOUR), SHORTEST_JOB)
    return replace(limits, wall_seconds=min(limits.wall_seconds, seconds))


def warnings(config: Config) -> tuple[str, ...]:
    """What must be said aloud of budgets that cannot be counted."""
    budget = config.budget
    if not budget.money:
        return ()
    own = (budget.price_per_million_tokens_in, budget.price_per_million_tokens_out)
    where = ["[budget]"] if config.session.decider == "llm" and None in own else []
    unknown = [judge for judge, price in prices_of(config).items() if not price.known]
    where += [f"[[judges.remote]] of {judge}" for judge in unknown]
    if not where:
        return ()
    says = (
        "budget.money is not counted: a price is unknown, which is not zero; set"
        f" price_per_million_tokens_in and _out under {', '.join(where)}"
    )
    return (says,)


def read_row(row: dict[str, Any]) -> Line:
    """A line as the log keeps it."""
    spent, limit = (None if row[k] is None else Decimal(row[k]) for k in ("spent", "limit"))
    return Line(str(row["name"]), spent, limit)


def _exact(limit: float) -> Decimal | None:
    return Decimal(repr(limit)) if limit else None


def _rounded(amount: Decimal) -> Decimal:
    """To a millionth: about four milliseconds of an hour, a thousand bytes of a gigabyte."""
    return amount.quantize(PLACES)


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else _plain(amount)


def _plain(amount: Decimal) -> str:
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
