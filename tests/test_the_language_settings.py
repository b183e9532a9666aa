"""Settings of the decider: what is missing is said at once, by `run` and by the doctor; no key."""

import pytest

from agent import config as configuration
from agent.config import Config
from agent.deciding.ready import require_ready
from agent.workspace import CONFIG, Workspace
from invariants.proof import PolicyReport
from logs.errors import UsageError
from tests.a_chat_server import MODEL, a_server, chooses, hangs, status
from tests.a_command import plimsoll

KEY = "s3cret-key-of-ours"


@pytest.fixture
def quick(monkeypatch):
    """Without the proofs, which take seconds and have tests of their own."""
    report = PolicyReport(policy="0" * 64, founding=False, tiers=(), rules=(), goals=())
    monkeypatch.setattr("invariants.proof.check_policy", lambda *_: report)


def workspace(folder, decider="llm", **settings):
    config = Config.model_validate({"session": {"decider": decider}, "decider": settings})
    return Workspace.create(folder / "own", config)


def refused(folder, text):
    (folder / CONFIG).write_text(text)
    with pytest.raises(UsageError) as found:
        configuration.read(folder / CONFIG)
    return found.value


class TestASetting:
    @pytest.mark.parametrize(
        "line",
        [
            "endpoint = 'ftp://127.0.0.1/v1'",
            "endpoint = '127.0.0.1:8000'",
            "endpoint = 'https://user:secret@example.org/v1'",
            "endpoint = 'https://example.org/v1?key=secret'",
            "endpoint = 'file:///etc/passwd'",
            "model = 'a model\\nwith lines'",
            "api_key_env = 'sk-123456'",
            "timeout_seconds = 0",
            "retries = -1",
            "max_tokens = 0",
            "temperature = 3.0",
        ],
    )
    def test_that_cannot_be_is_refused_by_its_key(self, tmp_path, line):
        error = refused(tmp_path, f"[decider]\n{line}\n")
        assert error.saw.startswith(f"decider.{line.split()[0]}")

    def test_that_is_unknown_is_refused_with_the_nearest_one(self, tmp_path):
        error = refused(tmp_path, "[decider]\napi_key = 'sk-123456'\n")
        assert "api_key_env" in error.try_this

    @pytest.mark.parametrize("decider", ["rules", "fixed", "random", "llm", "bandit"])
    def test_of_a_decider_is_one_of_those_there_are(self, tmp_path, decider):
        assert workspace(tmp_path, decider).config.session.decider == decider


class TestABeginning:
    @pytest.mark.parametrize(
        ("settings", "saw"),
        [
            ({}, "no endpoint and no model"),
            ({"endpoint": "http://127.0.0.1:9/v1"}, "no model"),
            ({"model": MODEL}, "no endpoint"),
        ],
    )
    def test_without_somebody_to_ask_is_refused(self, tmp_path, settings, saw):
        with pytest.raises(UsageError) as found:
            require_ready(workspace(tmp_path, **settings))
        assert saw in found.value.saw

    @pytest.mark.parametrize("held", [None, "", "  ", "two\nlines", "schlüssel"])
    def test_without_a_key_that_can_be_sent_is_refused(self, tmp_path, monkeypatch, held):
        monkeypatch.delenv("OUR_KEY", raising=False)
        if held is not None:
            monkeypatch.setenv("OUR_KEY", held)
        settings = {"endpoint": "http://127.0.0.1:9/v1", "model": MODEL, "api_key_env": "OUR_KEY"}
        with pytest.raises(UsageError) as found:
            require_ready(workspace(tmp_path, **settings))
        assert "OUR_KEY" in found.value.saw
        assert not (held or "").strip() or held not in str(found.value)

    def test_without_its_guidance_is_refused(self, tmp_path):
        settings = {"endpoint": "http://127.0.0.1:9/v1", "model": MODEL, "guidance": "wishes.txt"}
        with pytest.raises(UsageError, match="guidance"):
            require_ready(workspace(tmp_path, **settings))

    def test_by_the_decision_table_needs_none_of_it(self, tmp_path):
        require_ready(workspace(tmp_path, "rules", api_key_env="NOT_SET_AT_ALL"))

    def test_is_refused_by_command_before_anything_is_founded(self, tmp_path):
        own = workspace(tmp_path)
        for words in (("run",), ("run", "--dry-run")):
            said = plimsoll(*words, "--workspace", str(own.root), "--json")
            assert said.code == 2 and "endpoint" in said.error["saw"]
        assert not (own.root / "plimsoll.sqlite").exists()


