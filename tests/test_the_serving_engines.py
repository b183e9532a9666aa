"""Engines that ask a server: one of our own, killed or hung, and endpoints that fail or know less.

The servers here draw by hashing; processes, the wall, HTTP and the failures are real.
"""

import json
import signal
from pathlib import Path

import psutil
import pytest

from agent import config
from agent.drawn import engine_of
from logs.errors import EngineFailed, JobFailed, PlimsollError, UsageError
from sandbox.limits import Limits
from tests.a_chat_server import drips, drops, hangs, status
from tests.a_completion_server import FURTHER, a_server, completes, without
from tests.house import ROOT
from tests.sessions import tiny
from tests.test_the_engines import LIMITS, Rig, gone, tensors
from tools.engines.endpoint import Endpoint, Where
from tools.engines.vllm_server import ServedVllm

WORKER = Path(__file__).with_name("a_stand_in_server.py")
SOON = Limits(wall_seconds=2)
LORA = "base_model.model.layer.lora_"
ADAPTER = {
    "adapter_config.json": json.dumps({"r": 8}).encode(),
    "adapter_model.safetensors": tensors({f"{LORA}A.weight": [8, 6], f"{LORA}B.weight": [4, 8]}),
}
KEY = "sk-not-to-be-told"


class Served(Rig):
    engine_type, worker = ServedVllm, WORKER

    def server(self):
        return next(p for p in self.inside() if "a_completion_server" in " ".join(p.cmdline()))


class Asking(Rig):
    """An endpoint in place of an engine that is started."""

    def at(self, url, **changed):
        where = Where(url=url, model="base", key=KEY, **changed)
        self.engine = Endpoint(where, self.store, self.place, self.noted.append)
        return self

    def rows(self, limits=LIMITS, **changed):
        return [json.loads(line) for line in self.drawn(limits, **changed).splitlines()]


def stored(rig, files):
    folder = rig.place.parent / "trained"
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_bytes(text)
    return rig.store.put_folder(folder)


@pytest.fixture
def served(tmp_path):
    rig = Served(tmp_path)
    yield rig
    rig.engine.close()


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    rig = Served(tmp_path_factory.mktemp("usual"))
    yield rig.drawn()
    rig.engine.close()


@pytest.fixture
def asking(tmp_path):
    return Asking(tmp_path)


class TestAServerOfOurs:
    @pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGSTOP])
    def test_struck_in_mid_sampling_is_started_again_and_draws_the_same(self, served, usual, by):
        struck = []

        def strike(done, of, what):
            if done >= 5 and not struck:
                struck.extend(served.inside())
                served.server().send_signal(by)

        assert served.drawn(Limits(wall_seconds=3), strike) == usual
        assert struck and gone(struck)
        assert len(served.noted) == 1 and "started again" in served.noted[0]

    def test_ends_by_itself_when_the_engine_is_closed(self, served):
        served.drawn()
        family = served.inside()
        served.engine.close()
        assert gone(family)
        assert (served.place / "ended").read_text() == "gracefully"

    def test_that_hears_nothing_is_ended_all_the_same(self, served, monkeypatch):
        monkeypatch.setattr("tools.engines.vllm_server.STOP_SECONDS", 1.0)
        served.drawn()
        family = served.inside()
        served.server().suspend()
        served.engine.close()
        assert gone(family) and not (served.place / "ended").exists()

    def test_counts_what_the_server_used_though_it_lives_on(self, served):
        result = served.engine.draw(served.ask(), limits=LIMITS, on_progress=print).result
        peak = psutil.Process(served.server().pid).memory_info().rss
        assert result.cpu_seconds > 0.1 and result.peak_rss_bytes > peak

    def test_that_never_becomes_healthy_tells_its_last_words(self, served):
        served.plant("unhealthy")
        with pytest.raises(EngineFailed, match="twice in a row") as caught:
            served.drawn()
        assert "no such model" in caught.value.saw

    def test_draws_from_an_adapter_by_the_name_of_its_content(self, served, usual):
        adapter = stored(served, ADAPTER)
        assert served.drawn(adapter=adapter) == served.drawn(adapter=adapter) != usual

    def test_that_does_not_take_an_adapter_says_which_and_why(self, served):
        served.plant("adapter")
        with pytest.raises(UsageError, match="does not fit the model") as caught:
            served.drawn(adapter=stored(served, ADAPTER))
        assert "HTTP 400" in caught.value.saw


