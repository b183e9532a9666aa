"""Cards: the same log gives the same bytes, the hub can read them, and hostile names stay text."""

from contextlib import closing
from itertools import pairwise

import pytest
import yaml
from huggingface_hub import ModelCard

from agent import cards
from agent.cards import cards_of, write_missing
from agent.workspace import Workspace
from logs.canonical import digest_of
from logs.card_subject import subject_of
from logs.checkpoint import parse
from logs.errors import UsageError
from logs.markdown import cell, code, front_matter
from logs.model_card import model_card
from logs.vocabulary import EntryKind
from tests.a_command import plimsoll
from tests.a_workspace import SESSION
from tests.an_audit import a_workspace_with_judges, logged

HOSTILE = "](javascript:alert)\n# I am the best | `x` \u202e\x1b[2J"


@pytest.fixture
def workspace(tmp_path):
    return a_workspace_with_judges(tmp_path)


@pytest.fixture
def journal(workspace):
    with closing(workspace.journal()) as journal:
        yield journal


class TestAModelCard:
    def test_is_the_same_whatever_is_logged_later(self, workspace, journal):
        before = model_card(journal, subject_of(journal, "iter:4"))
        logged(workspace, "pair-b")
        assert model_card(journal, subject_of(journal, "iter:4")) == before

    def test_names_the_log_as_it_was_when_the_turn_ended(self, journal):
        subject = subject_of(journal, "iter:4")
        card = model_card(journal, subject)
        note = card.split("```text\n")[1].split("```")[0]
        assert parse(note).size == subject.size < journal.size()
        assert journal.checkpoint(subject.size) == note

    def test_has_metadata_that_the_hub_reads(self, journal):
        card = ModelCard(model_card(journal, subject_of(journal, "HEAD")))
        assert card.data.library_name in ("peft", "transformers")
        (gold,) = [r for r in card.data.eval_results if r.metric_type == "gold"]
        head = subject_of(journal, "HEAD").turn
        assert gold.metric_value == head.measured("gold").estimate
        assert str(head.measured("gold").n) in gold.metric_name

    def test_says_gold_with_its_interval_and_for_how_many_looks_it_holds(self, journal):
        subject = subject_of(journal, "HEAD")
        gold = subject.turn.measured("gold")
        (row,) = [r for r in model_card(journal, subject).splitlines() if r.startswith("| `gold`")]
        assert f"[{gold.low:.3g}, {gold.high:.3g}]" in row and "any number of looks" in row

    def test_of_the_founding_commit_claims_nothing(self, journal):
        commits = list(journal.entries(kind=EntryKind.COMMITTED))
        card = model_card(journal, subject_of(journal, digest_of(commits[0].body)))
        assert "nothing was trained yet" in card and "Claim against" not in card

    def test_of_something_else_is_refused(self, journal):
        decided = next(journal.entries(kind=EntryKind.DECIDED))
        with pytest.raises(UsageError):
            subject_of(journal, str(decided.seq))

    def test_tells_of_an_audit_only_from_when_it_was_made(self, workspace, journal):
        logged(workspace, "pair-b")
        assert "never audited" in model_card(journal, subject_of(journal, "HEAD"))


class TestJudgeCards:
    def test_say_so_where_there_is_no_audit(self, workspace, journal):
        found = cards_of(workspace, journal, subject_of(journal, "HEAD"))
        assert {"README.md", "judge-pair-b.md"} <= set(found)
        assert b"never audited" in found["judge-pair-b.md"]

    def test_hold_the_audit_of_the_version_in_force(self, workspace, journal, monkeypatch):
        entry = logged(workspace, "pair-b")
        later = subject_of(journal, "HEAD")._replace(size=journal.size())
        card = cards_of(workspace, journal, later)["judge-pair-b.md"].decode()
        assert f"## Audit of entry {entry.seq}" in card and "## May be used to" in card


class TestTheFiles:
    def test_are_written_for_each_adapter_of_a_turn_that_ended_and_once(self, workspace, journal):
        written = write_missing(workspace, journal, SESSION)
        commits = list(journal.entries(kind=EntryKind.COMMITTED))
        ended = {e.iteration for e in journal.entries(kind=EntryKind.RECORDED)}
        changed = [
            b.iteration
            for a, b in pairwise(commits)
            if b.body["state"]["adapter"] != a.body["state"]["adapter"]
        ]
        folders = {int(path.parent.name[:4]) for path in written}
        assert folders == set(changed) & ended and 0 < len(folders) < len(changed)
        assert write_missing(workspace, journal, SESSION) == []

    def test_come_back_as_they_were_when_they_were_lost(self, workspace, journal):
        first = {p: p.read_bytes() for p in write_missing(workspace, journal, SESSION)}
        for path in first:
            path.unlink()
        assert {p: p.read_bytes() for p in write_missing(workspace, journal, SESSION)} == first

    def test_are_not_written_by_a_dry_run(self, workspace):
        said = plimsoll("card", "--dry-run", "--workspace", str(workspace.root))
        assert said.code == 0 and not (workspace.session(SESSION) / cards.FOLDER).exists()

    def test_go_where_the_command_is_told(self, workspace, tmp_path):
        out = tmp_path / "out"
        said = plimsoll("card", "--json", "--out", str(out), "--workspace", str(workspace.root))
        assert said.code == 0 and (out / "README.md").read_text() == said.data["card"]

    def test_of_a_workspace_without_a_log_are_refused(self, tmp_path):
        assert plimsoll("card", "--workspace", str(tmp_path)).code == 2


class TestMarkdown:
    def test_keeps_hostile_text_in_its_cell(self):
        told = cell(HOSTILE)
        assert "\n" not in told and "\x1b" not in told and "\u202e" not in told
        assert "\\|" in told and "\\](" in told

    def test_keeps_hostile_text_in_its_code(self):
        assert code(HOSTILE).count("`") == 2 and "\n" not in code(HOSTILE)

    def test_writes_metadata_that_yaml_reads_back(self):
        fields = {"name": HOSTILE, "n": 3, "list": ["a", "- b: c"], "no": None}
        text = front_matter(fields)
        assert yaml.safe_load(text.strip("-\n")) == fields


def test_a_workspace_is_named_in_no_card(workspace, journal):
    found = cards_of(Workspace(workspace.root), journal, subject_of(journal, "HEAD"))
    assert all(str(workspace.root).encode() not in text for text in found.values())
