"""A session whose answers come from an endpoint that runs already, and loads its adapters."""

import json
import threading
from functools import cache
from pathlib import Path

import pytest

from agent import session
from agent.founding import shipped
from agent.workspace import Workspace
from logs.errors import UsageError
from logs.vocabulary import EntryKind
from tests import sessions
from tests.a_chat_server import a_server
from tests.sessions import Told
from tools.models import load_policy, load_tokenizer
from tools.sampling import SamplingParameters, sample

pytestmark = pytest.mark.slow
KEY = "sk-of-the-sampler"
TWO_TURNS = {
    "session": {"iterations": 2, "decider": "fixed"},
    "world": {"gold_prompts": 50, "vault_prompts": 100, "fresh_gold": 0},
    "judges": {"comparisons": 100},
    "drift": {"prompts": 12, "samples": 2},
    "recipe": {"prompts": 24, "samples": 4, "epochs": 1, "replay": 32},
}


class Model:
    """The base of the session and whatever adapter it is given, behind OpenAI's completions."""

    def __init__(self):
        self.codec, self.folders, self.down = load_tokenizer(shipped("base")), {"base": None}, ""
        self.one_by_one, self.asked = threading.Lock(), 0
        self.policy = cache(lambda folder: load_policy(shipped("base"), folder))
        self.drawn = {}

    def __call__(self, handler, asked):
        if asked.headers.get("Authorization") != f"Bearer {KEY}":
            return handler.answer(401, b"{}")
        with self.one_by_one:
            body = asked.body
            if asked.path.endswith("/load_lora_adapter"):
                self.folders[body["lora_name"]] = Path(body["lora_path"])
                return handler.answer(200, b"{}")
            if body["model"] not in self.folders or body["model"].startswith(self.down or "no "):
                return handler.answer(404, b'{"error": {"message": "no such model"}}')
            self.asked += 1
            return handler.answer(200, json.dumps({"choices": self.choices(body)}).encode())

    def choices(self, body):
        """Drawn once: a session that begins alike asks alike."""
        heat, most = body["temperature"], body["max_tokens"]
        key = (body["model"], tuple(body["prompt"]), body["n"], heat, most, body["seed"])
        if key not in self.drawn:
            self.drawn[key] = self._drawn(*key)
        return self.drawn[key]

    def _drawn(self, name, prompt, n, heat, most, seed):
        parameters = SamplingParameters(samples=n, temperature=heat, max_new_tokens=most, seed=seed)
        model, eos, pad = self.policy(self.folders[name]), self.codec.eos, self.codec.pad
        (row,) = sample(model, [list(prompt)], eos=eos, pad=pad, parameters=parameters)
        return [
            {
                "index": place,
                "text": self.codec.text(said.ids),
                "finish_reason": "stop" if said.finished else "length",
                "token_ids": [*said.ids, eos] if said.finished else said.ids,
                "logprobs": {"token_logprobs": said.logps},
            }
            for place, said in enumerate(row)
        ]


@pytest.fixture(scope="module")
def model():
    return Model()


@pytest.fixture(scope="module")
def create(model, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch, a_server(model) as server:
        patch.setenv("SAMPLER_KEY", KEY)
        sampling = {
            "engine": "openai",
            "url": server.url,
            "model": "base",
            "api_key_env": "SAMPLER_KEY",
        }

        def create(name) -> Workspace:
            root = tmp_path_factory.mktemp(name) / "workspace"
            return sessions.create(root, sampling=sampling, **TWO_TURNS)

        yield create


@pytest.fixture(scope="module")
def undisturbed(create):
    workspace = create("undisturbed")
    return workspace, session.run(workspace, Told())


class TestASessionByAnEndpoint:
    def test_trains_on_what_the_endpoint_drew_from_base_and_adapters(self, undisturbed, model):
        workspace, _ = undisturbed
        kinds = [e.kind for e in sessions.log(workspace)]
        assert kinds.count(EntryKind.OBSERVED) == 2 and model.asked
        assert len(model.folders) > 1

    def test_writes_the_key_nowhere(self, undisturbed):
        workspace, _ = undisturbed
        files = [path for path in workspace.root.rglob("*") if path.is_file()]
        assert files and [p for p in files if KEY.encode() in p.read_bytes()] == []

    def test_stopped_by_an_endpoint_without_its_model_resumes_to_the_same(
        self, create, undisturbed, model
    ):
        workspace = create("stopped")
        model.down = next(name for name in model.folders if name != "base")
        with pytest.raises(UsageError, match="does not know the model") as caught:
            session.run(workspace, Told())
        assert "plimsoll resume" in caught.value.try_this
        model.down = ""
        session.resume(workspace, Told())
        assert sessions.history(workspace) == sessions.history(undisturbed[0])
