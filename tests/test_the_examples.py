"""Each example is settings that a workspace can be made of, once its files are beside it."""

import json
import shutil

import pytest

from agent import config as configuration
from tests import a_users_data as user
from tests.a_command import plimsoll
from tests.house import ROOT

ROWS = {
    "instructions.jsonl": {"instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]},
    "prompts.jsonl": {"instruction_id_list": ["startend:quotation"], "kwargs": [{}]},
    "questions.jsonl": {"choices": ["Yes", "No"], "answer": "B"},
    "harmful.jsonl": {},
}
EXAMPLES = ("qwen-0.5b-ifeval", "llama-8b-helpful", "constitutional")


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_makes_a_workspace_once_its_files_are_there(tmp_path, name):
    path = shutil.copy(ROOT / "examples" / f"{name}.toml", tmp_path)
    wanted = configuration.read(ROOT / "examples" / f"{name}.toml")
    said = plimsoll("init", str(tmp_path / "w"), "--config", str(path), "--dry-run")
    assert said.code == 2
    for file in filter(None, (wanted.data.train, wanted.data.safety)):
        rows = [{"prompt": row["prompt"], **ROWS[file]} for row in user.rows()]
        (tmp_path / file).write_text("".join(json.dumps(row) + "\n" for row in rows))
    said = plimsoll("init", str(tmp_path / "w"), "--config", str(path), "--dry-run")
    assert said.code == 0, said.err
    assert ("no floor on harm" in said.err) is not bool(wanted.data.safety)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_says_what_it_needs_and_costs(name):
    text = (ROOT / "examples" / f"{name}.toml").read_text()
    assert "# Needs: " in text
    assert "`plimsoll plan`" in text
    assert "init" in text.splitlines()[0]


def test_every_example_of_settings_is_known():
    for path in (ROOT / "examples").glob("*.toml"):
        if path.name != "judge-study.toml":
            configuration.read(path)
