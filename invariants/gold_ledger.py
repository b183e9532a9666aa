"""What gold has told already, and how far its answers may be off because of it.

Each answer is one bit. Before question i, with at most c answers of yes, there are at most
sum_{j<=c} C(i-1, j) histories, so an agent that chooses by them puts one of that many questions.
With the error probability shared equally among k planned questions, all answers together are
within

    eps_i = (b - a) sqrt(L / (2 n)),  L = ln(2 M / delta),  M = k sum_{j<=c} C(i-1, j)

of the truth with probability 1 - delta, for values in [a, b] on n gold prompts; paired
differences in [-1, 1] of variance at most v: eps = sqrt(2 v L / n) + 4 L / (3 n).

Source: counting transcripts, Dwork et al. (2015), doi:10.1126/science.aaa9375, supplement;
Hoeffding (1963) and Bernstein. Rounded up: what is shown is never less than the bound.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_CEILING, Context, Decimal
from fractions import Fraction
from math import ceil, comb

from logs.errors import Halted, Refused, Undecided
from logs.vocabulary import EntryKind, Ledgers, LogEntry

QUESTIONS, YES = 50, 5
DELTA = Fraction(1, 20)
_UP = Context(prec=30, rounding=ROUND_CEILING)


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldPlan:
    """How often gold may be asked, fixed by people before the first question."""

    n: int
    """Gold prompts."""
    questions: int = QUESTIONS
    """k: questions over all sessions."""
    yes: int = YES
    """c: answers of yes after which gold is closed."""
    delta: Fraction = DELTA
    """Probability that any answer is further off than its eps."""
    paired: bool = True
    """Differences of two models, in [-1, 1]; else one model's grades, in [0, 1]."""
    variance: Fraction | None = None
    """v: bound on the variance of paired differences, from people; None assumes nothing."""

    def __post_init__(self) -> None:
        sizes = self.n >= 1 and self.questions >= 1 and self.yes >= 0
        bounded = self.variance is None or (self.paired and 0 < self.variance <= 1)
        if not (sizes and 0 < self.delta < 1 and bounded):
            raise Undecided(
                "A plan for gold must be one that can be kept.",
                saw=str(self),
                wanted="n, questions >= 1; yes >= 0; 0 < delta < 1; a variance in (0, 1] if paired",
                try_this="give the numbers that people decided on",
            )

    def transcripts(self, question: int) -> int:
        """M: what the error probability is shared among, at this question (counted from 1)."""
        return self.questions * sum(comb(question - 1, j) for j in range(self.yes + 1))

    def eps(self, question: int) -> Fraction:
        """How far the answer to this question, or any before it, may be off; grows with each."""
        if not 1 <= question <= self.questions:
            raise _closed(question - 1, self.questions)
        return Fraction(self._eps(self._log(question)))

    def prompts_for(self, eps: Fraction) -> int:
        """Inverse: gold prompts with which even the last answer is within eps.

        Raises:
            Undecided: eps is not above 0.
        """
        if eps <= 0:
            raise Undecided(
                "No number of gold prompts makes answers exact.",
                saw=f"eps = {eps}",
                wanted="eps above 0, for example 1/20",
                try_this="say which gain should still be seen",
            )
        need = Fraction(self._log(self.questions))
        if self.variance is None:
            return ceil(need * self._width**2 / (2 * eps**2))
        # sqrt(2 v L / n) + 4 L / (3 n) <= eps, solved for 1 / sqrt(n) with roots rounded up.
        wide = _root(2 * self.variance * need)
        root = _root(wide * wide + Fraction(16, 3) * need * eps)
        return ceil(((wide + root) / (2 * eps)) ** 2)

    @property
    def _width(self) -> int:
        return 2 if self.paired else 1

    def _log(self, question: int) -> Decimal:
        """L, rounded up."""
        # `ln` rounds to nearest whatever the context says, so one unit more is never too little.
        inside = 2 * self.transcripts(question) / self.delta
        return _UP.next_plus(_UP.ln(_decimal(inside)))

    def _eps(self, log: Decimal) -> Fraction:
        need = Fraction(log)
        if self.variance is None:
            return self._width * _root(need / (2 * self.n))
        return _root(2 * self.variance * need / self.n) + 4 * need / (3 * self.n)


def yes_given(ledgers: Ledgers, entries: Iterable[LogEntry]) -> int:
    """Answers of yes so far: every question counts as one, unless the log has its no.

    The questions come from the ledger, which no restart and no rollback resets; a crash between a
    question and its answer so costs as much as a yes.
    """
    noes = sum(
        entry.kind is EntryKind.ANSWERED and entry.body.get("better") is False for entry in entries
    )
    return max(0, ledgers.gold_queries - noes)


def refuse_question(
    plan: GoldPlan, ledgers: Ledgers, *, yes: int, claim: Fraction | None = None
) -> Fraction:
    """The eps of the next question, if it may be asked.

    Args:
        yes: answers of yes so far, from `yes_given`.
        claim: the gain that the agent claims; None claims no size.

    Raises:
        Halted: the questions, or the answers of yes, are used up.
        Refused: the answer might be off by more than the claimed gain.
    """
    if ledgers.gold_queries >= plan.questions:
        raise _closed(ledgers.gold_queries, plan.questions)
    if yes >= plan.yes:
        raise Halted(
            "Gold has said yes as often as it may.",
            saw=f"{yes} answers of yes",
            wanted=f"fewer than {plan.yes}",
            try_this="have people review the session, or open the final vault",
        )
    eps = plan.eps(ledgers.gold_queries + 1)
    if claim is not None and eps > claim:
        raise Refused(
            "Gold cannot tell a gain this small any more.",
            saw=f"a claimed gain of {float(claim):.4f}; answers may be off by {float(eps):.4f}",
            wanted="a claim of at least that",
            try_this=f"claim more, or label {plan.prompts_for(claim)} gold prompts afresh",
        )
    return eps


def _closed(asked: int, questions: int) -> Halted:
    return Halted(
        "The gold vault answers no more questions.",
        saw=f"{asked} asked",
        wanted=f"fewer than {questions}",
        try_this="have people review the session; only they can raise the budget",
    )


def _root(value: Fraction) -> Fraction:
    """Square root, rounded up."""
    return Fraction(_UP.next_plus(_UP.sqrt(_decimal(value))))


def _decimal(value: Fraction) -> Decimal:
    """Rounded up."""
    return _UP.divide(Decimal(value.numerator), Decimal(value.denominator))
