"""The journal: each step once, HEAD and ledgers with it, and nothing half-written."""

import json
import os
import sqlite3
import subprocess
import sys
import threading
from decimal import Decimal
from pathlib import Path

import pytest

from logs.canonical import canonical, digest_of
from logs.errors import IntegrityError, PlimsollError, Stale, UsageError
from logs.journal import Journal
from logs.lock import lock_workspace
from logs.vocabulary import Commit, EntryKind, Ledgers, Measurement, Status
from tests.a_journal import SESSION, a_journal, founding

ROOT = Path(__file__).parent.parent


def a_log(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "plimsoll.sqlite")


def note(journal: Journal, step: str = "observe", text: str = "x", spend: Ledgers | None = None):
    return journal.append(
        EntryKind.OBSERVED, session="s", iteration=1, step=step, body={"text": text}, spend=spend
    )


def child_of(parent: Commit, iteration: int = 1) -> Commit:
    return parent.model_copy(update={"parent": digest_of(parent), "iteration": iteration})


def files_of(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}


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


class TestAReader:
    def test_changes_nothing_and_makes_no_file(self, tmp_path):
        a_journal(tmp_path, iterations=2).close()
        before = files_of(tmp_path)
        with Journal(tmp_path / "plimsoll.sqlite", read_only=True) as journal:
            assert journal.size() == len(list(journal.entries()))
            with pytest.raises(UsageError, match="opened to be read"):
                note(journal)
            assert files_of(tmp_path) == before
        assert files_of(tmp_path) == before

    def test_sees_what_others_write_after_it_opened(self, tmp_path):
        a_journal(tmp_path, iterations=1).close()
        with Journal(tmp_path / "plimsoll.sqlite", read_only=True) as reader:
            size = reader.size()
            with Journal(tmp_path / "plimsoll.sqlite") as writer:
                note(writer)
                assert reader.size() == size + 1
            assert reader.size() == size + 1

    def test_reads_a_copy_that_was_taken_while_a_session_ran(self, tmp_path):
        copy = tmp_path / "copy"
        copy.mkdir()
        with a_journal(tmp_path / "live", iterations=1) as writer:
            for name in ("plimsoll.sqlite", "plimsoll.sqlite-wal"):
                (copy / name).write_bytes((tmp_path / "live" / name).read_bytes())
            size = writer.size()
        before = files_of(copy)
        with Journal(copy / "plimsoll.sqlite", read_only=True) as reader:
            assert reader.size() == size
        assert files_of(copy) == before

    def test_of_nothing_is_told_so(self, tmp_path):
        with pytest.raises(UsageError, match="no log here"):
            Journal(tmp_path / "plimsoll.sqlite", read_only=True)
        assert not list(tmp_path.iterdir())


class TestAFileThatIsNotALog:
    @pytest.mark.parametrize("read_only", [True, False])
    def test_is_refused_and_left_as_it_is(self, tmp_path, read_only):
        path = tmp_path / "plimsoll.sqlite"
        path.write_bytes(b"not a database at all, " * 100)
        before = files_of(tmp_path)
        with pytest.raises(IntegrityError, match="does not read as a log"):
            Journal(path, read_only=read_only)
        assert files_of(tmp_path) == before

    @pytest.mark.parametrize("read_only", [True, False])
    def test_is_refused_when_another_program_made_it(self, tmp_path, read_only):
        path = tmp_path / "plimsoll.sqlite"
        with sqlite3.connect(path) as database:
            database.execute("CREATE TABLE bookmarks (url TEXT)")
        database.close()
        before = files_of(tmp_path)
        with pytest.raises(IntegrityError, match="not a Plimsoll log"):
            Journal(path, read_only=read_only)
        assert files_of(tmp_path) == before

    def test_is_refused_when_a_later_version_made_it(self, tmp_path):
        a_log(tmp_path).close()
        with sqlite3.connect(tmp_path / "plimsoll.sqlite") as database:
            database.execute("PRAGMA user_version=2")
        database.close()
        with pytest.raises(UsageError, match="another format"):
            a_log(tmp_path)

    def test_is_said_plainly_when_its_folder_is_missing(self, tmp_path):
        with pytest.raises(PlimsollError, match="cannot be opened"):
            Journal(tmp_path / "absent" / "plimsoll.sqlite")


class TestAFullDisk:
    def test_is_told_as_nothing_written(self, tmp_path):
        with a_log(tmp_path) as journal:
            first = founding(tmp_path)
            journal.commit(first, expected_head=None)
            pages = journal._db.execute("PRAGMA page_count").fetchone()[0]
            journal._db.execute(f"PRAGMA max_page_count={pages}")
            with pytest.raises(PlimsollError, match="nothing was written"):
                note(journal, text="x" * 100_000, spend=Ledgers(audit_labels=1))
            assert journal.size() == 1
            assert (journal.head(), journal.ledgers()) == (digest_of(first), Ledgers())
            journal._db.execute("PRAGMA max_page_count=100000")
            assert note(journal, text="x" * 100_000).seq == 1


class TestTwoWriters:
    def test_take_turns(self, tmp_path):
        with a_log(tmp_path) as one, a_log(tmp_path) as two:
            note(one, step="a")
            note(two, step="b")
            assert [e.key for e in one.entries()] == ["s/1/a", "s/1/b"]

    def test_of_which_one_holds_the_file_leave_the_other_with_a_clear_error(self, tmp_path):
        with a_log(tmp_path) as one:
            two = Journal(tmp_path / "plimsoll.sqlite", wait_seconds=0.2)
            with one._transaction(), pytest.raises(PlimsollError, match="Another process"):
                note(two)
            note(two)
            two.close()

    def test_in_threads_of_one_process_lose_nothing(self, tmp_path):
        with a_log(tmp_path) as journal:
            threads = [
                threading.Thread(target=note, args=(journal, str(step))) for step in range(8)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert journal.size() == 8


class TestTheWorkspace:
    def test_is_held_by_one_process_which_is_named(self, tmp_path):
        code = (
            "import sys, pathlib\nfrom logs.lock import lock_workspace\n"
            "with lock_workspace(pathlib.Path(sys.argv[1])):\n"
            "    print('held', flush=True); sys.stdin.read()\n"
        )
        holder = subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        with holder:
            assert holder.stdout.readline() == "held\n"
            with pytest.raises(UsageError, match="at work") as refusal, lock_workspace(tmp_path):
                pass
            assert f"process {holder.pid} on " in refusal.value.saw
            holder.kill()
        with lock_workspace(tmp_path):
            assert json.loads((tmp_path / "plimsoll.lock").read_text())["pid"] == os.getpid()

    def test_is_not_taken_twice_by_one_process(self, tmp_path):
        with lock_workspace(tmp_path):
            with (
                pytest.raises(UsageError, match=f"process {os.getpid()}"),
                lock_workspace(tmp_path),
            ):
                pass
            with pytest.raises(UsageError), lock_workspace(tmp_path / "."):
                pass
        with lock_workspace(tmp_path):
            pass


def test_the_memory_is_read_without_torch_or_a_solver():
    heavy = "{'torch', 'z3', 'langgraph', 'transformers', 'jinja2'} & set(sys.modules)"
    code = f"import logs.journal, logs.show, logs.why, logs.verify, sys; sys.exit(bool({heavy}))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
