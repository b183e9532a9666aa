"""The gold vault: one question, one bit, spent before it is answered."""

import random
from fractions import Fraction

import pytest

from invariants.vault import Vault
from logs.errors import Halted, Undecided
from logs.vocabulary import Ledgers, State
from tests.law_cases import FOUNDING, trained

PROMPTS = tuple(f"gold {i}" for i in range(200))
CANDIDATE = trained(FOUNDING)


class Grades:
    """A grader that is told what to answer, and remembers that it was asked."""

    def __init__(self, before: list[object], after: list[object]) -> None:
        self.given = {FOUNDING.adapter: before, CANDIDATE.adapter: after}
        self.asked = 0

    def __call__(self, state: State, prompts: tuple[str, ...]) -> list[object]:
        self.asked += 1
        assert prompts == PROMPTS
        return self.given[state.adapter]


def right(count: int) -> list[object]:
    return [1] * count + [0] * (len(PROMPTS) - count)


def asked(before: list[object], after: list[object], margin: str = "0", spent: int = 0) -> bool:
    grades = Grades(before, after)
    vault = Vault(PROMPTS, grades, budget=20, margin=Fraction(margin))
    ledgers = Ledgers(gold_queries=spent)
    return vault.promote(FOUNDING, CANDIDATE, ledgers=ledgers, spend=lambda _: None)


class TestTheAnswer:
    def test_is_yes_when_the_candidate_is_clearly_better(self):
        assert asked(right(100), right(140)) is True

    def test_is_no_when_it_is_clearly_worse(self):
        assert asked(right(140), right(100), margin="0.05") is False

    def test_is_no_when_it_might_be_chance(self):
        assert asked(right(100), right(104)) is False

    def test_of_equals_depends_on_the_margin_that_people_set(self):
        assert asked(right(100), right(100)) is False
        assert asked(right(100), right(100), margin="0.10") is True

    def test_is_rarely_yes_by_luck(self):
        rng = random.Random(3)
        lucky = 0
        for _ in range(60):
            before = [int(rng.random() < 0.5) for _ in PROMPTS]
            after = [int(rng.random() < 0.5) for _ in PROMPTS]
            lucky += asked(before, after)
        # Binomial(60, 0.05) exceeds 9 with probability below 0.002.
        assert lucky <= 9


class TestTheBudget:
    def test_is_spent_before_anything_is_graded(self):
        grades = Grades(right(1), right(1))
        vault = Vault(PROMPTS, grades, budget=1)

        def cannot_write(spent: Ledgers) -> None:
            assert spent == Ledgers(gold_queries=1)
            raise OSError("disk full")

        with pytest.raises(OSError, match="disk full"):
            vault.promote(FOUNDING, CANDIDATE, ledgers=Ledgers(), spend=cannot_write)
        assert grades.asked == 0

    def test_ends_the_answers_when_it_is_spent(self):
        with pytest.raises(Halted, match="no more questions"):
            asked(right(100), right(200), spent=20)
        assert asked(right(100), right(200), spent=19) is True

    def test_is_counted_by_the_journal_not_by_the_vault(self):
        vault = Vault(PROMPTS, Grades(right(1), right(1)), budget=20)
        assert vault.left(Ledgers(gold_queries=5)) == 15
        assert vault.left(Ledgers(gold_queries=50)) == 0


class TestAGradeThatIsNone:
    @pytest.mark.parametrize(
        "grades",
        [
            right(100)[:-1],
            [],
            [*right(100)[:-1], 2],
            [*right(100)[:-1], None],
            [*right(100)[:-1], float("nan")],
            [*right(100), 1],
        ],
    )
    def test_is_undecided_never_yes(self, grades):
        with pytest.raises(Undecided, match="could not all be graded"):
            asked(right(0), grades)
