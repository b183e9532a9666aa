"""People see what gold was asked, and open the final vault once, on a real founding state."""

import pytest

from logs.vocabulary import EntryKind, Ledgers
from tests import sessions
from tests.a_command import plimsoll
from tests.sessions import NAME, log
from tools.task import MicroWorld

PROMPTS = 300


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    root = tmp_path_factory.mktemp("vault") / "ws"
    return sessions.founded(root, world={"vault_prompts": PROMPTS})


@pytest.fixture(scope="module")
def budget(workspace):
    return int(workspace.policy.values["gold_queries_max"])


def asked(workspace, *words):
    return plimsoll("vault", *words, "--json", "--workspace", str(workspace.root))


class TestBeforeAnythingWasAsked:
    def test_the_whole_budget_is_left_but_for_the_claim_at_the_end(self, workspace, budget):
        data = asked(workspace).data
        assert (data["asked"], data["left"], data["yes"]) == (0, budget - 1, 0)
        assert data["final"] is None and not data["opened"]

    def test_the_next_answer_is_told_with_what_it_may_be_off_by(self, workspace):
        data = asked(workspace).data
        assert data["may_be_off_by"] is None
        assert 0.1 < data["next_may_be_off_by"] < 0.5
        text = plimsoll("vault", "--workspace", str(workspace.root)).out
        assert f"within {data['next_may_be_off_by']:.3f}" in text


class TestQuestions:
    def test_are_counted_and_answers_become_less_sure(self, workspace):
        before = asked(workspace).data
        with workspace.journal(read_only=False) as journal:
            where = {"session": "earlier", "iteration": 1}
            journal.append(
                EntryKind.ASKED, **where, step="vault-0", body={}, spend=Ledgers(gold_queries=1)
            )
            journal.append(
                EntryKind.ANSWERED, **where, step="vault-0-answer", body={"better": False}
            )
        after = asked(workspace).data
        assert (after["asked"], after["yes"]) == (1, 0)
        assert after["may_be_off_by"] == before["next_may_be_off_by"] < after["next_may_be_off_by"]


class TestTheFinalVault:
    """In this order: it opens once."""

    def test_does_not_open_without_a_reason(self, workspace):
        refused = asked(workspace, "open")
        assert (refused.code, refused.out) == (2, "")
        assert "reason" in refused.error["what"]

    def test_a_dry_run_leaves_it_shut(self, workspace):
        before = log(workspace, None)
        assert asked(workspace, "open", "--dry-run").code == 0
        assert log(workspace, None) == before

    def test_opens_once_and_spends_what_is_left(self, workspace, budget):
        opened = asked(workspace, "open", "--reason", "the claim of a test")
        assert opened.code == 0, opened.err
        final = opened.data["final"]
        assert final["n"] == len(MicroWorld().final_prompts(400)) >= 200
        assert final["low"] <= final["k"] / final["n"] <= final["high"]
        with workspace.journal() as journal:
            assert journal.ledgers().gold_queries == budget
            question = journal.find(NAME, 0, "final")
        assert question.body["because"] == "the claim of a test"

    def test_says_the_same_ever_after_and_never_opens_again(self, workspace):
        final = asked(workspace).data["final"]
        again = asked(workspace, "open", "--reason", "once more")
        assert again.code == 3
        assert asked(workspace).data["final"] == final
        assert asked(workspace).data["left"] == 0

    def test_was_graded_on_no_prompt_that_questions_are_answered_on(self):
        task = MicroWorld()
        assert not set(task.final_prompts(400)) & set(task.vault_prompts(1600))
        assert task.overlap(task.final_prompts(400)) == 400
        skills = {task.skill(p).split("-")[0] for p in task.final_prompts(400)}
        assert skills == {"lists", "chain", "facts", "safety"}
