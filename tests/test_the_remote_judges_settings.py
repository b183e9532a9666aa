"""Tables [[judges.remote]]: what is wrong is said by its key before a session begins; no key."""

import tomllib

import pytest

from agent import config as configuration
from agent.config import Config
from agent.deciding.ready import require_ready
from agent.remote_judges import endpoint_of, joined, parted, scored_blind, spec_of
from agent.workspace import CONFIG, Workspace
from logs.errors import UsageError
from logs.vocabulary import JudgeKind
from tests.a_view import judge
from tools.remote.templates import template_of

CRITIC = {"id": "critic", "url": "http://127.0.0.1:8000/v1", "model": "small-7b"}
SECRET = "s3cret-key-of-ours"


def settings(*remote, **judges):
    return Config.model_validate({"judges": {"remote": list(remote), **judges}})


def refused(folder, text):
    (folder / CONFIG).write_text(text)
    with pytest.raises(UsageError) as found:
        configuration.read(folder / CONFIG)
    return found.value


class TestATable:
    @pytest.mark.parametrize(
        "line",
        [
            "url = 'ftp://127.0.0.1/v1'",
            "url = 'https://user:secret@example.org/v1'",
            "url = 'https://example.org/v1?key=secret'",
            "model = 'a model'",
            "api_key_env = 'sk-123456'",
            "profile = 'triton'",
            "seat = 'floor'",
            "concurrency = 0",
            "temperature = 3.0",
            "disagreement = 'shrug'",
            "deadline_seconds = 0",
        ],
    )
    def test_that_cannot_be_is_refused_by_its_key(self, tmp_path, line):
        key = line.split()[0]
        known = "\n".join(f"{k} = {v!r}" for k, v in CRITIC.items() if k != key)
        error = refused(tmp_path, f"[[judges.remote]]\n{known}\n{line}\n")
        assert error.saw.startswith(f"judges.remote.0.{key}")

    def test_that_has_an_unknown_key_is_refused_with_the_nearest_one(self, tmp_path):
        known = "\n".join(f"{k} = {v!r}" for k, v in CRITIC.items())
        error = refused(tmp_path, f"[[judges.remote]]\n{known}\napi_key = 'sk-123456'\n")
        assert "api_key_env" in error.try_this and "sk-123456" not in str(error)

    @pytest.mark.parametrize(
        "remote, judges",
        [
            ([], {"founding": "remote"}),
            ([CRITIC, CRITIC], {}),
            ([CRITIC | {"id": "crowd"}], {}),
            ([CRITIC | {"id": "panel"}], {}),
        ],
    )
    def test_that_leaves_it_open_who_judges_is_refused(self, remote, judges):
        with pytest.raises(ValueError, match=r"remote|ids of their own"):
            settings(*remote, **judges)

    def test_is_written_as_it_is_read(self):
        found = settings(CRITIC, CRITIC | {"id": "other", "template": "pairwise-v1"})
        text = configuration.dump(found)
        assert text.count("[[judges.remote]]") == 2
        assert Config.model_validate(tomllib.loads(text)) == found
        assert "remote" not in configuration.dump(Config()).split("[judges]")[1].split("[audit]")[0]

    def test_says_who_sits_in_the_founding_panel(self):
        other = CRITIC | {"id": "other", "seat": "panel"}
        assert list(settings(CRITIC, other).judges.seats("crowd")) == ["crowd", "other"]
        assert list(settings(CRITIC, other, founding="remote").judges.seats("crowd")) == [
            "critic",
            "other",
        ]


class TestAKey:
    def test_that_is_not_there_is_said_before_anything_begins(self, tmp_path, monkeypatch):
        monkeypatch.delenv("JUDGE_KEY", raising=False)
        made = Workspace.create(tmp_path / "own", settings(CRITIC | {"api_key_env": "JUDGE_KEY"}))
        with pytest.raises(UsageError) as found:
            require_ready(made)
        assert "JUDGE_KEY" in found.value.saw and "critic" in found.value.what

    def test_is_taken_from_the_variable_and_shown_nowhere(self, monkeypatch):
        monkeypatch.setenv("JUDGE_KEY", SECRET)
        (named,) = settings(CRITIC | {"api_key_env": "JUDGE_KEY"}).judges.remote
        endpoint = endpoint_of(named)
        assert endpoint.key == SECRET and SECRET not in repr(endpoint)


