"""What an engine leaves behind: nothing of an earlier draw, no process, no prompt, however it ends.

Some of it behind walls that are weaker than this machine's, as machines without namespaces have.
"""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from logs.errors import EngineFailed, JobFailed, PlimsollError
from sandbox import probe
from sandbox.limits import Limits
from sandbox.plan import Kind
from sandbox.probe import Level
from tests.house import ROOT
from tests.sessions import tiny
from tests.test_the_engines import Rig, gone
from tests.test_the_serving_engines import Served
from tools.engines import vllm_server_worker, vllm_settings
from tools.engines.vllm_worker import Refusal, Sampler

WEAK = [Kind.NETWORK, Kind.PROCESS]


@pytest.fixture
def rig(tmp_path):
    rig = Rig(tmp_path)
    yield rig
    rig.engine.close()


@pytest.fixture
def served(tmp_path):
    rig = Served(tmp_path)
    yield rig
    rig.engine.close()


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    rig = Rig(tmp_path_factory.mktemp("usual"))
    yield rig.drawn()
    rig.engine.close()


def behind(monkeypatch, kind):
    """A wall of this kind, where this machine can build one."""
    how = probe.level().how
    monkeypatch.setattr(probe, "level", lambda: Level(number=1, how=how, kind=kind))


def interrupt(*_):
    raise KeyboardInterrupt


class TestADrawThatWasNotFinished:
    def test_is_not_taken_for_the_next(self, rig, usual):
        with pytest.raises(KeyboardInterrupt):
            rig.drawn(on_progress=interrupt, seed=1)
        assert rig.drawn() == usual

    def test_leaves_no_prompt_in_an_engine_that_raised(self, rig, usual):
        rig.drawn(prompts=[[1, 1]])
        before = rig.inside()
        rig.plant("raise")
        with pytest.raises(JobFailed, match="no such layer"):
            rig.drawn(seed=1)
        assert gone(before)
        assert rig.drawn() == usual

    @pytest.mark.parametrize("fault", ["raise", "half", "refuse", "always die"])
    def test_leaves_no_prompt_in_a_file(self, rig, fault):
        rig.plant(fault)
        with pytest.raises(PlimsollError):
            rig.drawn()
        assert not list(rig.place.glob("draw-*"))

    def test_by_a_server_ends_at_once(self, served):
        with pytest.raises(KeyboardInterrupt):
            served.drawn(on_progress=interrupt)
        assert served.engine._cell is None


class TestBehindAWeakerWall:
    @pytest.mark.parametrize("kind", [Kind.NAMESPACES, Kind.NETWORK])
    def test_an_engine_has_a_loopback_that_is_up(self, rig, monkeypatch, kind):
        behind(monkeypatch, kind)
        rig.plant("loopback")
        assert rig.drawn()

    @pytest.mark.parametrize("kind", WEAK)
    def test_a_server_ends_with_the_process_that_started_it(self, tmp_path, kind):
        code = (
            "import time; from pathlib import Path\n"
            "from sandbox import probe; from sandbox.plan import Kind\n"
            "from tests.test_the_serving_engines import Served\n"
            f"found = probe.Level(number=1, how='', kind=Kind({kind.value!r}))\n"
            "probe.level = lambda: found\n"
            f"rig = Served(Path({str(tmp_path)!r})); rig.drawn()\n"
            "print(*(p.pid for p in rig.inside()), flush=True); time.sleep(60)\n"
        )
        command = [sys.executable, "-c", code]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as parent:
            family = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
            parent.kill()
        assert len(family) > 1 and gone(family)


class TestAServerThatFails:
    def test_tells_the_cause_and_not_only_the_last_complaint(self, tmp_path, monkeypatch, capfd):
        log = "x RuntimeError: layer 3 is broken\n" + "frame\n" * 2000 + "Error: see above\n"
        said = died(tmp_path, monkeypatch, log, capfd)
        assert "layer 3 is broken" in said and "it went" in said

    def test_for_want_of_memory_says_so_however_much_was_complained_after(
        self, tmp_path, monkeypatch, capfd
    ):
        log = "torch.OutOfMemoryError: CUDA out of memory.\n" + "frame\n" * 2000
        with pytest.raises(MemoryError, match="CUDA out of memory"):
            died(tmp_path, monkeypatch, log, capfd)

    def test_to_take_its_port_before_another_did_is_not_asked(self, served):
        served.plant("stranger")
        with pytest.raises(EngineFailed) as caught:
            served.drawn()
        assert "another server answers" in caught.value.saw


def died(folder: Path, monkeypatch, log, capfd):
    monkeypatch.chdir(folder)
    vllm_server_worker.LOG.write_text(log)
    monkeypatch.setattr("os._exit", interrupt)
    with pytest.raises(KeyboardInterrupt):
        vllm_server_worker.ServedSampler(print)._died("it went")
    return capfd.readouterr().err


def test_what_vllm_refuses_at_its_start_is_told_in_its_words(monkeypatch):
    def refuses(**_):
        raise ValueError("16 GiB of cache are needed for max_model_len 131072")

    monkeypatch.setitem(sys.modules, "vllm", SimpleNamespace(LLM=refuses))
    with pytest.raises(Refusal, match="131072") as caught:
        Sampler(print).open({"settings": {}})
    assert caught.value.args[0] == "UsageError"


def test_the_gpus_that_a_session_may_use_are_those_of_its_engine(rig, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    found = vllm_settings.variables(rig.engine.settings)
    assert found["CUDA_VISIBLE_DEVICES"] == "3"


@pytest.mark.parametrize("engine", ["vllm", "vllm-server"])
def test_an_adapter_that_the_engine_would_refuse_is_not_trained(engine):
    with pytest.raises(ValueError, match="draws from no DoRA"):
        tiny(sampling={"engine": engine}, training={"dora": True})
    assert tiny(training={"dora": True})


def test_a_limit_is_kept_by_an_engine_of_any_wall(rig, monkeypatch):
    behind(monkeypatch, Kind.PROCESS)
    rig.plant("always hang")
    with pytest.raises(EngineFailed, match="twice in a row"):
        rig.drawn(Limits(wall_seconds=1))
