"""A user's own file and model: from settings to a policy that is better on gold than it was."""

import json
from pathlib import Path

import pytest

from agent import session
from agent.replaying import Again, replay
from agent.tasks import task_of
from agent.workspace import Workspace
from logs.errors import UsageError
from logs.verify import verified, verify
from logs.vocabulary import EntryKind, JudgeKind, Observation, State
from tests import a_users_data as user
from tests.a_command import plimsoll
from tests.sessions import Told, gold_of
from tools import exporting
from tools.data.pools import Pool
from tools.pairs import Pair
from tools.world import language as world

SETTINGS = """
[session]
name = "mine"
iterations = {turns}
[world]
task = "data"
base = "model"
gold_prompts = 60
vault_prompts = 60
fresh_gold = 60
[data]
train = "apples.jsonl"
verifier = "number"
skill = "person"
[judges]
founding = "{founding}"
reward_model = "judge"
[sampling]
max_new_tokens = 10
[audit]
pairs = 20
[drift]
prompts = 24
samples = 2
[recipe]
prompts = 512
samples = 6
epochs = 2
batch = 16
replay = 32
"""


def settings(folder, founding="verifier", turns=2):
    """The file that a user writes beside the data."""
    path = folder / f"{founding}.toml"
    path.write_text(SETTINGS.format(founding=founding, turns=turns), encoding="utf-8")
    return path


def opened(folder, founding="verifier", turns=2):
    """A workspace as the command makes it."""
    place = folder / f"workspace-{founding}"
    said = plimsoll("init", str(place), "--config", str(settings(folder, founding, turns)))
    assert said.code == 0, said.err
    return Workspace(place)


def entries_of(workspace, kind=None):
    with workspace.journal() as log:
        return list(log.entries(kind=kind) if kind else log.entries())


@pytest.fixture(scope="module")
def beside(tmp_path_factory):
    """The user's folder: the file, and a model that knows nothing yet."""
    folder = tmp_path_factory.mktemp("user")
    user.written(folder)
    user.a_model(folder / "model", steps=0)
    return folder


class TestBeginning:
    def test_reads_paths_from_where_the_settings_lie(self, beside):
        workspace = opened(beside)
        assert Path(workspace.config.data.train) == beside / "apples.jsonl"
        assert Path(workspace.config.world.base) == beside / "model"

    def test_warns_that_nothing_bounds_harm_where_no_harmful_requests_are_given(self, beside):
        said = plimsoll("init", str(beside / "x"), "--dry-run", "--config", str(settings(beside)))
        assert "no floor on harm" in said.err
        assert "which is gold too" in said.err
        assert "P11-safety-floor of the usual" in said.out
        assert not (beside / "x").exists()

    def test_refuses_at_once_what_could_not_be_founded(self, beside):
        path = settings(beside)
        path.write_text(path.read_text().replace('"number"', '"pattern"'))
        said = plimsoll("init", str(beside / "x"), "--config", str(path))
        assert said.code == 2
        assert "apples.jsonl, line 1" in said.err
        assert not (beside / "x").exists()

    def test_refuses_settings_that_are_not_there(self, beside):
        said = plimsoll("init", str(beside / "x"), "--config", str(beside / "none.toml"))
        assert said.code == 2
        assert "no file" in said.err

    def test_is_examined_by_the_doctor(self, beside):
        folder = beside / "examined"
        folder.mkdir()
        for name in ("apples.jsonl", "model"):
            (folder / name).symlink_to(beside / name)
        place = opened(folder).root
        said = plimsoll("doctor", "--workspace", str(place))
        assert "180 train, 60 audit, 60 gold" in " ".join(said.out.split())
        assert "reader" not in said.out

    def test_refuses_a_tokenizer_that_cannot_render_a_conversation(self, beside, tmp_path):
        user.written(tmp_path)
        (tmp_path / "model").mkdir()
        for path in (beside / "model").iterdir():
            (tmp_path / "model" / path.name).write_bytes(path.read_bytes())
        (tmp_path / "model" / "chat_template.jinja").unlink()
        with pytest.raises(UsageError, match="cannot render a conversation"):
            session.found(opened(tmp_path), Told())

    def test_refuses_weights_that_could_carry_code(self, beside, tmp_path):
        user.written(tmp_path)
        (tmp_path / "model").mkdir()
        (tmp_path / "model" / "config.json").write_text("{}")
        (tmp_path / "model" / "chat_template.jinja").write_text(user.TEMPLATE)
        (tmp_path / "model" / "pytorch_model.bin").write_bytes(b"a pickle")
        with pytest.raises(UsageError, match="safetensors only"):
            session.found(opened(tmp_path), Told())

    def test_founds_on_what_the_user_brought_and_on_nothing_of_the_micro_world(self, beside):
        workspace = Workspace(beside / "workspace-verifier")
        session.found(workspace, Told())
        [founded] = entries_of(workspace, EntryKind.FOUNDED)
        state = State.model_validate(founded.body["state"])
        assert founded.body["task"] == "data"
        assert founded.body["reader"] is None
        assert founded.body["judge_is_gold"] is True
        assert [j.kind for j in state.panel.judges] == [JudgeKind.VERIFIER]
        assert state.recipe.prompts == founded.body["pools"]["train"] == 180

    def test_stays_founded_on_the_data_when_the_file_changes(self, beside):
        workspace = Workspace(beside / "workspace-verifier")
        with workspace.journal() as log:
            before = task_of(workspace, log).gold_prompts(60)
        held = (beside / "apples.jsonl").read_bytes()
        (beside / "apples.jsonl").unlink()
        with workspace.journal() as log:
            assert task_of(workspace, log).gold_prompts(60) == before
        (beside / "apples.jsonl").write_bytes(held)

    def test_is_not_continued_as_the_micro_world(self, beside, tmp_path):
        workspace = Workspace(beside / "workspace-verifier")
        text = (workspace.root / "plimsoll.toml").read_text()
        (workspace.root / "plimsoll.toml").write_text(text.replace('"data"', '"micro-world"', 1))
        with pytest.raises(UsageError, match="founded on another task"):
            session.found(Workspace(workspace.root), Told())
        (workspace.root / "plimsoll.toml").write_text(text)


