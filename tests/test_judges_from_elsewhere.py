"""Judges that no workspace holds: published verdicts measured again, and any program that judges.

The published files themselves are read where the environment variable PLIMSOLL_AUDIT_DATA names
a folder that holds llmbar/, evalbiasbench/ and bbq/; files of the same formats are made here.
"""

import json
import os
import shlex
import sys
import time
from pathlib import Path

import pytest

from logs.errors import JudgeError, UsageError
from logs.vocabulary import Status
from tests.a_command import plimsoll
from tests.house import ROOT
from tests.wall_rig import soon
from tools.audit.program import ask, request_id, version_of

DATA = os.environ.get("PLIMSOLL_AUDIT_DATA", "")
real = pytest.mark.skipif(
    not DATA, reason="PLIMSOLL_AUDIT_DATA is not set: the published files themselves go unread"
)
EXAMPLE = f"{shlex.quote(sys.executable)} {shlex.quote(str(ROOT / 'examples/judge_program.py'))}"


def program(tmp_path, body):
    """A judge program of one file; `calls` are the calls it was given."""
    path = tmp_path / "judge.py"
    path.write_text(f"import json, os, sys, time\n{body}\n")
    return f"{shlex.quote(sys.executable)} {shlex.quote(str(path))}"


EACH = """
for line in sys.stdin:
    call = json.loads(line)
    answer = {answer}
    print(json.dumps(dict(id=call["id"], **answer)), flush=True)
"""


def ended(pid):
    """Whether a process is gone, or only waits to be buried."""
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z"


def each(tmp_path, answer):
    return program(tmp_path, EACH.replace("{answer}", answer))


@pytest.fixture
def pairs(tmp_path):
    """Thirty items as EvalBiasBench publishes them; response 1 is longer, right on even ones."""
    rows = [
        {
            "instruction": f"question {i}",
            "response1": f"a long answer to question {i}",
            "response2": f"short {i}",
            "label": 1 + i % 2,
            "bias": "length bias" if i < 15 else "concreteness",
        }
        for i in range(30)
    ]
    path = tmp_path / "biasbench.json"
    path.write_text(json.dumps({"length bias": rows[:15], "concreteness": rows[15:]}))
    return path


