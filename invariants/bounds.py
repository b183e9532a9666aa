"""Confidence bounds whose rounding is known: always towards refusal.

A lower bound is never larger than the exact one, an upper bound never smaller. Floats only
guess where the bound lies; a guess counts when sums and products with directed rounding
confirm it, and is moved towards refusal until they do.
"""

from collections.abc import Callable, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal, localcontext
from fractions import Fraction
from functools import lru_cache
from math import comb, exp, lgamma, log, prod

_DIGITS = 30
_GRID = 2**40
"""Bounds are multiples of 2^-40 of the range."""

_SHRINK = tuple(Fraction(2**bits - 1, 2**bits) for bits in (34, 28, 20, 12, 6, 3))
"""How far a guess is moved towards 0 until it is confirmed."""

_STAKES = ("0.03125", "0.0625", "0.125", "0.25", "0.5", "0.75", "1")
"""Fractions of the wealth that are bet; their mean is one bettor."""

_UP = Context(prec=_DIGITS, rounding=ROUND_CEILING)
_DOWN = Context(prec=_DIGITS, rounding=ROUND_FLOOR)


def clopper_pearson(k: int, n: int, alpha: Fraction) -> tuple[Fraction, Fraction]:
    """Two-sided exact interval of a proportion, alpha / 2 on each side.

    Args:
        k: Successes, 0 <= k <= n.
        n: Trials, at least 1.
        alpha: Probability that the interval misses, in (0, 1).

    Source:
        Clopper and Pearson (1934), doi:10.1093/biomet/26.4.404.
    """
    return _lower_proportion(k, n, alpha / 2), 1 - _lower_proportion(n - k, n, alpha / 2)


def beta_binomial(k: int, n: int, alpha: Fraction) -> tuple[Fraction, Fraction]:
    """Two-sided interval of a proportion that holds at every n at once, so that looking is free.

    Args:
        k: Successes, 0 <= k <= n.
        n: Trials, at least 1; they may stop at any look.
        alpha: Probability that any of the intervals ever misses, in (0, 1).

    Source:
        A bettor with a uniform prior refutes p when (n + 1) C(n, k) p^k (1 - p)^(n - k) <= alpha:
        Robbins (1970), doi:10.1214/aoms/1177696786, with Ville's inequality.
    """
    return _lower_anytime(k, n, alpha), 1 - _lower_anytime(n - k, n, alpha)


def bounded_mean(
    values: Sequence[Fraction], lower: Fraction, upper: Fraction, alpha: Fraction
) -> tuple[Fraction, Fraction]:
    """Two-sided interval of the mean of independent values in [lower, upper], at every n at once.

    Args:
        values: At least 1, each in [lower, upper]; the range is fixed before they are seen.
        alpha: Probability that the interval misses, in (0, 1); half on each side.

    Source:
        A bettor against "the mean is at most m" who stakes fixed fractions of the wealth:
        Waudby-Smith and Ramdas (2024), doi:10.1093/jrsssb/qkad009, section 4. Sharper than
        Hoeffding and empirical Bernstein when the values vary little.
    """
    return _bounded_mean(tuple(values), lower, upper, alpha)


@lru_cache(maxsize=64)
def _bounded_mean(
    values: tuple[Fraction, ...], lower: Fraction, upper: Fraction, alpha: Fraction
) -> tuple[Fraction, Fraction]:
    """Kept, since a case file asks for the same bounds again and again."""
    width = upper - lower
    unit = [(value - lower) / width for value in values]
    low = _lower_mean(unit, alpha / 2)
    high = 1 - _lower_mean([1 - value for value in unit], alpha / 2)
    return lower + width * low, lower + width * high


# --- a proportion ----------------------------------------------------------------


def _lower_proportion(k: int, n: int, delta: Fraction) -> Fraction:
    """A p, hardly below the largest, with P(X >= k | p) <= delta, certainly."""
    if k == 0:
        return Fraction(0)
    with localcontext(_DOWN):
        limit = _decimal(delta)
    guess = _guess(lambda p: _tail_guess(k, n, p) <= delta, k / n)
    with localcontext(_UP):
        return _confirmed(guess, lambda p: _tail(k, n, p) <= limit)


