"""Words become commands or a refusal; answers have one envelope; no traceback reaches anybody."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent import cli
from agent.commands import COMMANDS, EXIT_CODES, NOUNS
from agent.envelope import code_of, envelope, schema
from agent.grammar import understand
from logs import errors
from logs.errors import PlimsollError, UsageError
from tests.a_command import KNOWN_EXITS, plimsoll
from tests.a_journal import a_journal

NAMES = [command.name for command in COMMANDS]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("workspace")
    a_journal(path, iterations=3).close()
    return path


class TestHelp:
    def test_names_every_command(self):
        text = plimsoll("--help").out
        assert [name for name in NAMES if name not in text] == []

    def test_is_what_a_command_line_without_words_shows(self):
        assert plimsoll() == plimsoll("--help") == plimsoll("help")

    @pytest.mark.parametrize("name", NAMES)
    def test_of_a_command_says_what_it_takes(self, name):
        said = plimsoll(*name.split(), "--help")
        assert said.code == 0
        assert f"usage: plimsoll {name} " in said.out
        assert "--workspace" in said.out and "--json" in said.out
        assert said.out == plimsoll("help", *name.split()).out

    @pytest.mark.parametrize("noun", NOUNS)
    def test_of_a_noun_lists_its_verbs(self, noun):
        text = plimsoll(noun, "--help").out
        assert [n for n in NAMES if n.startswith(f"{noun} ") and n not in text] == []

    def test_fits_forty_columns(self, monkeypatch):
        monkeypatch.setenv("COLUMNS", "40")
        lines = plimsoll("--help").out.splitlines()
        assert [line for line in lines if len(line) > 40 and line.startswith("  ")] == []

    def test_gives_every_exit_code_of_the_errors(self):
        classes = vars(errors).values()
        raised = {c.exit_code for c in classes if isinstance(c, type) and hasattr(c, "exit_code")}
        assert raised <= {code for code, _ in EXIT_CODES} == KNOWN_EXITS

    def test_version_is_told(self):
        assert re.fullmatch(r"plimsoll \d+\.\d+\.\d+\n", plimsoll("--version").out)


class TestWords:
    @pytest.mark.parametrize("noun", NOUNS)
    def test_a_noun_alone_means_its_first_question(self, noun):
        wanted = understand([noun])
        assert wanted.command is not None
        assert wanted.command.name == f"{noun} {NOUNS[noun]}"

    def test_options_may_stand_before_or_behind(self):
        before = understand(["--workspace", "x", "--json", "log", "show", "HEAD~2"])
        behind = understand(["log", "show", "HEAD~2", "--workspace=x", "--json"])
        assert vars(before.options) == vars(behind.options)
        assert before.options.workspace == "x" and before.options.ref == "HEAD~2"

    def test_a_noun_alone_takes_the_options_of_its_list(self):
        assert understand(["log", "--kind", "refused"]).options.kind == "refused"

    @pytest.mark.parametrize(
        ("typed", "meant"),
        [
            ("rn", "plimsoll run"),
            ("reprot", "plimsoll report"),
            ("verify", "plimsoll log verify"),
            ("why HEAD", "plimsoll log why"),
            ("log lst", "plimsoll log list"),
            ("polcy check", "plimsoll policy"),
            ("constitution dif", "plimsoll constitution diff"),
            ("log list --kidn refused", "--kind"),
            ("rollback HEAD --dry-rum", "--dry-run"),
        ],
    )
    def test_that_are_nearly_right_get_the_nearest(self, typed, meant):
        said = plimsoll(*typed.split())
        assert said.code == 2
        assert f"did you mean {meant}?" in said.err
        assert said.out == ""

    @pytest.mark.parametrize(
        "typed",
        [
            "xyzzy",
            "log HEAD",
            "log list extra",
            "log list --limit 0",
            "log list --limit -1",
            "log list --limit 9999999999999999999999",
            "log list --since ½",
            "demo --iterations 1001",
            "demo --seed 1.5",
            "rollback",
            "rollback HEAD~1",
            "policy check --prove --no-proof",
            "log list --json --jsonl",
            "--json",
            "--workspace",
            "status --workspace",
            "log show --dry",
            "judge list --content",
        ],
    )
    def test_that_are_wrong_are_refused_with_what_was_wanted(self, typed):
        said = plimsoll(*typed.split())
        assert said.code == 2, said
        refusal = said.err if said.err.startswith("{") else said.err.splitlines()
        if isinstance(refusal, list):
            assert [line.split(":")[0].strip() for line in refusal[1:4]] == ["saw", "wanted", "try"]
        assert said.out == ""

    def test_shortened_options_are_not_guessed(self):
        assert plimsoll("rollback", "HEAD", "--dry").code == 2


# Not those that train, and not the page, which is served until it is interrupted. In order: the
# same words are then tried in every run, whatever the seed of hashes.
_long = {"bench", "demo", "doctor", "init", "resume", "run", "view"}
_verbs = sorted({w for name in NAMES for w in name.split()} - _long)
_options = "--json --jsonl --quiet --content --all --kind --since --limit --no-proof --pin -- -x"
_refs = "HEAD HEAD~1 @last iter:2 iter:x 0000 3"
_words = st.sampled_from([*_verbs, *_options.split(), *_refs.split()])


class TestNoTraceback:
    @settings(max_examples=80)
    @given(words=st.lists(_words | st.text(max_size=12), max_size=5))
    def test_follows_from_any_words(self, folder, words):
        said = plimsoll("--workspace", str(folder), *words, "--dry-run")
        again = plimsoll("--workspace", str(folder), *words)
        for one in (said, again):
            assert one.code in KNOWN_EXITS
            assert "Traceback" not in one.err
            assert one.code != 1, one

    def test_follows_from_a_fault_that_nobody_foresaw(self, folder, monkeypatch):
        monkeypatch.delenv(cli.TRACEBACK, raising=False)
        monkeypatch.setattr("agent.commands_log.find_entry", lambda *_: 1 / 0)
        said = plimsoll("log", "show", "--workspace", str(folder))
        assert said.code == 1
        assert "ZeroDivisionError" in said.err and "Traceback" not in said.err
        assert f"{cli.TRACEBACK}=1" in said.err

    def test_unless_it_is_asked_for(self, folder, monkeypatch):
        monkeypatch.setenv(cli.TRACEBACK, "1")
        monkeypatch.setattr("agent.commands_log.find_entry", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            plimsoll("log", "show", "--workspace", str(folder))

    def test_follows_from_an_interrupt(self, folder, monkeypatch):
        def interrupted(*_):
            raise KeyboardInterrupt

        monkeypatch.setattr("agent.commands_log.find_entry", interrupted)
        said = plimsoll("log", "show", "--workspace", str(folder))
        assert said.code == 130
        assert said.err.startswith("Interrupted.")

    def test_an_escape_sequence_in_what_was_typed_stays_text(self):
        said = plimsoll("log\x1b[2Jx")
        assert "\x1b" not in said.err
        assert "<U+001B>" in said.err


ASKED = [
    "status",
    "session list",
    "session show",
    "log list",
    "log list --kind committed --limit 2",
    "log list --since 5",
    "log show HEAD",
    "log show @last --content",
    "log why iter:2",
    "log verify",
    "log anchor",
    "policy show",
    "policy check --no-proof",
    "constitution show",
    "constitution diff",
    "constitution diff iter:1 HEAD --content",
    "judge list",
    "judge list iter:1",
    "report --dry-run",
    "resume --dry-run",
    "init --dry-run",
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A workspace with settings, constitution, policy and log."""
    from agent.config import Config, SessionSection
    from agent.workspace import Workspace

    path = tmp_path_factory.mktemp("whole")
    Workspace.create(path, Config(session=SessionSection(name="math-small")))
    a_journal(path).close()
    return path


