"""What people or chance put wrong is refused by name, before anything is built on it."""

import errno
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from agent import config, session
from agent import founding as founding_module
from agent.config import Config
from agent.hands import Hands
from agent.session import PARAMETERS
from agent.workspace import CONFIG, POLICY, Workspace
from invariants import policy as policies
from logs.errors import IntegrityError, PlimsollError, Refused, UsageError
from logs.vocabulary import EntryKind
from tests.a_workspace import founding
from tests.house import ROOT
from tests.sessions import Told, create, log
from tools import store as storing


@pytest.fixture
def idle(monkeypatch):
    """No job may start: whatever is refused here is refused before any work."""

    def no_job(*_):
        raise AssertionError("a job was started")

    monkeypatch.setattr(Hands, "_run", no_job)


@pytest.fixture
def fresh(tmp_path, idle):
    """A workspace that is not founded, and whose session cannot work."""
    return create(tmp_path / "here")


@pytest.fixture
def proved(monkeypatch):
    """The policy is taken as proved, which takes z3 two seconds."""
    monkeypatch.setattr("agent.founding.check_policy", lambda policy: ())
    monkeypatch.setattr("agent.founding.require_sound", lambda report: None)


def refused(workspace, error=UsageError):
    """What `run` refuses, with nothing written to the log."""
    with pytest.raises(error) as caught:
        session.run(workspace, Told())
    if (workspace.root / "plimsoll.sqlite").exists():
        assert log(workspace, None) == []
    return caught.value


class TestAConfiguration:
    @pytest.mark.parametrize(
        ("text", "key", "near"),
        [
            ("[session]\niteratons = 3", "session.iteratons", "iterations"),
            ("[sesion]\niterations = 3", "sesion", "session"),
            ("[recipe]\nlerning_rate = 0.1", "recipe.lerning_rate", "learning_rate"),
            ("[limits]\nmemory = 500", "limits.memory", "memory_mb"),
        ],
    )
    def test_with_an_unknown_key_is_refused_with_the_nearest_one(self, fresh, text, key, near):
        (fresh.root / CONFIG).write_text(text)
        error = refused(Workspace(fresh.root))
        assert error.saw == key
        assert near in error.try_this

    @pytest.mark.parametrize(
        "text",
        [
            "[session]\niterations = 0",
            "[session]\niterations = 'many'",
            "[session]\nname = 'Not A Name'",
            "[session]\ndecider = 'dice'",
            "[limits]\nseconds = -1",
            "[judges]\nfounding = 'nobody'",
            "[recipe]\nprompts = 0",
            "[recipe]\nsamples = 1",
            "[recipe]\nepochs = 0",
            "[recipe]\nbatch = 0",
            "[recipe]\nrank = 0",
            "[recipe]\nreplay = -1",
            "[recipe]\nlearning_rate = 0.0",
            "[recipe]\nlearning_rate = nan",
            "[recipe]\ntemperature = 0.0",
            "[recipe]\nbeta = 0.0\nnll = 0.0",
            "[recipe]\nadapter = 'telepathy'",
            "[recipe]\nreference = 'yesterday'",
        ],
    )
    def test_with_a_value_that_cannot_be_is_refused_by_its_key(self, fresh, text):
        (fresh.root / CONFIG).write_text(text)
        error = refused(Workspace(fresh.root))
        assert text.split()[0].strip("[]") in error.saw
        assert text.split("\n")[1].split(" =")[0] in error.saw
        assert error.wanted

    @pytest.mark.parametrize("data", [b"[session", b"a = ", b"\xff\xfe", b"[a]\n[a]\n"])
    def test_that_is_not_toml_is_refused_with_the_place(self, fresh, data):
        (fresh.root / CONFIG).write_bytes(data)
        assert "is not TOML" in refused(Workspace(fresh.root)).what

    def test_that_is_not_there_is_no_workspace(self, tmp_path, idle):
        with pytest.raises(UsageError, match="no workspace here"):
            session.run(Workspace(tmp_path), Told())

    def test_reads_back_as_it_was_written(self, tmp_path):
        (tmp_path / CONFIG).write_text(config.dump(Config()))
        assert config.read(tmp_path / CONFIG) == Config()


