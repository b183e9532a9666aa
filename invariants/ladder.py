"""The Ladder: released numbers that an adaptive reader cannot talk up.

    release the mean loss r of a new model only if r < R - c s / sqrt(n), else repeat R

R is what was released last, s the standard deviation of the differences between the new losses and
those of the best so far, n the gold prompts. c = 1 is the parameter-free Ladder; c = 2 for
promotions is ours. Compared exactly: r < R - c s / sqrt(n) is n (R - r)^2 > c^2 s^2 where R > r.

Source: Blum & Hardt (2015), arXiv 1502.04585, section 4. Its bound, of the order of
(log(k n) / n)^(1/3), is vacuous at n = 500; docs/instruments/vault.md says what was measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from operator import ne
from typing import Self

from logs.errors import Undecided

RELEASE, PROMOTE = 1, 2
"""How many standard errors a new best must lie below the last."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """The best model so far by its losses, 1 wrong and 0 right per gold prompt; gold, so secret."""

    errors: int = RELEASE
    """c: standard errors that a new best must gain."""
    best: tuple[int, ...] = ()
    released: Fraction | None = None
    """R, the only number that may leave the vault; None before the first model."""

    def after(self, losses: Sequence[int]) -> Self:
        """The Ladder when one more model was graded; the same `released` when it is no new best.

        Raises:
            Undecided: a loss is not 0 or 1, fewer than 2, or not as many as before.
        """
        given = tuple(losses)
        _refuse_no_losses(given, len(self.best) or len(given))
        rate = Fraction(sum(given), len(given))
        if self.released is not None and not self._climbs(given, self.released - rate):
            return self
        return type(self)(self.errors, given, rate)

    def _climbs(self, losses: tuple[int, ...], gain: Fraction) -> bool:
        n = len(losses)
        # Of differences in {-1, 0, 1}: their sum, and how many are not 0.
        total, squares = sum(losses) - sum(self.best), sum(map(ne, losses, self.best))
        # Sample variance with n - 1, as the reference implementation has it.
        variance = (squares - Fraction(total * total, n)) / (n - 1)
        return gain > 0 and n * gain * gain > self.errors**2 * variance


def _refuse_no_losses(losses: tuple[int, ...], wanted: int) -> None:
    whole = set(map(type, losses)) <= {int} and set(losses) <= {0, 1}
    if not whole or len(losses) != wanted or len(losses) < 2:
        raise Undecided(
            "The Ladder compares losses on the same gold prompts.",
            saw=f"{len(losses)} losses, {'all' if whole else 'not all'} of them 0 or 1",
            wanted=f"{max(wanted, 2)} losses of 0 or 1",
            try_this="grade every gold prompt; an error never counts as a grade",
        )
