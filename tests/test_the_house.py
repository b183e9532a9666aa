"""Every rule of the project is a test; every rule is shown to find a fault that was planted."""

import re
import shutil
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import plimsoll
from tests import house, readme_tree
from tests.house import FOLDERS, ROOT

MODULES = dict(house.modules())
TEXTS = dict(house.our_texts())


def offenders(rule, texts):
    return {name: found for name, text in texts.items() if (found := rule(text))}


class TestTheFolders:
    def test_are_read_from_this_checkout(self):
        assert plimsoll.strays() == {}, "try: pip list, for a package that ships such a folder"
        assert Path(plimsoll.HOME) == ROOT

    @pytest.mark.parametrize("folder", plimsoll.FOLDERS)
    def test_have_an_init_or_any_stray_package_would_win(self, folder):
        assert (ROOT / folder / "__init__.py").is_file()

    def test_in_the_readme_are_those_on_disk(self):
        assert readme_tree.written() == readme_tree.tree(), "try: ./run tree"

    def test_on_the_top_level_are_all_in_the_readme(self):
        folders = {path.relative_to(ROOT).parts[0] for path in house.our_files()} - set(
            path.name for path in ROOT.iterdir() if path.is_file()
        )
        readme = TEXTS["README.md"]
        assert [f for f in sorted(folders) if not f.startswith(".") and f"{f}/" not in readme] == []


class TestTheSource:
    def test_has_no_file_or_function_that_is_too_long(self):
        assert offenders(house.too_long, MODULES) == {}

    def test_explains_everything_public(self):
        assert offenders(house.unexplained, MODULES) == {}

    def test_left_nothing_for_later(self):
        assert offenders(house.unfinished, TEXTS) == {}

    def test_names_no_package_index(self):
        assert offenders(house.index_hosts, TEXTS) == {}

    def test_names_no_path_of_one_machine(self):
        assert offenders(house.machine_paths, TEXTS) == {}


class TestTheRulesThemselves:
    def test_find_a_long_file(self):
        assert house.too_long("x = 1\n" * 301) == ["file: 301 lines"]
        assert house.too_long("x = 1\n" * 300) == []

    def test_find_a_long_function_and_method(self):
        body = "        x = 1\n"
        source = "class A:\n    def long(self):\n" + body * 50
        assert house.too_long(source) == ["long: 51 lines"]
        assert house.too_long("class A:\n    def long(self):\n" + body * 49) == []

    def test_find_what_is_not_explained(self):
        source = "class A:\n    def b(self): ...\n    def _c(self): ...\ndef d(): ...\n"
        assert house.unexplained(source) == ["module", "A", "b", "d"]

    @pytest.mark.parametrize(
        "mark", ["TO" + "DO", "# FIX" + "ME:", "raise NotImplemented" + "Error"]
    )
    def test_find_what_was_left_for_later(self, mark):
        assert house.unfinished(f"x = 1  {mark}")

    @pytest.mark.parametrize("host", ["py" + "pi.org", "files.python" + "hosted.org"])
    def test_find_a_package_index(self, host):
        assert house.index_hosts(f"https://{host}/simple")

    @pytest.mark.parametrize("path", ["/ro" + "ot/.cache", "/wo" + "rk/main", "/tmp/" + "w/venv"])
    def test_find_a_path_of_one_machine(self, path):
        assert house.machine_paths(f"cd {path}")
        assert not house.machine_paths("see docs/wo" + "rk/ and $HERE/ro" + "ot/")

    @pytest.mark.parametrize(
        "line",
        ["import torch.nn", "from torch import nn", "importlib.import_module('torch')"],
    )
    def test_find_an_import_however_it_is_written(self, line):
        assert house.imported(f"def f():\n    {line}") == {"torch"}


def lint_imports(folder):
    command = [sys.executable, "-c", "import importlinter.cli as c; c.lint_imports_command()"]
    return subprocess.run([*command, "--no-cache"], cwd=folder, capture_output=True, text=True)


