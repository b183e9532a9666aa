"""Verifiers read answers as people would, and are not talked into a yes."""

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logs.errors import Undecided, UsageError
from sandbox.probe import Level
from tools.verifiers import VERIFIERS, code, code_job, verifier_named


def right(verifier, answer, given, **row):
    rule = verifier_named(verifier)
    return rule.grade(answer, rule.reference(given, row))


class TestWords:
    def test_are_the_same_but_for_case_spacing_and_what_stands_around_them(self):
        assert right("exact", '  "The  Moon". ', "the moon")
        assert not right("exact", "the moon, or the sun", "the moon")

    def test_may_be_one_of_several(self):
        assert right("exact", "NYC", ["New York", "NYC"])

    @pytest.mark.parametrize("given", [None, {"text": ["a"]}, [["a"]], [None], float("nan"), []])
    def test_that_are_neither_text_nor_number_are_refused(self, given):
        with pytest.raises(ValueError):
            verifier_named("exact").reference(given, {})

    def test_of_a_pattern_are_found_anywhere_or_where_it_says(self):
        assert right("pattern", "a: 12-34", r"\d+-\d+")
        assert not right("pattern", "a: 12-34", r"^\d+-\d+$")

    def test_that_keep_a_pattern_busy_are_not_right(self):
        assert not right("pattern", "a" * 60 + "!", r"^(a|a)*$|^(a+)+$")

    def test_that_are_no_pattern_are_refused(self):
        with pytest.raises(ValueError, match="no regular expression"):
            verifier_named("pattern").reference("(", {})


CITY = {
    "type": "object",
    "required": ["name"],
    "properties": {"name": {"type": "string", "pattern": "^[A-Z]"}, "size": {"minimum": 0}},
    "additionalProperties": False,
}


class TestSchemas:
    @pytest.mark.parametrize(
        ("answer", "is_right"),
        [
            ('{"name": "Lima"}', True),
            ('Here it is:\n```json\n{"name": "Lima", "size": 3}\n```', True),
            ('{"name": "lima"}', False),
            ('{"size": 3}', False),
            ('{"name": "Lima", "land": "Peru"}', False),
            ('{"name": "Lima", "size": -1}', False),
            ('{"name": "Lima"} and more', False),
            ('{"name": "Lima", "name": "Oslo"}', False),
            ('{"name": "Lima", "size": NaN}', False),
            ("[" * 5000, False),
            ("", False),
        ],
    )
    def test_hold_an_answer_to_what_they_say(self, answer, is_right):
        assert right("schema", answer, CITY) is is_right

    def test_that_keep_a_pattern_busy_are_not_met(self):
        slow = {"type": "string", "pattern": "^(a|a)*$|^(a+)+$"}
        assert not right("schema", json.dumps("a" * 60 + "!"), slow)

    @pytest.mark.parametrize(
        "given",
        [
            "no json",
            {"type": "nothing"},
            {},
            {"$ref": "https://example.org/s.json"},
            {"patternProperties": {"^a": {}}},
            {"properties": {"a": {"$ref": "#/$defs/nowhere"}}},
            {"allOf": [{"$ref": "#"}]},
        ],
    )
    def test_that_nothing_could_be_held_against_are_refused(self, given):
        with pytest.raises(ValueError):
            verifier_named("schema").reference(given, {})

    def test_may_refer_to_parts_of_themselves(self):
        tree = {"type": "object", "properties": {"next": {"$ref": "#"}, "n": {"multipleOf": 0.1}}}
        assert right("schema", '{"next": {"next": {}}}', tree)
        assert not right("schema", '{"next": {"next": 1}}', tree)
        assert not right("schema", '{"n": 1e999}', tree)


PASSED = {"passed": True, "why": ""}
DOUBLE = ["assert twice(2) == 4", "assert twice(-1) == -2"]


