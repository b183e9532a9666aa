"""`policy prove`, `policy diff` and `judge prove` on the command line, with their exit codes."""

import json

import pytest

from agent.config import Config, SessionSection
from agent.workspace import POLICY, Workspace
from invariants.policy import default_bytes
from logs.errors import Refused
from tests.a_command import plimsoll
from tests.a_journal import a_journal
from tests.a_workspace import SESSION
from tests.test_the_attacks import FROZEN
from tests.test_the_proof import FLOOR, STEP_OVER_NEW

BAD = f"""format = "plimsoll-policy/1"
id = "bad"
version = 1
[param.step]
type = "real"
value = "0.04"
[param.floor]
type = "real"
value = "0.05"
[[invariant]]
id = "step"
on = "low"
need = '''{STEP_OVER_NEW}'''
say = "s"
[[invariant]]
id = "shape"
on = "low"
need = '''{FROZEN}'''
say = "s"
[[goal]]
id = "floor"
need = '''{FLOOR}'''
say = "s"
"""


@pytest.fixture
def folder(tmp_path):
    Workspace.create(tmp_path / "own", Config(session=SessionSection(name=SESSION)))
    a_journal(tmp_path / "own", iterations=2).close()
    return tmp_path / "own"


def written(folder, text):
    path = folder / "other.toml"
    path.write_text(text)
    return str(path)


class TestPolicyProve:
    def test_proves_the_default_policy_twice_over_and_exports_what_it_asked(self, tmp_path):
        (tmp_path / "policy.toml").write_bytes(default_bytes())
        out = tmp_path / "smt"
        asked = ("policy", "prove", str(tmp_path / "policy.toml"), "--cross-check")
        said = plimsoll(*asked, "--smt-lib", str(out))
        assert said.code == 0, said.err
        assert "G1-ball under low changes" in said.out
        assert "cvc5 agrees with z3 on" in said.out
        texts = sorted(out.glob("*.smt2"))
        assert texts
        assert all("(check-sat)" in path.read_text() for path in texts)

    def test_answers_no_with_the_story_of_the_attack(self, tmp_path):
        said = plimsoll("policy", "prove", written(tmp_path, BAD), "--json")
        assert said.code == Refused.exit_code
        because = json.loads(said.out)["data"]["because"]
        assert "reweightings of at most 0.04" in because["saw"]


class TestPolicyDiff:
    def test_of_a_policy_with_itself_says_yes(self, folder):
        said = plimsoll("policy", "diff", str(folder / POLICY), "--workspace", str(folder))
        assert said.code == 0, said.err
        assert said.out.startswith("equivalent")

    def test_says_no_to_what_permits_more(self, folder):
        loose = default_bytes().decode().replace('value = "0.20"', 'value = "0.30"', 1)
        said = plimsoll("policy", "diff", str(folder / POLICY), written(folder, loose))
        assert said.code == Refused.exit_code
        assert said.out.startswith("looser")
        assert "newly permitted" in said.out
