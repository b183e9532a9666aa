"""The expected grade, by the log-probabilities of the token in which a grade was said.

A grade that is said is the likeliest one; the mean over all grades tells more of what a model
holds. Grades have one digit, so that each is one token whatever the tokenizer.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from tools.remote.templates import Template

ALTERNATIVES = 20
"""As many as servers commonly give."""
NOTHING = -1e4
"""The logarithm of what rounds to zero; a whole number may be too long for a float."""
ENOUGH = 0.5
"""Share of the probability that must lie on grades; else the mean would be of something else."""


def expected(logprobs: Any, template: Template) -> float | None:
    """The mean grade over the alternatives of the one token that is a grade.

    Args:
        logprobs: as the server gave them, {"content": [{"token", "logprob", "top_logprobs"}]}.

    Returns:
        In [low, high]; None where it cannot be read without a guess: no log-probabilities, no
        token or several that are grades, or less than `ENOUGH` of the probability on grades.
    """
    said = [token for token in _rows(logprobs, "content") if _grade(token, template) is not None]
    if len(said) != 1:
        return None
    shares: dict[int, float] = {}
    for token in _rows(said[0], "top_logprobs"):
        grade, share = _grade(token, template), _share(token)
        if grade is not None and share is not None:
            shares[grade] = shares.get(grade, 0.0) + share
    whole = sum(shares.values())
    if not ENOUGH <= whole <= 1.001:
        return None
    return sum(grade * share for grade, share in shares.items()) / whole


def _rows(of: Any, name: str) -> Iterator[Mapping[str, Any]]:
    found = of.get(name) if isinstance(of, dict) else None
    return (row for row in found if isinstance(row, dict)) if isinstance(found, list) else iter(())


def _grade(token: Mapping[str, Any], template: Template) -> int | None:
    """The grade that a token is, with or without space around it."""
    said = token.get("token")
    plain = said.strip() if isinstance(said, str) else ""
    if len(plain) != 1 or not (plain.isascii() and plain.isdigit()):
        return None
    return int(plain) if template.low <= int(plain) <= template.high else None


def _share(token: Mapping[str, Any]) -> float | None:
    said = token.get("logprob")
    if isinstance(said, bool) or not isinstance(said, int | float):
        return None
    return math.exp(max(said, NOTHING)) if said <= 0 else None