class TestExport:
    def test_of_a_founding_commit_is_the_model_of_the_user(self, beside, tmp_path):
        at = ("--workspace", str(beside / "workspace-verifier"))
        out = tmp_path / "out"
        said = plimsoll("export", "--out", str(out), "--dry-run", *at)
        assert "would write the founding model" in said.out
        assert not out.exists()
        said = plimsoll("export", "--out", str(out), *at)
        assert said.code == 0, said.err
        given = (beside / "model" / "model.safetensors").read_bytes()
        assert (out / "model.safetensors").read_bytes() == given
        assert (out / "README.md").read_text().startswith("---")

    def test_writes_over_nothing_and_pushes_nothing_unasked(self, beside, tmp_path, monkeypatch):
        pushed = []
        monkeypatch.setattr(exporting, "push", lambda out, name: pushed.append((out, name)))
        at = ("--workspace", str(beside / "workspace-verifier"))
        (tmp_path / "full").mkdir()
        (tmp_path / "full" / "notes.txt").write_text("mine")
        said = plimsoll("export", "--out", str(tmp_path / "full"), *at)
        assert (said.code, "new or empty" in said.err) == (2, True)
        said = plimsoll("export", "--out", str(tmp_path / "x"), "--push-to", "mine", *at)
        assert (said.code, "OWNER/NAME" in said.err) == (2, True)
        assert plimsoll("export", "--out", str(tmp_path / "a"), *at).code == 0
        assert pushed == []
        said = plimsoll("export", "--out", str(tmp_path / "b"), "--push-to", "me/mine", *at)
        assert said.code == 0, said.err
        assert pushed == [(tmp_path / "b", "me/mine")]

    def test_says_that_the_folder_was_written_where_the_hub_does_not_answer(self, beside, tmp_path):
        at = ("--workspace", str(beside / "workspace-verifier"))
        said = plimsoll("export", "--out", str(tmp_path / "c"), "--push-to", "me/mine", *at)
        assert (said.code, "written, and not pushed" in said.err) == (1, True)
        assert (tmp_path / "c" / "README.md").is_file()


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """A session of two turns that a user began by command, taught by the verifier."""
    folder = tmp_path_factory.mktemp("trained")
    user.written(folder)
    user.a_model(folder / "model")
    workspace = opened(folder)
    (folder / "apples.jsonl").rename(folder / "moved.jsonl")
    with pytest.raises(UsageError):
        session.run(workspace, Told())
    (folder / "moved.jsonl").rename(folder / "apples.jsonl")
    ending = session.run(workspace, Told())
    return workspace, ending


