"""Whole sessions in which a chat model decides, on a real server, through the command line."""

import signal

import pytest

from agent.founding import base_folder
from agent.workspace import Workspace
from logs.verify import verified, verify
from logs.vocabulary import EntryKind
from tests.a_chat_server import MODEL, a_server, chooses, reply, says, speaks
from tests.a_command import plimsoll
from tests.sessions import NAME, create, in_another_process, log

pytestmark = pytest.mark.slow

SHORT = {
    "session": {"name": NAME, "iterations": 2, "decider": "llm"},
    "judges": {"founding": "oracle", "comparisons": 100},
}
WHY = "an answer that a model worded, so it is shown on request only"


def begun(folder, url, **settings):
    named = {"endpoint": url, "model": MODEL, "retries": 0, **settings}
    return create(folder / "own", **SHORT, decider=named)


def by_turn(workspace: Workspace, step: str):
    """Bodies of one step."""
    return {e.iteration: e.body for e in log(workspace) if e.key.endswith(f"/{step}")}


class TestASession:
    def test_goes_by_the_model_and_tells_so(self, tmp_path):
        with a_server(
            chooses("train", because=WHY), chooses("refresh_prompts", because=WHY)
        ) as server:
            made = begun(tmp_path, server.url)
            said = plimsoll("run", "--workspace", str(made.root), "--quiet")
        assert said.code == 0, said.err
        decided = by_turn(made, "decide")
        assert {d["rule"] for d in decided.values()} == {f"llm:{MODEL}"}
        assert [d["intervention"] for d in decided.values()] == ["train", "refresh_prompts"]
        assert verified(verify(made.root))
        assert len(server.questions) == 2
        past = server.questions[1].data["past"]
        assert [p["intervention"] for p in past] == ["train"]
        why = plimsoll("log", "why", "iter:1", "--workspace", str(made.root))
        assert WHY not in said.out + said.err + why.out
        assert (
            WHY in plimsoll("log", "why", "iter:1", "--content", "--workspace", str(made.root)).out
        )

    def test_that_is_killed_between_the_answer_and_the_decision_asks_no_second_time(self, tmp_path):
        with a_server(chooses("train"), chooses("refresh_prompts"), chooses("stop")) as server:
            made = begun(tmp_path, server.url)
            killed = in_another_process(made, "run", "--kill", "consulted", "--turn", "2")
            assert killed.returncode == -signal.SIGKILL, killed.stderr
            assert "decide" not in {e.key.rsplit("/", 1)[1] for e in log(made) if e.iteration == 2}
            assert len(server.questions) == 2
        resumed = plimsoll("resume", "--workspace", str(made.root), "--quiet")
        assert resumed.code == 0, resumed.err
        assert len(server.questions) == 2
        assert by_turn(made, "decide")[2]["intervention"] == "refresh_prompts"
        assert by_turn(made, "decide")[2]["rule"] == f"llm:{MODEL}"

    def test_that_a_model_stops_keeps_the_models_words_out_of_its_ending(self, tmp_path):
        with a_server(chooses("stop", because=WHY, prediction=None)) as server:
            made = begun(tmp_path, server.url)
            said = plimsoll("run", "--workspace", str(made.root), "--quiet")
        assert said.code == 0 and "the decider stopped" in said.out
        assert WHY not in said.out + said.err + (made.session(NAME) / "report.html").read_text()

    def test_by_the_base_model_itself_ends_by_the_decision_table(self, tmp_path):
        with a_server(speaks(str(base_folder("shipped")))) as server:
            made = begun(tmp_path, server.url)
            said = plimsoll("run", "--workspace", str(made.root), "--quiet")
        assert said.code in (0, 5), said.err
        rules = [d["rule"] for d in by_turn(made, "decide").values()]
        assert len(rules) == 2 and all(r.startswith("llm-fallback:") for r in rules)
        assert all(b["answer"] for b in by_turn(made, "consulted").values())

    def test_by_chance_is_the_same_session_again(self, tmp_path):
        chance = {**SHORT, "session": {**SHORT["session"], "decider": "random"}}
        decided = []
        for name in ("one", "two"):
            made = create(tmp_path / name, **chance)
            assert plimsoll("run", "--workspace", str(made.root), "--quiet").code in (0, 5)
            decided.append(by_turn(made, "decide"))
        assert decided[0] == decided[1] and {d["rule"] for d in decided[0].values()} == {"random"}

    def test_in_which_a_model_asks_for_what_the_law_forbids_is_refused_by_the_gate(self, tmp_path):
        """The menu is no gate: what it offers may still be refused, and is then not committed."""
        again = {"judge": "clerk"}
        with a_server(says(reply("swap_judge", again)), says(reply("train"))) as server:
            made = begun(tmp_path, server.url)
            plimsoll("run", "--workspace", str(made.root), "--quiet")
        kinds = {e.kind for e in log(made) if e.iteration == 1}
        decided = by_turn(made, "decide")[1]
        assert (decided["intervention"], decided["rule"]) == ("swap_judge", f"llm:{MODEL}")
        assert EntryKind.RULED in kinds
        assert (EntryKind.COMMITTED in kinds) is not (EntryKind.REFUSED in kinds)
