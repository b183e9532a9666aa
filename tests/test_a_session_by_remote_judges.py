"""Whole sessions judged by a server, through the command line: a real server, a real protocol.

What it serves is a rule, and no model: the world's own verifier with a tenth of its verdicts turned
round (`tests/a_judge_server.py`). A model small enough for a test could judge nothing.
"""

import pytest

from agent.founding import base_folder
from logs.verify import verified, verify
from logs.vocabulary import EntryKind, JudgeKind, State
from tests.a_chat_server import MODEL, a_server, speaks
from tests.a_command import plimsoll
from tests.a_judge_server import by_the_truth, judges
from tests.sessions import NAME, create, log

pytestmark = pytest.mark.slow

NO_KEY = {"seat": "panel"}


def begun(folder, url, *, founding="remote", turns=2, **settings):
    critic = {"id": "critic", "url": url, "model": MODEL, "profile": "vllm", "family": "qwen"}
    return create(
        folder / "own",
        session={"name": NAME, "iterations": turns},
        judges={
            "founding": founding,
            "comparisons": 100,
            "remote": [critic | {"deadline_seconds": 20.0} | settings],
        },
    )


def bodies(workspace, step):
    """Bodies of one step, by turn."""
    return {e.iteration: e.body for e in log(workspace) if e.key.endswith(f"/{step}")}


def measured(body, instrument, of=""):
    return next(
        m for m in body["measurements"] if (m["instrument"], m.get("of", "")) == (instrument, of)
    )


class TestASession:
    def test_is_judged_by_a_server_and_trains_on_what_it_says(self, tmp_path):
        with a_server(judges(by_the_truth)) as server:
            made = begun(tmp_path, server.url)
            said = plimsoll("run", "--workspace", str(made.root), "--quiet")
            assert said.code in (0, 5), said.err
            assert len(server.questions) > 500
            asked = len(server.questions)
            words = ("judge", "audit", "critic", "--pairs", "10", "--json")
            audit = plimsoll(*words, "--workspace", str(made.root))
            assert audit.code == 0, audit.err
            assert len(server.questions) - asked > 300
            made_calls = audit.data["audit"]["made"]
            assert made_calls > 300 and audit.data["audit"]["deterministic"] is False
        (found,) = (e for e in log(made) if e.kind is EntryKind.FOUNDED)
        (critic,) = State.model_validate(found.body["state"]).panel.judges
        assert (critic.id, critic.kind, critic.family) == ("critic", JudgeKind.REMOTE, "qwen")
        assert {j["id"] for j in found.body["judges"]} == {"crowd", "clerk", "critic"}
        observed = bodies(made, "observe")
        assert set(observed) == {1, 2}
        for body in observed.values():
            assert measured(body, "judge_errors")["estimate"] == 0.0
            assert measured(body, "judge_accuracy", "critic")["estimate"] > 0.7
        told = [
            body["remote_judges"]["judges"]["critic"] for body in bodies(made, "record").values()
        ]
        assert sum(t["calls"] for t in told) == asked
        assert any(e.kind is EntryKind.COMMITTED and e.iteration for e in log(made))
        assert verified(verify(made.root))

    def test_asks_pairs_of_a_judge_on_the_bench_and_goes_by_the_panel(self, tmp_path):
        with a_server(judges(by_the_truth)) as server:
            made = begun(
                tmp_path,
                server.url,
                founding="oracle",
                turns=1,
                template="pairwise-v1",
                opponents=1,
            )
            said = plimsoll("run", "--workspace", str(made.root), "--quiet")
        assert said.code in (0, 5), said.err
        body = bodies(made, "observe")[1]
        assert measured(body, "judge_accuracy", "critic")["n"] > 0

    def test_of_which_the_server_is_away_counts_errors_and_trains_on_nothing(self, tmp_path):
        with a_server(judges(by_the_truth)) as server:
            gone = server.url
        made = begun(tmp_path, gone, turns=1, deadline_seconds=0.5)
        said = plimsoll("run", "--workspace", str(made.root), "--quiet")
        assert said.code in (0, 5), said.err
        body = bodies(made, "observe")[1]
        assert measured(body, "judge_errors")["estimate"] == 1.0
        assert bodies(made, "decide")[1]["intervention"] != "train"
        assert verified(verify(made.root))

    def test_by_the_base_model_itself_counts_its_noise_as_errors_and_decides_by_the_table(
        self, tmp_path
    ):
        """A real language model, but of a size that says nothing of sense: no verdict is read."""
        critic = {"id": "critic", "model": MODEL, "concurrency": 2, "max_tokens": 16}
        with a_server(speaks(str(base_folder("shipped")))) as server:
            made = create(
                tmp_path / "own",
                session={"name": NAME, "iterations": 1, "decider": "llm"},
                decider={"endpoint": server.url, "model": MODEL, "retries": 0},
                judges={
                    "founding": "remote",
                    "comparisons": 100,
                    "remote": [critic | {"url": server.url}],
                },
                recipe={"prompts": 12, "samples": 2},
                audit={"pairs": 8, "rivals": 4},
                drift={"prompts": 8, "samples": 2},
            )
            said = plimsoll("run", "--workspace", str(made.root), "--quiet")
        assert said.code in (0, 5), said.err
        assert measured(bodies(made, "observe")[1], "judge_errors")["estimate"] == 1.0
        assert bodies(made, "decide")[1]["rule"].startswith("llm-fallback:")
        assert bodies(made, "decide")[1]["intervention"] != "train"
        assert verified(verify(made.root))
