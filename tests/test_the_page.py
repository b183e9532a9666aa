"""The pages say what the commands say, in two forms, and show nothing that acts."""

import json
import re

import pytest

from agent.view.frame import file_of, for_script
from agent.view.pages.constitution import blame
from agent.view.vendored import FILES, STATIC, faults
from logs.canonical import sha256
from logs.journal import Journal
from logs.lineage import Node, lanes
from logs.vocabulary import EntryKind
from tests.a_command import plimsoll
from tests.a_page import HOSTILE, Found, drawn, let_in, place_of, told
from tests.a_workspace import SESSION

PAGES = (
    "/",
    f"/s/{SESSION}",
    f"/s/{SESSION}/timeline",
    f"/s/{SESSION}/timeline?view=grouped",
    f"/s/{SESSION}/timeline?view=full",
    f"/s/{SESSION}/lineage",
    f"/s/{SESSION}/lineage?a=HEAD~2&b=HEAD",
    f"/s/{SESSION}/compare",
    f"/s/{SESSION}/compare?all=1",
    "/d/iter:6",
    "/e/5",
    "/inbox",
    "/inbox?all=1",
    "/judges",
    "/judges/pair-b",
    "/constitution",
    "/invariants",
    "/log",
    "/log?verify=1",
    "/about",
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    return let_in(place_of(told(tmp_path_factory.mktemp("page") / "ws")))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    root = tmp_path_factory.mktemp("hostile") / "ws"
    return let_in(place_of(told(root, words=HOSTILE + "A" * 3000)))


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    return drawn(tmp_path_factory.mktemp("answers") / "ws")


@pytest.fixture(scope="module")
def pages(browser):
    """Every page, asked for once, and what a browser finds on it."""
    texts = {path: browser.get(path) for path in PAGES}
    return {path: (page, Found(page.text)) for path, page in texts.items()}


class TestEveryPage:
    def test_answers_in_both_forms(self, browser, pages):
        for path, (page, found) in pages.items():
            assert page.status_code == 200, page.text[-2000:]
            assert found.tags.count("h1") == 1, path
            twin = browser.get(path + ("&" if "?" in path else "?") + "format=json")
            assert twin.headers["content-type"] == "application/json", path
            assert re.fullmatch(r"plimsoll/view\.[a-z]+/1", twin.json()["schema"]), path

    def test_leads_only_to_pages_that_are_there(self, browser, pages):
        links = {link for _, found in pages.values() for link in found.links}
        kinds = {re.sub(r"[0-9a-f]{6,}|\d+", "N", u): u for u in links if u.startswith("/")}
        dead = [
            u for u in kinds.values() if browser.get(u, follow_redirects=False).status_code > 399
        ]
        # A made-up session keeps no answers, and its judges have no card.
        assert [u for u in dead if "/samples" not in u] == []

    def test_asks_for_nothing_elsewhere_and_runs_nothing_of_its_own(self, pages):
        for path, (_, found) in pages.items():
            for tag, name, value in found.attributes:
                assert not name.startswith("on") and name != "style", (path, tag, name)
                if name in ("src", "action", "href") and tag != "a":
                    assert value.startswith("/"), (path, tag, name, value)
            for text in found.scripts:
                assert not text.strip() or json.loads(text), path

    def test_names_the_command_that_says_the_same(self, pages):
        for path, (page, _) in pages.items():
            command = re.search(r'<code id="command">(.*?)</code>', page.text)[1]
            assert command.startswith("plimsoll "), path

    def test_has_headings_labels_and_a_way_past_the_menu(self, pages):
        for path, (page, found) in pages.items():
            assert 'class="skip" href="#main"' in page.text and 'id="main"' in page.text, path
            assert ("html", "lang", "en") in found.attributes, path
            ids = [value for _, name, value in found.attributes if name == "id"]
            assert len(ids) == len(set(ids)), path


class TestTheNumbers:
    def test_of_the_story_are_those_of_the_command(self, browser, tmp_path):
        workspace = told(tmp_path / "ws")
        mine = let_in(place_of(workspace)).get(f"/s/{SESSION}?format=json").json()["data"]
        said = plimsoll(
            "session", "show", SESSION, "--workspace", str(workspace.root), "--json"
        ).data
        assert {key: mine[key] for key in said} == said

    def test_of_a_decision_are_those_of_log_why(self, tmp_path):
        workspace = told(tmp_path / "ws")
        mine = let_in(place_of(workspace)).get("/d/iter:6?format=json").json()["data"]
        said = plimsoll("log", "why", "iter:6", "--workspace", str(workspace.root), "--json").data
        assert mine == said

    def test_of_a_chart_stand_in_its_picture_its_table_and_its_view(self, browser):
        page = browser.get(f"/s/{SESSION}")
        figure = browser.get(f"/s/{SESSION}?format=json").json()["data"]
        gold = next(f for f in figure["figures"] if f["name"] == "gold")
        specs = [json.loads(text) for text in Found(page.text).scripts if text.strip()]
        points = [
            row["v"]
            for spec in specs[0]
            for layer in spec["layer"]
            if layer["mark"]["type"] == "point"
            for row in layer["data"]["values"]
        ]
        assert len(points) == len(gold["rows"])
        for value, row in zip(points, gold["rows"], strict=True):
            assert row[2].startswith(f"{value:.3g}")

    def test_have_n_and_the_guarantee_in_every_caption_with_a_band(self, browser):
        data = browser.get(f"/s/{SESSION}?format=json").json()["data"]
        for figure in data["figures"]:
            if "band" in figure["caption"] and figure["name"] != "spending":
                assert re.search(r"n = \d+", figure["caption"])
                assert re.search(r"single look|valid|no claim", figure["caption"])

    def test_follow_what_is_written_while_the_page_is_open(self, tmp_path):
        workspace = told(tmp_path / "ws")
        browser = let_in(place_of(workspace))
        before = browser.get("/live?format=json").json()["data"]["size"]
        with Journal(workspace.root / "plimsoll.sqlite") as journal:
            body = {"reason": "enough"}
            journal.append(EntryKind.STOPPED, session=SESSION, iteration=12, step="s", body=body)
        now = browser.get(f"/live?since={before}&session={SESSION}&format=json").json()["data"]
        assert (now["size"], now["new"]) == (before + 1, 1)
        story = browser.get(f"/s/{SESSION}/timeline?format=json").json()["data"]
        assert story["events"][-1]["kind"] == "stopped"


class TestTheLiveLine:
    def test_is_sent_once_and_then_only_when_it_changed(self, browser):
        first = browser.get(f"/live?since=3&session={SESSION}")
        tag = first.headers["etag"]
        again = browser.get(f"/live?since=3&session={SESSION}", headers={"If-None-Match": tag})
        assert (again.status_code, again.text) == (304, "")
        told_again = browser.get("/live?since=4", headers={"If-None-Match": tag})
        assert told_again.status_code == 200

    def test_gives_htmx_the_tag_as_json(self, browser):
        attributes = Found(browser.get("/live?since=3").text).attributes
        asked = next(value for _, name, value in attributes if name == "hx-headers")
        assert json.loads(asked)["If-None-Match"] == browser.get("/live?since=3").headers["etag"]


class TestTextOfOthers:
    @pytest.mark.parametrize("content", ["0", "1"], ids=["hidden", "shown"])
    def test_never_acts(self, hostile, content):
        for path in PAGES:
            page = hostile.get(path + ("&" if "?" in path else "?") + f"content={content}")
            assert page.status_code == 200, path
            for sign in ("\x1b", "\u202e", "\u2066", "\u200b", "\u2028"):
                assert sign not in page.text, path
            assert "49" not in re.findall(r"\{\{.*?\}\}|\b49\b(?= \$)", page.text), path
            found = Found(page.text)
            assert "onerror" not in {name for _, name, _ in found.attributes}, path
            assert "alert" not in " ".join(found.scripts), path
            acting = [v for _, _, v in found.attributes if v.startswith("javascript:")]
            assert acting == [], path

    def test_is_hidden_until_it_is_asked_for(self, hostile):
        shut = hostile.get("/d/iter:4").text
        assert "alert(1)" not in shut and "hidden" in shut
        opened = hostile.get("/d/iter:4?content=1").text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in opened
        assert "{{7*7}}" in opened and "&lt;U+202E&gt;" in opened

    def test_of_a_megabyte_is_cut_and_its_length_told(self, tmp_path):
        workspace = told(tmp_path / "ws", words="A" * 1_000_000, iterations=4)
        page = let_in(place_of(workspace)).get("/d/iter:4?content=1")
        assert re.search(r"\(10000\d\d characters\)", page.text)  # the rule stands in front
        assert len(page.text) < 300_000

    def test_is_hidden_in_the_twin_too(self, hostile):
        assert "alert(1)" not in hostile.get("/d/iter:4?format=json").text

    def test_in_a_path_or_a_query_is_only_quoted(self, browser):
        for path in ("/s/<script>", "/d/<script>alert(1)", "/judges/<img src=x>", "/nowhere/<b>"):
            page = browser.get(path)
            assert "<script>alert" not in page.text and "<img src=x" not in page.text
        page = browser.get(f"/s/{SESSION}/timeline?view=<script>alert(1)</script>")
        assert page.status_code == 404
        assert "<script>alert" not in page.text

    def test_cannot_end_a_data_block(self):
        text = str(for_script({"a": "</script><script>alert(1)//\u2028&"}))
        assert "<" not in text and "&" not in text and text.isascii()
        assert json.loads(text)["a"] == "</script><script>alert(1)//\u2028&"


class TestAnswersBesideTheirVerdicts:
    def test_show_every_judge_and_the_grades_that_were_bought(self, answers):
        browser = let_in(place_of(answers))
        data = browser.get("/s/first/samples?only=audited&content=1&format=json").json()["data"]
        assert data["cases"]
        for case in data["cases"]:
            assert case["judges"] == ["crowd"]
            grades = {a["text"]: a["grade"] for a in case["answers"] if a["grade"] is not None}
            assert grades and all(grade == (text == "right") for text, grade in grades.items())
            assert sum(a["times"] for a in case["answers"]) == 6

    def test_hide_the_words_until_they_are_asked_for(self, answers):
        browser = let_in(place_of(answers))
        shut = browser.get("/s/first/samples").text
        assert "prompt ws" not in shut and "The words are hidden" in shut
        assert "prompt ws" in browser.get("/s/first/samples?content=1").text

    def test_are_paged(self, answers):
        browser = let_in(place_of(answers))
        data = browser.get("/s/first/samples?format=json").json()["data"]
        assert (len(data["cases"]), data["next"]) == (25, 25)
        rest = browser.get("/s/first/samples?before=25&format=json").json()["data"]
        assert {c["number"] for c in rest["cases"]}.isdisjoint(c["number"] for c in data["cases"])


class TestTheTimeline:
    def test_holds_a_hundred_events_and_leads_to_the_older_ones(self, browser):
        seen, at = [], ""
        while True:
            address = f"/s/{SESSION}/timeline?view=full&format=json{at}"
            data = browser.get(address).json()["data"]
            assert len(data["events"]) <= 100
            seen = [event["seq"] for event in data["events"]] + seen
            if data["older"] is None:
                break
            at = f"&before={data['older']}"
        assert seen == list(range(data["all"]))

    def test_says_why_it_is_empty(self, browser):
        page = browser.get(f"/s/{SESSION}/timeline?kind=failed").text
        assert "No entry of this session is failed" in page

    def test_shows_what_waits_where_it_waits(self, browser):
        data = browser.get(f"/s/{SESSION}/timeline?format=json").json()["data"]
        waits = [e for e in data["events"] if e["waits"]]
        assert [e["kind"] for e in waits] == ["asked"]


class TestTheHistory:
    def test_blames_the_commit_that_last_touched_a_principle(self, tmp_path):
        with Journal(told(tmp_path / "ws").root / "plimsoll.sqlite", read_only=True) as journal:
            found = blame(list(journal.entries(kind=EntryKind.COMMITTED)))
        assert found and {who["iteration"] for who in found.values()} == {0}

    def test_opens_a_lane_where_a_roll_back_leaves_one(self):
        def node(i, parent, restores=None):
            name = sha256(str(i).encode())
            return Node(name, i, i, parent, restores, "train", 0.5, "")

        a = node(0, None)
        b = node(1, a.digest)
        back = node(2, b.digest, a.digest)
        assert list(lanes([a, b, back]).values()) == [0, 0, 1]


class TestAWorkspaceWithoutALog:
    @pytest.mark.parametrize("being_made", [False, True])
    def test_says_what_to_do(self, tmp_path, being_made):
        from agent.config import Config
        from agent.workspace import JOURNAL, Workspace

        made = Workspace.create(tmp_path / "ws", Config())
        if being_made:  # by a session that begins in this moment
            (made.root / JOURNAL).touch()
        browser = let_in(place_of(made))
        assert "plimsoll run" in browser.get("/").text
        for path in ("/inbox", "/constitution", "/invariants", "/about"):
            assert browser.get(path).status_code == 200, path
        for path in ("/log", "/judges", "/s/none", "/d/HEAD"):
            page = browser.get(path)
            assert page.status_code == 404 and "try" in page.text, path


class TestWhatComesFromElsewhere:
    def test_is_byte_for_byte_what_was_reviewed(self):
        assert faults() == []

    def test_is_named_with_version_and_licence_where_it_lies(self):
        readme = (STATIC / "README.md").read_text()
        for one in FILES:
            assert one["sha256"] in readme and one["file"] in readme
        assert (
            "BSD 3-Clause" in (STATIC / "LICENSES.txt").read_text()
            or "Redistribution" in (STATIC / "LICENSES.txt").read_text()
        )

    def test_is_noticed_when_it_changes(self, monkeypatch):
        from agent.view import vendored

        changed = tuple({**one, "sha256": "0" * 64} for one in FILES)
        monkeypatch.setattr(vendored, "FILES", changed)
        assert faults() == [one["file"] for one in FILES]


def test_two_addresses_never_share_a_file():
    addresses = ["/s/a", "/s/a?view=full", "/s-a", "/s/a%20b", "/s/a-b", "/", "/sessions", "/index"]
    assert len({file_of(a) for a in addresses}) == len(addresses)
