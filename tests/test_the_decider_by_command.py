"""`plimsoll decider`: the table as a person and a program read it, and what is proved of it."""

import json

import pytest

from agent import rules
from agent.table.choosing import entries, guarded
from invariants import templates
from logs.vocabulary import Outcome
from tests.a_command import plimsoll
from tests.test_the_theorem import NO_PACE, TABLE, ways


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


class TestTheTable:
    def test_is_shown_with_every_line_and_every_condition(self, elsewhere):
        shown = plimsoll("decider")
        assert shown.code == 0
        for entry in entries(TABLE):
            assert entry.id in shown.out
            assert all(f"{way.act}" in shown.out for way in guarded(entry).ways)
        assert "is.below_floor" in shown.out

    def test_is_data_for_programs(self, elsewhere):
        data = plimsoll("decider", "table", "--json").data
        assert [line["line"] for line in data["lines"]] == [line for line, _, _ in TABLE]
        refit = next(line for line in data["lines"] if line["line"] == "R5-judge-untested")
        assert refit["ways"][0]["kinds_with_a_bench"] == ["judge_added"]
        assert data["is"]["below_floor"]


class TestTheProof:
    def test_is_told_way_by_way_and_claim_by_claim(self, elsewhere):
        short, long = plimsoll("decider", "prove"), plimsoll("decider", "prove", "--all")
        assert short.code == long.code == 0
        assert "R8-healthy train" in short.out
        assert "PROVED" in short.out
        assert len(long.out) > len(short.out)
        assert "judges change more slowly than the policy" in long.out

    def test_names_the_line_that_a_policy_would_make_over_tier(self, elsewhere):
        (elsewhere / "law.toml").write_bytes(templates.policy("red-team"))
        told = plimsoll("decider", "prove", "law.toml", "--json")
        assert told.code == 0
        found = {
            (way["line"], way["here"], tuple(way["closed_by"]))
            for way in told.data["proof"]["ways"]
            if way["here"] != Outcome.HOLDS
        }
        causes = ("judge_added is high", "judge_refit is high", "panel_reweighted is high")
        assert ("R5-judge-untested", Outcome.BROKEN, causes) in found

    def test_of_a_laxer_table_says_no_with_values(self, elsewhere, monkeypatch):
        monkeypatch.setattr(rules, "TABLE", ways("R3-judge-broken", 1, when=NO_PACE))
        told = plimsoll("decider", "prove")
        assert told.code == 3
        assert "param.judge_ratio = 2" in told.out + told.err
        assert "try:" in told.out + told.err

    def test_is_asked_again_of_a_second_solver(self, elsewhere):
        pytest.importorskip("cvc5")
        told = plimsoll("decider", "prove", "--cross-check", "--json")
        assert told.code == 0
        assert told.data["cross_check"] == []
        assert told.data["questions"] > 40

    @pytest.mark.parametrize("wrong", [["no-such.toml"], ["--seconds", "0"]])
    def test_refuses_what_it_cannot_read(self, elsewhere, wrong):
        assert plimsoll("decider", "prove", *wrong).code == 2


def test_both_answers_are_plain_json(elsewhere):
    for verb in ("table", "prove"):
        envelope = json.loads(plimsoll("decider", verb, "--json").out)
        assert envelope["schema"] == f"plimsoll/decider.{verb}/1"
