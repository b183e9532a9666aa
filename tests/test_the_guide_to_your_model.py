"""The guide to a model of one's own is followed to the letter: its file, its commands, in order."""

import re

import pytest

from agent import config as configuration
from tests import a_users_data as user
from tests.a_chat_server import a_server
from tests.a_command import plimsoll
from tests.a_judge_server import judges
from tests.house import ROOT
from tools.verifiers import VERIFIERS
from tools.verifiers.numbers import last_number

GUIDE = (ROOT / "docs" / "guides" / "your-model.md").read_text(encoding="utf-8")
APPLES = re.compile(r"(\w+) has (\d) apples")


def blocks(kind):
    return re.findall(rf"```{kind}\n(.*?)```", GUIDE, re.DOTALL)


def commands():
    lines = "".join(blocks("sh")).splitlines()
    return [line.split()[1:] for line in lines if line.startswith("plimsoll ")]


def by_arithmetic(question, answer):
    """A judge that reads the question itself: how many apples were meant?"""
    meant = dict(APPLES.findall(question)).get(question.split()[-1].rstrip("?"))
    said = last_number(answer)
    return float(meant is not None and said == int(meant))


def test_its_settings_are_understood_and_every_verifier_is_in_its_table(tmp_path):
    [text] = blocks("toml")
    (tmp_path / "mine.toml").write_text(text)
    assert configuration.read(tmp_path / "mine.toml").judges.founding == "remote"
    rows = re.findall(r"^\| `(\w+)` \|", GUIDE, re.MULTILINE)
    assert rows == list(VERIFIERS)


@pytest.mark.slow
def test_it_leads_from_a_file_and_a_server_to_weights(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    user.written(tmp_path).rename(tmp_path / "prompts.jsonl")
    user.a_model(tmp_path / "model", steps=150)
    [text] = blocks("toml")
    said = {}
    with a_server(judges(by_arithmetic)) as server:
        (tmp_path / "mine.toml").write_text(text.replace("http://127.0.0.1:8000/v1", server.url))
        for words in commands():
            said[words[0]] = plimsoll(*words)
            assert said[words[0]].code in (0, 5), (words, said[words[0]].err)
    assert "no floor on harm" in said["init"].err
    assert "180 train, 60 audit, 60 gold" in " ".join(said["doctor"].out.split())
    assert (tmp_path / "weights" / "README.md").is_file()
    assert (tmp_path / "weights" / "tokenizer.json").is_file()