@pytest.fixture
def questions(tmp_path):
    """Forty questions as BBQ publishes them: ten templates, told and untold, both polarities."""
    rows = []
    for i in range(40):
        told, negative = i % 2 == 0, i % 4 < 2
        rows.append(
            {
                "example_id": i,
                "question_index": str(i // 4),
                "question_polarity": "neg" if negative else "nonneg",
                "context_condition": "disambig" if told else "ambig",
                "category": "Religion",
                "answer_info": {
                    "ans0": ["p", "One"],
                    "ans1": ["?", "unknown"],
                    "ans2": ["q", "Two"],
                },
                "additional_metadata": {"stereotyped_groups": ["Two"]},
                "context": "told" if told else "untold",
                "question": "who did?" if negative else "who did not?",
                "ans0": "The One",
                "ans1": "Cannot be told",
                "ans2": "The Two",
                "label": 0 if told else 1,
            }
        )
    path = tmp_path / "Religion.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def audit(data, command, *words):
    found = plimsoll(
        *("judge", "audit", "mine", "--data", str(data), "--judge-command", command),
        *("--json", *words),
    )
    assert found.code == 0, found.err
    return found.data["card"]


def measured(card, instrument, of=""):
    parts = ("reliability", "position", "noise", "groups")
    found = (m for part in parts for m in card["audit"][part])
    return next(m for m in found if (m["instrument"], m["of"]) == (instrument, of))


class TestAJudgeProgram:
    def test_is_asked_everything_in_both_orders_twice(self, pairs, tmp_path):
        seen = tmp_path / "seen.jsonl"
        command = program(
            tmp_path,
            f"out = open({str(seen)!r}, 'w')"
            + EACH.replace("{answer}", "{'verdict': 'first'}")
            + "    out.write(line)\n",
        )
        card = audit(pairs, command)
        calls = [json.loads(line) for line in seen.read_text().splitlines()]
        assert len({c["id"] for c in calls}) == len(calls) == 30 * 2 * 2
        shown = {(c["prompt"], c["first"]) for c in calls}
        assert len(shown) == 60
        assert card["audit"]["calls"] == 120

    def test_that_always_takes_the_first_is_caught(self, pairs, tmp_path):
        card = audit(pairs, each(tmp_path, "{'verdict': 'first'}"))
        assert measured(card, "consistency")["estimate"] == 0
        assert measured(card, "position_bias")["status"] == Status.RED
        assert measured(card, "both_orders_accuracy")["high"] < 0.15

    def test_that_knows_gets_full_marks(self, pairs, tmp_path):
        knows = (
            "{'verdict': 'first' if ('long' in call['first']) == "
            "(int(call['prompt'].split()[-1]) % 2 == 0) else 'second'}"
        )
        card = audit(pairs, each(tmp_path, knows))
        assert measured(card, "both_orders_accuracy")["estimate"] == 1

    def test_may_give_probabilities_and_gets_a_calibration(self, pairs, tmp_path):
        card = audit(pairs, each(tmp_path, "{'p_first': 0.9 if 'long' in call['first'] else 0.1}"))
        assert card["calibration"]["n"] == 30
        assert measured(card, "both_orders_accuracy")["estimate"] == 0.5

    @pytest.mark.parametrize(
        "answer",
        [
            "{'verdict': 'A'}",
            "{'p_first': 1.5}",
            "{'p_first': float('nan')}",
            "{'p_first': True}",
            "{'p_first': '0.5'}",
            "{'verdict': 7}",
            "{'error': 'no'}",
            "{}",
            "{'choice': 1}",
        ],
    )
    def test_whose_answers_are_no_verdicts_gives_none(self, pairs, tmp_path, answer):
        card = audit(pairs, each(tmp_path, answer))
        assert measured(card, "missing_verdicts")["estimate"] == 1
        assert measured(card, "both_orders_accuracy")["estimate"] == 0
        assert not any(not use["against"] for use in card["uses"])

    def test_that_fails_on_some_loses_those_and_no_others(self, pairs, tmp_path):
        some = "{'verdict': 'tie'} if int(call['prompt'].split()[-1]) % 3 else {'error': 'hard'}"
        card = audit(pairs, each(tmp_path, some))
        assert measured(card, "missing_verdicts")["count"] == 10 * 4
        assert any("errors that it reported" in line for line in card["audit"]["statement"])

    def test_that_talks_nonsense_between_verdicts_is_heard_all_the_same(self, pairs, tmp_path):
        noisy = program(
            tmp_path,
            "print('Loading…', flush=True)\n"
            + EACH.replace("{answer}", "{'verdict': 'tie'}")
            + "    print('{\"id\": ', flush=True)\n"
            + "    print(json.dumps({'id': 'nobody', 'verdict': 'first'}), flush=True)\n"
            + "    print(json.dumps({'id': call['id'], 'verdict': 'first'}), flush=True)\n",
        )
        card = audit(pairs, noisy)
        assert measured(card, "missing_verdicts")["estimate"] == 0
        assert measured(card, "tie_share")["estimate"] == 1
        (note,) = [x for x in card["audit"]["statement"] if "judge program" in x]
        assert "not JSON" in note and "about no call" in note and "a second verdict" in note

    def test_that_dies_in_the_middle_leaves_missing_verdicts(self, pairs, tmp_path):
        dies = EACH.replace("{answer}", "{'verdict': 'first'}")
        card = audit(
            pairs, program(tmp_path, "n = 0" + dies + "    n += 1\n    if n == 40: os._exit(9)")
        )
        assert measured(card, "missing_verdicts")["count"] == 120 - 40

    def test_that_dies_at_once_is_refused_with_its_last_words(self, pairs, tmp_path):
        said = plimsoll(
            *("judge", "audit", "mine", "--data", str(pairs), "--json"),
            *("--judge-command", program(tmp_path, "sys.exit('no key for the model')")),
        )
        assert said.code == 1 and "no key for the model" in said.error["saw"]

    def test_that_hangs_is_ended_with_all_that_it_started(self, tmp_path):
        mark = tmp_path / "child"
        command = program(
            tmp_path,
            "import subprocess\n"
            "child = subprocess.Popen(['sleep', '1000'])\n"
            f"open({str(mark)!r}, 'w').write(str(child.pid))\n"
            "time.sleep(1000)",
        )
        began = time.monotonic()
        with pytest.raises(JudgeError, match="no verdict at all"):
            ask(command, [{"id": "1"}], silence=2)
        assert time.monotonic() - began < 200
        assert soon(lambda: ended(int(mark.read_text())))

    def test_that_never_ends_a_line_or_floods_is_ended(self, tmp_path):
        for body in ("sys.stdout.write('x' * 5_000_000)", "while True: print('no')"):
            with pytest.raises(JudgeError, match="no verdict at all"):
                ask(program(tmp_path, body + "\nsys.stdout.flush()"), [{"id": "1"}], silence=20)

    def test_that_does_not_read_its_calls_is_no_deadlock(self, tmp_path):
        many = [{"id": str(i), "text": "x" * 10_000} for i in range(200)]
        with pytest.raises(JudgeError):
            ask(program(tmp_path, "sys.exit(0)"), many, silence=10)

    @pytest.mark.parametrize("command", ["no-such-program", "", "python 'open"])
    def test_that_is_none_is_wrong_usage(self, command):
        with pytest.raises(UsageError):
            ask(command, [{"id": "1"}])

    def test_is_another_judge_when_its_file_changes(self, tmp_path):
        command = program(tmp_path, "pass")
        before = version_of(command)
        program(tmp_path, "pass  # changed")
        assert version_of(command) != before

    def test_is_named_by_what_is_asked(self):
        one = request_id({"prompt": "p", "first": "a", "second": "b"}, 0)
        assert one != request_id({"prompt": "p", "first": "b", "second": "a"}, 0)
        assert one == request_id({"second": "b", "first": "a", "prompt": "p"}, 0)

    def test_is_not_started_by_a_dry_run(self, pairs, tmp_path):
        mark = tmp_path / "started"
        said = plimsoll(
            *("judge", "audit", "mine", "--data", str(pairs), "--dry-run", "--json"),
            *("--judge-command", program(tmp_path, f"open({str(mark)!r}, 'w')")),
        )
        assert said.code == 0 and said.data["calls"] == 120
        assert not mark.exists()

    def test_is_tried_under_treatments_where_that_is_asked(self, pairs, tmp_path):
        wordy = (
            "{'verdict': 'first' if 'in other words' in call['first'] else"
            " 'second' if 'in other words' in call['second'] else 'tie'}"
        )
        card = audit(
            pairs, each(tmp_path, wordy), "--treatments", "--repeats", "1", "--pairs", "20"
        )
        shifts = {b["name"]: b["shift"]["status"] for b in card["audit"]["biases"]}
        assert shifts["length"] == Status.RED
        assert shifts["sycophancy"] != Status.RED


class TestQuestionsAboutGroups:
    def test_find_a_judge_that_tells_the_stereotype(self, questions, tmp_path):
        stereotype = (
            "{'choice': call['options'].index('The Two' if call['question'] == 'who did?'"
            " else 'The One')}"
        )
        card = audit(questions, each(tmp_path, stereotype))
        assert measured(card, "stereotype_untold", "Religion")["estimate"] == 1
        assert measured(card, "accuracy_untold")["estimate"] == 0
        assert measured(card, "choice_consistency")["estimate"] == 1

    def test_clear_a_judge_that_answers_right(self, questions, tmp_path):
        right = (
            "{'choice': call['options'].index("
            "'The One' if call['context'] == 'told' else 'Cannot be told')}"
        )
        card = audit(questions, each(tmp_path, right))
        assert measured(card, "accuracy_told")["estimate"] == 1
        assert measured(card, "stereotype_untold", "Religion")["high"] < 0.5

    def test_turn_the_options_so_that_a_place_is_no_answer(self, questions, tmp_path):
        card = audit(questions, each(tmp_path, "{'choice': 0}"))
        assert measured(card, "choice_consistency")["estimate"] == 0
        assert measured(card, "accuracy_told")["estimate"] == pytest.approx(1 / 3)

    def test_say_where_a_score_is_undefined(self, questions, tmp_path):
        card = audit(
            questions, each(tmp_path, "{'choice': call['options'].index('Cannot be told')}")
        )
        assert any("undefined" in line for line in card["audit"]["statement"])

    def test_never_allow_a_use_that_nobody_audited(self, questions, tmp_path):
        card = audit(questions, each(tmp_path, "{'choice': 1}"))
        assert all(use["against"] for use in card["uses"])


class TestBadData:
    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("half.json", '{"length bias": [{"instruction": "q", "resp'),
            ("none.json", "[]"),
            ("odd.json", '[{"a": 1}]'),
            ("kind.txt", "text"),
        ],
    )
    def test_is_refused_with_what_was_seen(self, tmp_path, name, text):
        (tmp_path / name).write_text(text)
        said = plimsoll("judge", "audit", "x", "--data", str(tmp_path / name), "--json")
        assert said.code == 2 and name in said.error["saw"]

    def test_that_is_not_there_is_named(self, tmp_path):
        said = plimsoll("judge", "audit", "x", "--data", str(tmp_path / "gone"), "--json")
        assert said.code == 2 and "gone" in said.error["saw"]

    def test_in_another_format_than_said_is_refused(self, pairs):
        for name in ("llmbar", "evalbias"):
            said = plimsoll("judge", "audit", "x", "--data", str(pairs), "--format", name, "--json")
            assert said.code == 2

    def test_of_another_subset_names_those_that_are_there(self, pairs):
        said = plimsoll(
            *("judge", "audit", "x", "--data", str(pairs), "--subset", "lenght", "--json"),
            *("--judge-command", "cat"),
        )
        assert said.code == 2 and "length bias" in said.error["wanted"]

    def test_without_verdicts_and_without_a_program_says_what_is_published(self, pairs):
        said = plimsoll("judge", "audit", "GPT-4", "--data", str(pairs.parent), "--json")
        assert said.code == 2 and "No such verdicts" in said.error["what"]

    def test_options_of_two_modes_do_not_go_together(self, pairs):
        for words in (
            ["--pairs", "5"],
            ["--judge-command", "cat", "--prompt", "Vanilla"],
            ["--plan"],
        ):
            assert plimsoll("judge", "audit", "x", "--data", str(pairs), *words).code == 2

    def test_and_a_name_that_cannot_be_printed(self, pairs):
        assert plimsoll("judge", "audit", "\x1b[31m", "--data", str(pairs)).code == 2


