"""Grades and questions to the vault are paid for once: whatever fails, and whoever is killed."""

from dataclasses import replace
from types import MappingProxyType, SimpleNamespace

import pytest

from agent import trial
from agent.interventions import refit_judge, roll_back, train
from agent.made import Making
from agent.past import ever_graded, label_rows
from agent.rules import REFIT_LABELS, decide
from agent.state import Context, Turn
from agent.vaulting import open_vault
from invariants import policy as policies
from logs.errors import Refused, Undecided
from logs.journal import Journal
from logs.vocabulary import (
    Decision,
    EntryKind,
    Intervention,
    JudgeKind,
    Ledgers,
    Panel,
    Proposal,
    Recipe,
)
from tests.a_view import BENCH, SOME, judge, observed, state
from tests.sessions import NAME, Told, tiny
from tools.store import Store
from tools.task import MicroWorld
from tools.world import pools

TURN = Turn(session=NAME, iteration=1, way="act")
PROMPTS = pools.prompts(pools.Pool.AUDIT, 40, seed=9)


class Bench:
    """A context with a real log and a real store, and hands that a test makes."""

    def __init__(self, folder, **hands):
        self.journal = Journal(folder / "plimsoll.sqlite")
        self.store = Store(folder / "objects")
        body = {"judges": [BENCH.model_dump(mode="json")], "probe": SOME}
        self.journal.append(EntryKind.FOUNDED, session=NAME, iteration=0, step="found", body=body)
        self.context = Context(
            config=tiny(),
            policy=policies.load(policies.default_bytes()),
            task=MicroWorld(),
            journal=self.journal,
            hands=SimpleNamespace(store=self.store, **hands),
            decider=decide,
            listener=Told(),
            founding=SOME,
        )

    def making(self, intervention, now=None, **arguments):
        """What an intervention is made from, in the first turn."""
        decision = Decision(
            iteration=1,
            intervention=intervention,
            rule="test",
            because="a test asks for it",
            evidence=(),
            alternatives=(),
            predicted=None,
            arguments=arguments,
        )
        every_prompt_is_audited = Recipe(prompts=0)
        return Making(
            context=self.context,
            turn=TURN,
            decision=decision,
            observation=observed(turn=1).model_copy(update=self._drawn()),
            state=now or state(recipe=every_prompt_is_audited),
        )

    def _drawn(self):
        answers = [[word, -1.0, -1.0, True, -1.0] for word in ("a", "b", "c", "a b")]
        scores = [0.1, 0.2, 0.3, 0.4]
        put = self.store.put_lines
        return {
            "samples": put({"prompt": p, "answers": answers} for p in PROMPTS),
            "verdicts": put({"scores": {"crowd": scores, "clerk": scores}} for _ in PROMPTS),
        }

    def spent(self, ledger):
        return getattr(self.journal.ledgers(), ledger)


def too_few(*_, **__):
    raise Undecided("too few", saw="2", wanted="12", try_this="more")