def _tail(k: int, n: int, p: Fraction) -> Decimal:
    """P(X >= k) for X ~ Binomial(n, p) and p < k / n, rounded up (the context rounds up)."""
    at_most, against = _decimal(p), _decimal(1 - p)
    odds = _decimal(p / (1 - p))
    term = Decimal(comb(n, k)) * _power(at_most, k) * _power(against, n - k)
    total = term
    for i in range(k, n):
        ratio = odds * (n - i) / (i + 1)
        term = term * ratio
        total = total + term
        if ratio < 1 and term < total.scaleb(-15):
            # The ratios fall, so a geometric series bounds what is left; `ratio - 1` is
            # rounded up, towards 0, which makes the bound larger.
            return total + term * ratio / -(ratio - 1)
    return total


def _tail_guess(k: int, n: int, p: float) -> float:
    ways = lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
    term = total = exp(ways + k * log(p) + (n - k) * log(1 - p))
    odds = p / (1 - p)
    for i in range(k, n):
        term *= odds * (n - i) / (i + 1)
        total += term
        if term < total * 1e-12:
            break
    return total


def _power(base: Decimal, exponent: int) -> Decimal:
    """`base ** exponent` by squaring, each product rounded as the context says."""
    result = Decimal(1)
    while exponent:
        if exponent & 1:
            result = result * base
        base = base * base
        exponent >>= 1
    return result


def _lower_anytime(k: int, n: int, alpha: Fraction) -> Fraction:
    """A p, hardly below the largest under k / n, that the uniform bettor certainly refutes."""
    if k == 0:
        return Fraction(0)
    with localcontext(_DOWN):
        limit = _decimal(alpha)
    ways = lgamma(n + 2) - lgamma(k + 1) - lgamma(n - k + 1) - log(alpha)
    guess = _guess(lambda p: ways + k * log(p) + (n - k) * log(1 - p) <= 0, k / n)
    with localcontext(_UP):
        chances = Decimal((n + 1) * comb(n, k))
        return _confirmed(
            guess,
            lambda p: chances * _power(_decimal(p), k) * _power(_decimal(1 - p), n - k) <= limit,
        )


# --- a mean ----------------------------------------------------------------------


def _lower_mean(values: Sequence[Fraction], delta: Fraction) -> Fraction:
    """An m, hardly below the largest, that the bettor certainly refutes; values in [0, 1]."""
    if sum(values) * _GRID <= len(values):
        return Fraction(0)
    with localcontext(_UP):
        target = _decimal(1 / delta) * len(_STAKES)
    near, goal = [float(value) for value in values], float(target)
    guess = _guess(lambda m: _wealth_guess(near, m) >= goal, sum(near) / len(near))
    with localcontext(_DOWN):
        exact = [_decimal(value) for value in values]
        return _confirmed(guess, lambda m: _wealth(exact, m) >= target)


def _wealth(values: Sequence[Decimal], m: Fraction) -> Decimal:
    """Sum over the stakes c of prod(1 - c + c x / m), rounded down (the context rounds down)."""
    inverse = _decimal(1 / m)
    total = Decimal(0)
    for stake in map(Decimal, _STAKES):
        kept, per_unit = 1 - stake, stake * inverse
        product = Decimal(1)
        for value in values:
            product = product * (per_unit * value + kept)
        total = total + product
    return total


def _wealth_guess(values: Sequence[float], m: float) -> float:
    return sum(
        prod([1 - stake + stake / m * value for value in values]) for stake in map(float, _STAKES)
    )


# --- both ------------------------------------------------------------------------


def _guess(refuted: Callable[[float], bool], top: float) -> float:
    """About the largest value below `top` that is refuted."""
    low, high = 0.0, top
    for _ in range(36):
        middle = (low + high) / 2
        low, high = (middle, high) if refuted(middle) else (low, middle)
    return low


def _confirmed(guess: float, refuted: Callable[[Fraction], bool]) -> Fraction:
    """The guess, moved towards 0 until it is certainly refuted; 0 needs no refutation."""
    for shrink in _SHRINK:
        value = Fraction(int(Fraction(guess) * shrink * _GRID), _GRID)
        if value > 0 and refuted(value):
            return value
    return Fraction(0)


def _decimal(value: Fraction) -> Decimal:
    """The number in the context's digits, rounded as the context says."""
    return Decimal(value.numerator) / Decimal(value.denominator)