class TestAnEndpoint:
    def test_gives_token_ids_and_their_log_probabilities_where_it_can(self, asking):
        with a_server(completes()) as server:
            rows = asking.at(server.url).rows()
        ids, logps, finished = rows[0][0]
        assert finished and len(logps) == len(ids) + 1
        assert len(rows) == 40 and {len(row) for row in rows} == {3}

    def test_is_asked_by_token_ids_with_a_seed_for_each_prompt_and_its_key(self, asking):
        with a_server(completes()) as server:
            first = asking.at(server.url).drawn()
            assert asking.drawn() == first != asking.drawn(seed=1)
        asked = server.questions[:40]
        assert sorted(a.body["prompt"] for a in asked) == asking.ask().prompts
        assert len({a.body["seed"] for a in asked}) == 40
        assert {a.headers["Authorization"] for a in asked} == {f"Bearer {KEY}"}
        assert KEY not in repr(asking.engine.where)

    @pytest.mark.parametrize(
        ("hidden", "first"), [(("token_ids",), list), (("token_ids", "logprobs"), str)]
    )
    def test_that_tells_no_token_ids_gives_their_names_or_a_text(self, asking, hidden, first):
        with a_server(completes(without(*hidden))) as server:
            said, logps, _ = asking.at(server.url).rows()[0][0]
        assert type(said) is first and (logps is None) == (first is str)

    @pytest.mark.parametrize("lacks", [FURTHER, (*FURTHER, "logprobs"), ("logprobs", "seed")])
    def test_that_knows_less_is_asked_for_less(self, asking, lacks):
        with a_server(completes(lacks=lacks)) as server:
            assert len(asking.at(server.url, concurrency=1).rows()) == 40
        assert len(server.questions) <= 40 + 3

    def test_that_is_busy_is_asked_again_when_it_wants_to_be(self, asking):
        with a_server(status(429, Retry_After="1"), status(503), completes()) as server:
            rows = asking.at(server.url, concurrency=1).rows(prompts=[[1, 2]])
        assert len(rows) == 1
        first, second, _ = server.questions
        assert second.at - first.at >= 1

    @pytest.mark.parametrize(
        ("behaves", "says"),
        [
            (status(500), "HTTP 500"),
            (status(429), "HTTP 429"),
            (hangs, "no answer within"),
            (drips, "no answer within"),
            (drops, "Remote"),
            (lambda handler, _: half(handler), "bytes of"),
        ],
        ids=["failing", "busy", "hung", "dripping", "dropping", "half"],
    )
    def test_without_an_answer_in_time_fails_and_says_how_to_go_on(self, asking, behaves, says):
        seconds = 0.5 if says == "no answer within" else 30.0
        with a_server(behaves) as server, pytest.raises(EngineFailed, match="in time") as caught:
            asking.at(server.url, timeout_seconds=seconds).rows(SOON, prompts=[[1, 2]])
        assert says in caught.value.saw and "plimsoll resume" in caught.value.try_this

    def test_that_is_down_fails_and_says_where(self, asking):
        with a_server(completes()) as server:
            url = server.url
        with pytest.raises(EngineFailed, match="in time") as caught:
            asking.at(url).rows(SOON)
        assert url in caught.value.saw

    @pytest.mark.parametrize(
        ("code", "match"), [(404, "does not know the model"), (401, "wants a key")]
    )
    def test_that_refuses_is_told_by_what_it_refused(self, asking, code, match):
        with a_server(status(code)) as server, pytest.raises(UsageError, match=match) as caught:
            asking.at(server.url).rows()
        assert (code == 404) == ("test-model" in caught.value.saw)
        assert KEY not in str(caught.value)

    def test_that_takes_no_token_ids_is_refused(self, asking):
        with a_server(status(400)) as server, pytest.raises(UsageError, match="cannot do what"):
            asking.at(server.url).rows()

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda choice: None,
            lambda choice: choice | {"logprobs": {"token_logprobs": [float("nan")]}},
            lambda choice: choice | {"logprobs": {"token_logprobs": [0.0]}, "token_ids": [5, 5, 2]},
            lambda choice: choice | {"token_ids": [99_999, 2]},
            lambda choice: choice | {"index": "first"},
            without("finish_reason"),
        ],
        ids=["siblings", "nan", "numbers", "token", "index", "end"],
    )
    def test_that_answers_nonsense_is_not_used(self, asking, spoil):
        with a_server(completes(spoil)) as server, pytest.raises(JobFailed) as caught:
            asking.at(server.url).rows()
        assert "none of it was" in caught.value.what

    def test_that_loads_adapters_is_asked_by_the_name_of_the_content(self, asking):
        adapter = stored(asking, ADAPTER)
        with a_server(completes()) as server:
            asking.at(server.url).rows(adapter=adapter)
        load, *asked = server.questions
        assert load.body["lora_path"] == str(asking.store.checkout(adapter))
        assert {a.body["model"] for a in asked} == {adapter}

    @pytest.mark.parametrize("files", [ADAPTER, {"config.json": b"{}"}], ids=["adapter", "model"])
    def test_that_can_be_given_no_weights_says_how_to_go_on(self, asking, files):
        trained = stored(asking, files)
        with a_server(completes(lora=404)) as server, pytest.raises(UsageError) as caught:
            asking.at(server.url).rows(adapter=trained)
        assert "cannot draw from what was trained" in caught.value.what
        assert "vllm-server" in caught.value.try_this


def half(handler):
    """A response that ends before it should."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"choices": [')
    handler.close_connection = True


class TestTheSettings:
    def test_of_a_server_of_ours_are_those_of_the_example(self, tmp_path):
        found = config.read(ROOT / "examples" / "vllm-server.toml")
        engine = engine_of(found, Rig(tmp_path).store, tmp_path / "other", print)
        assert type(engine) is ServedVllm

    def test_of_an_endpoint_name_the_variable_of_its_key(self, tmp_path, monkeypatch):
        monkeypatch.delenv("SAMPLER_KEY", raising=False)
        sampling = {
            "engine": "openai",
            "url": "http://127.0.0.1:1/v1",
            "model": "base",
            "api_key_env": "SAMPLER_KEY",
        }
        store = Rig(tmp_path).store
        with pytest.raises(UsageError, match="key for the endpoint of"):
            engine_of(tiny(sampling=sampling), store, tmp_path / "other", print)
        monkeypatch.setenv("SAMPLER_KEY", KEY)
        engine = engine_of(tiny(sampling=sampling), store, tmp_path / "other", print)
        assert engine.where.key == KEY

    @pytest.mark.parametrize("missing", ["url", "model"])
    def test_of_an_endpoint_that_is_nowhere_are_refused(self, missing):
        sampling = {"engine": "openai", "url": "http://127.0.0.1:1/v1", "model": "base"}
        with pytest.raises((PlimsollError, ValueError), match="needs a url and a model"):
            tiny(sampling={k: v for k, v in sampling.items() if k != missing})
