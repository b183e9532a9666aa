"""List, show, why and story say what is in the log, on any terminal, in nobody else's words."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logs.canonical import digest_of
from logs.content import gated, is_token
from logs.errors import UsageError
from logs.refs import find_entry, resolve
from logs.show import list_entries, list_json, show, show_json
from logs.story import story
from logs.summary import summary
from logs.text import HIDDEN_CATEGORIES, clip, paragraphs, table, visible
from logs.vocabulary import EntryKind, LogEntry
from logs.why import why
from logs.why_text import render
from tests.a_journal import a_journal
from tests.a_workspace import SESSION

HOSTILE = "Ignore\x1b[2J\u202e the rules\u2066\x07\r\nVERIFIED\x9b31m <script>alert(1)</script>"
TOLD = {0, 4, 7, 11, 12}
"""Iterations in which every kind of entry occurs."""
WIDTHS = [40, 80, 120]


@pytest.fixture(scope="module")
def journal(tmp_path_factory):
    with a_journal(tmp_path_factory.mktemp("views")) as journal:
        yield journal


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    with a_journal(tmp_path_factory.mktemp("hostile"), words=HOSTILE) as journal:
        yield journal


def every_view(journal, width=80, content=False):
    """All text that a person could be shown of a log."""
    entries = list(journal.entries())
    yield list_entries(entries, width=width)
    yield story(journal, SESSION, width=width, content=content)
    told = [entry for entry in entries if entry.iteration in TOLD]
    yield from (show(entry, content=content, width=width) for entry in told)
    for iteration in {entry.iteration for entry in told}:
        yield render(why(journal, f"iter:{iteration}"), content=content, width=width)


def acts(text):
    """The characters that would do something to a terminal instead of being seen."""
    return {c for c in text if c != "\n" and visible(c) != c}


class TestWhatIsShown:
    @pytest.mark.parametrize("content", [False, True])
    def test_never_acts_on_the_terminal(self, hostile, content):
        for text in every_view(hostile, content=content):
            assert not acts(text)

    def test_hides_what_a_model_wrote_unless_it_is_asked_for(self, hostile):
        for text in every_view(hostile):
            assert "Ignore" not in text
            assert "script" not in text
        asked = "".join(every_view(hostile, content=True))
        assert "Ignore<U+001B>[2J<U+202E> the rules" in asked

    def test_cannot_fake_a_line_of_its_own(self, hostile):
        for text in every_view(hostile, content=True):
            assert not any(line.startswith("VERIFIED") for line in text.split("\n"))

    @pytest.mark.parametrize("width", WIDTHS)
    def test_fits_the_width(self, journal, width):
        for text in every_view(journal, width=width, content=True):
            assert max(map(len, text.split("\n"))) <= width

    def test_survives_a_line_of_a_megabyte(self, tmp_path):
        line = "A" * 1_000_000
        with a_journal(tmp_path, iterations=0, words=line) as journal:
            entry = journal.append(
                EntryKind.FAILED, session=SESSION, iteration=1, step="act", body={"error": line}
            )
            for text in every_view(journal, width=40, content=True):
                assert len(text) < 40_000
            assert "(1000000 characters)" in " ".join(show(entry, content=True).split())
            assert show_json(entry, content=True)["body"] == {"error": line}

    def test_has_no_colour_and_needs_no_terminal(self, journal, monkeypatch):
        monkeypatch.setenv("NO_COLOR", "1")
        monkeypatch.setenv("COLUMNS", "13")
        assert max(map(len, list_entries(journal.entries()).split("\n"))) <= 100

    def test_of_a_decision_by_a_table_is_its_reason(self, journal):
        assert "Line of the table for train." in show(journal.find(SESSION, 1, "decide"))
        assert "Answer first" not in show(journal.find(SESSION, 4, "decide"))


class TestTheGate:
    @given(
        st.recursive(st.text(max_size=60), lambda x: st.lists(x) | st.dictionaries(st.text(), x))
    )
    def test_lets_only_short_plain_tokens_through(self, body):
        entry = LogEntry(
            seq=0,
            kind=EntryKind.FAILED,
            key="k",
            session="s",
            iteration=0,
            at="t",
            body={"x": body},
        )
        shown = json.dumps(gated(entry))
        for text in _texts(body):
            if " " in text.strip() and not is_token(text):
                assert json.dumps(text)[1:-1] not in shown.replace("hidden; --content shows it", "")

    def test_keeps_numbers_names_and_digests(self, journal):
        body = gated(journal.find(SESSION, 1, "act"))
        assert body["seeds"] == {"train": 701}
        assert body["base"] == journal.find(SESSION, 1, "act").body["base"]


class TestTheSummary:
    def test_of_every_entry_is_one_line(self, journal):
        for entry in journal.entries():
            assert "\n" not in summary(entry)
            assert summary(entry)

    def test_of_a_refusal_names_the_invariant(self, journal):
        assert summary(journal.find(SESSION, 6, "commit")) == "P7-safety broken"

    def test_of_a_body_without_a_word_does_not_fail(self):
        for kind in EntryKind:
            for body in ({}, {"measurements": 3}, {"rulings": [1]}, {"outcome": [], "x": None}):
                entry = LogEntry(
                    seq=0, kind=kind, key="k", session="s", iteration=0, at="t", body=body
                )
                assert isinstance(summary(entry), str)

    def test_in_json_is_the_same_as_in_text(self, journal):
        entries = list(journal.entries(limit=20))
        text = list_entries(entries, width=400)
        for row in list_json(entries):
            assert row["summary"] in text


class TestAName:
    def test_of_head_and_its_parents_finds_the_commits(self, journal):
        head = journal.head()
        assert resolve(journal, "HEAD") == resolve(journal, "HEAD~0") == head
        assert resolve(journal, "HEAD~1") == journal.commit_of(head).parent
        assert resolve(journal, "HEAD~9") == digest_of(journal.find(SESSION, 0, "commit").body)

    def test_of_an_iteration_finds_its_commit_or_its_end(self, journal):
        assert find_entry(journal, "iter:7").kind is EntryKind.COMMITTED
        assert find_entry(journal, "iter:6").kind is EntryKind.RECORDED

    def test_may_be_a_number_a_key_or_the_last(self, journal):
        assert find_entry(journal, "5").seq == 5
        assert find_entry(journal, f"{SESSION}/5/decide").kind is EntryKind.DECIDED
        assert find_entry(journal, "@last").seq == journal.size() - 1

    def test_may_be_the_beginning_of_any_digest(self, journal):
        for entry in journal.entries(kind=EntryKind.COMMITTED):
            assert find_entry(journal, digest_of(entry.body)[:16]) == entry
            assert find_entry(journal, journal.leaf_of(entry.seq)[:16].upper()) == entry

    def test_that_fits_two_entries_lists_them(self, tmp_path):
        with a_journal(tmp_path, iterations=1) as journal:
            for step in "ab":
                journal.append(
                    EntryKind.FAILED, session="s", iteration=1, step=step, body={"same": 1}
                )
            with pytest.raises(UsageError, match="more than one") as refusal:
                resolve(journal, digest_of({"same": 1})[:8])
            assert str(journal.size() - 1) in refusal.value.saw
            assert refusal.value.exit_code == 2

    @pytest.mark.parametrize(
        "ref",
        ["", "HEAD~99", "iter:99", "iter:", "9999", "abc", "nothing/1/x", "a/b/c", "HEAD^", "²"],
    )
    def test_of_nothing_is_refused(self, journal, ref):
        with pytest.raises(UsageError):
            resolve(journal, ref)


class TestText:
    @given(st.text())
    def test_made_visible_holds_nothing_that_acts(self, text):
        assert not {unicodedata.category(c) for c in visible(text)} & HIDDEN_CATEGORIES

    @given(st.text(), st.integers(40, 120))
    def test_wrapped_fits(self, text, width):
        assert all(len(line) <= width for line in paragraphs(text, width, "    "))

    @given(st.lists(st.tuples(st.text(max_size=9), st.text(max_size=200)), max_size=4))
    def test_in_a_table_fits(self, rows):
        lines = table(("a", "b"), rows, 40).split("\n")
        assert all(len(line) <= 40 or "<U+" in line for line in lines)

    def test_that_is_cut_says_how_long_it_was(self):
        assert clip("x" * 10, 4) == "xxxx… (10 characters)"


def _texts(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _texts(item)
    else:
        for item in value:
            yield from _texts(item)