class TestWhatAJudgeIs:
    def spec(self, folder, **changed):
        (named,) = settings(CRITIC | changed).judges.remote
        return spec_of(named, folder).dump()

    @pytest.mark.parametrize(
        "changed",
        [
            {"model": "large-70b"},
            {"profile": "vllm"},
            {"template": "pairwise-v1"},
            {"temperature": 0.5},
            {"max_tokens": 100},
            {"seed": 1},
            {"opponents": 3},
        ],
    )
    def test_is_another_with_another(self, tmp_path, changed):
        assert self.spec(tmp_path) != self.spec(tmp_path, **changed)

    @pytest.mark.parametrize(
        "changed",
        [{"url": "https://example.org/v1"}, {"api_key_env": "OTHER"}, {"concurrency": 1}],
    )
    def test_is_the_same_wherever_it_is_asked(self, tmp_path, changed):
        assert self.spec(tmp_path) == self.spec(tmp_path, **changed)

    def test_is_another_when_its_template_says_something_else(self, tmp_path):
        words = 'kind = "pointwise"\nsystem = "Grade by $principles{}"\n'
        (tmp_path / "own.toml").write_text(words.format(""))
        first = self.spec(tmp_path, template="own.toml")
        (tmp_path / "own.toml").write_text(words.format(" kindly"))
        assert self.spec(tmp_path, template="own.toml") != first


class TestATemplate:
    @pytest.mark.parametrize(
        "text",
        [
            'kind = "listwise"\nsystem = "$principles"',
            'kind = "pointwise"\nsystem = "Grade this."',
            'kind = "pointwise"\nsystem = "$principles for $10"',
            'kind = "pointwise"\nsystem = "$principles and $answer"',
            'kind = "pointwise"\nsystem = "$principles"\nlow = 5\nhigh = 5',
            'kind = "pointwise"\nsystem = "$principles"\ncode = "1"',
            "kind = ",
        ],
    )
    def test_that_is_none_is_refused(self, tmp_path, text):
        (tmp_path / "own.toml").write_text(text)
        with pytest.raises(UsageError, match="template cannot be read"):
            template_of("own.toml", tmp_path)

    def test_that_is_not_there_is_refused_with_those_that_are(self, tmp_path):
        with pytest.raises(UsageError) as found:
            template_of("pointwise-v9", tmp_path)
        assert "pointwise-v1" in found.value.wanted


class TestVerdictsOfTwoKindsOfJudges:
    def test_are_asked_for_on_either_side_of_the_wall(self):
        far = judge("far").model_copy(update={"kind": JudgeKind.REMOTE})
        assert parted([judge("near"), far]) == ([judge("near")], [far])

    def test_stand_in_one_row(self):
        rows = [{"prompt": "p", "scores": {"a": [1.0]}, "errors": {}}]
        more = [{"prompt": "p", "scores": {"b": [None]}, "errors": {"b": ["refused"]}}]
        (row,) = joined(rows, more)
        assert row["scores"] == {"a": [1.0], "b": [None]} and row["errors"] == {"b": ["refused"]}

    def test_of_a_control_are_given_blind_and_come_back_to_their_sides(self):
        sides = {"anchor": "good", "degraded": "bad", "null": "yes"}
        told = [
            {n: {"text": f"{t} {i}", "scores": {"a": 0.0}} for n, t in sides.items()}
            for i in range(8)
        ]
        shown = []

        def ask(groups, rows):
            shown.extend(tuple(a[0].split()[0] for a in g["answers"]) for g in groups)
            return [
                {**row, "scores": {"b": [float(len(a[0])) for a in group["answers"]]}}
                for group, row in zip(groups, rows, strict=True)
            ]

        found = scored_blind(told, [f"p{i}" for i in range(8)], seed=3, ask=ask)
        assert len(set(shown)) > 2
        for row in found:
            for side in row.values():
                assert side["scores"] == {"a": 0.0, "b": float(len(side["text"]))}
