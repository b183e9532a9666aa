"""The journal: each step once, HEAD and ledgers with it, and nothing half-written."""

import sqlite3
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from logs.canonical import canonical, digest_of
from logs.errors import IntegrityError, PlimsollError, Stale, UsageError
from logs.journal import Journal
from logs.vocabulary import Commit, EntryKind, Ledgers, Measurement, Status
from tests.a_journal import a_journal
from tests.a_workspace import SESSION, founding

ROOT = Path(__file__).parent.parent


def a_log(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "plimsoll.sqlite")


def note(journal: Journal, step: str = "observe", text: str = "x", spend: Ledgers | None = None):
    return journal.append(
        EntryKind.OBSERVED, session="s", iteration=1, step=step, body={"text": text}, spend=spend
    )


def child_of(parent: Commit, iteration: int = 1) -> Commit:
    return parent.model_copy(update={"parent": digest_of(parent), "iteration": iteration})


class TestAStepThatRunsAgain:
    def test_finds_its_own_entry(self, tmp_path):
        with a_log(tmp_path) as journal:
            assert note(journal) == note(journal) == journal.find("s", 1, "observe")
            assert journal.size() == 1

    def test_spends_nothing_more(self, tmp_path):
        with a_log(tmp_path) as journal:
            for seconds in ("1.5", "2.5"):
                spend = Ledgers(audit_labels=3, seconds=Decimal(seconds))
                note(journal, spend=spend)
            assert journal.ledgers() == Ledgers(audit_labels=3, seconds=Decimal("1.5"))

    def test_cannot_record_something_else(self, tmp_path):
        with a_log(tmp_path) as journal:
            note(journal)
            with pytest.raises(IntegrityError, match="history is not rewritten"):
                note(journal, text="y")
            with pytest.raises(IntegrityError):
                journal.append(
                    EntryKind.FAILED, session="s", iteration=1, step="observe", body={"text": "x"}
                )
            assert journal.size() == 1

    def test_reads_back_what_it_was_given_after_a_restart(self, tmp_path):
        measured = Measurement(
            instrument="gold", estimate=1.0, units="share", n=3, status=Status.GREEN
        )
        with a_log(tmp_path) as journal:
            told = journal.append(
                EntryKind.MEASURED, session="s", iteration=0, step="gold", body=measured
            )
        with Journal(tmp_path / "plimsoll.sqlite") as journal:
            read = journal.find("s", 0, "gold")
            assert read == told
            assert Measurement.model_validate(read.body) == measured
            assert digest_of(read.body) == digest_of(measured)


class TestHead:
    def test_moves_with_the_commit_in_one_step(self, tmp_path):
        with a_log(tmp_path) as journal:
            first = founding(tmp_path)
            assert journal.head() is None
            journal.commit(first, expected_head=None)
            second = child_of(first)
            journal.commit(second, expected_head=digest_of(first))
            assert journal.head() == digest_of(second)
            assert journal.commit_of(digest_of(second)) == second

    def test_is_not_moved_by_a_stale_commit_and_nothing_is_written(self, tmp_path):
        with a_log(tmp_path) as journal:
            first = founding(tmp_path)
            journal.commit(first, expected_head=None)
            journal.commit(child_of(first), expected_head=digest_of(first))
            late = child_of(first, iteration=2)
            head, size = journal.head(), journal.size()
            with pytest.raises(Stale) as refusal:
                journal.commit(late, expected_head=digest_of(first), spend=Ledgers(audit_labels=9))
            assert refusal.value.exit_code == 7
            assert (journal.head(), journal.size()) == (head, size)
            assert journal.ledgers() == Ledgers()

    def test_cannot_be_founded_twice(self, tmp_path):
        with a_log(tmp_path) as journal:
            first = founding(tmp_path)
            journal.commit(first, expected_head=None)
            other = first.model_copy(update={"session": "other"})
            with pytest.raises(Stale):
                journal.commit(other, expected_head=None)

    def test_stays_when_an_old_commit_is_repeated(self, tmp_path):
        with a_log(tmp_path) as journal:
            first = founding(tmp_path)
            entry = journal.commit(first, expected_head=None)
            journal.commit(child_of(first), expected_head=digest_of(first))
            head = journal.head()
            assert journal.commit(first, expected_head=None) == entry
            assert journal.head() == head

    def test_is_not_given_to_a_commit_with_another_parent(self, tmp_path):
        with a_log(tmp_path) as journal:
            first = founding(tmp_path)
            journal.commit(first, expected_head=None)
            orphan = first.model_copy(update={"parent": "0" * 64, "iteration": 1})
            with pytest.raises(IntegrityError, match="parent"):
                journal.commit(orphan, expected_head=digest_of(first))

    def test_is_not_given_to_a_roll_back_to_nowhere(self, tmp_path):
        with a_log(tmp_path) as journal:
            first = founding(tmp_path)
            journal.commit(first, expected_head=None)
            back = child_of(first).model_copy(update={"restores": "0" * 64})
            with pytest.raises(IntegrityError, match="restored"):
                journal.commit(back, expected_head=digest_of(first))
            assert journal.size() == 1

    def test_moves_by_commit_and_by_nothing_else(self, tmp_path):
        with a_log(tmp_path) as journal, pytest.raises(UsageError, match="Only `commit`"):
            journal.append(
                EntryKind.COMMITTED, session="s", iteration=0, step="x", body=founding(tmp_path)
            )


