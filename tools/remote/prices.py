"""What tokens of a model behind an endpoint cost: as told, free on one's own server, or published.

The published prices are a snapshot in `prices.toml`, with its date. What is not known there is
unknown, which is not zero.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

SNAPSHOT = Path(__file__).parent / "prices.toml"
OWN = frozenset({"vllm", "ollama", "llama.cpp"})
"""Profiles of servers that people run themselves: they send no bill for tokens."""
MILLION = Decimal(10**6)


@dataclass(frozen=True, slots=True)
class Price:
    """For a million tokens in and out; None where it is not known."""

    tokens_in: Decimal | None = None
    tokens_out: Decimal | None = None

    @property
    def known(self) -> bool:
        """Whether both are."""
        return None not in (self.tokens_in, self.tokens_out)

    def of(self, tokens_in: int, tokens_out: int) -> Decimal | None:
        """What so many tokens cost; None where a price is needed that is not known."""
        amount = Decimal(0)
        for tokens, price in ((tokens_in, self.tokens_in), (tokens_out, self.tokens_out)):
            if tokens and price is None:
                return None
            amount += tokens * (price or Decimal(0)) / MILLION
        return amount


def price_of(
    url: str, model: str, profile: str, told: tuple[float | None, float | None] = (None, None)
) -> Price:
    """The price of a model: what is told, else nothing on one's own server, else as published."""
    found = Price(Decimal(0), Decimal(0)) if profile in OWN else _published(url, model)
    first, last = (None if price is None else Decimal(repr(price)) for price in told)
    return Price(
        found.tokens_in if first is None else first, found.tokens_out if last is None else last
    )


def _published(url: str, model: str) -> Price:
    host = urlsplit(url).hostname or ""
    for row in snapshot()["price"]:
        if row["host"] == host and fnmatchcase(model, row["model"]):
            return Price(Decimal(row["tokens_in"]), Decimal(row["tokens_out"]))
    return Price()


@cache
def snapshot() -> Mapping[str, Any]:
    """The published prices: `date`, `currency` and the table `price`."""
    return tomllib.loads(SNAPSHOT.read_text(encoding="utf-8"))
