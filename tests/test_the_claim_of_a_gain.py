"""A session claims a gain on fresh gold, in words that hold at every look, or claims nothing."""

import random
from types import SimpleNamespace

import pytest

from agent.claiming import GAIN, claim_gain, looks_of
from agent.seeds import seed_of
from agent.state import Context, Turn
from invariants import policy as policies
from logs.canonical import digest_of, sha256
from logs.gain import sentence
from logs.journal import Journal
from logs.turns import turns
from logs.vocabulary import Commit, EntryKind, JudgeKind, Panel
from tests.a_view import judge, state
from tests.sessions import NAME, Told, tiny
from tools.instruments.sequential import alpha_of_iteration
from tools.store import Store
from tools.task import MicroWorld
from tools.world.skills import expected, parse

PANEL = Panel(judges=(judge("oracle").model_copy(update={"kind": JudgeKind.VERIFIER}),))
ANCHOR = state(panel=PANEL)
ADAPTERS = [sha256(name) for name in (b"one", b"two", b"three")]
WRONG = "wrong indeed"


class World:
    """A log with a founding commit, and hands whose policies are right as often as planted."""

    def __init__(self, folder, *, now, then=0.3, kept=1.0, vain=False, fails=False, fresh=256):
        self.now, self.then, self.kept, self.vain, self.fails = now, then, kept, vain, fails
        self.journal = Journal(folder / "plimsoll.sqlite")
        self.head = self._commit(None, ANCHOR, 0)
        self.context = Context(
            config=tiny(world={"fresh_gold": fresh, "gold_prompts": 400}),
            policy=policies.load(policies.default_bytes()),
            task=MicroWorld(),
            journal=self.journal,
            hands=SimpleNamespace(
                store=Store(folder / "objects"), weigh=self._weigh, try_out=self._try_out
            ),
            decider=None,
            listener=Told(),
            founding=self.head,
        )
        self.asked = []

    def trained(self, iteration):
        """HEAD moves to another adapter."""
        now = ANCHOR.model_copy(update={"adapter": ADAPTERS[iteration - 1]})
        self.head = self._commit(self.head, now, iteration)

    def looked(self, iteration=1):
        """The entry of a look in that turn, and the measurement of the gain."""
        turn = Turn(session=NAME, iteration=iteration, way="record")
        claim_gain(turn, self.context)
        return self.context.entry(turn, GAIN)

    def _commit(self, parent, of, iteration):
        made = Commit(
            parent=parent,
            session=NAME,
            iteration=iteration,
            state=of,
            proposal=None,
            evidence=None,
            verdict=None,
        )
        self.journal.commit(made, expected_head=parent)
        return digest_of(made)

    def _weigh(self, of, prompts, judges, *, constitution, samples, seed):
        self.asked.append(prompts)
        rng = random.Random(seed)
        share = self.then if of.adapter is None else self.now
        rows = []
        for prompt in prompts:
            said = [right(prompt) if rng.random() < share else WRONG for _ in range(samples)]
            scores = [self._score(prompt, text, of) for text in said]
            # Lengths that differ by chance, as a policy's do.
            said = [text + " well" * rng.randrange(3) if text == WRONG else text for text in said]
            answers = [[text, -1.0, -1.0, True, -1.0] for text in said]
            rows.append(({"prompt": prompt, "answers": answers}, {"scores": {"oracle": scores}}))
        return rows

    def _score(self, prompt, text, of):
        if self.fails:
            return None
        return float(of.adapter is not None) if self.vain else float(text == right(prompt))

    def _try_out(self, _now, _head, lists, **_):
        rng = random.Random(1)
        solved = {"then": 1.0, "now": self.kept}
        return {
            name: [right(p) if rng.random() < solved[name] else WRONG for p in wanted["prompts"]]
            for name, wanted in lists.items()
        }, {}


def right(prompt):
    """The answer that gold accepts."""
    return " ".join(expected(parse(prompt)))


def trained(folder, **planted):
    """A world in which HEAD was trained once."""
    world = World(folder, **planted)
    world.trained(1)
    return world


