"""Progress is told to people: live on a terminal, line by line off it, never in the data."""

import io
import json
import re
import signal
import subprocess
import sys
import time

import pytest

from agent.face import HEARTBEAT_SECONDS, Lines, Plain, Quiet, line_of
from agent.pace import Pace, spoken
from logs.vocabulary import EntryKind, LogEntry
from tests.a_command import in_another_process, on_a_terminal
from tests.a_journal import a_journal
from tests.house import ROOT

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def an_entry(kind=EntryKind.RECORDED, iteration=1, body=None):
    return LogEntry(
        seq=iteration * 9,
        kind=kind,
        key=f"s/{iteration}/{kind}",
        session="s",
        iteration=iteration,
        at="2026-01-01T00:00:00.000+00:00",
        body=body or {"outcome": "committed", "as_predicted": None},
    )


class AClock:
    """Time that a test moves."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class TestThePace:
    def test_knows_nothing_before_it_has_seen_something(self):
        pace = Pace(12, AClock())
        assert pace.line() == "founding"
        assert pace.left_of_session() is None and pace.left_of_step() is None

    def test_tells_the_time_left_of_a_step_from_its_speed(self):
        clock = AClock()
        pace = Pace(12, clock)
        pace.step(0, 100, "sampling")
        clock.now = 10.0
        pace.step(25, 100, "sampling")
        assert pace.left_of_step() == pytest.approx(30.0)
        assert pace.line() == "founding; sampling 25/100, about 30 s left"

    def test_begins_again_with_another_step(self):
        clock = AClock()
        pace = Pace(12, clock)
        pace.step(50, 100, "sampling")
        clock.now = 10.0
        pace.step(1, 100, "judging")
        assert pace.left_of_step() is None

    def test_tells_the_time_left_of_the_session_from_whole_iterations(self):
        clock = AClock()
        pace = Pace(3, clock)
        for iteration in (1, 2):
            pace.entry(an_entry(EntryKind.OBSERVED, iteration))
            clock.now += 60.0
            pace.entry(an_entry(EntryKind.RECORDED, iteration))
        assert pace.left_of_session() == pytest.approx(60.0)
        clock.now += 30.0
        pace.entry(an_entry(EntryKind.OBSERVED, 3))
        assert pace.left_of_session() == pytest.approx(30.0)

    def test_is_in_the_next_iteration_as_soon_as_one_is_recorded(self):
        pace = Pace(2, AClock())
        seen = []
        for kind, iteration in (("founded", 0), ("measured", 0), ("recorded", 1), ("recorded", 2)):
            pace.entry(an_entry(EntryKind(kind), iteration))
            seen.append(pace.line().partition(",")[0])
        assert seen == ["founding", "iteration 1 of 2", *["iteration 2 of 2"] * 2]

    @pytest.mark.parametrize(("done", "of"), [(5, 5), (7, 5), (0, 0), (-3, 0), (1, -1)])
    def test_ends_a_step_that_is_done_or_makes_no_sense(self, done, of):
        pace = Pace(12, AClock())
        pace.step(done, of, "x")
        assert pace.bar() == (0, None)

    def test_shows_no_control_character_from_behind_the_wall(self):
        pace = Pace(12, AClock())
        pace.step(1, 2, "\x1b[2J" + "x" * 500)
        assert "\x1b" not in pace.line() and len(pace.line()) < 120

    @pytest.mark.parametrize(
        ("seconds", "text"), [(0.4, "0 s"), (99, "99 s"), (100, "2 min"), (3900, "1 h 5 min")]
    )
    def test_speaks_of_time_as_people_do(self, seconds, text):
        assert spoken(seconds) == text


class TestOffATerminal:
    def test_every_entry_is_one_plain_line(self, tmp_path):
        out = io.StringIO()
        face = Plain(Pace(12), out)
        with a_journal(tmp_path, words="\x1b[31mred\n") as journal:
            entries = list(journal.entries())
        for entry in entries:
            face.entry(entry)
        lines = out.getvalue().splitlines()
        assert lines == [line_of(entry) for entry in entries]
        assert "\x1b" not in out.getvalue()

    def test_a_long_step_gives_a_sign_of_life_and_a_short_one_none(self):
        out, clock = io.StringIO(), AClock()
        face = Plain(Pace(12, clock), out, clock)
        for second in range(0, 61):
            clock.now = float(second)
            face.progress(second, 61, "training")
        lines = out.getvalue().splitlines()
        assert len(lines) == 60 // HEARTBEAT_SECONDS
        assert lines[-1] == "  ... founding; training 60/61, about 1 s left"

    def test_jsonl_gives_each_entry_as_it_comes(self):
        out = io.StringIO()
        Lines(Quiet(), out).entry(an_entry())
        line = json.loads(out.getvalue())
        assert line["schema"] == "plimsoll/log.entry/1"
        assert line["data"]["kind"] == "recorded"


A_SESSION = """
import sys, time
from argparse import Namespace
from pathlib import Path
from agent.face import watching
from tests.a_journal import a_journal
with a_journal(Path(sys.argv[1]), words="[bold]x[/bold]") as journal, \\
        watching(Namespace(quiet=False, json=False, jsonl=False), 12) as face:
    for entry in journal.entries():
        face.progress(1, 3, "sampling")
        face.entry(entry)
    face.progress(1, 3, "sampling")
    time.sleep(0.6)
