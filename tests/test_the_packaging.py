"""Only the name `plimsoll` is installed, and no stray `tools` can take the place of ours."""

import json
import os
import resource
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tests.house import ROOT

HEAVY = {"torch", "transformers", "trl", "peft", "z3", "langgraph"}
FOLDERS = ("agent", "tools", "invariants", "sandbox", "logs")
# -I -S: neither this environment's own editable install nor PYTHONPATH may help.
BARE = [sys.executable, "-I", "-S", "-c"]


def build(kind: str, folder: Path) -> Path:
    """Call the build backend as pip does, without a network and without an environment."""
    hook = f"import hatchling.build as b; print(b.build_{kind}({str(folder)!r}))"
    done = subprocess.run(
        [sys.executable, "-c", hook], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return folder / done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return build("wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def editable(tmp_path_factory):
    return build("editable", tmp_path_factory.mktemp("editable"))


def with_a_stray(site: Path, archive: Path) -> Path:
    """An installed archive, and beside it the packages that somebody else once shipped."""
    zipfile.ZipFile(archive).extractall(site)
    for name in FOLDERS:
        (site / name).mkdir()
        (site / name / "__init__.py").write_text("stray = True\n")
    return site


def origins(site: Path, first: str) -> dict[str, str]:
    """Where each folder is imported from, in a Python that knows this site only."""
    program = (
        f"import site, sys, json; site.addsitedir({str(site)!r}); {first}\n"
        "from importlib import import_module\n"
        f"print(json.dumps({{n: import_module(n).__file__ for n in {FOLDERS!r}}}))"
    )
    done = subprocess.run([*BARE, program], cwd=site, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


class TestTheWheel:
    def test_leaves_one_name_in_site_packages(self, wheel):
        names = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
        assert {name for name in names if not name.endswith(".dist-info")} == {"plimsoll"}

    @pytest.mark.parametrize("folder", FOLDERS)
    def test_holds_every_file_of(self, wheel, folder):
        packed = set(zipfile.ZipFile(wheel).namelist())
        here = {f"plimsoll/{path.relative_to(ROOT)}" for path in (ROOT / folder).rglob("*.py")}
        assert here
        assert here - packed == set()

    def test_carries_no_tests_and_no_caches(self, wheel):
        names = zipfile.ZipFile(wheel).namelist()
        assert [name for name in names if "/tests/" in name or "__pycache__" in name] == []

    def test_reads_its_own_folders_beside_a_stray(self, wheel, tmp_path):
        site = with_a_stray(tmp_path, wheel)
        found = origins(site, "import plimsoll")
        assert found == {n: str(site / "plimsoll" / n / "__init__.py") for n in FOLDERS}


class TestTheEditableInstall:
    def test_reads_this_checkout_beside_a_stray(self, editable, tmp_path):
        found = origins(with_a_stray(tmp_path, editable), "import plimsoll")
        assert found == {n: str(ROOT / n / "__init__.py") for n in FOLDERS}

    def test_takes_even_its_name_from_this_checkout_not_from_the_copy(self, editable, tmp_path):
        site = with_a_stray(tmp_path, editable)
        assert (site / "plimsoll").is_dir()
        found = origins(site, "import plimsoll; sys.modules['agent'] = plimsoll")
        assert found["agent"] == str(ROOT / "plimsoll/__init__.py")

    def test_and_the_stray_was_really_in_the_way(self, editable, tmp_path):
        site = with_a_stray(tmp_path, editable)
        assert origins(site, "pass") == {n: str(site / n / "__init__.py") for n in FOLDERS}


class TestAStrayThatCameFirst:
    def test_is_refused_with_its_place(self, tmp_path):
        stray = tmp_path / "tools.py"
        stray.write_text("stray = True\n")
        program = (
            f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import tools\n"
            f"sys.path.insert(0, {str(ROOT)!r})\n"
            "from plimsoll.__main__ import main; sys.exit(main([]))"
        )
        done = subprocess.run([*BARE, program], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 1
        assert f"saw:    `tools` from {tmp_path}" in done.stderr
        assert "wanted: tools from" in done.stderr
        assert "try:" in done.stderr


def loaded_by(*arguments: str) -> tuple[set[str], float]:
    """Top-level modules that a command imported, and the CPU seconds it took."""
    program = (
        "import atexit, sys\n"
        "names = lambda: ' '.join({name.partition('.')[0] for name in sys.modules})\n"
        "atexit.register(lambda: print('\\n' + names()))\n"
        f"from plimsoll.__main__ import main; sys.exit(main({list(arguments)!r}))"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return set(done.stdout.splitlines()[-1].split()), seconds


class TestHelp:
    def test_imports_neither_the_libraries_nor_pydantic(self):
        modules, seconds = loaded_by("--help")
        assert modules & (HEAVY | {"pydantic", "numpy", "rich"}) == set()
        assert seconds < 0.5

    @pytest.mark.parametrize("noun", ["log", "policy"])
    def test_of_the_reading_nouns_needs_no_library_either(self, noun):
        modules, seconds = loaded_by(noun, "--help")
        assert modules & HEAVY == set()
        assert seconds < 1.0

    def test_names_every_command_that_the_readme_names(self):
        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        table = readme.partition("## Commands")[2].partition("\n## ")[0]
        wanted = {
            row.split("`")[1].split()[1]
            for row in table.splitlines()
            if row.startswith("| `plimsoll")
        }
        help_text = subprocess.run(
            [sys.executable, "-m", "plimsoll", "--help"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert wanted
        assert {verb for verb in wanted if verb not in help_text.split()} == set()


@pytest.mark.slow
class TestAFreshEnvironment:
    def test_gets_a_command_that_runs_from_the_wheel_alone(self, wheel, tmp_path):
        home = tmp_path / "a place with spaces"
        venv.create(home, with_pip=True)
        pip = [home / "bin/python", "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
        subprocess.run([*pip, wheel], check=True)
        clean = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        done = subprocess.run(
            [home / "bin/plimsoll", "--help"],
            cwd=tmp_path,
            env=clean,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert "usage" in done.stdout.lower()