class TestTheLedgers:
    def test_are_the_exact_sum_of_what_the_entries_spent(self, tmp_path):
        with a_log(tmp_path) as journal:
            for step in range(10):
                note(journal, step=str(step), spend=Ledgers(alpha=Decimal("0.1"), gold_queries=1))
            assert journal.ledgers() == Ledgers(alpha=Decimal(1), gold_queries=10)

    @pytest.mark.parametrize("amount", ["-0.01", "NaN", "1E+200"])
    def test_never_shrink_and_never_lose_a_digit(self, tmp_path, amount):
        with a_log(tmp_path) as journal:
            note(journal, spend=Ledgers(alpha=Decimal("0.05")))
            with pytest.raises((PlimsollError, ValueError)):
                note(journal, step="again", spend=Ledgers(alpha=Decimal(amount)))
            assert journal.size() == 1
            assert journal.ledgers().alpha == Decimal("0.05")


class TestEntries:
    def test_come_in_order_whatever_is_asked_for(self, tmp_path):
        with a_journal(tmp_path, iterations=3) as journal:
            every = list(journal.entries())
            assert [entry.seq for entry in every] == list(range(journal.size()))
            assert list(journal.entries(since=5, limit=4)) == every[5:9]
            decided = [e for e in every if e.kind is EntryKind.DECIDED]
            assert list(journal.entries(SESSION, EntryKind.DECIDED)) == decided
            assert list(journal.entries("another session")) == []

    def test_come_in_order_over_more_than_one_page(self, tmp_path):
        with a_log(tmp_path) as journal:
            for step in range(300):
                note(journal, step=str(step))
            assert [e.seq for e in journal.entries()] == list(range(300))
            assert [e.seq for e in journal.entries(limit=299)] == list(range(299))

    def test_with_hostile_names_stay_data(self, tmp_path):
        with a_log(tmp_path) as journal:
            name = "x'; DROP TABLE log; --"
            journal.append(EntryKind.FAILED, session=name, iteration=0, step=name, body={})
            assert next(journal.entries(name)).session == name
            assert journal.find(name, 0, name) is not None

    @pytest.mark.parametrize("name", ["", "a/b", "a\nb", "\x1b[31m"])
    def test_cannot_have_a_key_that_reads_as_another(self, tmp_path, name):
        with a_log(tmp_path) as journal, pytest.raises(UsageError):
            journal.append(EntryKind.FAILED, session=name, iteration=0, step="s", body={})

    @pytest.mark.parametrize("body", [{"x": float("nan")}, {"x": 2**60}, {"x": "\ud800"}])
    def test_without_a_canonical_form_are_refused(self, tmp_path, body):
        with a_log(tmp_path) as journal:
            with pytest.raises(PlimsollError, match="canonical"):
                journal.append(EntryKind.FAILED, session="s", iteration=0, step="s", body=body)
            assert journal.size() == 0

    def test_cannot_be_removed_or_changed_by_accident(self, tmp_path):
        with a_log(tmp_path) as journal:
            note(journal)
        with sqlite3.connect(tmp_path / "plimsoll.sqlite") as database:
            for statement in (
                "DELETE FROM log",
                "UPDATE log SET iteration = 2",
                "DELETE FROM tree",
            ):
                with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                    database.execute(statement)
        database.close()


def test_canonical_bytes_are_those_of_rfc_8785():
    assert canonical({"b": 1.0, "a": [1e21, 0.1, -0.0], "é": Decimal("0.10")}) == (
        '{"a":[1e+21,0.1,0],"b":1,"é":"0.10"}'.encode()
    )


def test_the_memory_is_read_without_torch_or_a_solver():
    heavy = "{'torch', 'z3', 'langgraph', 'transformers', 'jinja2'} & set(sys.modules)"
    code = f"import logs.journal, logs.show, logs.why, logs.verify, sys; sys.exit(bool({heavy}))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
