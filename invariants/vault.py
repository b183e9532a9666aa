"""The gold vault: one question, one bit, out of a counted budget.

The agent never reads gold. It may ask whether a candidate may be promoted, and learns a
yes or a no. Every question is spent before its answer exists, so that a crash or a
failed candidate costs as much as a success.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction

from invariants.bounds import bounded_mean
from invariants.values import number
from logs.errors import Halted, Undecided
from logs.vocabulary import Ledgers, State

Grader = Callable[[State, tuple[str, ...]], Sequence[int]]
"""Grades a state's answers to the prompts, 1 right and 0 wrong, in their order."""

Spend = Callable[[Ledgers], None]
"""Writes what is about to be spent to the journal; raises if it cannot."""

_QUESTION = Ledgers(gold_queries=1)


class Vault:
    """Holds the gold prompts; gives out one bit at a time."""

    def __init__(
        self,
        prompts: tuple[str, ...],
        grade: Grader,
        *,
        budget: int,
        margin: Fraction = Fraction(0),
        alpha: Fraction = Fraction(1, 20),
    ) -> None:
        """Lock the prompts in.

        Args:
            prompts: Gold prompts, at least 1.
            grade: How answers are graded; runs outside the agent's reach.
            budget: Questions that may ever be asked, over all sessions.
            margin: Largest loss of accuracy that still counts as no loss, in [0, 1).
            alpha: Probability that one question is answered yes although the loss is larger.
        """
        self._prompts = prompts
        self._grade = grade
        self._budget = budget
        self._margin = margin
        self._alpha = alpha

    def left(self, ledgers: Ledgers) -> int:
        """Questions that may still be asked."""
        return max(0, self._budget - ledgers.gold_queries)

    def promote(self, head: State, candidate: State, *, ledgers: Ledgers, spend: Spend) -> bool:
        """Whether the candidate is certainly no worse than HEAD by `margin` or more on gold.

        Both are graded on the same prompts. The differences lie in {-1, 0, 1}; the answer
        is yes when the lower bound of their mean, at level 1 - alpha, is above -margin.

        Args:
            ledgers: What was spent so far, from the journal.
            spend: Called with the price of this question before anything is graded.

        Raises:
            Halted: the budget is spent.
            Undecided: a grade is missing or no 0 or 1; the question is spent all the same.
        """
        if self.left(ledgers) == 0:
            raise Halted(
                "The gold vault answers no more questions.",
                saw=f"{ledgers.gold_queries} asked",
                wanted=f"fewer than {self._budget}",
                try_this="have people review the session; only they can raise the budget",
            )
        spend(_QUESTION)
        before, after = self._graded(head), self._graded(candidate)
        differences = [b - a for a, b in zip(before, after, strict=True)]
        # `bounded_mean` puts half of its alpha on each side; only the lower one is used.
        low, _ = bounded_mean(differences, Fraction(-1), Fraction(1), 2 * self._alpha)
        return low > -self._margin

    def _graded(self, state: State) -> list[Fraction]:
        grades = list(self._grade(state, self._prompts))
        exact = [value for value in map(number, grades) if value in (0, 1)]
        if not exact or len(exact) != len(self._prompts) or len(exact) != len(grades):
            raise Undecided(
                "The gold prompts could not all be graded.",
                saw=f"{len(exact)} grades of 0 or 1 for {len(self._prompts)} prompts",
                wanted="one grade for each prompt, and at least one prompt",
                try_this="mend the grader; an error never counts as a grade",
            )
        return [value for value in exact if value is not None]
