"""The doctor asks this machine, finds what was broken on purpose, and says how to mend it."""

from types import SimpleNamespace

import pytest

from agent import doctor, requirement
from agent.config import Config, SessionSection
from agent.version import requirements
from agent.workspace import CONFIG, CONSTITUTION, POLICY, Workspace
from invariants.proof import PolicyReport
from tests import a_journal as journals
from tests.a_command import plimsoll
from tests.a_journal import a_journal
from tests.house import ROOT


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


class TestDoctor:
    @pytest.fixture
    def quick(self, monkeypatch):
        """Without the proofs, which take seconds and have tests of their own."""
        report = PolicyReport(policy="0" * 64, founding=False, tiers=(), rules=(), goals=())
        monkeypatch.setattr("invariants.proof.check_policy", lambda *_: report)

    def by_name(self, *words):
        said = plimsoll("doctor", "--json", *words)
        return said, {check["name"]: check for check in said.data["checks"]}

    def test_asks_every_question_and_gives_a_fix_where_needed(self, here):
        said, checks = self.by_name()
        wanted = {"python", "packages", "sandbox", "disk", "memory", "z3", "policy", "terminal"}
        assert wanted <= set(checks)
        assert [c["name"] for c in checks.values() if c["status"] != "ok" and not c["fix"]] == []
        assert (said.code == 1) is any(c["status"] == "FAIL" for c in checks.values())

    def test_finds_a_log_that_was_changed(self, quick, here):
        Workspace.create(here / "own", Config(session=SessionSection(name=journals.SESSION)))
        a_journal(here / "own", iterations=1).close()
        assert self.by_name("--workspace", "own")[1]["log"]["status"] == "ok"
        data = bytearray((here / "own/plimsoll.sqlite").read_bytes())
        at = data.index(b"safety_pass")
        data[at] ^= 1
        (here / "own/plimsoll.sqlite").write_bytes(data)
        said, checks = self.by_name("--workspace", "own")
        assert said.code == 1 and checks["log"]["status"] == "FAIL"

    @pytest.mark.parametrize(
        ("name", "check"), [(CONFIG, "workspace"), (CONSTITUTION, CONSTITUTION), (POLICY, "policy")]
    )
    def test_finds_a_file_that_cannot_be_read(self, quick, here, name, check):
        Workspace.create(here / "own", Config())
        (here / "own" / name).write_text("broken [")
        said, checks = self.by_name("--workspace", "own")
        assert said.code == 1 and checks[check]["status"] == "FAIL" and checks[check]["fix"]

    def test_finds_a_base_that_is_not_there(self, quick, here, monkeypatch):
        monkeypatch.setattr("agent.founding.SHIPPED", here / "nowhere")
        assert self.by_name()[1]["base model"]["status"] == "FAIL"

    def test_survives_a_question_that_fails(self, quick, here, monkeypatch):
        monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: 1 / 0)
        said, checks = self.by_name()
        assert said.code == 1
        assert "ZeroDivisionError" in checks["disk"]["says"] and checks["python"]["status"] == "ok"

    def test_warns_of_a_full_disk_and_a_weak_wall(self, quick, here, monkeypatch):
        monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: SimpleNamespace(free=2**30))
        weak = SimpleNamespace(number=1, how="process")
        monkeypatch.setattr("sandbox.probe.level", lambda: weak)
        checks = self.by_name()[1]
        assert checks["disk"]["status"] == checks["sandbox"]["status"] == "warn"
        assert "bubblewrap" in checks["sandbox"]["fix"]


class TestARequirement:
    @pytest.mark.parametrize(
        ("version", "wish", "met"),
        [
            ("2.13.0+cpu", "==2.13.0", True),
            ("2.13.0", "==2.13.1", False),
            ("5.19.0", ">=5.16.1,<5.20", True),
            ("5.20.0", ">=5.16.1,<5.20", False),
            ("5.9", ">=5.16.1", False),
            ("1.16", ">=1.16.0", True),
            ("1.0", "~=1.0", False),
        ],
    )
    def test_is_met_or_not(self, monkeypatch, version, wish, met):
        monkeypatch.setattr(requirement.metadata, "version", lambda _: version)
        assert (requirement.unmet(f"thing{wish}") is None) is met

    def test_that_is_not_installed_is_not_met(self):
        assert "not installed" in str(requirement.unmet("no-such-thing-at-all>=1"))

    def test_agrees_with_an_independent_reader(self):
        from packaging.requirements import Requirement
        from packaging.version import Version

        for text in requirements():
            wanted = Requirement(text)
            installed = Version(requirement.metadata.version(wanted.name))
            assert (requirement.unmet(text) is None) is (installed in wanted.specifier), text

    def test_those_of_the_project_are_read_from_its_own_file(self):
        text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
        assert requirements() and all(f'"{wish}"' in text for wish in requirements())