@pytest.mark.slow
class TestASession:
    def test_trains_a_policy_that_is_better_on_gold(self, ended):
        workspace, ending = ended
        assert ending.exit_code == 0
        gold = gold_of(entries_of(workspace))
        assert gold[-1] > gold[0] + 0.15

    def test_practises_only_practice_prompts(self, ended):
        workspace, _ = ended
        entries = entries_of(workspace)
        with workspace.journal() as log:
            task = task_of(workspace, log)
        proposed = [
            e for e in entries if e.kind is EntryKind.PROPOSED and "pairs" in e.body["inputs"]
        ]
        assert proposed
        for entry in proposed:
            for name in ("pairs", "shown"):
                rows = workspace.store.get_lines(entry.body["inputs"][name])
                assert {row[0] for row in rows} <= set(task.pool(Pool.TRAIN))

    def test_says_of_nothing_that_it_lacks_that_it_passed(self, ended):
        workspace, _ = ended
        seen = [
            Observation.model_validate(e.body) for e in entries_of(workspace, EntryKind.OBSERVED)
        ]
        measured = [m for o in seen for m in o.measurements]
        assert {m.of for m in measured if m.instrument == "flaw_pays"} == {"padding", "repeating"}
        assert all(m.status == "insufficient" for m in measured if m.instrument == "misalignment")
        assert {m.of for m in measured if m.instrument == "learnable"} == {
            "ada",
            "ben",
            "mia",
            "tom",
        }
        for entry in entries_of(workspace, EntryKind.TRIED):
            assert "safety_pass" not in {m["name"] for m in entry.body["metrics"]}

    def test_sends_no_judge_to_a_refit_that_grades_cannot_be_fitted_to(self, ended):
        decided = [e.body["intervention"] for e in entries_of(ended[0], EntryKind.DECIDED)]
        assert "refit_judge" not in decided
        assert not entries_of(ended[0], EntryKind.FAILED)

    def test_says_nothing_in_the_words_of_the_micro_world(self, ended):
        workspace, _ = ended
        said = json.dumps([e.body for e in entries_of(workspace)])
        assert "micro-world" not in said
        for path in workspace.root.glob("objects/??/*"):
            text = path.read_bytes()
            assert world.REFUSAL.encode() + b" " + world.DONE.encode() not in text

    def test_is_decided_again_alike_and_verifies(self, ended):
        workspace, _ = ended
        for entry in entries_of(workspace, EntryKind.DECIDED):
            assert replay(workspace, entry).outcome is Again.VERIFIED
        assert verified(verify(workspace.root))


@pytest.mark.slow
def test_a_session_is_judged_by_a_reward_model_of_the_user(tmp_path):
    from tools.trl_reward import train_reward_model

    user.written(tmp_path)
    base = user.a_model(tmp_path / "model")
    rows = user.rows()[:120]
    choices = [
        Pair(r["prompt"], user.said(r["person"], r["answer"]), user.said(r["person"], r["other"]))
        for r in rows
    ]
    train_reward_model(
        choices, base=base, seed=0, out=tmp_path / "judge", learning_rate=2e-3, batch=16
    )
    workspace = opened(tmp_path, "reward-model", turns=1)
    session.run(workspace, Told())
    [seen] = entries_of(workspace, EntryKind.OBSERVED)
    measured = Observation.model_validate(seen.body).measurements
    assert {m.of for m in measured if m.instrument == "judge_accuracy"} == {"panel", "reward-model"}
    [founded] = entries_of(workspace, EntryKind.FOUNDED)
    assert founded.body["judge_is_gold"] is False


def test_without_any_judge_there_is_no_session(beside, tmp_path):
    user.written(tmp_path)
    (tmp_path / "model").symlink_to(beside / "model")
    said = plimsoll("init", str(tmp_path / "x"), "--config", str(settings(tmp_path, "remote", 2)))
    assert said.code == 2
    assert "needs a table [[judges.remote]]" in said.err