class TestPrograms:
    @pytest.mark.parametrize(
        ("answer", "passes"),
        [
            ("def twice(x):\n    return 2 * x", True),
            (
                "Here:\n```python\ndef twice(x):\n    return 2 * x\n```\nRun it:\n```sh\nls\n```",
                True,
            ),
            ("def twice(x):\n    return 4", False),
            ("def twice(x:", False),
            ("", False),
            ("import os; os._exit(0)", False),
            ("raise SystemExit(0)", False),
            ("import os, signal; os.kill(os.getppid(), signal.SIGKILL)", False),
            ("x = [0] * 10**10\ndef twice(x): return 2 * x", False),
            ("import builtins\nbuiltins.exec = lambda *a: None", False),
            (
                "import builtins\nreal = compile\nbuiltins.compile = lambda s, *a: real('0', *a)",
                False,
            ),
        ],
    )
    def test_pass_by_their_tests_alone(self, answer, passes):
        assert right("code", answer, DOUBLE) is passes

    def test_that_read_and_print_are_held_against_outputs(self):
        pairs = [{"input": "3\n", "output": "6"}, {"input": "0\n", "output": "0\n"}]
        assert right("code", "print(2 * int(input()))", pairs)
        assert not right("code", "print(6)", pairs)

    @pytest.mark.parametrize("said", ["print(6)#\0", "print(6) # " + "\u00e9" * 49_000])
    def test_of_any_length_and_signs_are_graded(self, said, tmp_path):
        told = {"program": said, "pairs": [["3", "6"]]}
        done = code_job.run(told, tmp_path, lambda done, of, what: None)
        assert done["passed"] is ("\0" not in said)

    def test_start_no_process_whoever_runs_them(self, tmp_path):
        forks = "import os\ntry:\n    os.fork()\nexcept PermissionError:\n    said = 'barred'"
        told = {"program": forks, "asserts": "assert said == 'barred'"}
        assert code_job.run(told, tmp_path, lambda done, of, what: None) == PASSED

    def test_may_have_threads(self, tmp_path):
        threads = (
            "from concurrent.futures import ThreadPoolExecutor\n"
            "with ThreadPoolExecutor(4) as pool:\n"
            "    squares = list(pool.map(lambda x: x * x, range(9)))"
        )
        told = {"program": threads, "asserts": "assert squares[-1] == 64"}
        assert code_job.run(told, tmp_path, lambda done, of, what: None) == PASSED

    @pytest.mark.parametrize("reads", ["open({}).read()", "import os; os.listdir({}[:-10])"])
    def test_read_nothing_but_python_and_their_own_folder(self, reads, tmp_path):
        (tmp_path / "gold.jsonl").write_text("42")
        answer = reads.format(repr(str(tmp_path / "gold.jsonl")))
        assert "PermissionError" in _told(code_job, answer, tmp_path / "job")["why"]

    def test_leave_no_process_behind_where_the_kernel_filters_nothing(self, tmp_path, monkeypatch):
        monkeypatch.setattr(code_job, "childless", lambda: False)
        leaves = (
            "import os, time\n"
            "if os.fork() == 0:\n    os.setsid()\n"
            "    if os.fork() == 0:\n        open('pid', 'w').write(str(os.getpid()))\n"
            "        time.sleep(60)\n    os._exit(0)\n"
            "while not os.path.exists('pid') or not open('pid').read(): time.sleep(0.01)\n"
        )
        told = {"program": leaves, "asserts": "assert True"}
        assert code_job.run(told, tmp_path, lambda done, of, what: None)["passed"]
        pid = int((tmp_path / "own" / "pid").read_text())
        assert not Path(f"/proc/{pid}").exists()

    @pytest.mark.parametrize("tests", ['{"inputs": ["3"], "outputs": ["6"]}', "pass", ["x = 1"]])
    def test_without_anything_to_assert_are_refused(self, tests):
        with pytest.raises(ValueError, match="assert nothing"):
            verifier_named("code").reference(tests, {})

    def test_that_take_too_long_are_wrong(self, monkeypatch):
        monkeypatch.setattr(code_job, "SECONDS", 0.5)
        assert not _told(code_job, "while True: pass")["passed"]

    def test_write_to_their_own_folder_and_nowhere_else(self, tmp_path):
        (tmp_path / "verdicts.jsonl").write_text("as judged")
        for path in ("verdicts.jsonl", "../verdicts.jsonl", "../../verdicts.jsonl"):
            answer = f"open({path!r}, 'w').write('all right')\ndef twice(x): return 2 * x"
            _told(code_job, answer, tmp_path / "job")
        assert (tmp_path / "verdicts.jsonl").read_text() == "as judged"
        assert list(tmp_path.glob("job/verdicts.jsonl")) == []

    def test_are_not_run_where_no_wall_can_be_built(self, monkeypatch):
        nothing = Level(number=0, how="planted")
        monkeypatch.setattr(code, "level", lambda: nothing)
        with pytest.raises(Undecided, match="behind a wall"):
            code.Code().grade("x = 1", {"asserts": "assert x"})

    @pytest.mark.parametrize("given", [None, "", [], "assert (", [{"input": 1, "output": "1"}]])
    def test_whose_tests_are_none_are_refused(self, given):
        with pytest.raises(ValueError):
            verifier_named("code").reference(given, {})

    def test_may_be_named_by_their_entry_point(self):
        tests = "def check(candidate):\n    assert candidate(3) == 6"
        assert right("code", "def f(x): return 2 * x", tests, entry_point="f")


def _told(job, answer, scratch=None):
    args = {"program": answer, "asserts": "\n".join(DOUBLE)}
    with tempfile.TemporaryDirectory() as folder:
        place = scratch or Path(folder)
        place.mkdir(exist_ok=True)
        return job.run(args, place, lambda done, of, what: None)


@pytest.mark.parametrize("name", [name for name in VERIFIERS if name != "code"])
@given(text=st.text(max_size=80))
def test_no_answer_whatever_breaks_a_verifier(name, text):
    rule = VERIFIERS[name]
    given = {"number": 3, "choice": "A", "schema": {"type": "object"}}
    given["ifeval"] = ["punctuation:no_comma", "detectable_format:json_format"]
    reference = rule.reference(given.get(name, "abc"), {"kwargs": [{}, {}]})
    assert rule.grade(text, reference) in (True, False)
    assert rule.formed(text, reference) in (True, False)


def test_an_unknown_verifier_is_refused_with_those_there_are():
    with pytest.raises(UsageError) as refused:
        verifier_named("vibes")
    assert "number, choice, exact, pattern" in refused.value.wanted
