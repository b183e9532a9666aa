"""The report: one file, no script, no request, no word that acts; numbers as in the log."""

import base64
import hashlib
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logs.basis import basis
from logs.charts import WIDE, gold_against_judge, instruments, timeline
from logs.errors import UsageError
from logs.journal import Journal
from logs.report import report, write_report
from logs.svg import Scale, mark, ticks, whole_ticks
from logs.turns import Ending, Turn, turns
from logs.vocabulary import EntryKind, Intervention
from tests.a_journal import a_journal
from tests.a_workspace import SESSION, measured

HOSTILE = "<script>alert(1)</script>\x1b[2J\u202e{{7*7}}\"' onload=x //example.org"
SVG = "{http://www.w3.org/2000/svg}"


class Page(HTMLParser):
    """What a browser would find."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.texts = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_data(self, data):
        self.texts.append(data)


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    with a_journal(tmp_path_factory.mktemp("report")) as journal:
        yield turns(journal, SESSION)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    with a_journal(tmp_path_factory.mktemp("page")) as journal:
        return report(journal, SESSION)


@pytest.fixture(scope="module")
def hostile_page(tmp_path_factory):
    with a_journal(tmp_path_factory.mktemp("hostile"), words=HOSTILE) as journal:
        return report(journal, SESSION, content=True)


class TestThePage:
    def test_runs_nothing_and_asks_for_nothing(self, page, hostile_page):
        for text in (page, hostile_page):
            found = Page(text)
            assert not {"script", "img", "link", "iframe", "object", "form"} & set(found.tags)
            for _, name, value in found.attributes:
                assert not name.startswith("on")
                assert name not in {"src", "style", "action", "xlink:href"}
                assert name != "href" or value.startswith("#")
            assert "@import" not in text
            assert "url(" not in text

    def test_allows_itself_one_style_sheet_by_its_hash(self, page):
        style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)[1]
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        policy = next(v for _, n, v in Page(page).attributes if n == "content" and "default" in v)
        assert policy.startswith("default-src 'none'; ")
        assert f"style-src 'sha256-{digest}'" in policy
        assert "unsafe" not in policy

    def test_shows_hostile_text_as_text(self, hostile_page):
        said = "".join(Page(hostile_page).texts)
        assert "<script>alert(1)</script><U+001B>[2J<U+202E>{{7*7}}" in said
        assert "\x1b" not in hostile_page
        assert "\u202e" not in hostile_page

    def test_leaves_out_what_others_wrote_unless_it_is_asked_for(self, tmp_path):
        with a_journal(tmp_path, words=HOSTILE) as journal:
            text = report(journal, SESSION)
        assert "alert" not in text
        assert "characters, hidden" in text

    def test_survives_a_line_of_a_megabyte(self, tmp_path):
        with a_journal(tmp_path, iterations=4, words="A" * 1_000_000) as journal:
            text = report(journal, SESSION, content=True)
        assert "… (1000000 characters)" in text
        assert len(text) < 100_000

    def test_is_the_same_for_the_same_log(self, tmp_path):
        with a_journal(tmp_path, iterations=2) as journal:
            first = report(journal, SESSION)
        with Journal(tmp_path / "plimsoll.sqlite", read_only=True) as journal:
            assert report(journal, SESSION) == first

    def test_says_the_answer_the_reasons_and_how_to_check(self, page, told):
        said = "".join(Page(page).texts)
        assert "The model is better: gold 0.41 [0.39, 0.43]" in said
        assert "P7-safety broken (lo = 0.981, 0.985)" in said
        for turn in told[1:]:
            assert f"{turn.iteration}. {turn.intervention}, {turn.ending}" in said
        assert "Line of the table for refit_judge." in said
        assert "plimsoll log verify --pinned checkpoint.txt" in said
        assert re.search(r"plimsoll-line/log/[0-9a-f]{32}\n\d+\n[A-Za-z0-9+/]{43}=\n", said)

    def test_follows_the_readers_light_or_dark(self, page):
        assert "prefers-color-scheme: dark" in page

    def test_of_an_unknown_session_names_those_there_are(self, tmp_path):
        with (
            a_journal(tmp_path, iterations=0) as journal,
            pytest.raises(UsageError, match="no such") as refusal,
        ):
            report(journal, "nowhere")
        assert SESSION in refusal.value.wanted

    def test_of_a_session_without_measurements_is_still_a_page(self, tmp_path):
        with Journal(tmp_path / "plimsoll.sqlite") as journal:
            journal.append(
                EntryKind.FAILED, session="<b>s", iteration=0, step="x", body={"error": HOSTILE}
            )
            text = report(journal, "<b>s")
        assert "svg" not in Page(text).tags
        assert "No proposal was refused." in text
        assert "<b>" not in text

    def test_is_written_whole(self, tmp_path):
        with a_journal(tmp_path, iterations=1) as journal:
            path = write_report(journal, SESSION, tmp_path / "sessions" / SESSION / "report.html")
            assert path.read_text(encoding="utf-8") == report(journal, SESSION)
        assert [p.name for p in path.parent.iterdir()] == ["report.html"]


class TestACharts:
    def pictures(self, told):
        for figure in (gold_against_judge(told), timeline(told), instruments(told)):
            yield from ((figure, ET.fromstring(svg)) for svg in (figure.wide, figure.narrow))

    def test_picture_is_named_and_described(self, told):
        for _, svg in self.pictures(told):
            title, description = svg.find(f"{SVG}title"), svg.find(f"{SVG}desc")
            assert title.text
            assert description.text
            assert svg.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
            assert svg.get("role") == "img"

    def test_ids_are_not_used_twice_on_a_page(self, page):
        ids = [value for _, name, value in Page(page).attributes if name == "id"]
        assert len(ids) == len(set(ids))

    def test_marks_lie_within_the_picture(self, told):
        for _, svg in self.pictures(told):
            width, height = float(svg.get("width")), float(svg.get("height"))
            for dot in svg.iter(f"{SVG}circle"):
                assert 0 <= float(dot.get("cx")) <= width
                assert 0 <= float(dot.get("cy")) <= height

    def test_caption_says_how_many_and_for_how_many_looks(self, told):
        caption = gold_against_judge(told).caption
        assert "n = 2000 per point, 95% band, valid at any time" in caption

    def test_axis_that_does_not_begin_at_zero_says_so(self, told):
        assert "(axis from 0.3)" in gold_against_judge(told).wide

    def test_numbers_stand_in_a_table_below(self, told):
        rows = gold_against_judge(told).rows
        assert ("0", "gold", "0.41 [0.39, 0.43] n=2000", "green") in rows
        assert len(rows) == 3 * 13

    def test_every_decision_has_its_mark_and_its_shape(self, told):
        svg = ET.fromstring(timeline(told).wide)
        marked = {t.text for t in svg.iter(f"{SVG}title")}
        for turn in told[1:]:
            assert f"iteration {turn.iteration}: {turn.intervention}, {turn.ending}" in marked

    def test_outcomes_differ_in_shape_and_not_only_in_colour(self):
        shown = (Ending.COMMITTED, Ending.REFUSED, Ending.ROLLED_BACK, Ending.ASKED, Ending.STOPPED)
        shapes = {re.sub(r'class="[^"]*"', "", mark(ending, 9, 9, "x")) for ending in shown}
        assert len(shapes) == len(shown)

    def test_a_judge_that_parts_from_gold_is_named(self, told):
        assert "fell clearly below its best: iteration 5, 6. The" in gold_against_judge(told).says
        assert "In no iteration" in gold_against_judge(told[:4]).says

    def test_an_undefined_value_is_a_gap_and_not_a_zero(self):
        told = [
            Turn(session="s", iteration=i, entries={}, gold=(measured("gold", value),))
            for i, value in enumerate((0.4, 0.5, None, 0.6, 0.7))
        ]
        svg = ET.fromstring(gold_against_judge(told).wide)
        lines = [p for p in svg.iter(f"{SVG}path") if p.get("class") == "line gold"]
        assert len(lines) == 2

    def test_nothing_measured_is_no_chart(self):
        empty = [Turn(session="s", iteration=0, entries={})]
        assert gold_against_judge(empty) is instruments(empty) is timeline(empty) is None

    def test_one_point_is_drawn_too(self):
        told = [Turn(session="s", iteration=3, entries={}, gold=(measured("gold", 0.5),))]
        assert ET.fromstring(gold_against_judge(told).narrow) is not None

    def test_lanes_have_room_for_every_intervention(self, told):
        lanes = {row[2]: row[1] for row in timeline(told).rows}
        assert lanes[Intervention.REFIT_JUDGE] == "judge"
        assert lanes[Intervention.ASK_PERSON] == "person"


class TestTheAxis:
    @given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
    def test_holds_everything_that_is_drawn(self, one, other):
        low, high = min(one, other), max(one, other)
        marks = ticks(low, high)
        slack = 1e-6 * (1 + abs(high) + abs(low))
        assert marks[0] <= low + slack
        assert marks[-1] >= high - slack
        assert 2 <= len(marks) <= 8

    @given(st.integers(0, 5000), st.integers(0, 5000))
    def test_labels_of_iterations_do_not_collide(self, one, other):
        low, high = min(one, other), max(one, other)
        labels = whole_ticks(low, high, WIDE)
        assert len(labels) * 20 <= WIDE
        assert all(low <= i <= high for i in labels)

    def test_of_one_value_is_in_the_middle(self):
        assert Scale(3, 3, 0, 10).at(3) == 5


class TestWhatTheNumbersStandOn:
    def test_is_told_of_every_instrument_with_n_guarantee_and_looks(self, tmp_path):
        with a_journal(tmp_path) as journal:
            told = turns(journal, SESSION)
            page = report(journal, SESSION)
        found = {b.measurement.instrument: b for b in basis(told) if not b.measurement.of}
        read = {m.instrument for t in told if t.observation for m in t.observation.measurements}
        assert read <= {b.measurement.instrument for b in basis(told)}
        gold = found["gold"]
        assert gold.looks == sum(turn.measured("gold") is not None for turn in told)
        for cell in gold.row:
            assert f"<td>{cell}</td>" in page

    def test_counts_no_look_that_gave_nothing(self, tmp_path):
        with a_journal(tmp_path) as journal:
            told = turns(journal, SESSION)
        empty = measured("judge_score", None)
        blind = [
            t.model_copy(
                update={
                    "gold": (),
                    "observation": t.observation.model_copy(update={"measurements": (empty,)}),
                }
            )
            for t in told
            if t.observation
        ]
        assert [b.looks for b in basis(blind) if b.measurement.instrument == "judge_score"] == [0]
