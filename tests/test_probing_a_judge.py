"""`plimsoll judge probe`, and the grades that log-probabilities tell."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.remote_judges import Remotes, founded
from agent.workspace import Workspace
from logs.errors import UsageError
from tests.a_chat_server import MODEL, TOKENS, a_server, hangs, knows_no_schema, status
from tests.a_command import plimsoll
from tests.a_judge_server import by_length, judges, rates
from tests.sessions import create
from tests.test_the_remote_judges import GROUPS, PROMPTS, errors, judged, scores
from tools.remote.scoring import expected
from tools.remote.templates import template_of
from tools.store import Store


def workspace(tmp_path, url, **settings) -> Workspace:
    critic = {"id": "critic", "url": url, "model": MODEL, "profile": "vllm"} | settings
    return create(tmp_path / "own", judges={"remote": [critic]})


def probed(made, *options):
    return plimsoll("judge", "probe", "critic", "--workspace", str(made.root), *options)


def with_logprobs(shares, before=()):
    """A completion in which the grade's token has these shares."""
    top = [{"token": t, "logprob": math.log(p)} for t, p in shares.items()]
    tokens = [{"token": t, "logprob": -0.1, "top_logprobs": []} for t in ('{"rating":', *before)]
    said = max(shares, key=shares.get)
    tokens.append({"token": said, "logprob": math.log(shares[said]), "top_logprobs": top})
    return {"content": [*tokens, {"token": "}", "logprob": 0.0, "top_logprobs": []}]}


def grades(shares):
    """A server that says the likeliest grade, and how likely each is."""
    told = with_logprobs(shares)
    said = max(shares, key=shares.get)
    message = {"role": "assistant", "content": f'{{"rating": {said}}}'}
    choice = {"message": message, "finish_reason": "stop", "logprobs": told}
    body = json.dumps({"choices": [choice], "usage": TOKENS}).encode()
    return status(200, body)


class TestAProbe:
    def test_tells_what_a_judge_can_and_one_verdict(self, tmp_path):
        with a_server(rates(7)) as server:
            said = probed(workspace(tmp_path, server.url), "--json")
            assert len(server.questions) == 1
        told = said.data
        assert said.code == 0 and told["ok"] and told["answers"] and told["listed"]
        assert told["said"] == 7 and told["schema"] is True and told["counts_tokens"]
        assert 0 < told["seconds"] < 10

    def test_asks_about_a_pair_where_the_template_does(self, tmp_path):
        with a_server(judges(by_length)) as server:
            said = probed(workspace(tmp_path, server.url, template="pairwise-v1"))
        assert said.code == 0 and "verdict" in said.out

    def test_tells_a_server_that_knows_no_schema(self, tmp_path):
        with a_server(knows_no_schema(rates(7))) as server:
            assert probed(workspace(tmp_path, server.url), "--json").data["schema"] is False

    def test_of_a_model_that_says_nothing_of_sense_is_a_no(self, tmp_path):
        with a_server(rates("good")) as server:
            said = probed(workspace(tmp_path, server.url), "--json")
        assert said.code == 3 and said.data["failed"] == "not-the-form"

    def test_of_a_model_that_the_server_does_not_list_is_a_no(self, tmp_path):
        with a_server(rates(7)) as server:
            said = probed(workspace(tmp_path, server.url, model="another"), "--json")
        assert said.code == 3 and said.data["listed"] is False

    @pytest.mark.parametrize("hung", [True, False])
    def test_of_a_server_that_does_not_answer_is_a_failure(self, tmp_path, hung):
        with a_server(hangs) as server:
            url = server.url if hung else "http://127.0.0.1:9/v1"
            said = probed(workspace(tmp_path, url, timeout_seconds=0.3), "--json")
        assert said.code == 1 and not said.data["answers"]

    def test_of_a_judge_that_is_not_there_names_those_that_are(self, tmp_path):
        made = workspace(tmp_path, "http://127.0.0.1:9/v1")
        said = plimsoll("judge", "probe", "critc", "--workspace", str(made.root))
        assert said.code == 2 and "critic" in said.err


class TestTheDoctor:
    def test_has_a_row_for_each_judge_on_a_server(self, tmp_path):
        with a_server(rates(7)) as server:
            made = workspace(tmp_path, server.url)
            rows = plimsoll("doctor", "--json", "--workspace", str(made.root)).data["checks"]
            assert not server.questions
        assert {r["name"]: r["status"] for r in rows}["judge critic"] == "ok"


