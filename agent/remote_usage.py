"""What remote judges were asked, and what it costs: counted as they answer, told turn by turn."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import Any

from agent.config import Config
from logs.reading import Reader
from logs.vocabulary import EntryKind
from tools.remote.prices import Price, price_of

CACHE = "remote-verdicts.sqlite"
ASKED_OF = "remote_judges"
"""Under which the record of a turn tells what they were asked."""
Told = Mapping[str, Any]
Tokens = tuple[int, int]
"""In and out."""
Prices = Mapping[str, Price]
"""By the id of a judge."""


def since_told(folder: Path, told: Iterable[Told]) -> dict[str, Any]:
    """What was asked of each judge since it was told last; a crash loses none of it.

    Args:
        folder: of the workspace.
        told: what earlier turns told of it, in the form in which this is told.

    Returns:
        {"cache": id, "judges": {judge: counts and seconds}}; empty without remote judges.
    """
    path = folder / CACHE
    if not path.exists():
        return {}
    from tools.remote.cache import Cache

    with Cache(path) as cache:
        name, found = cache.id, {judge: asdict(usage) for judge, usage in cache.usage().items()}
    for earlier in (e["judges"] for e in told if e.get("cache") == name):
        for judge, usage in earlier.items():
            for count, amount in usage.items():
                found[judge][count] = round(found[judge][count] - amount, 3)
    return {"cache": name, "judges": {j: u for j, u in found.items() if u["calls"]}}


def told_in(journal: Reader) -> list[Told]:
    """What the records of turns told of it, those of every session."""
    entries = journal.entries(kind=EntryKind.RECORDED)
    return [e.body[ASKED_OF] for e in entries if ASKED_OF in e.body]


def tokens_by_judge(told: Told) -> dict[str, Tokens]:
    """Tokens in and out by judge; where a server did not count, the most that they may be."""
    return {
        judge: (
            usage["tokens_in"] + usage.get("most_in", 0),
            usage["tokens_out"] + usage.get("most_out", 0),
        )
        for judge, usage in told.get("judges", {}).items()
    }


def summed(one: Mapping[str, Tokens], more: Mapping[str, Tokens]) -> dict[str, Tokens]:
    """Tokens of both."""
    none = (0, 0)
    return {
        judge: (
            one.get(judge, none)[0] + more.get(judge, none)[0],
            one.get(judge, none)[1] + more.get(judge, none)[1],
        )
        for judge in (*one, *(judge for judge in more if judge not in one))
    }


def prices_of(config: Config) -> dict[str, Price]:
    """The price of every remote judge that plimsoll.toml names."""
    return {
        judge.id: price_of(
            judge.url,
            judge.model,
            judge.profile,
            (judge.price_per_million_tokens_in, judge.price_per_million_tokens_out),
        )
        for judge in config.judges.remote
    }


def money_of(judged: Mapping[str, Tokens], prices: Prices) -> Decimal | None:
    """What the judges' tokens cost; None where a price is not known and something was spent."""
    amounts = [prices.get(judge, Price()).of(*tokens) for judge, tokens in judged.items()]
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal(0)) if len(known) == len(amounts) else None
