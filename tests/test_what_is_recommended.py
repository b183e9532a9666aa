"""Every command that a text of ours tells somebody to run exists, and so do the papers' words."""

import ast
import re

from agent.commands import COMMANDS, EXIT_CODES, NOUNS
from agent.grammar import parser_of
from logs.vocabulary import EntryKind
from tests import house
from tests.a_command import plimsoll
from tests.a_journal import a_journal

NAMES = [command.name for command in COMMANDS]


def mentioned() -> list[tuple[str, str]]:
    """(file, command) wherever our own texts tell somebody to run one."""
    found = []
    for name, text in house.our_texts():
        if name.startswith(("agent/", "tools/", "invariants/", "sandbox/", "logs/")):
            if not name.endswith(".py"):
                continue
            nodes = ast.walk(ast.parse(text))
            strings = [n.value for n in nodes if isinstance(n, ast.Constant)]
            text = "\n".join(s for s in strings if isinstance(s, str))
        elif name != "README.md":
            continue
        pattern = r"(?<!from )(?<!import )\bplimsoll ([a-z]+(?: [a-z]+)?)(?![\w.-])"
        found += [(name, match) for match in re.findall(pattern, text)]
    return found


class TestWhatIsRecommended:
    def test_exists(self):
        prose = {"that wrote", "wrote"}  # "the version of plimsoll that wrote it"
        unknown = []
        for name, said in mentioned():
            first, _, second = said.partition(" ")
            known = first in NAMES or said in NAMES or (first in NOUNS and not second)
            if not known and said not in prose:
                unknown.append((name, said))
        assert unknown == []

    def test_and_there_is_something_to_look_at(self):
        assert len(mentioned()) > 40

    def test_every_function_behind_a_command_is_there(self):
        from importlib import import_module

        for command in COMMANDS:
            module, _, function = command.run.partition(":")
            assert callable(getattr(import_module(module), function)), command.name

    def test_every_command_that_changes_something_can_be_tried_without(self):
        changing = {
            "bench",
            "demo",
            "init",
            "run",
            "resume",
            "plan",
            "apply",
            "rollback",
            "report",
            "policy init",
            "policy fmt",
            "policy sign",
            "approve",
            "reject",
            "refill",
            "judge audit",
            "judge card",
            "drift show",
            "vault open",
            "session experience",
            "export",
            "session export",
            "judge export",
            "card",
            "log verify",
            "log key",
            "log proof",
            "log export",
            "log witness",
        }
        for command in COMMANDS:
            dry = "--dry-run" in parser_of(command).known
            assert dry is (command.name in changing), command.name

    def test_kinds_of_entries_are_suggested(self, tmp_path):
        a_journal(tmp_path, iterations=1).close()
        said = plimsoll("log", "list", "--kind", "refuse", "--workspace", str(tmp_path))
        assert "did you mean refused?" in said.err
        assert "refused" in list(EntryKind)


def test_the_readme_gives_the_exit_codes_of_the_program():
    readme = (house.ROOT / "README.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| (\d+) \| (.*) \|$", readme, re.MULTILINE))
    assert set(rows) == {str(code) for code, _ in EXIT_CODES}