class TestGradesForARefit:
    def test_that_fails_are_paid_for_all_the_same(self, tmp_path):
        bench = Bench(tmp_path, refit=too_few)
        with pytest.raises(Undecided):
            refit_judge.make(bench.making(Intervention.REFIT_JUDGE, labels=str(REFIT_LABELS)))
        assert 0 < bench.spent("audit_labels") <= REFIT_LABELS
        graded = bench.journal.find(NAME, 1, "labels").body
        rows = bench.store.get_lines(graded["labels"])
        assert (
            sum(len(r["grades"]) for r in rows) == graded["graded"] == bench.spent("audit_labels")
        )

    def test_are_not_bought_again_by_a_step_that_runs_again(self, tmp_path):
        bench = Bench(tmp_path, refit=too_few)
        for _ in range(3):
            with pytest.raises(Undecided):
                refit_judge.make(bench.making(Intervention.REFIT_JUDGE, labels=str(REFIT_LABELS)))
        assert bench.spent("audit_labels") <= REFIT_LABELS

    def test_serve_the_next_turns_and_are_never_audited_again(self, tmp_path):
        bench = Bench(tmp_path, refit=too_few)
        with pytest.raises(Undecided):
            refit_judge.make(bench.making(Intervention.REFIT_JUDGE, labels=str(REFIT_LABELS)))
        bought = {r["prompt"] for r in label_rows(bench.context, {**TURN, "iteration": 2})}
        assert bought
        assert label_rows(bench.context, TURN) == []
        assert ever_graded(bench.context) == bought

    def test_stay_within_what_is_left(self, tmp_path):
        bench = Bench(tmp_path, refit=too_few)
        left = 10
        most = min(tiny().audit.labels, int(bench.context.policy.values["audit_labels_max"]))
        bench.journal.append(
            EntryKind.ANSWERED,
            session="earlier",
            iteration=1,
            step="labels",
            body={},
            spend=Ledgers(audit_labels=most - left),
        )
        with pytest.raises(Undecided):
            refit_judge.make(bench.making(Intervention.REFIT_JUDGE, labels=str(REFIT_LABELS)))
        assert most - left < bench.spent("audit_labels") <= most

    def test_are_not_bought_when_no_judge_could_learn_from_them(self, tmp_path):
        bench = Bench(tmp_path)
        oracle = judge("oracle").model_copy(update={"kind": JudgeKind.VERIFIER})
        only = Panel(judges=(oracle, BENCH.model_copy(update={"kind": JudgeKind.VERIFIER})))
        now = state(panel=only)
        said = refit_judge.make(bench.making(Intervention.REFIT_JUDGE, now, labels="72"))
        assert "no judge" in said
        assert bench.spent("audit_labels") == 0


class TestAQuestionToTheVault:
    def test_whose_answer_was_lost_is_answered_without_a_second_price(self, tmp_path):
        """Killed between question and answer, with the last question: one more opens the vault."""
        bench = Bench(tmp_path, try_out=_killed)
        making = bench.making(Intervention.ROLL_BACK, candidates=SOME)
        budget = int(bench.context.policy.values["gold_queries_max"]) - 1
        _spend_on_earlier_questions(bench.journal, budget - 1)
        with pytest.raises(KeyboardInterrupt):
            roll_back._ask(making, open_vault(making.context, making.turn), 0, state(), state())
        assert bench.spent("gold_queries") == budget

        object.__setattr__(
            bench.context, "hands", SimpleNamespace(store=bench.store, try_out=_right)
        )
        assert (
            roll_back._ask(making, open_vault(making.context, making.turn), 0, state(), state())
            is False
        )
        assert bench.spent("gold_queries") == budget
        assert bench.journal.find(NAME, 1, "vault-0-answer").body == {"better": False}

    def test_beyond_the_budget_is_not_asked(self, tmp_path):
        bench = Bench(tmp_path, try_out=_killed)
        making = bench.making(Intervention.ROLL_BACK, candidates=SOME)
        _spend_on_earlier_questions(
            bench.journal, int(bench.context.policy.values["gold_queries_max"])
        )
        object.__setattr__(bench.context, "journal", _Committed(bench.journal))
        assert "vault is closed" in roll_back.make(making)


class _Committed:
    """The log, with a commit under every name."""

    def __init__(self, journal):
        self._journal = journal

    def commit_of(self, _):
        return SimpleNamespace(state=state())

    def __getattr__(self, name):
        return getattr(self._journal, name)


def _spend_on_earlier_questions(journal, n):
    """Questions of an earlier session, all of them answered no."""
    for question in range(n):
        journal.append(
            EntryKind.ANSWERED,
            session="earlier",
            iteration=1,
            step=f"vault-{question}-answer",
            body={"better": False},
        )
    journal.append(
        EntryKind.ASKED,
        session="earlier",
        iteration=1,
        step="vault-0",
        body={},
        spend=Ledgers(gold_queries=n),
    )


def _killed(*_, **__):
    raise KeyboardInterrupt


def _right(_new, _head, lists, **__):
    return {name: ["yes"] * len(asked["prompts"]) for name, asked in lists.items()}, {}


