"""Endpoints of other kinds: another end, other defaults, no address, or no answer at all."""

import subprocess
import sys

import pytest

from agent.state import ends_the_session
from logs.errors import PlimsollError, UsageError
from sandbox import probe
from tests.a_chat_server import hangs, status
from tests.a_completion_server import a_server, completes
from tests.house import ROOT
from tests.sessions import tiny
from tests.test_the_engines import LIMITS
from tests.test_the_serving_engines import Asking


@pytest.fixture
def asking(tmp_path):
    return Asking(tmp_path)


class TestAnEndpoint:
    def test_whose_model_ends_by_another_token_is_cut_at_ours(self, asking, tmp_path):
        def on(choice):
            ids, told = choice["token_ids"], choice["logprobs"]["token_logprobs"]
            return choice | {"token_ids": [*ids, 9], "logprobs": {"token_logprobs": [*told, -1.0]}}

        with a_server(completes()) as plain:
            wanted = asking.at(plain.url).rows()
        (tmp_path / "another").mkdir()
        with a_server(completes(on)) as longer:
            assert Asking(tmp_path / "another").at(longer.url).rows() == wanted

    def test_that_does_not_tell_the_end_may_use_every_token_before_it(self, asking):
        def full(choice):
            return choice | {"token_ids": [5] * 8, "logprobs": None}

        with a_server(completes(full)) as server:
            assert asking.at(server.url).rows()[0][0] == [[5] * 8, None, True]

    def test_is_told_to_draw_from_the_model_as_it_is(self, asking):
        with a_server(completes()) as server:
            asking.at(server.url).rows()
        asked = server.questions[0].body
        assert asked["repetition_penalty"] == asked["top_p"] == 1
        assert asked["presence_penalty"] == asked["frequency_penalty"] == asked["top_k"] == 0
        assert asked["stop_token_ids"] == [2]

    def test_leaves_the_evidence_at_the_wall_that_its_readers_ran_behind(self, asking):
        with a_server(completes()) as server:
            engine = asking.at(server.url).engine
            used = engine.draw(asking.ask(), limits=LIMITS, on_progress=print).result
        assert used.level == probe.level().number >= 1

    def test_that_hangs_does_not_hold_up_a_process_that_was_interrupted(self, tmp_path):
        with a_server(hangs) as server:
            code = (
                "import os, signal, threading; from pathlib import Path\n"
                "from tests.test_the_serving_engines import Asking\n"
                "from sandbox.limits import Limits\n"
                f"rig = Asking(Path({str(tmp_path)!r})).at({server.url!r}, timeout_seconds=600)\n"
                "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
                "threading.Timer(1, os.kill, [os.getpid(), signal.SIGINT]).start()\n"
                "rig.rows(Limits(wall_seconds=600))\n"
            )
            command = [sys.executable, "-c", code]
            ended = subprocess.run(
                command, cwd=ROOT, timeout=300, capture_output=True, text=True, check=False
            )
        assert "KeyboardInterrupt" in ended.stderr
        assert not list((tmp_path / "engine").iterdir())

    @pytest.mark.parametrize("code", [401, 404, 400])
    def test_that_refuses_what_every_turn_asks_ends_the_session(self, asking, code):
        with a_server(status(code)) as server, pytest.raises(PlimsollError) as caught:
            asking.at(server.url).rows()
        assert ends_the_session(caught.value) and caught.value.exit_code == UsageError.exit_code

    @pytest.mark.parametrize("url", ["http://host:99999/v1", "http://host:no/v1", "http://[::1/v1"])
    def test_at_no_address_is_refused_by_the_settings(self, url):
        with pytest.raises((PlimsollError, ValueError), match=r"Port|port|IPv6"):
            tiny(sampling={"engine": "openai", "url": url, "model": "base"})
