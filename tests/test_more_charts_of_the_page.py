"""What audits measured of judges, and two whole sessions side by side, as the page shows them."""

import json
from contextlib import closing

import pytest

from agent.judge_audits import latest
from logs.vocabulary import Intervention
from tests import a_history
from tests.a_command import plimsoll
from tests.a_history import Told
from tests.a_page import Found, let_in, place_of
from tests.an_audit import a_workspace_with_judges, logged
from tools.audit.figures import profile


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    """A workspace in which a judge that likes length was audited, and one that is honest."""
    workspace = a_workspace_with_judges(tmp_path_factory.mktemp("audited") / "ws")
    logged(workspace, "pair-b", "length-biased")
    logged(workspace, "rubric-a", "honest")
    return workspace


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Two sessions in one log; in the second the judge is inflated."""
    workspace = a_history.workspace(tmp_path_factory.mktemp("two") / "ws")
    a_history.write(workspace, [Told(Intervention.TRAIN)] * 2, "first")
    told = [Told(Intervention.TRAIN, share=0.9, inflated=2.0), Told(Intervention.ROLL_BACK)]
    a_history.write(workspace, told, "second", seed=1)
    return workspace


def figures(workspace, path):
    data = let_in(place_of(workspace)).get(f"{path}?format=json").json()["data"]
    return {f["name"]: f for f in data["figures"]}


class TestTheBiasesOfAJudge:
    def test_stand_beside_what_the_panel_pays_for(self, audited):
        found = figures(audited, "/judges")
        assert {"biases-0", "biases-1"} <= set(found)
        rows = {row[0]: row for row in found["biases-0"]["rows"]}
        assert {"position", "length", "self_preference"} <= set(rows)
        for row in rows.values():
            assert " n=" in row[1] and "[" in row[1]
        assert "length" in found["biases-0"]["says"].partition(";")[0]
        assert "length" not in found["biases-1"]["says"].partition(";")[0]
        assert "single look" in found["biases-0"]["caption"]

    def test_are_those_of_its_card_in_picture_table_and_view(self, audited):
        with closing(audited.journal()) as journal:
            card = latest(journal, audited.store, "pair-b", None).card
        wanted = {row.name: row for row in profile(card) if row.low is not None}
        page = let_in(place_of(audited)).get("/judges/pair-b").text
        (spec,) = json.loads(next(text for text in Found(page).scripts if text.strip()))
        shown = {row["name"]: row for row in spec["data"]["values"]}
        assert set(shown) == set(wanted)
        for name, row in wanted.items():
            assert (shown[name]["v"], shown[name]["low"]) == (row.estimate, row.low)
        (table,) = figures(audited, "/judges/pair-b").values()
        assert [row[0] for row in table["rows"]] == list(wanted)

    def test_are_not_drawn_where_nobody_audited(self, two):
        assert not [name for name in figures(two, "/judges") if name.startswith("biases")]


class TestTwoSessions:
    def test_differ_as_the_command_says(self, two):
        browser = let_in(place_of(two))
        for more, option in (("", ()), ("&all=1", ("--all",))):
            address = f"/s/first/compare?other=second{more}"
            mine = browser.get(f"{address}&format=json").json()["data"]
            where = ("--workspace", str(two.root), "--json")
            said = plimsoll("session", "compare", "first", "second", *option, *where).data
            for key in ("facts", "constitution", "measurements"):
                assert mine[key] == said[key], key
            assert browser.get(address).status_code == 200

    def test_show_only_what_differs_by_default(self, two):
        browser = let_in(place_of(two))
        few = browser.get("/s/first/compare?other=second&format=json").json()["data"]
        every = browser.get("/s/first/compare?other=second&all=1&format=json").json()["data"]
        assert {f["path"] for f in few["facts"]} >= {"turns.roll_back"}
        assert len(few["measurements"]) <= few["total"] == len(every["measurements"])
        same = browser.get("/s/first/compare?other=first&format=json").json()["data"]
        assert (same["facts"], same["measurements"]) == ([], [])

    def test_are_offered_where_turns_are_compared(self, two):
        page = let_in(place_of(two)).get("/s/first/compare").text
        offered = page.partition('<select name="other">')[2].partition("</select>")[0]
        assert "<option>second</option>" in offered and "first" not in offered

    def test_must_be_there(self, two):
        page = let_in(place_of(two)).get("/s/first/compare?other=<b>nobody")
        assert page.status_code == 404 and "<b>" not in page.text