# instruments.md, "LLMBar re-analysis": consistency, right in both orders. The prompt is Vanilla;
# of PaLM2's consistency it says .726 where the published files give .716.
SPECIFIED = {"GPT-4": (0.928, 0.809), "ChatGPT": (0.659, 0.229), "LLaMA2": (0.749, 0.317)}
NO_RULES = {"GPT-4": (0.912, 0.721), "ChatGPT": (0.611, 0.205), "LLaMA2": (0.771, 0.282)}


@real
class TestThePublishedFiles:
    @pytest.mark.parametrize("judge", SPECIFIED)
    @pytest.mark.parametrize(
        ("prompt", "known"), [("Vanilla", SPECIFIED), ("Vanilla_NoRules", NO_RULES)]
    )
    def test_of_llmbar_give_the_published_numbers_again(self, judge, prompt, known):
        folder = Path(DATA) / "llmbar"
        if not list(folder.rglob(f"evaluators/*/{prompt}/result.json")):
            pytest.skip(f"the folder holds no verdicts with {prompt}")
        said = plimsoll(
            *("judge", "audit", judge, "--data", str(folder), "--prompt", prompt, "--json")
        )
        card = said.data["card"]
        consistent, right = known[judge]
        assert measured(card, "consistency")["estimate"] == pytest.approx(consistent, abs=5e-4)
        assert measured(card, "both_orders_accuracy")["estimate"] == pytest.approx(right, abs=5e-4)
        assert "MIT" in card["sources"][0] and "may be published: yes" in card["sources"][0]

    def test_of_llmbar_compare_two_judges_item_by_item(self):
        said = plimsoll(
            *("judge", "compare", "ChatGPT", "GPT-4", "--data", f"{DATA}/llmbar", "--json")
        )
        found = {(m["instrument"], m["of"]): m for m in said.data["differences"]}
        assert said.data["paired"] and found["both_orders_accuracy", ""]["low"] > 0.4

    @pytest.mark.parametrize(
        ("file", "items"), [("evalbiasbench/biasbench.json", 80), ("bbq/Religion.jsonl", 1200)]
    )
    def test_are_judged_by_the_example_program(self, file, items):
        card = audit(Path(DATA) / file, EXAMPLE, "--repeats", "1")
        assert card["audit"]["items"] == items
        assert measured(card, "missing_verdicts")["estimate"] == 0


def test_the_example_program_judges_pairs_and_questions(pairs, questions):
    for data in (pairs, questions):
        card = audit(data, EXAMPLE)
        assert measured(card, "missing_verdicts")["estimate"] == 0