class TestAnExpectedGrade:
    TEMPLATE = template_of("pointwise-digit-v1", None)

    def test_is_the_mean_over_the_grades_tokens(self):
        found = expected(with_logprobs({"7": 0.6, " 7": 0.2, "9": 0.2}), self.TEMPLATE)
        assert found == pytest.approx(7.4)

    @pytest.mark.parametrize(
        "told",
        [
            None,
            {},
            {"content": "7"},
            with_logprobs({"7": 0.3, "x": 0.5}),
            with_logprobs({"7": 1.0}, before=("3",)),
            {"content": [{"token": "7", "logprob": -0.1, "top_logprobs": [{"token": "7"}]}]},
            {"content": [{"token": "7", "top_logprobs": [{"token": "7", "logprob": math.nan}]}]},
        ],
    )
    def test_that_cannot_be_read_without_a_guess_is_none(self, told):
        assert expected(told, self.TEMPLATE) is None

    @given(st.dictionaries(st.sampled_from("123456789"), st.floats(0.01, 1.0), min_size=1))
    def test_is_within_the_grades_that_were_possible(self, weights):
        whole = sum(weights.values())
        found = expected(with_logprobs({t: w / whole for t, w in weights.items()}), self.TEMPLATE)
        assert min(map(int, weights)) - 1e-9 <= found <= max(map(int, weights)) + 1e-9

    def test_is_the_score_of_a_judge_that_is_asked_for_it(self, tmp_path):
        with a_server(grades({"7": 0.5, "8": 0.5})) as server:
            found = judged(server, tmp_path, template="pointwise-digit-v1", scoring="expected")
            asked = server.questions[0].body
        assert asked["logprobs"] is True and asked["top_logprobs"] == 20
        assert scores(found) == [[round((7.5 - 5) / 1.5, 6)] * 4] * 3

    def test_that_a_server_does_not_tell_is_an_error_and_asked_again(self, tmp_path):
        with a_server(rates(7)) as server:
            more = {"template": "pointwise-digit-v1", "scoring": "expected"}
            found = judged(server, tmp_path, **more)
            assert errors(found) == {"no-logprobs"}
            assert judged(server, tmp_path, **more).known == 0

    @pytest.mark.parametrize("other", [{}, {"template": "pointwise-digit-v1", "profile": "ollama"}])
    def test_needs_one_digit_and_a_server_that_has_log_probabilities(self, tmp_path, other):
        made = workspace(tmp_path, "http://127.0.0.1:9/v1", scoring="expected", **other)
        with pytest.raises(UsageError) as caught:
            founded(made.config, made.root, made.store)
        assert "critic" in caught.value.saw


class TestAServerWithoutASystemRole:
    def test_is_told_all_in_the_message_of_the_user_with_the_data_last(self, tmp_path):
        def behave(handler, asked):
            (message,) = asked.body["messages"]
            shown = json.loads(message["content"].rsplit("\n\n", 1)[1])
            assert message["role"] == "user" and shown["question"] in PROMPTS
            rates(5)(handler, asked)

        with a_server(behave) as server:
            found = judged(server, tmp_path, system_role=False)
        assert not errors(found) and len(found.rows) == len(GROUPS)


class TestAJudgeThatWasChangedAfterTheFounding:
    def remotes(self, tmp_path, **settings):
        made = workspace(tmp_path, "http://127.0.0.1:9/v1", **settings)
        store = Store(made.root / "objects")
        return Remotes(store, made.config, lambda *_: None), made

    @pytest.mark.parametrize(
        "other", [{"template": "pairwise-v1"}, {"temperature": 1.0}, {"model": "another"}]
    )
    def test_is_refused_with_what_differs_and_how_to_go_on(self, tmp_path, other):
        before, made = self.remotes(tmp_path / "a")
        judges_ = founded(made.config, made.root, Store(made.root / "objects"))
        before.require_same(judges_)
        _, changed = self.remotes(tmp_path / "b", **other)
        now = Remotes(Store(made.root / "objects"), changed.config, lambda *_: None)
        with pytest.raises(UsageError) as caught:
            now.require_same(judges_)
        assert next(iter(other)) in caught.value.saw and "judge swap" in caught.value.try_this

    def test_may_move_and_be_asked_with_more_patience(self, tmp_path):
        _, made = self.remotes(tmp_path / "a")
        judges_ = founded(made.config, made.root, Store(made.root / "objects"))
        moved = workspace(tmp_path / "b", "http://127.0.0.1:10/v1", concurrency=3)
        Remotes(Store(made.root / "objects"), moved.config, lambda *_: None).require_same(judges_)
