"""Engines that draw answers: killed, hung, out of memory, or telling nonsense.

The engine here is a stand-in that draws at random; its process, its wall and its failures are real.
"""

import json
import os
import signal
import struct
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from agent import config
from agent.config import Config
from agent.drawn import PYTHON, engine_of, python_of
from logs.errors import EngineFailed, JobFailed, UsageError
from sandbox.limits import Limits
from tests.a_stand_in_engine import SPOILT
from tests.house import ROOT
from tests.sessions import tiny
from tests.wall_rig import soon
from tools.engines.asked import Ask
from tools.engines.vllm_offline import OfflineVllm
from tools.engines.vllm_settings import Settings
from tools.store import Store

WORKER = Path(__file__).with_name("a_stand_in_engine.py")
LIMITS = Limits(wall_seconds=20)


def tensors(shapes):
    """The head of a safetensors file; nobody reads what would follow."""
    told = {
        name: {"dtype": "F32", "shape": s, "data_offsets": [0, 0]} for name, s in shapes.items()
    }
    head = json.dumps(told).encode()
    return struct.pack("<Q", len(head)) + head


class Rig:
    engine_type, worker = OfflineVllm, WORKER

    def __init__(self, folder):
        self.store = Store(folder / "objects")
        self.noted = []
        (folder / "model").mkdir()
        (folder / "model" / "config.json").write_text("{}")
        (folder / "model" / "model.safetensors").write_bytes(tensors({"layer.weight": [4, 6]}))
        self.base = self.store.put_folder(folder / "model")
        self.place = folder / "engine"
        settings = Settings(
            python=Path(sys.executable),
            threads=1,
            rank=8,
            max_num_seqs=64,
            max_model_len=0,
            memory_gb=1,
            gpu_share=0.5,
            dtype="float32",
            start_seconds=30,
            worker=self.worker,
        )
        self.engine = self.engine_type(settings, self.store, self.place, self.noted.append)

    def ask(self, **changed):
        usual = {
            "base": self.base,
            "adapter": None,
            "prompts": [[1, i] for i in range(40)],
            "samples": 3,
            "temperature": 1.0,
            "max_new_tokens": 8,
            "seed": 0,
            "eos": 2,
            "vocabulary": 20,
        }
        return Ask(**(usual | changed))

    def plant(self, fault):
        self.place.mkdir(exist_ok=True)
        (self.place / "fault").write_text(fault)

    def drawn(self, limits=LIMITS, on_progress=lambda *told: None, **changed):
        drawn = self.engine.draw(self.ask(**changed), limits=limits, on_progress=on_progress)
        return drawn.path.read_bytes()

    def inside(self):
        top = psutil.Process(self.engine._cell._process.pid)
        return [top, *top.children(recursive=True)]


@pytest.fixture
def rig(tmp_path):
    rig = Rig(tmp_path)
    yield rig
    rig.engine.close()


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    rig = Rig(tmp_path_factory.mktemp("usual"))
    yield rig.drawn()
    rig.engine.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    rig = Rig(tmp_path_factory.mktemp("shared"))
    yield rig
    rig.engine.close()


def gone(family):
    return soon(lambda: all(not p.is_running() or p.status() == "zombie" for p in family))


class TestAnEngineThatFailsInMidSampling:
    @pytest.mark.parametrize("how", ["die", "hang"])
    def test_is_started_again_and_draws_the_same(self, rig, usual, how):
        rig.plant(how)
        assert rig.drawn(Limits(wall_seconds=1.5)) == usual
        assert len(rig.noted) == 1 and "started again" in rig.noted[0]

    @pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGSTOP])
    def test_by_a_signal_from_outside_is_started_again_too(self, rig, usual, by):
        struck = []

        def strike(done, of, what):
            if done == 10 and not struck:
                struck.extend(rig.inside())
                os.kill(struck[-1].pid, by)

        assert rig.drawn(Limits(wall_seconds=2), strike) == usual
        assert struck and gone(struck)

    def test_twice_in_a_row_is_an_error_that_says_how_to_go_on(self, rig):
        rig.plant("always die")
        with pytest.raises(EngineFailed, match="twice in a row") as caught:
            rig.drawn()
        assert "plimsoll resume" in caught.value.try_this
        (rig.place / "fault").unlink()
        assert rig.drawn()

    def test_for_want_of_memory_goes_on_with_half_of_the_batch(self, rig, usual):
        rig.plant("memory")
        assert rig.drawn() == usual
        assert rig.noted == ["out of memory: 32 answers in flight from here on"]

    def test_for_want_of_memory_for_even_one_is_refused(self, rig):
        rig.plant("always memory")
        with pytest.raises(UsageError, match="too little memory for a single answer"):
            rig.drawn()
        assert len(rig.noted) == 6


class TestWhatAnEngineDrew:
    @pytest.mark.parametrize("fault", [*SPOILT, "half"])
    def test_is_not_used_where_it_is_nonsense(self, shared, fault):
        shared.plant(fault)
        with pytest.raises(JobFailed, match="cannot be used") as caught:
            shared.drawn()
        assert caught.value.saw

    def test_is_a_function_of_what_was_asked(self, rig, usual):
        assert rig.drawn() == usual == rig.drawn()
        assert rig.drawn(seed=1) != usual

    def test_is_refused_by_the_name_of_the_refusal(self, rig):
        rig.plant("refuse")
        with pytest.raises(UsageError, match="It does not fit"):
            rig.drawn()
        assert rig.noted == []


class TestTheSettings:
    @pytest.mark.parametrize("name", ["vllm-offline", "vllm-server"])
    def test_of_the_examples_are_understood(self, name):
        found = config.read(ROOT / "examples" / f"{name}.toml")
        assert found.sampling.engine != "transformers"

    def test_of_no_engine_leave_sampling_to_the_jobs(self, tmp_path):
        store = Store(tmp_path / "objects")
        assert engine_of(Config(), store, tmp_path / "engine", print) is None

    def test_name_the_python_of_the_engine_or_the_environment_does(self, monkeypatch):
        monkeypatch.delenv(PYTHON, raising=False)
        assert python_of("") == ROOT / ".venv-vllm" / "bin" / "python"
        monkeypatch.setenv(PYTHON, "/elsewhere/python")
        assert python_of("") == Path("/elsewhere/python")
        assert python_of("/here/python") == Path("/here/python")

    def test_that_name_no_environment_are_refused_with_the_command_that_makes_one(self, tmp_path):
        sampling = {"engine": "vllm", "python": str(tmp_path / "bin" / "python")}
        rig = Rig(tmp_path)
        engine = engine_of(tiny(sampling=sampling), rig.store, tmp_path / "other", print)
        with pytest.raises(UsageError, match="environment of vLLM is not there") as caught:
            engine.draw(rig.ask(), limits=LIMITS, on_progress=print)
        assert caught.value.try_this == "./run setup-vllm"


class TestAClosedEngine:
    def test_leaves_no_process_and_can_be_asked_again(self, rig, usual):
        rig.drawn()
        family = rig.inside()
        rig.engine.close()
        assert gone(family)
        assert rig.drawn() == usual

    def test_ends_with_the_process_that_started_it(self, tmp_path):
        code = (
            "import sys, os, time; from pathlib import Path\n"
            "from tests.test_the_engines import Rig\n"
            f"rig = Rig(Path({str(tmp_path)!r})); rig.drawn()\n"
            "print(*(p.pid for p in rig.inside()), flush=True); time.sleep(60)\n"
        )
        command = [sys.executable, "-c", code]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=WORKER.parents[1]) as parent:
            family = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
            parent.kill()
        assert len(family) > 1 and gone(family)
