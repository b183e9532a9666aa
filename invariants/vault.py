"""The gold vault: one question, one bit, out of a counted budget.

The agent never reads gold. It may ask whether a candidate may be promoted, and learns a
yes or a no. Every question is spent before its answer exists, so that a crash or a
failed candidate costs as much as a success. What the answers may be off by, because they were
asked for one after the other, is in `invariants.gold_ledger`. A second set of prompts is opened
once, at the end, for the claim that people make.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from invariants.bounds import bounded_mean, clopper_pearson
from invariants.gold_ledger import GoldPlan, refuse_question
from invariants.values import number
from logs.errors import Halted, Refused, Undecided
from logs.vocabulary import Ledgers, State

Grader = Callable[[State, tuple[str, ...]], Sequence[int]]
"""Grades a state's answers to the prompts, 1 right and 0 wrong, in their order."""

Spend = Callable[[Ledgers], None]
"""Writes what is about to be spent to the journal; raises if it cannot."""

_QUESTION = Ledgers(gold_queries=1)
FEWEST_FINAL = 200
"""Prompts below which a final claim is not worth opening the vault for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalClaim:
    """What the final vault said, once: k of n right, with an exact interval."""

    k: int
    n: int
    low: Fraction
    high: Fraction
    alpha: Fraction


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
        plan: GoldPlan | None = None,
        final: tuple[str, ...] = (),
    ) -> None:
        """Lock the prompts in.

        Args:
            prompts: Gold prompts, at least 1.
            grade: How answers are graded; runs outside the agent's reach.
            budget: Questions that may ever be asked, over all sessions.
            margin: Largest loss of accuracy that still counts as no loss, in [0, 1).
            alpha: Probability that one question is answered yes although the loss is larger.
            plan: How far answers may be off when questions are chosen by earlier answers; with
                one, a yes must hold by that much too. None promises each answer by itself only.
            final: Prompts for the final claim, at least 200, none of them among `prompts`. One
                question of the budget is kept back to open them.
        """
        _refuse_other_sizes(prompts, budget, plan, final)
        self._prompts = prompts
        self._grade = grade
        self._budget = budget
        self._margin = margin
        self._alpha = alpha
        self._plan = plan
        self._final = final

    def left(self, ledgers: Ledgers) -> int:
        """Questions that may still be asked."""
        kept_back = 1 if self._final else 0
        return max(0, self._budget - kept_back - ledgers.gold_queries)

    def promote(
        self,
        head: State,
        candidate: State,
        *,
        ledgers: Ledgers,
        spend: Spend,
        yes: int | None = None,
        claim: Fraction | None = None,
    ) -> bool:
        """Whether the candidate is certainly no worse than HEAD by `margin` or more on gold.

        Both are graded on the same prompts. The differences lie in {-1, 0, 1}; the answer
        is yes when the lower bound of their mean, at level 1 - alpha, is above -margin, and with
        a plan their mean less its eps too.

        Args:
            ledgers: What was spent so far, from the journal.
            spend: Called with the price of this question before anything is graded.
            yes: Answers of yes so far, from `gold_ledger.yes_given`; None takes each question for
                one. Counts only with a plan.
            claim: The gain that is claimed; a plan refuses one smaller than its eps.

        Raises:
            Halted: the budget, or the answers of yes that the plan allows, are spent.
            Refused: the claim is smaller than what answers may be off by; nothing is spent.
            Undecided: a grade is missing or no 0 or 1; the question is spent all the same.
        """
        if self.left(ledgers) == 0:
            raise Halted(
                "The gold vault answers no more questions.",
                saw=f"{ledgers.gold_queries} asked",
                wanted=f"fewer than {ledgers.gold_queries + self.left(ledgers)}",
                try_this="have people review the session; only they can raise the budget",
            )
        eps = self._eps(ledgers, yes, claim)
        spend(_QUESTION)
        before, after = self._graded(head), self._graded(candidate)
        differences = [b - a for a, b in zip(before, after, strict=True)]
        # `bounded_mean` puts half of its alpha on each side; only the lower one is used.
        low, _ = bounded_mean(differences, Fraction(-1), Fraction(1), 2 * self._alpha)
        mean = sum(differences, Fraction(0)) / len(differences)
        return low > -self._margin and (self._plan is None or mean - eps > -self._margin)

    def open_once(self, state: State, *, ledgers: Ledgers, spend: Spend) -> FinalClaim:
        """How many of the final prompts the state gets right: for people, at the end, once.

        What is left of the budget is spent on it, so that nothing can be asked or opened again.

        Raises:
            Halted: there is no final vault, or it was opened, in whatever process.
            Undecided: a grade is missing; the vault is open all the same.
        """
        left = self._budget - ledgers.gold_queries
        if not self._final or left < 1:
            raise Halted(
                "The final vault cannot be opened.",
                saw="opened already" if self._final else "no final prompts",
                wanted="a vault with final prompts that was never opened",
                try_this="the claim stands in the log; a new one needs new gold",
            )
        spend(Ledgers(gold_queries=left))
        right = int(sum(self._graded(state, self._final)))
        low, high = clopper_pearson(right, len(self._final), self._alpha)
        return FinalClaim(k=right, n=len(self._final), low=low, high=high, alpha=self._alpha)

    def _eps(self, ledgers: Ledgers, yes: int | None, claim: Fraction | None) -> Fraction:
        if self._plan is None:
            return Fraction(0)
        told = ledgers.gold_queries if yes is None else yes
        return refuse_question(self._plan, ledgers, yes=told, claim=claim)

    def _graded(self, state: State, prompts: tuple[str, ...] = ()) -> list[Fraction]:
        asked = prompts or self._prompts
        grades = list(self._grade(state, asked))
        exact = [value for value in map(number, grades) if value in (0, 1)]
        if not exact or len(exact) != len(asked) or len(exact) != len(grades):
            raise Undecided(
                "The gold prompts could not all be graded.",
                saw=f"{len(exact)} grades of 0 or 1 for {len(asked)} prompts",
                wanted="one grade for each prompt, and at least one prompt",
                try_this="mend the grader; an error never counts as a grade",
            )
        return [value for value in exact if value is not None]


def _refuse_other_sizes(
    prompts: tuple[str, ...], budget: int, plan: GoldPlan | None, final: tuple[str, ...]
) -> None:
    planned = plan is None or (plan.n == len(prompts) and plan.questions >= budget and plan.paired)
    apart = not final or (len(set(final)) >= FEWEST_FINAL and not set(final) & set(prompts))
    if planned and apart:
        return
    raise Refused(
        "This vault is not the one that was planned.",
        saw=f"{len(prompts)} prompts, {len(final)} final ones, {budget} questions; plan {plan}",
        wanted=f"a plan for these prompts and questions; {FEWEST_FINAL} other prompts at the end",
        try_this="plan with the vault's own sizes, and split gold before anything is asked",
    )