class TestAPolicy:
    def test_that_names_an_unknown_metric_is_refused_before_anything_runs(self, fresh):
        text = policies.default_bytes().decode()
        changed = text.replace("evidence.safety_pass.lo", "evidence.safty_pass.lo")
        assert changed != text
        (fresh.root / POLICY).write_text(changed)
        error = refused(Workspace(fresh.root), PlimsollError)
        assert "safty_pass" in str(error)

    def test_that_contradicts_itself_is_refused_before_anything_runs(self, fresh):
        never = """
[[invariant]]
id = "Z1-never"
on = "always"
need = "new.facts.judges >= 2 and new.facts.judges <= 1"
say = "Nothing can be true and false."
"""
        path = fresh.root / POLICY
        text = path.read_text()
        at = text.index("# --- what must hold for ever")
        path.write_text(text[:at] + never + text[at:])
        error = refused(Workspace(fresh.root), PlimsollError)
        assert isinstance(error, Refused | UsageError)

    @pytest.mark.parametrize("name", PARAMETERS)
    def test_that_lacks_a_number_which_the_loop_reads_is_refused_by_its_name(self, fresh, name):
        text = policies.default_bytes().decode()
        values = {k: v for k, v in policies.load(text.encode()).values.items() if k != name}
        seen = Workspace(fresh.root)
        seen.__dict__["policy"] = _Renumbered(seen.policy, values)
        assert name in refused(seen).saw

    def test_may_not_be_changed_under_a_founded_workspace(self, fresh):
        body = {"policy": "0" * 64, "reader": None, "judges": []}
        with fresh.journal(read_only=False) as journal:
            journal.append(EntryKind.FOUNDED, session="tiny", iteration=0, step="found", body=body)
            journal.commit(founding(fresh.root), expected_head=None)
        with pytest.raises(UsageError, match="not the one that this workspace was founded under"):
            session.run(Workspace(fresh.root), Told())


class _Renumbered:
    """A policy that lacks a parameter, which the reader of files would already refuse to name."""

    def __init__(self, policy, values):
        self._policy, self.values = policy, values

    def __getattr__(self, name):
        return getattr(self._policy, name)


@pytest.mark.usefixtures("proved")
class TestAConstitution:
    @pytest.mark.parametrize(
        ("old", "new"),
        [('"0.16"', '"0.17"'), ('weight = "0.16"', ""), ("[[principle]]", "[[principel]]")],
        ids=["weights do not add up to 1", "no weight", "no principles"],
    )
    def test_that_cannot_be_is_refused_before_anything_runs(self, fresh, old, new):
        path = fresh.root / "constitution.toml"
        path.write_text(path.read_text().replace(old, new, 1))
        assert "constitution" in refused(Workspace(fresh.root)).what


@pytest.mark.usefixtures("proved")
class TestABase:
    def test_that_is_not_there_is_named(self, tmp_path, idle):
        workspace = create(tmp_path / "here", world={"base": str(tmp_path / "nowhere")})
        assert "nowhere" in refused(workspace).saw

    def test_that_should_have_been_shipped_is_missed(self, fresh, monkeypatch, tmp_path):
        monkeypatch.setattr("agent.founding.SHIPPED", tmp_path)
        error = refused(fresh, IntegrityError)
        assert "model.safetensors" in error.saw


@pytest.mark.usefixtures("proved")
class TestABrokenBase:
    @pytest.mark.slow
    @pytest.mark.parametrize("harm", ["cut weights", "no weights", "another shape"])
    def test_is_named_and_founds_nothing(self, tmp_path, harm):
        base = tmp_path / "my-base"
        shutil.copytree(founding_module.shipped("base"), base)
        weights, shape = base / "model.safetensors", base / "config.json"
        match harm:
            case "cut weights":
                weights.write_bytes(weights.read_bytes()[:-1000])
            case "no weights":
                weights.unlink()
            case _:
                shape.write_text(shape.read_text().replace("hidden", "hideen"))
        workspace = create(tmp_path / "here", world={"base": str(base)})
        error = refused(workspace, IntegrityError)
        assert "my-base" in error.saw


@pytest.mark.usefixtures("proved")
class TestAFullDisk:
    def test_leaves_the_store_and_the_log_as_they_were(self, fresh, monkeypatch):
        def full(*_):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(storing.os, "rename", full)
        error = refused(fresh, PlimsollError)
        assert "No space left" in error.saw
        assert "resume" in error.try_this
        assert list((fresh.root / "objects").rglob(".part-*")) == []


class TestASecondProcess:
    def test_is_refused_with_the_number_of_the_first(self, fresh):
        holding = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(fresh.root)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        try:
            assert holding.stdout.readline() == b"held\n"
            assert str(holding.pid) in refused(fresh).saw
        finally:
            holding.communicate()

    def test_in_the_same_process_is_refused_too(self, fresh):
        from logs.lock import lock_workspace

        with lock_workspace(fresh.root):
            assert "Another session" in refused(fresh).what


HOLD = """
import sys
from pathlib import Path
from logs.lock import lock_workspace
with lock_workspace(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


class TestNothingToResume:
    def test_before_a_session_began_is_said(self, fresh):
        with pytest.raises(UsageError, match="nothing to resume"):
            session.resume(fresh, Told())


def test_every_refusal_says_what_to_try(fresh):
    (fresh.root / CONFIG).write_text("[session]\niteratons = 3")
    lines = str(refused(Workspace(Path(fresh.root)))).splitlines()
    assert [line.split(":")[0].strip() for line in lines[1:]] == ["saw", "wanted", "try"]
