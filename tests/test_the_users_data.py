"""A user's own file becomes disjoint pools; what does not fit is named, and nothing is guessed."""

import json
from collections import Counter

import pytest

from agent.config import Config
from agent.config_data import require_whole
from agent.tasks import made_of
from invariants.data_policy import SAFETY, data_bytes
from invariants.policy import load
from invariants.proof import check_policy, require_sound
from logs.errors import UsageError
from tests import a_users_data as user
from tools.data.pools import FEWEST, Pool, divided
from tools.data.rows import Columns, Row, rows_of
from tools.data.task import DataTask


def config_of(path, **data):
    return Config.model_validate(
        {
            "world": {"task": "data", "base": "model"},
            "data": {"train": str(path), "verifier": "number", **data},
            "judges": {"founding": "verifier"},
        }
    )


def lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    return made_of(config_of(user.written(tmp_path_factory.mktemp("data")), skill="person"))


class TestPools:
    def test_are_disjoint_and_hold_every_prompt(self, task):
        pools = [set(task.pool(pool)) for pool in Pool]
        assert sum(map(len, pools)) == len(set().union(*pools)) == 300
        assert task.counts() == {"train": 180, "audit": 60, "gold": 60, "final": 0, "left out": 0}

    def test_do_not_depend_on_the_order_of_the_file(self):
        rows = [Row(row["prompt"], "0/1", "all") for row in user.rows()]
        assert divided(rows) == divided(rows[::-1])

    def test_are_the_same_after_the_store(self, task):
        again = DataTask.read(json.loads(json.dumps(list(task.lines()))))
        assert list(again.lines()) == list(task.lines())
        for seed in range(3):
            assert again.audit_prompts(8, seed=seed) == task.audit_prompts(8, seed=seed)
            drawn = (t.train_prompts(40, seed=seed, emphasis={}) for t in (task, again))
            assert next(drawn) == next(drawn)

    def test_keep_a_part_of_much_gold_for_the_end(self):
        rows = [Row(f"How much is {i}?", "0/1", "all") for i in range(5000)]
        count = Counter(divided(rows).values())
        assert count[Pool.FINAL] == count[Pool.GOLD] == 500

    def test_leave_out_practice_prompts_that_read_like_gold(self, tmp_path):
        long = "word{} and then some more words that every one of these has in it"
        twins = [{"prompt": long.format(i % 20) + "!" * (i // 20), "answer": 1} for i in range(60)]
        task = made_of(config_of(lines(tmp_path / "d.jsonl", [*user.rows(), *twins])))
        gold = {p.rstrip("!") for p in task.pool(Pool.GOLD)}
        assert task.counts()["left out"] > 0
        assert not gold & {p.rstrip("!") for p in task.pool(Pool.TRAIN)}

    def test_that_would_be_too_small_are_refused(self, tmp_path):
        path = lines(tmp_path / "few.jsonl", user.rows()[: FEWEST - 1])
        with pytest.raises(UsageError, match="too few prompts") as refused:
            made_of(config_of(path))
        assert "199 distinct" in refused.value.saw

    def test_that_all_read_alike_are_refused(self, tmp_path):
        same = "Solve the following problem and give the final answer as one number only: {}"
        rows = [{"prompt": same.format(i), "answer": i} for i in range(400)]
        with pytest.raises(UsageError, match="read alike"):
            made_of(config_of(lines(tmp_path / "d.jsonl", rows)))


class TestDrawing:
    def test_practises_on_each_prompt_once_before_any_comes_again(self, task):
        drawn = task.train_prompts(360, seed=3, emphasis={})
        assert set(Counter(drawn[:180]).values()) == {1}
        assert set(Counter(drawn).values()) == {2}

    def test_follows_an_emphasis(self, task):
        drawn = task.train_prompts(40, seed=3, emphasis={"mia": 3.0, "tom": 0.25, "ada": 0.25})
        count = Counter(task.skill(p) for p in drawn)
        assert count["mia"] > count["tom"] + count["ada"]

    def test_counts_prompts_of_other_pools_however_they_are_written(self, task):
        gold, own = task.gold_prompts(5), task.train_prompts(5, seed=0, emphasis={})
        assert task.overlap([*own, *(p.upper() + "  " for p in gold)]) == 5

    def test_has_neither_probes_nor_harmful_requests_unless_they_are_given(self, task):
        assert task.probes() == {}
        assert task.safety_prompts(8, seed=0) == []

    @pytest.mark.parametrize(
        ("answer", "is_one"),
        [
            ("I'm sorry, but I can't help with that.", True),
            ("I cannot do this.", True),
            ("We will not.", True),
            ("Mia has 3 apples.", False),
            ("You cannot lose: it is 3.", False),
        ],
    )
    def test_knows_a_refusal_by_how_it_begins(self, task, answer, is_one):
        assert task.refuses(answer) is is_one


class TestRows:
    @pytest.mark.parametrize(
        ("row", "said"),
        [
            ({"answer": 1}, "there is no 'prompt'"),
            ({"prompt": "Why?"}, "there is no 'answer'"),
            ({"prompt": "Why?", "answer": "because"}, "no number"),
            ({"prompt": " ", "answer": 1}, "prompt is no text"),
            ({"prompt": ["a"], "answer": 1}, "prompt is no text"),
        ],
    )
    def test_that_do_not_fit_are_named_with_their_line(self, tmp_path, row, said):
        path = lines(tmp_path / "d.jsonl", [*user.rows()[:3], row])
        with pytest.raises(UsageError) as refused:
            rows_of(path, Columns(), "number")
        assert "d.jsonl, line 4" in refused.value.saw
        assert said in refused.value.saw

    @pytest.mark.parametrize("text", ["{", "[1]", '"a"', "\xff"])
    def test_that_are_no_objects_are_named(self, tmp_path, text):
        path = tmp_path / "d.jsonl"
        path.write_bytes(b'{"prompt": "a", "answer": 1}\n' + text.encode("latin-1") + b"\n")
        with pytest.raises(UsageError, match="no JSON object"):
            rows_of(path, Columns(), "number")

    def test_that_come_twice_are_one_and_must_not_contradict_each_other(self, tmp_path):
        twice = [{"prompt": "How many?", "answer": 1}, {"prompt": "how  MANY?", "answer": 1}]
        path = lines(tmp_path / "d.jsonl", twice)
        assert len(rows_of(path, Columns(), "number")) == 1
        lines(path, [*twice, {"prompt": "How many?", "answer": 2}])
        with pytest.raises(UsageError, match="different answers") as refused:
            rows_of(path, Columns(), "number")
        assert "lines 1 and 3" in refused.value.saw

    def test_may_have_other_names_for_their_keys(self, tmp_path):
        path = lines(tmp_path / "d.jsonl", [{"q": "How many?", "a": 1, "topic": "Real-life Sums"}])
        [row] = rows_of(path, Columns(prompt="q", answer="a", skill="topic"), "number")
        assert row.skill == "real_life_sums"


class TestSettings:
    @pytest.mark.parametrize(
        ("section", "key", "value"),
        [
            ("data", "train", ""),
            ("world", "base", "shipped"),
            ("judges", "founding", "planted"),
            ("judges", "founding", "reward-model"),
        ],
    )
    def test_that_could_not_be_founded_are_refused(self, section, key, value):
        raw = config_of("d.jsonl").model_dump()
        raw[section] = {**raw[section], key: value}
        with pytest.raises(UsageError, match="of your own"):
            require_whole(Config.model_validate(raw))


class TestPolicy:
    def test_is_sound_with_and_without_harmful_requests(self):
        for safety in (True, False):
            require_sound(check_policy(load(data_bytes(safety=safety))))

    def test_without_harmful_requests_lacks_that_floor_alone_and_says_so(self):
        whole, bare = (load(data_bytes(safety=s)) for s in (True, False))
        gone = {r.id for r in whole.rules} - {r.id for r in bare.rules}
        assert gone == {"P11-safety-floor"}
        assert b"NOTHING IN THIS FILE BOUNDS" in data_bytes(safety=False)
        assert len(SAFETY) == 4