@pytest.fixture
def copy_of_the_source(tmp_path):
    for folder in FOLDERS:
        shutil.copytree(
            ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


class TestTheLayers:
    def test_are_kept(self):
        report = lint_imports(ROOT)
        assert report.returncode == 0, report.stdout + report.stderr

    @pytest.mark.parametrize(
        ("folder", "line", "contract"),
        [
            ("logs", "import sandbox", "nobody imports upwards"),
            ("tools", "import invariants", "do not know each other"),
            ("invariants", "import torch", "Only tools imports the training libraries"),
            ("tools", "import z3", "Only invariants.solver imports z3 and cvc5"),
            ("agent", "import cvc5", "Only invariants.solver imports z3 and cvc5"),
            ("logs", "import langgraph", "Only agent imports LangGraph"),
        ],
    )
    def test_when_broken_are_named(self, copy_of_the_source, folder, line, contract):
        (copy_of_the_source / folder / "planted.py").write_text(line)
        report = lint_imports(copy_of_the_source)
        assert report.returncode == 1
        assert re.search(rf"{re.escape(contract)}.*BROKEN", report.stdout), report.stdout

    @pytest.mark.parametrize(
        ("library", "door"),
        [
            ("torch", "tools/"),
            ("transformers", "tools/"),
            ("trl", "tools/"),
            ("peft", "tools/"),
            ("z3", "invariants/solver/"),
            ("cvc5", "invariants/solver/crosscheck.py"),
            ("langgraph", "agent/"),
            ("matplotlib", "tools/audit/pictures.py"),
        ],
    )
    def test_heavy_libraries_have_one_door(self, library, door):
        users = [name for name, text in MODULES.items() if library in house.imported(text)]
        assert [name for name in users if not name.startswith(door)] == []

    def test_every_library_that_is_used_is_declared(self):
        project = tomllib.loads(TEXTS["pyproject.toml"])["project"]
        extras = {k: v for k, v in project["optional-dependencies"].items() if k != "dev"}
        wanted = [*project["dependencies"], *(name for extra in extras.values() for name in extra)]
        declared = {re.split(r"[=<>\[]", d)[0].lower() for d in wanted}
        named = {
            "langgraph": "langgraph",
            "z3": "z3-solver",
            "langchain_core": "langgraph",
            "huggingface_hub": "huggingface-hub",
            "vl_convert": "vl-convert-python",
            "inspect_ai": "inspect-ai",
            "mlflow": "mlflow-skinny",
            "opentelemetry": "opentelemetry-sdk",
            "tensorboardX": "tensorboardx",
        }
        used = set().union(*(house.imported(text) for text in MODULES.values()))
        others = used - set(sys.stdlib_module_names) - {*FOLDERS, "pydantic_core"}
        assert {named.get(name, name) for name in others} - declared == set()


class TestThePapers:
    def test_agents_guide_is_short(self):
        assert len(TEXTS["AGENTS.md"].splitlines()) <= 60

    def test_changelog_has_one_line_for_each_outcome(self):
        lines = [line for line in TEXTS["CHANGELOG.md"].splitlines() if line.strip()]
        outcomes = [line for line in lines if not line.startswith("#")]
        assert outcomes
        assert [line for line in outcomes if not re.fullmatch(r"- [A-Z`].*\.", line)] == []

    def test_ten_promises_have_a_row(self):
        assert sorted(house.promises(TEXTS["docs/PROMISES.md"])) == list(range(1, 11))

    @pytest.mark.parametrize("number", range(1, 11))
    def test_each_promise_names_tests_that_exist_or_says_what_is_open(self, number):
        promise, tests, still_open = house.promises(TEXTS["docs/PROMISES.md"])[number]
        assert promise
        assert [name for name in tests if not house.test_exists(name)] == []
        assert tests or still_open not in ("", "-")

    def test_a_test_that_does_not_exist_is_noticed(self):
        here = "tests/test_the_house.py"
        assert house.test_exists(f"{here}::TestThePapers::test_agents_guide_is_short")
        assert not house.test_exists(f"{here}::TestThePapers::test_of_something_else")
        assert not house.test_exists("tests/test_of_nothing.py")

    def test_decisions_are_numbered_and_dated_by_order(self):
        names = sorted(path.name for path in (ROOT / "docs/decisions").glob("[0-9]*.md"))
        assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1))

    @pytest.mark.parametrize(
        "paper", ["README.md", "AGENTS.md", "CHANGELOG.md", "docs/PROMISES.md"]
    )
    def test_links_lead_somewhere(self, paper):
        links = re.findall(r"\]\((?!https?:|#)([^)#]+)", TEXTS[paper])
        assert [x for x in links if not (ROOT / paper).parent.joinpath(x).exists()] == []


class TestTheNetwork:
    def test_is_closed_to_tests(self):
        with pytest.raises(AssertionError, match="tests talk to nobody"):
            socket.create_connection(("192.0.2.1", 80), timeout=1)

    def test_is_closed_to_names_too(self):
        with pytest.raises(AssertionError, match="tests talk to nobody"):
            socket.getaddrinfo("example.org", 80)

    def test_leaves_this_machine_open(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            socket.create_connection(server.getsockname(), timeout=5).close()
