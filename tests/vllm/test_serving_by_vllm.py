"""A vLLM server of our own draws what the model says."""

import json
import signal
from dataclasses import replace

import psutil
import pytest

from agent.founding import shipped
from logs.errors import EngineFailed, UsageError
from tests.vllm.rig import PROMPTS, Rig, drawn, inside
from tools.drawn_answers import taken
from tools.engines.vllm_server import ServedVllm
from tools.models import load_policy


@pytest.fixture(scope="module")
def rig(tmp_path_factory):
    rig = Rig(tmp_path_factory.mktemp("served"), ServedVllm)
    yield rig
    rig.engine.close()


@pytest.fixture(scope="module")
def adapter(rig):
    return rig.an_adapter(seed=1)


def said(lines):
    """Texts alone: the last digits of a server follow from what it batched together."""
    return [[(ids, end) for ids, _, end in json.loads(line)] for line in lines.splitlines()]


def checked(rig, adapter, policy_of, tmp_path):
    """What a job takes of a draw from one adapter, when it loaded another."""
    (tmp_path / "drawn").write_bytes(drawn(rig.engine, rig.ask(adapter)))
    model = load_policy(shipped("base"), rig.store.checkout(policy_of) if policy_of else None)
    nature = {"repeats": False, "tolerance": rig.engine.nature.tolerance}
    return taken(model, rig.codec, PROMPTS, tmp_path / "drawn", nature)


class TestAServer:
    def test_draws_from_the_base_and_from_an_adapter_with_the_right_numbers(
        self, rig, adapter, tmp_path
    ):
        assert checked(rig, None, None, tmp_path) != checked(rig, adapter, adapter, tmp_path)

    def test_that_draws_from_other_weights_is_found_out(self, rig, adapter, tmp_path):
        with pytest.raises(EngineFailed, match="other weights"):
            checked(rig, None, adapter, tmp_path)

    def test_refuses_what_is_longer_than_its_context(self, rig):
        with pytest.raises(UsageError, match="refused to draw"):
            drawn(rig.engine, rig.ask(max_new_tokens=5000))

    def test_killed_in_mid_sampling_is_started_again_and_draws_the_same(self, rig, adapter):
        first, struck = said(drawn(rig.engine, rig.ask(adapter))), []

        def strike(done, of, what):
            if not struck:
                struck.extend(inside(rig.engine))
                server = [p for p in struck if "api_server" in " ".join(p.cmdline())]
                server[-1].send_signal(signal.SIGKILL)

        assert said(drawn(rig.engine, rig.ask(adapter), on_progress=strike)) == first
        assert len(rig.noted) == 1
        assert [p for p in struck if p.is_running()] == []

    def test_that_is_closed_leaves_no_process(self, rig):
        drawn(rig.engine, replace(rig.ask(), prompts=rig.ask().prompts[:2]))
        family = inside(rig.engine)
        assert sum("vllm" in " ".join(p.cmdline()) for p in family) >= 2
        rig.engine.close()
        assert not any(psutil.pid_exists(p.pid) and p.is_running() for p in family)
