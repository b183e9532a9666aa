"""The gold ledger: how far answers may be off after being asked again, and when it closes."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invariants.gold_ledger import GoldPlan, refuse_question, yes_given
from invariants.vault import Vault
from logs.errors import Halted, Refused, Undecided
from logs.journal import Journal
from logs.vocabulary import EntryKind, Ledgers
from tests.law_cases import FOUNDING, trained

CANDIDATE = trained(FOUNDING)
PROMPTS = tuple(f"gold {i}" for i in range(400))
FINAL = tuple(f"final {i}" for i in range(200))
PLANS = st.builds(
    GoldPlan,
    n=st.integers(1, 5000),
    questions=st.integers(1, 60),
    yes=st.integers(0, 8),
    paired=st.just(True),
    variance=st.sampled_from((None, Fraction(3, 20), Fraction(1))),
)


def asked(**spent):
    return Ledgers(gold_queries=spent.get("questions", 0))


class TestTheEps:
    @pytest.mark.parametrize(
        ("n", "k", "c", "one_model", "paired"),
        [(500, 20, 3, 0.117, 0.127), (1000, 50, 5, 0.105, 0.111), (2000, 50, 5, 0.0745, 0.0725)],
    )
    def test_at_the_last_question_is_that_of_the_specification(self, n, k, c, one_model, paired):
        plan = GoldPlan(n=n, questions=k, yes=c, paired=False)
        varied = GoldPlan(n=n, questions=k, yes=c, variance=Fraction(3, 20))
        assert float(plan.eps(k)) == pytest.approx(one_model, abs=5e-4)
        assert float(varied.eps(k)) == pytest.approx(paired, abs=5e-4)

    @given(PLANS, st.data())
    def test_is_hardly_above_the_formula_and_never_below(self, plan, data):
        i = data.draw(st.integers(1, plan.questions))
        m = plan.questions * sum(math.comb(i - 1, j) for j in range(plan.yes + 1))
        need = math.log(2 * m / 0.05)
        wanted = 2 * math.sqrt(need / (2 * plan.n))
        if plan.variance:
            v = float(plan.variance)
            wanted = math.sqrt(2 * v * need / plan.n) + 4 * need / (3 * plan.n)
        assert wanted * (1 - 1e-14) <= float(plan.eps(i)) <= wanted * (1 + 1e-12)

    @given(PLANS)
    def test_grows_with_each_question(self, plan):
        shown = [plan.eps(i) for i in range(1, plan.questions + 1)]
        assert shown == sorted(shown)

    @given(PLANS, st.fractions(Fraction(1, 50), 1))
    def test_tells_how_many_prompts_it_takes(self, plan, eps):
        n = plan.prompts_for(eps)
        sized = {
            size: GoldPlan(
                n=size, questions=plan.questions, yes=plan.yes, variance=plan.variance
            ).eps(plan.questions)
            for size in (n, max(1, n - 2))
        }
        assert sized[n] <= eps
        assert n <= 3 or sized[n - 2] > eps

    def test_counts_every_history_that_an_agent_could_have_seen(self):
        plan = GoldPlan(n=10, questions=6, yes=2)
        for i in range(1, 7):
            histories = [h for h in itertools.product((0, 1), repeat=i - 1) if sum(h) <= 2]
            assert plan.transcripts(i) == 6 * len(histories)

    @pytest.mark.parametrize("paired", [False, True])
    def test_holds_every_answer_to_agents_that_build_on_the_answers(self, paired):
        plan = GoldPlan(n=300, questions=20, yes=3, paired=paired)
        shown = [float(plan.eps(i)) for i in range(1, 21)]
        rng, inside = np.random.default_rng(1), 0
        for _ in range(300):
            truth, best, yes, right = rng.integers(0, 2, 300), rng.integers(0, 2, 300), 0, True
            change = rng.choice([0.05, 0.2, 0.5])
            for eps in shown:
                tried = np.where(rng.random(300) < change, 1 - best, best)
                gain = (tried == truth).mean() - (best == truth).mean()
                right &= abs(gain if paired else (tried == truth).mean() - 0.5) <= eps
                if gain > 0 and yes < 3:
                    best, yes = tried, yes + 1
                if yes == 3:
                    break
            inside += right
        assert inside >= 0.95 * 300

    @pytest.mark.parametrize(
        "wrong",
        [{"n": 0}, {"questions": 0}, {"yes": -1}, {"delta": Fraction(0)}, {"delta": Fraction(1)},
         {"variance": Fraction(2)}, {"variance": Fraction(1, 2), "paired": False}],
    )  # fmt: skip
    def test_of_an_impossible_plan_is_undecided(self, wrong):
        with pytest.raises(Undecided, match="plan for gold"):
            GoldPlan(**{"n": 100, **wrong})

    def test_of_nothing_is_reached_by_no_number_of_prompts(self):
        with pytest.raises(Undecided, match="No number"):
            GoldPlan(n=100).prompts_for(Fraction(0))


class TestAQuestion:
    PLAN = GoldPlan(n=400, questions=10, yes=2, variance=Fraction(3, 20))

    def test_is_refused_when_the_claim_is_smaller_than_the_answer_may_be_off(self):
        with pytest.raises(Refused, match="this small") as refusal:
            refuse_question(self.PLAN, asked(), yes=0, claim=Fraction(1, 20))
        assert str(self.PLAN.prompts_for(Fraction(1, 20))) in refusal.value.try_this

    def test_may_claim_as_much_as_its_eps(self):
        eps = self.PLAN.eps(1)
        assert refuse_question(self.PLAN, asked(), yes=0, claim=eps) == eps

    def test_is_refused_when_the_questions_or_the_answers_of_yes_are_spent(self):
        with pytest.raises(Halted, match="no more questions"):
            refuse_question(self.PLAN, asked(questions=10), yes=0)
        with pytest.raises(Halted, match="said yes as often"):
            refuse_question(self.PLAN, asked(questions=5), yes=2)
        with pytest.raises(Halted):
            self.PLAN.eps(11)


class Keeper:
    """A vault beside its journal; `restarted` is a new process on the same file."""

    def __init__(self, path, *, better=True, plan=None, final=()):
        self.path, self.better, self.plan, self.final = path, better, plan, final
        self.restarted()

    def restarted(self):
        self.journal = Journal(self.path)
        self.vault = Vault(PROMPTS, self.grade, budget=6, plan=self.plan, final=self.final)
        return self

    def grade(self, state, prompts):
        right = state.adapter == CANDIDATE.adapter and self.better
        return [int(right)] * len(prompts)

    def log(self, kind, body, price=None):
        step = f"vault-{self.journal.size()}"
        self.journal.append(kind, session="s", iteration=0, step=step, body=body, spend=price)

    def ask(self, **claim):
        with self.journal as journal:
            answer = self.vault.promote(
                FOUNDING,
                CANDIDATE,
                ledgers=journal.ledgers(),
                spend=lambda price: self.log(EntryKind.ASKED, {}, price),
                yes=yes_given(journal.ledgers(), journal.entries()),
                **claim,
            )
            self.log(EntryKind.ANSWERED, {"better": answer})
        return answer

    def open(self):
        with self.journal as journal:
            return self.vault.open_once(
                CANDIDATE,
                ledgers=journal.ledgers(),
                spend=lambda price: self.log(EntryKind.ASKED, {}, price),
            )


class TestARestartedProcess:
    def test_cannot_ask_more_often_than_one_that_never_stopped(self, tmp_path):
        keeper = Keeper(tmp_path / "log.sqlite", better=False)
        for _ in range(6):
            assert keeper.ask() is False
            keeper.restarted()
        with pytest.raises(Halted, match="no more questions"):
            keeper.ask()

    def test_cannot_make_its_answers_of_yes_forgotten(self, tmp_path):
        plan = GoldPlan(n=400, questions=6, yes=2)
        keeper = Keeper(tmp_path / "log.sqlite", plan=plan)
        assert keeper.ask() and keeper.restarted().ask()
        with pytest.raises(Halted, match="said yes as often"):
            keeper.restarted().ask()

    def test_after_a_no_may_ask_on(self, tmp_path):
        plan = GoldPlan(n=400, questions=6, yes=2)
        keeper = Keeper(tmp_path / "log.sqlite", plan=plan, better=False)
        for _ in range(6):
            assert keeper.ask() is False
            keeper.restarted()

    def test_that_crashed_before_its_answer_has_used_up_a_yes(self):
        assert yes_given(asked(questions=3), []) == 3


class TestAVaultWithAPlan:
    PLAN = GoldPlan(n=400, questions=6, yes=3)

    def test_says_yes_only_to_what_holds_after_all_that_was_asked(self):
        def grade(state, prompts):
            won = 230 if state.adapter == CANDIDATE.adapter else 170
            return [1] * won + [0] * (400 - won)

        def answer(plan):
            vault = Vault(PROMPTS, grade, budget=6, plan=plan)
            return vault.promote(FOUNDING, CANDIDATE, ledgers=asked(), spend=lambda _: None, yes=0)

        assert answer(None) is True
        assert answer(self.PLAN) is False

    def test_refuses_a_small_claim_before_anything_is_spent(self, tmp_path):
        keeper = Keeper(tmp_path / "log.sqlite", plan=self.PLAN)
        with pytest.raises(Refused, match="this small"):
            keeper.ask(claim=Fraction(1, 100))
        assert keeper.restarted().journal.ledgers() == Ledgers()
        assert keeper.ask(claim=Fraction(1, 2)) is True

    def test_counts_every_question_for_a_yes_when_it_is_not_told(self):
        vault = Vault(PROMPTS, lambda *_: [1] * 400, budget=6, plan=self.PLAN)
        with pytest.raises(Halted, match="said yes as often"):
            vault.promote(FOUNDING, CANDIDATE, ledgers=asked(questions=3), spend=lambda _: None)

    @pytest.mark.parametrize(
        "other",
        [{"plan": GoldPlan(n=399, questions=6)}, {"plan": GoldPlan(n=400, questions=5)},
         {"plan": GoldPlan(n=400, questions=6, paired=False)},
         {"final": FINAL[:199]}, {"final": (*FINAL, PROMPTS[0])}],
    )  # fmt: skip
    def test_of_another_size_or_with_shared_prompts_is_refused(self, other):
        with pytest.raises(Refused, match="not the one that was planned"):
            Vault(PROMPTS, lambda *_: [], budget=6, **other)


class TestTheFinalVault:
    def test_opens_once_and_closes_everything_in_any_process(self, tmp_path):
        keeper = Keeper(tmp_path / "log.sqlite", final=FINAL)
        keeper.ask()
        found = keeper.restarted().open()
        assert (found.k, found.n, found.high) == (200, 200, 1)
        assert Fraction(98, 100) < found.low < 1
        for again in (lambda: keeper.restarted().open(), lambda: keeper.restarted().ask()):
            with pytest.raises(Halted):
                again()

    def test_can_still_be_opened_when_all_questions_were_asked(self, tmp_path):
        keeper = Keeper(tmp_path / "log.sqlite", final=FINAL, better=False)
        for _ in range(5):
            keeper.ask()
            keeper.restarted()
        with pytest.raises(Halted, match="no more questions"):
            keeper.ask()
        assert keeper.restarted().open().k == 0

    def test_is_spent_even_if_a_grade_is_missing(self, tmp_path):
        keeper = Keeper(tmp_path / "log.sqlite", final=FINAL)
        keeper.grade = lambda *_: []
        with pytest.raises(Undecided):
            keeper.restarted().open()
        with pytest.raises(Halted, match="cannot be opened"):
            keeper.restarted().open()

    def test_that_does_not_exist_cannot_be_opened(self, tmp_path):
        with pytest.raises(Halted, match="cannot be opened"):
            Keeper(tmp_path / "log.sqlite").open()
