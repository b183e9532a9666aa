"""A compact memory of which items were used, so that none is bet on twice.

A Bloom filter (Bloom 1970, doi:10.1145/362686.362692): a repeated item is always noticed; a fresh
one is taken for a repeat with a small probability that does not depend on its value, which costs
an item and no validity. Its size is fixed, so that adding an item takes the same time at any n.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Self

from logs.errors import Refused, UndefinedMeasurement

PROBES = 8
"""Bits that each item sets; one 32-bit word of its SHA-256 for each."""
BITS_PER_ITEM = 24
MOST_FALSE = 1e-3
"""A memory that would take more fresh items than this for repeats is full."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Items that were used; build it with `Seen.of(capacity)`."""

    size: int
    """Bits of the filter, a power of two."""
    bits: int = 0

    @classmethod
    def of(cls, capacity: int) -> Self:
        """A memory for so many items: at that many, 1 fresh one in 20,000 is refused at most."""
        if capacity < 1:
            raise UndefinedMeasurement(
                "A memory of items needs room for at least one.",
                saw=str(capacity),
                wanted="the number of items that may come, 1 or more",
                try_this="give the planned number of items",
            )
        return cls(1 << (BITS_PER_ITEM * capacity - 1).bit_length())

    def after(self, item: str) -> Self:
        """The memory with this item in it.

        Raises:
            Refused: the item was used before, or the memory is full.
        """
        mask = self._mask(item)
        if self.bits & mask == mask:
            raise Refused(
                "This item is not fresh: it was used before.",
                saw=f"item {item[:80]!r} again",
                wanted="an item whose result nobody has seen: a known result proves nothing",
                try_this="draw a new item; gold that is used again goes through the vault",
            )
        if self.false_refusals > MOST_FALSE:
            raise Refused(
                "The memory of used items is full.",
                saw=f"{self.false_refusals:.1e} of fresh items would be refused",
                wanted=f"at most {MOST_FALSE}",
                try_this="plan with more items: Seen.of(capacity)",
            )
        return type(self)(self.size, self.bits | mask)

    @property
    def false_refusals(self) -> float:
        """Share of fresh items that are taken for repeats now."""
        return (self.bits.bit_count() / self.size) ** PROBES

    def as_plain(self) -> dict[str, Any]:
        """What JSON can hold."""
        return {"size": self.size, "bits": f"{self.bits:x}"}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """The memory that `as_plain` described."""
        return cls(int(plain["size"]), int(plain["bits"], 16))

    def _mask(self, item: str) -> int:
        digest = sha256(item.encode()).digest()
        mask = 0
        for start in range(0, 4 * PROBES, 4):
            mask |= 1 << (int.from_bytes(digest[start : start + 4]) % self.size)
        return mask