print("the story")
"""


class TestOnATerminal:
    @pytest.mark.parametrize("columns", [40, 100])
    def test_entries_scroll_and_one_line_lives(self, tmp_path, columns):
        program = [sys.executable, "-c", A_SESSION, str(tmp_path)]
        code, drawn = on_a_terminal(program, columns=columns)
        assert code == 0, drawn
        seen = [ESCAPES.sub("", line) for line in drawn.splitlines()]
        assert sum("committed" in line for line in seen) >= 10
        assert any("iteration 12 of 12" in line for line in seen)
        entries = [line for line in seen if re.match(r" +\d+  [a-z]+ ", line)]
        assert len(entries) == 107
        assert max(map(len, entries)) <= columns
        assert drawn.rstrip().endswith("the story")

    def test_no_color_means_no_colour(self, tmp_path):
        program = [sys.executable, "-c", A_SESSION, str(tmp_path)]
        _, coloured = on_a_terminal(program, columns=80)
        colour = re.compile(r"\x1b\[[0-9;]*3[0-7]")
        assert colour.search(coloured)
        _, plain = on_a_terminal([*program[:-1], str(tmp_path / "again")], columns=80, NO_COLOR="1")
        assert not colour.search(plain)

    def test_a_dumb_terminal_gets_plain_lines(self, tmp_path):
        program = [sys.executable, "-c", A_SESSION, str(tmp_path)]
        _, drawn = on_a_terminal(program, columns=80, TERM="dumb")
        assert "\x1b" not in drawn

    def test_reading_commands_fit_forty_columns(self, tmp_path):
        a_journal(tmp_path).close()
        for words in (["log", "list"], ["status"], ["session", "show"], ["judge"], ["log", "why"]):
            program = [sys.executable, "-m", "plimsoll", *words, "--workspace", str(tmp_path)]
            code, drawn = on_a_terminal(program, columns=40)
            assert code in (0, 5), drawn
            assert "\x1b" not in drawn
            # A digest or a path is never broken: it must stay whole to be copied.
            long = [x for x in drawn.splitlines() if len(x) > 40 and len(x.split()) > 2]
            assert long == [], words


class TestAReaderThatLeaves:
    def shell(self, command, tmp_path):
        return subprocess.run(
            ["bash", "-c", f"set -o pipefail; {command}"],
            cwd=ROOT,
            env={"PATH": "/usr/bin:/bin", "P": sys.executable, "W": str(tmp_path)},
            capture_output=True,
            text=True,
        )

    def test_is_no_fault_and_changes_no_answer(self, tmp_path):
        a_journal(tmp_path).close()
        done = self.shell('$P -m plimsoll log list --all --workspace "$W" | head -n 1', tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        done = self.shell('$P -m plimsoll status --workspace "$W" | true', tmp_path)
        assert (done.returncode, done.stderr) == (5, "")

    def test_is_told_apart_from_a_disk_that_is_full(self, tmp_path):
        a_journal(tmp_path, iterations=1).close()
        done = self.shell('$P -m plimsoll log list --workspace "$W" > /dev/full', tmp_path)
        assert done.returncode == 1
        assert "No space left" in done.stderr and "Traceback" not in done.stderr
        assert "Exception ignored" not in done.stderr

    def test_whose_alphabet_is_small_gets_escapes(self, tmp_path):
        a_journal(tmp_path).close()
        said = in_another_process(
            "session", "show", "--workspace", str(tmp_path), PYTHONIOENCODING="ascii"
        )
        assert said.code == 0 and "\\u2192" in said.out


A_LONG_ONE = """
import signal, sys, time, types
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may start jobs deaf to it
import agent
session = types.ModuleType("agent.session")
def run(workspace, listener):
    print("running", flush=True)
    time.sleep(60)
session.run = run
sys.modules["agent.session"] = agent.session = session
from plimsoll.__main__ import main
sys.exit(main(["demo", "--workspace", sys.argv[1], *sys.argv[2:]]))
"""


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_an_interrupt_saves_the_state_and_says_how_to_go_on(tmp_path, form):
    child = subprocess.Popen(
        [sys.executable, "-c", A_LONG_ONE, str(tmp_path / "demo"), *form],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "running\n"
    time.sleep(0.1)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=20)
    assert child.returncode == 130
    assert "plimsoll resume works" in err and "Traceback" not in err
    if form:
        assert json.loads(err)["data"]["exit"] == 130
