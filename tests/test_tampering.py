"""`plimsoll log verify` finds every change of what was written, and names the entry."""

import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from logs.canonical import canonical, digest_of
from logs.errors import IntegrityError, UsageError
from logs.journal import Journal
from logs.merkle import Frontier, leaf_hash
from logs.storage import SCHEMA
from logs.turns import turns
from logs.verify import render, verified, verify
from logs.vocabulary import Commit, EntryKind, LogEntry
from tests.a_journal import a_journal
from tests.a_workspace import SESSION, founding

TABLES = {
    "log": ("seq", "key", "kind", "session", "iteration", "word", "leaf", "hash"),
    "tree": ("size", "root", "peaks"),
    "head": ("digest",),
    "ledger": ("name", "amount"),
}
quick = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def sealed(tmp_path_factory):
    """A finished session and the checkpoint that somebody outside kept of it."""
    workspace = tmp_path_factory.mktemp("sealed")
    with a_journal(workspace, iterations=2) as journal:
        pin = journal.checkpoint()
    return workspace, pin


@pytest.fixture
def workspace(sealed, tmp_path):
    """A copy that may be harmed."""
    return Path(shutil.copytree(sealed[0], tmp_path / "workspace"))


def harm(workspace: Path, *statements: str) -> None:
    """Write to the log as one who owns the file: without its triggers, which come back."""
    with closing(sqlite3.connect(workspace / "plimsoll.sqlite")) as database, database:
        triggers = database.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall()
        for name, _ in triggers:
            database.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            database.execute(statement)
        for _, sql in triggers:
            database.execute(sql)


def wrong(workspace: Path, pinned: str | None = None) -> dict[str, str]:
    """What verification finds to be wrong."""
    return {c.name: c.detail for c in verify(workspace, pinned=pinned) if c.ok is False}