class TestTheEnvelope:
    @pytest.mark.parametrize("typed", ASKED)
    def test_is_one_for_all(self, whole, typed):
        said = plimsoll(*typed.split(), "--json", "--workspace", str(whole))
        assert said.code in (0, 5), said.err
        assert set(said.envelope) == {"schema", "data", "warnings"}
        name = typed.partition(" --")[0]
        command = max((n for n in NAMES if name.startswith(n)), key=len)
        assert said.envelope["schema"] == schema(command)
        assert said.out.isascii()
        assert said.err == ""

    @pytest.mark.parametrize("typed", ASKED)
    def test_and_the_text_have_the_same_exit_code(self, whole, typed):
        words = [*typed.split(), "--workspace", str(whole)]
        assert plimsoll(*words).code == plimsoll(*words, "--json").code

    def test_of_a_refusal_is_on_stderr(self, whole):
        said = plimsoll("log", "show", "nothing", "--json", "--workspace", str(whole))
        assert said.code == said.error["exit"] == 2
        assert said.error["code"] == "usage-error"
        assert set(said.error) == {"code", "exit", "what", "saw", "wanted", "try"}
        assert said.out == ""

    def test_comes_even_when_the_words_were_wrong(self):
        assert plimsoll("lgo", "--json").error["exit"] == 2

    def test_has_one_object_a_line_where_it_streams(self, whole):
        said = plimsoll("log", "list", "--jsonl", "--limit", "4", "--workspace", str(whole))
        found = [json.loads(line) for line in said.out.splitlines()]
        assert [line["schema"] for line in found[:-1]] == ["plimsoll/log.list.line/1"] * 4
        assert found[-1]["schema"] == "plimsoll/log.list/1"

    def test_refuses_a_number_that_is_none(self):
        from agent.envelope import dumped

        with pytest.raises(ValueError, match="JSON"):
            dumped(envelope("x", float("nan")))

    def test_names_the_class_of_an_error(self):
        assert code_of(UsageError("a", saw="b", wanted="c", try_this="d")) == "usage-error"
        assert code_of(PlimsollError("a", saw="b", wanted="c", try_this="d")) == "plimsoll-error"


def test_a_file_is_no_workspace(tmp_path):
    file = Path(tmp_path, "plimsoll.toml")
    file.write_text("")
    assert plimsoll("status", "--workspace", str(file)).code == 2
