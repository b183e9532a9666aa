"""From nothing to a session: demo, init, doctor, run, resume, rollback; the loop is a stand-in."""

import json
from types import SimpleNamespace

import pytest

from agent.config import Config, SessionSection
from agent.workspace import CONFIG, CONSTITUTION, POLICY, Workspace
from logs.errors import Halted, UsageError
from logs.vocabulary import Change, EntryKind, Outcome, Ruling, Tier, Verdict
from tests import a_journal as journals
from tests import a_workspace
from tests.a_command import plimsoll, stand_in
from tests.a_journal import a_journal


def tell(workspace, iterations=2, stop=True):
    """A session of that many turns, under the name in the settings."""
    if not (workspace.root / "plimsoll.sqlite").exists():
        a_journal(workspace.root, iterations).close()
    with workspace.journal(read_only=False) as journal:
        if stop:
            body = {"reason": "the turns are used up"}
            where = {"session": journals.SESSION, "iteration": iterations, "step": "stop"}
            journal.append(EntryKind.STOPPED, body=body, **where)
        return list(journal.entries())


def ended(workspace, code=0):
    with workspace.journal() as journal:
        return SimpleNamespace(
            reason="the turns are used up",
            exit_code=code,
            head=journal.head(),
            report=workspace.session(workspace.config.session.name) / "report.html",
        )


@pytest.fixture
def loop(monkeypatch):
    """A loop whose session is called `demo`, like that of `plimsoll demo`."""
    for module in (journals, a_workspace):
        monkeypatch.setattr(module, "SESSION", "demo")
    return stand_in(monkeypatch, tell, ended)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


class TestDemo:
    def test_goes_from_nothing_to_a_story(self, loop, here):
        said = plimsoll("demo", "--iterations", "2")
        assert said.code == 0, said.err
        assert said.out.startswith("Session demo: 2 iterations")
        assert "plimsoll-demo/plimsoll.sqlite" in said.out
        assert "plimsoll-demo/sessions/demo/report.html" in said.out
        assert "cd plimsoll-demo" in said.out
        assert "ended   the turns are used up" in said.out

    def test_tells_each_entry_on_stderr_and_none_on_stdout(self, loop, here):
        said = plimsoll("demo")
        told = [line for line in said.err.splitlines() if line[5:14] == "committed"]
        assert len(told) == 3
        assert "observed" not in said.out.replace("observed:", "")
        assert plimsoll("demo", "--quiet").err == ""

    def test_settings_are_its_own(self, loop, here):
        plimsoll("demo", "--seed", "5", "--iterations", "7")
        session = Workspace(here / "plimsoll-demo").config.session
        assert (session.name, session.seed, session.iterations) == ("demo", 5, 7)
        plimsoll("demo")
        assert Workspace(here / "plimsoll-demo-2").config.session.iterations == 12

    def test_takes_the_next_free_name_behind_what_is_over_or_not_a_demo(self, loop, here):
        plimsoll("demo")
        (here / "plimsoll-demo-2").mkdir()
        (here / "plimsoll-demo-3").write_text("a file")
        (here / "plimsoll-demo-4").mkdir()
        (here / "plimsoll-demo-4" / CONFIG).write_text("broken [")
        assert plimsoll("demo", "--json").data["workspace"] == str(here / "plimsoll-demo-5")

    def test_that_was_interrupted_is_offered_to_be_resumed(self, loop, here):
        loop.write = lambda workspace: tell(workspace, stop=False)
        plimsoll("demo")
        said = plimsoll("demo")
        assert said.code == 2
        assert "plimsoll-demo: iteration 2 of 12, interrupted" in said.err
        assert "plimsoll resume --workspace plimsoll-demo" in said.err
        assert not (here / "plimsoll-demo-2").exists()
        assert plimsoll("demo", "--workspace", "plimsoll-demo").code == 2
        assert plimsoll("demo", "--workspace", "elsewhere").code == 0

    def test_that_never_began_is_offered_to_be_run(self, loop, here):
        Workspace.create(here / "plimsoll-demo", Config())
        assert "plimsoll run --workspace plimsoll-demo" in plimsoll("demo").err

    def test_can_be_tried_without(self, loop, here):
        said = plimsoll("demo", "--dry-run")
        assert said.code == 0 and "12 iterations in plimsoll-demo" in said.out
        assert list(here.iterdir()) == [] and loop.calls == []

    def test_streams_its_entries_as_lines_of_json(self, loop, here):
        said = plimsoll("demo", "--jsonl")
        lines = [json.loads(line) for line in said.out.splitlines()]
        assert {line["schema"] for line in lines[:-1]} == {"plimsoll/log.entry/1"}
        assert [line["data"]["seq"] for line in lines[:-1]] == list(range(len(lines) - 1))
        assert lines[-1]["schema"] == "plimsoll/demo/1"
        (note,) = said.err.splitlines()
        assert note.startswith("note: the policy is UNSIGNED")

    @pytest.mark.parametrize("code", [5, 8])
    def test_ends_with_the_exit_code_of_the_session(self, loop, here, code):
        loop.ending = lambda workspace: ended(workspace, code)
        assert plimsoll("demo").code == code


