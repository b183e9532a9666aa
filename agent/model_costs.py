"""What each model that was asked in a turn took: tokens, seconds, money, for the turn's record."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from agent.budget import money
from agent.config import Config
from agent.remote_usage import Told, money_of, prices_of, tokens_by_judge
from agent.tally import tokens_of
from logs.vocabulary import EntryKind, LogEntry

DECIDER = "decider"


def model_costs(config: Config, turn: Iterable[LogEntry], asked: Told) -> list[dict[str, Any]]:
    """One row for the model that decided, if one was asked, and one for each remote judge.

    Args:
        turn: the entries of this turn.
        asked: what remote judges were asked in it.

    Returns:
        {"model", "calls", "tokens_in", "tokens_out", "seconds", "money"}; money is exact, as text,
        or null where a price is not known; tokens that nobody counted are the most they may be.
    """
    spoken = [e.body for e in turn if e.kind is EntryKind.CONSULTED and "tokens_in" in e.body]
    rows = [_decided(config, spoken)] if spoken else []
    prices = prices_of(config)
    for judge, (given, said) in tokens_by_judge(asked).items():
        usage = asked["judges"][judge]
        cost = money_of({judge: (given, said)}, prices)
        rows.append(_row(judge, usage["calls"], given, said, usage["seconds"], cost))
    return rows


def _decided(config: Config, spoken: Sequence[dict[str, Any]]) -> dict[str, Any]:
    counted = [tokens_of(body) for body in spoken]
    given, said = sum(tokens[0] for tokens in counted), sum(tokens[1] for tokens in counted)
    seconds = sum(float(body.get("seconds", 0.0)) for body in spoken)
    cost = money(config.budget, given, said)
    return _row(DECIDER, len(spoken), given, said, seconds, cost)


def _row(
    model: str, calls: int, given: int, said: int, seconds: float, cost: Decimal | None
) -> dict[str, Any]:
    return {
        "model": model,
        "calls": calls,
        "tokens_in": given,
        "tokens_out": said,
        "seconds": round(seconds, 3),
        "money": None if cost is None else f"{cost.normalize():f}",
    }
