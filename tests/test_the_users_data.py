"""A user's own file becomes disjoint pools; what does not fit is named, and nothing is guessed."""

import json
import subprocess
import sys
from collections import Counter

import pytest

from agent.config import Config
from agent.config_data import require_whole
from agent.tasks import made_of
from invariants.canaries import leaks
from invariants.data_policy import SAFETY, data_bytes
from invariants.policy import load
from invariants.proof import check_policy, require_sound
from logs.errors import UsageError
from tests import a_users_data as user
from tests.house import ROOT
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
        long = [" ".join(f"word{i}x{j}" for j in range(14)) for i in range(20)]
        twins = [{"prompt": long[i % 20] + " more" * (i // 20), "answer": 1} for i in range(60)]
        task = made_of(config_of(lines(tmp_path / "d.jsonl", [*user.rows(), *twins])))
        gold = {p.removesuffix(" more").removesuffix(" more") for p in task.pool(Pool.GOLD)}
        assert task.counts()["left out"] > 0
        practised = task.pool(Pool.TRAIN)
        assert not gold & {p.removesuffix(" more").removesuffix(" more") for p in practised}

    def test_never_practise_on_an_audit_prompt_with_other_punctuation(self):
        asked = [f"How old is {name} of {n}" for n in range(100) for name in user.NAMES]
        rows = [Row(text + end, "0/1", "all") for text in asked for end in ("?", "", " ?!")]
        pools = divided(rows)
        other = {p.rstrip("?! ") for p, pool in pools.items() if pool is Pool.AUDIT}
        assert other.isdisjoint(p.rstrip("?! ") for p, pool in pools.items() if pool is Pool.TRAIN)

    def test_that_would_be_too_small_are_refused(self, tmp_path):
        path = lines(tmp_path / "few.jsonl", user.rows()[: FEWEST - 1])
        with pytest.raises(UsageError, match="too few prompts") as refused:
            made_of(config_of(path))
        assert "199 distinct" in refused.value.saw

    def test_that_all_read_alike_are_refused(self, tmp_path):
        texts = [" ".join(f"word{i}x{j}" for j in range(20)) for i in range(40)]
        rows = [{"prompt": text + " more" * n, "answer": 1} for text in texts for n in range(10)]
        with pytest.raises(UsageError, match="read alike"):
            made_of(config_of(lines(tmp_path / "d.jsonl", rows)))

    def test_are_not_told_by_an_instruction_that_all_prompts_share(self, tmp_path):
        before = "Solve the following problem and give the final answer as one number only: "
        after = " Think step by step, and write nothing at all behind the last number, please."
        rows = [row | {"prompt": before + row["prompt"] + after} for row in user.rows()]
        task = made_of(config_of(lines(tmp_path / "d.jsonl", rows)))
        assert task.counts()["left out"] == 0
        gold, own = task.pool(Pool.GOLD), task.pool(Pool.TRAIN)
        assert not leaks(gold, own, task.common)
        [found] = leaks(gold, [*own, gold[3].upper()], task.common)
        assert found.text == len(own)
        again = DataTask.read(json.loads(json.dumps(list(task.lines()))))
        assert again.common == task.common

    def test_still_tell_a_long_question_behind_a_shared_instruction(self, tmp_path):
        before = "Solve the following problem and give the final answer as one number only please: "
        long = (
            "how many {} would Mia need if each of her {} friends in town {} wanted three of them"
        )
        rows = [
            {"prompt": before + long.format(f"thing{i}", f"dear{i}", f"x{i}"), "answer": i}
            for i in range(240)
        ]
        task = made_of(config_of(lines(tmp_path / "d.jsonl", rows)))
        gold = task.pool(Pool.GOLD)
        reworded = "Please tell me, " + gold[0].removeprefix(before) + ", at once"
        assert leaks(gold, [reworded], task.common)


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
            ({"prompt": "half \ud83d of it", "answer": 1}, "half a character"),
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


CHAT = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "How many?"},
    {"role": "assistant", "content": "Four: 4"},
]


class TestShapes:
    @pytest.mark.parametrize(
        ("row", "prompt"),
        [
            ({"prompt": "How many?", "chosen": "It is 4.", "rejected": "5"}, "How many?"),
            ({"prompt": "How many?", "completion": "4", "label": True}, "How many?"),
            ({"prompt": CHAT[1:2], "chosen": CHAT[2:], "rejected": CHAT[2:]}, "How many?"),
            ({"messages": CHAT}, "Be brief.\n\nHow many?"),
            ({"messages": CHAT[:2], "answer": 4}, "Be brief.\n\nHow many?"),
            ({"prompt": "How many?", "completion": "4", "label": None}, "How many?"),
            ({"chosen": CHAT[1:], "rejected": CHAT[1:]}, "How many?"),
        ],
    )
    def test_of_preferences_labels_and_conversations_are_read(self, tmp_path, row, prompt):
        [found] = rows_of(lines(tmp_path / "d.jsonl", [row]), Columns(), "number")
        assert (found.prompt, found.reference) == (prompt, "4/1")

    @pytest.mark.parametrize(
        ("row", "said"),
        [
            ({"messages": [*CHAT, CHAT[1], CHAT[2]]}, "2 questions"),
            ({"messages": CHAT[:1], "answer": 4}, "0 questions"),
            ({"messages": [{"role": "user", "content": ["?"]}], "answer": 1}, "no text"),
            ({"prompt": "How many?", "completion": "5", "label": False}, "labelled wrong"),
            ({"messages": CHAT[:2]}, "there is no 'answer'"),
        ],
    )
    def test_that_no_answer_could_be_held_against_are_named(self, tmp_path, row, said):
        with pytest.raises(UsageError) as refused:
            rows_of(lines(tmp_path / "d.jsonl", [row]), Columns(), "number")
        assert said in refused.value.saw

    def test_of_a_table_are_read_as_lines_are(self, tmp_path):
        from datasets import Dataset

        rows = [*user.rows()[:20]]
        Dataset.from_list(rows).to_parquet(tmp_path / "d.parquet")
        told = rows_of(lines(tmp_path / "d.jsonl", rows), Columns(), "number")
        assert rows_of(tmp_path / "d.parquet", Columns(), "number") == told
        (tmp_path / "d.parquet").write_bytes(b"PAR1 and nothing more")
        with pytest.raises(UsageError, match="no Parquet"):
            rows_of(tmp_path / "d.parquet", Columns(), "number")

    def test_of_labels_join_what_people_said_of_one_prompt(self, tmp_path):
        rows = [
            {"prompt": "Which colour?", "completion": "Red", "label": True},
            {"prompt": "which  colour?", "completion": "blue", "label": False},
            {"prompt": "Which colour?", "completion": "crimson", "label": 1},
        ]
        path = lines(tmp_path / "d.jsonl", rows)
        [row] = rows_of(path, Columns(), "label")
        assert row.reference == {"right": ["Red", "crimson"], "wrong": ["blue"]}
        lines(path, [*rows, {"prompt": "Which colour?", "completion": "red", "label": False}])
        with pytest.raises(UsageError) as refused:
            rows_of(path, Columns(), "label")
        assert "right here and wrong there" in refused.value.saw


class TestTheHub:
    def test_gives_a_set_that_is_in_the_cache_and_asks_nobody_for_another(self, tmp_path):
        """In a process of its own: the cache's place is read once, when `datasets` is imported."""
        home = tmp_path / "cache"
        made = home / "user___apples" / "default" / "0.0.0" / ("a" * 40)
        program = f"""
import json
from pathlib import Path
import datasets
from tools.data.rows import Columns, rows_of
rows = [json.loads(line) for line in Path({str(lines(tmp_path / "d.jsonl", user.rows()))!r}).open()]
made = Path({str(made)!r})
made.mkdir(parents=True)
of = datasets.Dataset.from_list(rows)
of.to_parquet(made / "x.parquet")
home = {str(home)!r}
datasets.load_dataset("parquet", data_files=str(made / "x.parquet"), cache_dir=home)
kept = next(Path(home).glob("parquet/*/*/*/dataset_info.json")).parent
for path in kept.iterdir():
    (made / path.name.replace("parquet-", "apples-")).write_bytes(path.read_bytes())
told = json.loads((made / "dataset_info.json").read_text())
told |= {{"dataset_name": "apples", "builder_name": "parquet"}}
(made / "dataset_info.json").write_text(json.dumps(told))
print(len(rows_of("user/apples", Columns(), "number")))
try:
    rows_of("user/pears", Columns(), "number")
except Exception as error:
    print(type(error).__name__, error)
"""
        told = {"HF_DATASETS_CACHE": str(home), "HF_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
        said = subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, env=told, capture_output=True, text=True
        )
        assert said.returncode == 0, said.stderr[-2000:]
        assert said.stdout.startswith("300\nUsageError The data set is not in the local cache.")


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