class TestTheDoctor:
    @pytest.fixture(autouse=True)
    def _quick(self, quick):
        """Every test here."""

    def examined(self, folder, **settings):
        own = workspace(folder, **settings)
        said = plimsoll("doctor", "--workspace", str(own.root), "--json")
        assert KEY not in said.out + said.err
        return next(c for c in said.data["checks"] if c["name"] == "decider")

    def test_finds_the_model_and_shows_no_key(self, tmp_path, monkeypatch):
        monkeypatch.setenv("OUR_KEY", KEY)
        with a_server(chooses("train")) as server:
            found = self.examined(tmp_path, endpoint=server.url, model=MODEL, api_key_env="OUR_KEY")
            assert server.asked[0].headers["Authorization"] == f"Bearer {KEY}"
        assert found["status"] == "ok" and "OUR_KEY" in found["says"]
        assert server.questions == []

    def test_misses_a_model_that_is_not_served(self, tmp_path):
        with a_server(chooses("train")) as server:
            found = self.examined(tmp_path, endpoint=server.url, model="another")
        assert found["status"] == "warn" and "another" in found["says"] and found["fix"]

    def test_says_of_a_server_without_a_list_that_it_cannot_know(self, tmp_path):
        with a_server(chooses("train")) as server:
            server.lists = None
            found = self.examined(tmp_path, endpoint=server.url, model=MODEL)
        assert found["status"] == "warn" and "not known" in found["says"]

    def test_finds_an_endpoint_that_is_not_there(self, tmp_path):
        with a_server(chooses("train")) as server:
            url = server.url
        found = self.examined(tmp_path, endpoint=url, model=MODEL)
        assert found["status"] == "FAIL" and "start the server" in found["fix"]

    @pytest.mark.parametrize("key", [KEY, None])
    def test_finds_a_server_that_wants_another_key(self, tmp_path, monkeypatch, key):
        from tests import a_chat_server

        monkeypatch.setattr(a_chat_server.Handler, "do_GET", lambda h: h.answer(401, b"{}"))
        if key:
            monkeypatch.setenv("OUR_KEY", key)
        with a_server(status(401)) as server:
            named = {"api_key_env": "OUR_KEY"} if key else {}
            found = self.examined(tmp_path, endpoint=server.url, model=MODEL, **named)
        assert found["status"] == "FAIL" and "http-401" in found["says"] and found["fix"]

    def test_finds_a_server_that_does_not_answer(self, tmp_path, monkeypatch):
        from tests import a_chat_server

        monkeypatch.setattr("agent.endpoints.SECONDS", 0.3)
        monkeypatch.setattr(a_chat_server.Handler, "do_GET", lambda h: hangs(h, None))
        with a_server(hangs) as server:
            found = self.examined(tmp_path, endpoint=server.url, model=MODEL)
        assert found["status"] == "FAIL" and "timed-out" in found["says"]

    @pytest.mark.parametrize("settings", [{}, {"endpoint": "http://127.0.0.1:9/v1"}])
    def test_finds_settings_that_are_missing(self, tmp_path, settings):
        assert self.examined(tmp_path, **settings)["status"] == "FAIL"

    def test_asks_nobody_where_the_table_decides(self, tmp_path):
        assert self.examined(tmp_path, decider="random")["status"] == "ok"