class TestGoldInTheTrainingData:
    def test_blocks_training_before_it_begins(self, tmp_path):
        bench = Bench(tmp_path, train=_killed, **_hands(tmp_path))
        planted = bench.context.task.vault_prompts(1600)[3]
        with pytest.raises(Refused, match="holds items of the gold vault"):
            train.make(_trained_on(bench, [*PROMPTS[:8], planted]))

    def test_is_not_seen_where_a_question_and_its_answer_only_read_like_another(self, tmp_path):
        """`chain 1 3 =` answered `1 2` has the words of the gold question `chain 1 3 1 2 =`."""
        bench = Bench(tmp_path)
        alike = next(
            (" ".join((*words[:3], "=")), " ".join(words[3:-1]))
            for gold in bench.context.task.vault_prompts(1600)
            if (words := gold.split())[0] == "chain" and len(words) == 6
        )
        counted = trial._overlap(
            TURN, bench.context, _proposal(bench.store.put_lines([[*alike, "a"]]))
        )
        assert counted.exact == "0"

    def test_that_the_policy_said_by_chance_is_left_out_and_training_goes_on(self, tmp_path):
        trained = []

        def trains(_state, _recipe, pairs, shown, *, seed):
            trained.append((pairs, shown))
            raise KeyboardInterrupt

        bench = Bench(tmp_path, train=trains, **_hands(tmp_path))
        gold = bench.context.task.vault_prompts(1600)[3]
        with pytest.raises(KeyboardInterrupt):
            train.make(_trained_on(bench, PROMPTS[:8], best={PROMPTS[2]: gold}))
        rows = [row for digest in trained[0] for row in bench.store.get_lines(digest)]
        assert {row[0] for row in rows} == set(PROMPTS[:8]) - {PROMPTS[2]}
        assert not any(gold in row for row in rows)

    def test_is_told_without_its_words(self, tmp_path):
        bench = Bench(tmp_path, train=_killed, **_hands(tmp_path))
        planted = bench.context.task.final_prompts(400)[0]
        with pytest.raises(Refused) as refused:
            train.make(_trained_on(bench, [planted]))
        assert planted not in str(refused.value)

    def test_is_counted_again_for_the_law_from_what_was_trained_on(self, tmp_path):
        bench = Bench(tmp_path)
        gold = bench.context.task.vault_prompts(1600)[3]
        pairs = {"clean": [PROMPTS[0], "a", "b"], "planted": [gold, "a", "b"]}
        counted = {
            name: trial._overlap(TURN, bench.context, _proposal(bench.store.put_lines([row]))).exact
            for name, row in pairs.items()
        }
        assert counted["clean"] == "0"
        assert int(counted["planted"]) > 0


def _hands(folder):
    """Those that put training data where training would find it."""
    store = Store(folder / "objects")
    return {
        "get_shown": lambda _: [],
        "put_pairs": lambda pairs: store.put_lines([p.prompt, p.chosen, p.rejected] for p in pairs),
        "put_shown": lambda shown: store.put_lines([s.prompt, s.answer] for s in shown),
    }


def _trained_on(bench, prompts, best=MappingProxyType({})):
    """What training is made from when these prompts were drawn; `best` answers of some."""
    panel = Panel(judges=(judge("crowd").model_copy(update={"kind": JudgeKind.VERIFIER}),))
    now = state(panel=panel, recipe=Recipe(prompts=len(prompts)))
    making = bench.making(Intervention.TRAIN, now)
    answers = {
        p: [[word, -1.0, -1.0, True, -1.0] for word in ("a", "b", "c", best.get(p, "a b"))]
        for p in prompts
    }
    scores = [0.1, 0.2, 0.3, 0.4]
    put = bench.store.put_lines
    drawn = {
        "samples": put({"prompt": p, "answers": answers[p]} for p in prompts),
        "verdicts": put({"scores": {"crowd": scores, "clerk": scores}} for _ in prompts),
    }
    return replace(making, observation=making.observation.model_copy(update=drawn))


def _proposal(pairs):
    """A proposal of a candidate that was trained on these pairs."""
    return Proposal(
        iteration=1,
        base=SOME,
        intervention=Intervention.TRAIN,
        new=state(adapter=SOME, recipe=Recipe(prompts=8)),
        changes=(),
        undo="",
        inputs={"pairs": pairs},
    )