class TestInit:
    def test_writes_the_three_files_that_people_own(self, here):
        said = plimsoll("init", "new", "--json")
        assert sorted(said.data["files"]) == sorted([CONFIG, CONSTITUTION, POLICY])
        assert sorted(p.name for p in (here / "new").iterdir()) == sorted(said.data["files"])
        assert plimsoll("policy", "check", "--no-proof", "--workspace", "new").code == 0
        assert plimsoll("status", "--workspace", "new").code == 0

    def test_can_be_read_before(self, here):
        said = plimsoll("init", "new", "--dry-run")
        assert "[session]" in said.out and "[[principle]]" in said.out and "[[goal]]" in said.out
        assert list(here.iterdir()) == []

    @pytest.mark.parametrize("name", [CONFIG, CONSTITUTION, POLICY])
    def test_writes_over_nothing(self, here, name):
        (here / name).write_text("mine")
        said = plimsoll("init")
        assert said.code == 2 and "saw:" in said.err
        assert (here / name).read_text() == "mine"
        assert [path.name for path in here.iterdir()] == [name]

    def test_wants_a_folder(self, here):
        (here / "file").write_text("mine")
        assert plimsoll("init", "file").code == 2
        assert plimsoll("init", "file/below").code in (1, 2)


class TestRunning:
    @pytest.fixture
    def folder(self, loop, here):
        section = SessionSection(name="demo", iterations=2)
        Workspace.create(here / "own", Config(session=section))
        return here / "own"

    def test_tells_the_story_in_the_end(self, loop, folder):
        said = plimsoll("run", "--workspace", str(folder))
        assert loop.calls == ["run"] and said.out.startswith("Session demo: 2 iterations")
        data = plimsoll("resume", "--workspace", str(folder), "--json").data
        assert loop.calls == ["run", "resume"]
        assert data["story"]["session"] == data["session"] == "demo"
        assert data["report"].endswith("sessions/demo/report.html")

    def test_dry_says_what_would_happen_and_refuses_what_could_not(self, loop, folder):
        assert "2 iterations, seed 0" in plimsoll("run", "--dry-run", "--workspace", "own").out
        assert plimsoll("resume", "--dry-run", "--workspace", "own").code == 2
        tell(Workspace(folder), stop=False)
        assert plimsoll("run", "--dry-run", "--workspace", "own").code == 2
        assert "in iteration 2" in plimsoll("resume", "--dry-run", "--workspace", "own").out
        tell(Workspace(folder))
        assert plimsoll("resume", "--dry-run", "--workspace", "own").code == 2
        assert loop.calls == []

    @pytest.mark.parametrize(("error", "code"), [(UsageError, 2), (Halted, 8)])
    def test_passes_on_what_the_loop_refuses(self, loop, folder, error, code):
        def refuse(workspace):
            raise error("No.", saw="a", wanted="b", try_this="c")

        loop.write = refuse
        said = plimsoll("run", "--json", "--workspace", str(folder))
        assert said.code == said.error["exit"] == code


def a_plan(*, holds=True, commit="c" * 64):
    outcome = Outcome.HOLDS if holds else Outcome.BROKEN
    ruling = Ruling(invariant="P01", outcome=outcome, say="A core principle is gone.")
    return SimpleNamespace(
        head="a" * 64,
        target="b" * 64,
        changes=(Change(path="constitution.principles[x].text", old=None, new="Obey me, now."),),
        verdict=Verdict(
            proposal="d" * 64,
            policy="e" * 64,
            tier=Tier.LOW,
            rulings=(ruling,),
            second_opinion=outcome,
        ),
        commit=commit,
    )


class TestRollback:
    @pytest.fixture
    def folder(self, here):
        Workspace.create(here / "own", Config())
        return here / "own"

    def test_says_what_it_brought_back(self, loop, folder):
        loop.plan = a_plan()
        said = plimsoll("rollback", "HEAD~1", "--reason", "drift", "--workspace", str(folder))
        assert said.code == 0
        assert loop.calls == ["rollback HEAD~1 'drift' False"]
        assert "rolled back HEAD aaaaaaaaaaaa -> bbbbbbbbbbbb" in said.out
        assert "Obey" not in said.out

    def test_dry_needs_no_reason_and_commits_nothing(self, loop, folder):
        loop.plan = a_plan(commit=None)
        said = plimsoll("rollback", "HEAD~1", "--dry-run", "--json", "--workspace", str(folder))
        assert said.code == 0 and said.data["commit"] is None
        assert loop.calls == ["rollback HEAD~1 '' True"]

    def test_without_a_reason_is_refused_before_anything_happens(self, loop, folder):
        said = plimsoll("rollback", "HEAD~1", "--workspace", str(folder))
        assert said.code == 2 and "--reason" in said.err and loop.calls == []

    @pytest.mark.parametrize("dry", [True, False])
    def test_that_the_law_forbids_is_a_no(self, loop, folder, dry):
        loop.plan = a_plan(holds=False, commit=None)
        words = ["--dry-run"] if dry else ["--reason", "x"]
        said = plimsoll("rollback", "HEAD~1", *words, "--workspace", str(folder))
        assert said.code == 3 and "P01 broken" in said.out
