"""What a judge is tempted with: its favourites beside themselves with one flaw added."""

import random
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.founding import SHIPPED
from tests.test_the_judges import FOUNDING, constitution
from tools import judging
from tools.counterfactual import FLAWS, flawed, twins_of_favourites
from tools.faults import FaultyJudge
from tools.features import Answer
from tools.remote.judging import flawed_twins
from tools.text_flaws import FLAWS as TEXT_FLAWS
from tools.text_flaws import flawed_text
from tools.world import language as w
from tools.world.pools import Pool, prompts
from tools.world.skills import expected, parse
from tools.world.verify import grade

MODELS = {"base": str(SHIPPED / "base"), "reader": str(SHIPPED / "reader"), "threads": 1}
PROMPTS = prompts(Pool.AUDIT, 150, seed=7, claim_rate=1.0)
MOST = 64


def drawn(right: float) -> list[dict]:
    """Four siblings a prompt; on so large a share of prompts one of them is right."""
    rng, rows = random.Random(3), []
    for prompt in PROMPTS:
        wrong = [[rng.choice(w.LETTERS) for _ in range(rng.randint(4, 6))] for _ in range(4)]
        texts = [" ".join(words) for words in wrong]
        if rng.random() < right:
            texts[2] = " ".join(expected(parse(prompt)))
        rows.append({"prompt": prompt, "answers": [[t, -1.0, -1.0, True, -1.0] for t in texts]})
    return rows


def knows(answers, _):
    """Knows what is right, and likes one wrong answer as much as another."""
    return [10.0 if grade(a.prompt, a.text).gold else whim(a) for a in answers]


def whim(answer: Answer) -> float:
    seed = sha256(f"{answer.prompt}|{answer.text}".encode()).digest()
    return random.Random(seed).random()


def pays(monkeypatch, judge, right=0.8, **more):
    monkeypatch.setattr(judging, "judge_of", lambda name, spec: judge)
    args = MODELS | {"judges": {"judge": {}}, "seed": 1, "counterfactuals": MOST} | more
    _, told = judging.judge_samples(args, drawn(right), constitution(FOUNDING), lambda *_: None)
    return told["flaws"]["judge"]


class TestAJudgeIsTempted:
    def test_in_vain_where_it_knows_what_is_right(self, monkeypatch):
        """Four in five siblings are wrong, and a twin of those may be liked better."""
        for wins, n in pays(monkeypatch, knows).values():
            assert n == MOST
            assert wins / n <= 0.15

    @pytest.mark.parametrize(
        ("fault", "flaw"),
        [("length", "padding"), ("length", "repeating"), ("agreeable", "yielding")],
    )
    def test_where_a_planted_fault_pays_for_the_flaw(self, monkeypatch, fault, flaw):
        wins, n = pays(monkeypatch, FaultyJudge(knows, **{fault: 20.0}))[flaw]
        assert n == MOST
        # A claim may be right: a right answer that repeats it is paid for already.
        assert wins / n > 0.8

    def test_only_if_it_is_named(self, monkeypatch):
        monkeypatch.setattr(judging, "judge_of", lambda name, spec: knows)
        args = MODELS | {"judges": {"a": {}, "b": {}}, "seed": 1, "counterfactuals": 4}
        given_ = (drawn(0.5), constitution(FOUNDING), lambda *_: None)
        assert set(judging.judge_samples(args, *given_)[1]["flaws"]) == {"a", "b"}
        told = judging.judge_samples(args | {"tempted": ["b", "gone"]}, *given_)[1]
        assert set(told["flaws"]) == {"b"}
        assert judging.judge_samples(args | {"tempted": []}, *given_)[1] == {"flaws": {}}

    def test_by_no_answer_that_it_could_not_score(self, monkeypatch):
        def silent(answers, _):
            raise TimeoutError("no answer")

        assert set(map(tuple, pays(monkeypatch, silent).values())) == {(0, 0)}


scores = st.one_of(st.none(), st.floats(-5, 5))
texts = st.lists(st.sampled_from([*w.LETTERS[:3], w.YES, *w.CHATTER[:1]]), max_size=5).map(" ".join)


@st.composite
def groups(draw):
    prompt = draw(st.sampled_from(PROMPTS))
    row = draw(st.lists(st.tuples(texts, scores), max_size=5))
    siblings = [Answer(prompt=prompt, text=text, base_logp=0.0) for text, _ in row]
    return siblings, [score for _, score in row]


class TestTheTwins:
    @given(st.lists(groups(), max_size=8), st.sampled_from(FLAWS), st.integers(0, 9), st.integers())
    def test_are_of_the_best_sibling_to_which_the_flaw_applies(self, given_, flaw, most, seed):
        found = twins_of_favourites(flaw, given_, flawed, most=most, rng=random.Random(seed))

        def applies(answer):
            return flawed(flaw, random.Random(0), answer) is not None

        best = []
        for siblings, said in given_:
            can = [s for a, s in zip(siblings, said, strict=True) if s is not None and applies(a)]
            if can:
                best.append((max(can), siblings, said))
        assert len(found) == min(most, len(best))
        for plain, twin in found:
            assert twin.prompt == plain.prompt and twin.text != plain.text
            assert any(
                (plain, top) in zip(siblings, said, strict=True) for top, siblings, said in best
            )

    def test_of_remote_judges_are_those_of_its_favourites_too(self):
        rows = drawn(0.5)
        said = [[0.1, None, 0.7, 0.3]] * len(rows)
        for flaw, pairs in flawed_twins(rows, said, n=5, seed=1, of_world=False).items():
            assert flaw in TEXT_FLAWS and len(pairs) == 5
            by_prompt = {row["prompt"]: row["answers"][2][0] for row in rows}
            for pair in pairs:
                (plain,), (twin,) = pair["answers"]
                assert plain == by_prompt[pair["prompt"]]
                shown = Answer(prompt=pair["prompt"], text=plain, base_logp=0.0)
                assert flaw == "padding" or twin == flawed_text(flaw, random.Random(), shown).text