def content(path: Path) -> list[object]:
    """Everything that a reader of the log could read."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as database:
        database.text_factory = bytes
        return [
            database.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() for table in TABLES
        ]


class TestAnUntouchedLog:
    def test_verifies_with_and_without_a_pin(self, sealed):
        workspace, pin = sealed
        assert verified(verify(workspace))
        answers = verify(workspace, pinned=pin)
        assert verified(answers)
        assert render(answers).endswith("\nVERIFIED")

    def test_says_what_it_could_not_ask(self, sealed):
        unasked = [check.name for check in verify(sealed[0]) if check.ok is None]
        assert unasked == ["the pinned checkpoint is kept", "time stamps"]

    def test_is_not_touched_by_being_verified(self, sealed):
        before = {p: p.read_bytes() for p in sealed[0].rglob("*") if p.is_file()}
        verify(sealed[0])
        assert before == {p: p.read_bytes() for p in sealed[0].rglob("*") if p.is_file()}

    def test_verifies_while_a_session_is_writing_to_it(self, workspace):
        with Journal(workspace / "plimsoll.sqlite") as journal:
            journal.append(EntryKind.FAILED, session="s", iteration=0, step="x", body={})
            assert verified(verify(workspace, pinned=journal.checkpoint()))

    def test_that_grew_is_consistent_with_an_older_pin(self, workspace, sealed):
        with Journal(workspace / "plimsoll.sqlite") as journal:
            journal.append(EntryKind.FAILED, session="s", iteration=0, step="x", body={})
        assert verified(verify(workspace, pinned=sealed[1]))

    def test_that_is_empty_verifies_too(self, tmp_path):
        with Journal(tmp_path / "plimsoll.sqlite") as journal:
            pin = journal.checkpoint()
        assert verified(verify(tmp_path, pinned=pin))


class TestOneChangedByte:
    @quick
    @given(data=st.data())
    def test_in_any_value_of_any_row_is_found(self, sealed, data):
        table = data.draw(st.sampled_from(sorted(TABLES)))
        column = data.draw(st.sampled_from(TABLES[table]))
        with tempfile.TemporaryDirectory() as folder:
            workspace = Path(shutil.copytree(sealed[0], Path(folder, "w")))
            with closing(sqlite3.connect(workspace / "plimsoll.sqlite")) as database:
                rows = database.execute(f"SELECT rowid, {column} FROM {table}").fetchall()
            row, value = data.draw(st.sampled_from(rows))
            if isinstance(value, int):
                flipped = str(value ^ (1 << data.draw(st.integers(0, 40))))
            else:
                raw = bytearray(value.encode() if isinstance(value, str) else value)
                raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
                kind = "TEXT" if isinstance(value, str) else "BLOB"
                flipped = f"CAST(x'{raw.hex()}' AS {kind})"
            try:
                harm(workspace, f"UPDATE {table} SET {column} = {flipped} WHERE rowid = {row}")
            except sqlite3.IntegrityError:
                assume(False)
            assert wrong(workspace), (table, column, row)

    @quick
    @given(data=st.data())
    def test_anywhere_in_the_file_is_found_or_changes_nothing_that_can_be_read(self, sealed, data):
        original = (sealed[0] / "plimsoll.sqlite").read_bytes()
        harmed = bytearray(original)
        harmed[data.draw(st.integers(0, len(harmed) - 1))] ^= data.draw(st.integers(1, 255))
        with tempfile.TemporaryDirectory() as folder:
            workspace = Path(folder)
            (workspace / "objects").symlink_to(sealed[0] / "objects")
            (workspace / "plimsoll.sqlite").write_bytes(harmed)
            if not wrong(workspace, sealed[1]):
                found = content(workspace / "plimsoll.sqlite")
                assert found == content(sealed[0] / "plimsoll.sqlite")

    def test_in_a_leaf_names_the_first_bad_and_the_last_good_entry(self, workspace):
        harm(
            workspace,
            "UPDATE log SET leaf = CAST(replace(leaf, '0.41', '0.91') AS BLOB) WHERE seq = 2",
        )
        found = wrong(workspace)["every entry has its hash"]
        assert "entry 2: stored hash" in found
        assert found.endswith("first bad 2, last good 1")

    def test_in_a_column_says_which(self, workspace):
        harm(workspace, "UPDATE log SET iteration = 9 WHERE seq = 3")
        assert "iteration is 9, the leaf says 1" in wrong(workspace)["every entry has its hash"]

    def test_in_the_name_of_a_commit_is_found_and_the_commit_is_not_given_out(self, workspace):
        harm(workspace, f"UPDATE log SET word = '{'0' * 64}' WHERE seq = 1")
        assert "column word" in wrong(workspace)["every entry has its hash"]
        journal = Journal(workspace / "plimsoll.sqlite", read_only=True)
        with journal, pytest.raises(IntegrityError, match="name of another commit"):
            journal.commit_of("0" * 64)

    def test_stops_a_reader_and_a_writer_at_once(self, workspace):
        harm(
            workspace,
            "UPDATE log SET leaf = CAST(replace(leaf, '0.41', '0.91') AS BLOB) WHERE seq = 2",
        )
        path = workspace / "plimsoll.sqlite"
        with (
            Journal(path, read_only=True) as journal,
            pytest.raises(IntegrityError, match="Entry 2"),
        ):
            list(journal.entries())
        with pytest.raises(IntegrityError, match="does not match its own tree"):
            Journal(path)


class TestACutTail:
    def test_is_found_against_a_pinned_checkpoint(self, workspace, sealed):
        last = int(sealed[1].split("\n")[1]) - 1
        cut = (f"DELETE FROM log WHERE seq = {last}", f"DELETE FROM tree WHERE size = {last + 1}")
        harm(workspace, *cut)
        assert not wrong(workspace), "without a pin nothing outside knows that it was longer"
        assert "cut: pinned at" in wrong(workspace, sealed[1])["the pinned checkpoint is kept"]

    @pytest.mark.parametrize("table", ["log", "tree"])
    def test_of_one_table_is_found_without_a_pin(self, workspace, table):
        harm(workspace, f"DELETE FROM {table} WHERE rowid = (SELECT max(rowid) FROM {table})")
        assert "every stored tree head is right" in wrong(workspace)

    def test_that_takes_a_commit_with_it_leaves_head_hanging(self, workspace):
        harm(
            workspace,
            "DELETE FROM tree WHERE size > (SELECT max(seq) FROM log WHERE kind = 'committed')",
            "DELETE FROM log WHERE seq >= (SELECT max(seq) FROM log WHERE kind = 'committed')",
        )
        assert "HEAD is the last commit" in wrong(workspace)

    def test_in_the_middle_is_found(self, workspace):
        harm(workspace, "DELETE FROM log WHERE seq = 4")
        assert "the next one here is 5" in wrong(workspace)["every entry has its hash"]


class TestARewrittenHistory:
    def rewrite(self, workspace: Path, seq: int) -> None:
        """Change one entry and make every hash of the file agree with it."""
        with Journal(workspace / "plimsoll.sqlite", read_only=True) as journal:
            entries = list(journal.entries())
        changed = entries[seq].model_copy(update={"at": "1970-01-01T00:00:00.000+00:00"})
        entries[seq] = LogEntry.model_validate(changed.model_dump())
        frontier, statements = Frontier(), ["DELETE FROM log", "DELETE FROM tree"]
        for entry in entries:
            leaf = canonical(entry)
            frontier = frontier.push(leaf_hash(leaf))
            columns = (entry.seq, entry.key, str(entry.kind), entry.session, entry.iteration)
            texts = ", ".join(repr(value) for value in (*columns, digest_of(entry.body)))
            statements += [
                f"INSERT INTO log VALUES ({texts}, x'{leaf.hex()}', x'{leaf_hash(leaf).hex()}')",
                f"INSERT INTO tree VALUES ({frontier.size}, x'{frontier.root().hex()}',"
                f" x'{b''.join(frontier.peaks).hex()}')",
            ]
        harm(workspace, *statements)

    @pytest.mark.parametrize("seq", [0, 7])
    def test_is_found_against_a_pin_and_only_there(self, workspace, sealed, seq):
        self.rewrite(workspace, seq)
        assert not wrong(workspace)
        assert list(wrong(workspace, sealed[1])) == ["the pinned checkpoint is kept"]

    def test_with_a_trigger_removed_is_found(self, workspace):
        with closing(sqlite3.connect(workspace / "plimsoll.sqlite")) as database, database:
            database.execute("DROP TRIGGER log_keeps_rows")
        assert "log_keeps_rows" in wrong(workspace)["the file is a log"]


class TestWhatTheLogSays:
    def test_of_head_is_checked_against_the_commits(self, workspace):
        harm(workspace, f"UPDATE head SET digest = '{'0' * 64}'")
        assert "HEAD is the last commit" in wrong(workspace)

    def test_of_ledgers_is_checked_against_the_entries(self, workspace):
        harm(workspace, "UPDATE ledger SET amount = '0' WHERE name = 'audit_labels'")
        assert wrong(workspace) == {
            "ledgers are the sum of entries": "audit_labels is 0, the entries spend 128"
        }

    def test_of_a_commit_without_a_verdict_is_found(self, tmp_path):
        with Journal(tmp_path / "plimsoll.sqlite") as journal:
            first = founding(tmp_path)
            journal.commit(first, expected_head=None)
            second = first.model_copy(update={"parent": digest_of(first), "iteration": 1})
            journal.commit(second, expected_head=digest_of(first))
        found = wrong(tmp_path)
        assert list(found) == ["every commit has its reasons"]
        assert "proposal None is not in the log" in found["every commit has its reasons"]

    def test_of_a_commit_whose_state_was_not_the_proposed_one_is_found(self, tmp_path):
        with a_journal(tmp_path, iterations=1) as journal:
            good = journal.commit_of(journal.head())
            forged = good.model_copy(update={"iteration": 2, "parent": journal.head()})
            journal.commit(forged, expected_head=journal.head())
        assert "not what was proposed" in wrong(tmp_path)["every commit has its reasons"]

    def test_of_a_commit_against_the_verdict_is_found(self, tmp_path):
        with a_journal(tmp_path, iterations=6) as journal:
            refused = turns(journal, SESSION)[6]
            names = {w: digest_of(getattr(refused, w)) for w in ("proposal", "evidence", "verdict")}
            state = refused.proposal.new
            forced = Commit(parent=journal.head(), session="s", iteration=6, state=state, **names)
            journal.commit(forced, expected_head=journal.head())
        assert "does not hold" in wrong(tmp_path)["every commit has its reasons"]

    def test_of_history_must_lead_back_to_the_founding(self, tmp_path):
        with a_journal(tmp_path, iterations=1) as journal:
            orphan = founding(tmp_path).model_copy(update={"parent": "0" * 64})
            with journal._transaction():
                journal._record(EntryKind.COMMITTED, "s", 5, "commit", orphan, None)
        assert "commits lead back to the founding" in wrong(tmp_path)


def test_a_log_that_is_not_there_is_a_wrong_word_not_a_verdict(tmp_path):
    with pytest.raises(UsageError, match="no log here"):
        verify(tmp_path)


def test_a_file_of_another_kind_does_not_verify(tmp_path):
    (tmp_path / "plimsoll.sqlite").write_bytes(b"\0" * 9000)
    assert not verified(verify(tmp_path))


def test_every_table_of_the_schema_is_attacked_here():
    assert SCHEMA.count("CREATE TABLE") == len(TABLES)