class TestALookAtFreshGold:
    def test_of_a_better_policy_claims_a_gain(self, tmp_path):
        world = trained(tmp_path, now=0.7)
        entry = world.looked()
        assert (entry.kind, entry.body["claim"], entry.body["denied_by"]) == (
            "measured",
            "gain",
            [],
        )
        told = sentence(turns(world.journal, NAME))
        assert told.startswith("Gain: against the founding state it wins 0.6")
        assert "at any look" in told

    def test_of_a_policy_that_is_no_better_claims_none(self, tmp_path):
        claims = []
        for seed in range(5):
            (tmp_path / str(seed)).mkdir()
            world = trained(tmp_path / str(seed), now=0.3)
            claims.append(world.looked().body["claim"])
        assert "gain" not in claims

    def test_of_a_worse_policy_claims_none(self, tmp_path):
        assert trained(tmp_path, now=0.1).looked().body["claim"] != "gain"

    def test_does_not_take_the_word_of_a_judge_that_runs_ahead(self, tmp_path):
        world = trained(tmp_path, now=0.7, vain=True)
        body = world.looked().body
        assert body["claim"] == "inconclusive"
        assert any("runs ahead" in because for because in body["denied_by"])
        assert sentence(turns(world.journal, NAME)).startswith("Inconclusive: ")

    def test_claims_nothing_where_an_ability_was_lost(self, tmp_path):
        body = trained(tmp_path, now=0.7, kept=0.6).looked().body
        assert body["claim"] == "inconclusive"
        assert any("capability" in because for because in body["denied_by"])

    def test_claims_nothing_where_the_judge_failed_on_every_item(self, tmp_path):
        body = trained(tmp_path, now=0.7, fails=True).looked().body
        assert body["claim"] == "inconclusive"

    def test_says_its_guarantee_its_items_and_its_number(self, tmp_path):
        body = trained(tmp_path, now=0.7).looked().body
        gain = body["measurements"][0]
        assert (gain["instrument"], gain["guarantee"], gain["n"]) == ("gain", "anytime", 256)
        assert (body["look"], len(body["items"])) == (1, 256)
        assert {round(truth, 1) for _, truth, _ in body["items"]} <= {0.0, 0.5, 1.0}

    def test_keeps_gold_out_of_the_store_that_jobs_can_read(self, tmp_path):
        world = trained(tmp_path, now=0.7)
        world.looked()
        stored = [p for p in (tmp_path / "objects").rglob("*") if p.is_file()]
        assert stored == []
        said = str(world.journal.find(NAME, 1, GAIN).body)
        assert not any(prompt in said for prompt in world.asked[0])


class TestLooks:
    def test_share_one_error_probability_over_all_sessions(self, tmp_path):
        world = World(tmp_path, now=0.7)
        levels = []
        for iteration in (1, 2, 3):
            world.trained(iteration)
            gain = world.looked(iteration).body["measurements"][0]
            levels.append(1 - gain["level"])
        assert levels == pytest.approx([alpha_of_iteration(k) for k in (1, 2, 3)])
        assert [entry.body["look"] for entry in looks_of(world.context)] == [1, 2, 3]

    def test_draw_items_of_their_own(self, tmp_path):
        world = World(tmp_path, now=0.7)
        for iteration in (1, 2):
            world.trained(iteration)
            world.looked(iteration)
        first, again, second, _ = world.asked
        assert first == again
        assert first != second

    def test_are_not_spent_on_a_policy_that_did_not_change(self, tmp_path):
        world = World(tmp_path, now=0.7)
        assert world.looked(1) is None
        world.trained(1)
        assert world.looked(2) is not None
        assert world.looked(3) is None

    def test_can_be_switched_off(self, tmp_path):
        world = trained(tmp_path, now=0.7, fresh=0)
        assert world.looked() is None
        assert "Gain" not in sentence(turns(world.journal, NAME))


class TestFreshItems:
    def test_are_drawn_independently_of_each_other_from_the_gold_pool(self):
        task = MicroWorld()
        drawn = task.fresh_gold(3000, seed=3)
        assert task.overlap(drawn) == 3000
        # Independent draws repeat what is rare; a list without repeats would not.
        assert len(set(drawn)) < 3000
        skills = [task.skill(p).split("-")[0] for p in drawn]
        listed = [task.skill(p).split("-")[0] for p in task.gold_prompts(3000)]
        for skill in set(listed):
            assert skills.count(skill) == pytest.approx(listed.count(skill), abs=110)

    def test_follow_the_seed(self):
        task, seed = MicroWorld(), seed_of(tiny(), 1, GAIN)
        assert task.fresh_gold(50, seed=seed) == task.fresh_gold(50, seed=seed)
        assert task.fresh_gold(50, seed=seed) != task.fresh_gold(50, seed=seed + 1)


def test_a_log_of_measurements_alone_is_told_as_before(tmp_path):
    world = trained(tmp_path, now=0.7)
    turn = Turn(session=NAME, iteration=1, way="record")
    body = {"head": world.head, "measurements": []}
    world.context.log(turn, "gold", EntryKind.MEASURED, body)
    assert sentence(turns(world.journal, NAME)).startswith("Inconclusive: gold was not measured")
