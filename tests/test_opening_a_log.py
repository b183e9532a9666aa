"""Who may open a log: readers that change nothing, one writer at a time, one session."""

import json
import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing, suppress
from pathlib import Path

import pytest

from logs.canonical import digest_of
from logs.errors import IntegrityError, NoLog, PlimsollError, UsageError
from logs.journal import Journal
from logs.lock import lock_workspace
from logs.verify import verified, verify
from logs.vocabulary import EntryKind, Ledgers
from tests.a_journal import a_journal
from tests.a_workspace import founding

ROOT = Path(__file__).parent.parent


def a_log(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "plimsoll.sqlite")


def note(journal: Journal, step: str = "observe", text: str = "x", spend: Ledgers | None = None):
    return journal.append(
        EntryKind.OBSERVED, session="s", iteration=1, step=step, body={"text": text}, spend=spend
    )


def files_of(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}


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

    def test_is_never_alarmed_by_writers_that_come_and_go(self, tmp_path):
        def write() -> None:
            for step in range(150):
                with a_log(tmp_path) as journal:
                    note(journal, step=str(step), text="x" * 2000)

        a_log(tmp_path).close()
        writing = threading.Thread(target=write)
        writing.start()
        size = 0
        with Journal(tmp_path / "plimsoll.sqlite", read_only=True) as kept:
            while writing.is_alive():
                with Journal(tmp_path / "plimsoll.sqlite", read_only=True) as fresh:
                    for reader in (kept, fresh):
                        assert size <= (size := reader.size())
                        assert len(list(reader.entries())) >= size
            writing.join()
            assert kept.size() == 150

    def test_of_nothing_is_told_so(self, tmp_path):
        with pytest.raises(UsageError, match="no log here"):
            Journal(tmp_path / "plimsoll.sqlite", read_only=True)
        assert not list(tmp_path.iterdir())


def nothing_yet(path: Path) -> None:
    path.touch()


def a_header_alone(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode=WAL")


class TestALogThatIsBeingMade:
    @pytest.mark.parametrize("begun", [nothing_yet, a_header_alone])
    def test_is_no_log_yet_and_made_by_its_next_writer(self, tmp_path, begun):
        path = tmp_path / "plimsoll.sqlite"
        begun(path)
        before = files_of(tmp_path)
        with pytest.raises(NoLog, match="no log here"):
            Journal(path, read_only=True)
        assert files_of(tmp_path) == before
        with a_log(tmp_path) as writer:
            note(writer)
        with Journal(path, read_only=True) as reader:
            assert reader.size() == 1

    @pytest.mark.parametrize("begun", [nothing_yet, a_header_alone])
    def test_does_not_verify(self, tmp_path, begun):
        begun(tmp_path / "plimsoll.sqlite")
        assert not verified(verify(tmp_path))

    def test_is_absent_or_whole_to_readers_beside_its_writer(self, tmp_path):
        paths = [tmp_path / str(i) / "plimsoll.sqlite" for i in range(40)]

        def write() -> None:
            for path in paths:
                path.parent.mkdir()
                with Journal(path) as journal:
                    note(journal)

        writing = threading.Thread(target=write)
        writing.start()
        for path in paths:
            size = 0
            while not size:
                with suppress(NoLog), Journal(path, read_only=True) as reader:
                    size = reader.size()
        writing.join()


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
