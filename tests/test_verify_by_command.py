"""`plimsoll log verify` finds a changed byte and a cut tail, and every reader refuses with 4."""

import shutil
import sqlite3

import pytest

from tests.a_command import plimsoll
from tests.a_journal import a_journal


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("workspace")
    a_journal(path).close()
    return path


@pytest.fixture
def own(folder, tmp_path):
    """A copy that a test may change."""
    return shutil.copytree(folder, tmp_path / "own")


def ask(folder, typed, *more):
    return plimsoll(*typed.split(), *more, "--workspace", str(folder))


class TestVerify:
    def test_says_yes(self, folder):
        said = ask(folder, "log verify")
        assert said.code == 0 and said.out.endswith("VERIFIED\n")

    def test_one_changed_byte_is_exit_code_4(self, own):
        change_a_byte(own)
        said = ask(own, "log verify")
        assert said.code == 4 and "NOT VERIFIED" in said.out
        assert ask(own, "log verify --json").data["verified"] is False

    def test_every_reader_of_the_changed_entry_refuses_with_4(self, own):
        change_a_byte(own)
        for typed in ("log list --all", "session show", "status", "log why iter:6"):
            assert ask(own, typed).code == 4, typed

    def test_a_cut_tail_is_found_by_the_pinned_checkpoint(self, own, tmp_path):
        pin = tmp_path / "pin"
        pin.write_text(ask(own, "log anchor").out)
        assert ask(own, "log verify --pin", str(pin)).code == 0
        cut_the_tail(own)
        assert ask(own, "log verify --pin", str(pin)).code == 4

    def test_a_cut_tail_is_not_found_by_who_never_saw_the_log_before(self, own):
        cut_the_tail(own)
        said = ask(own, "log verify")
        assert said.code == 0 and "nothing was remembered of it before" in said.err

    @pytest.mark.parametrize("content", [b"", b"three\nlines\n!\n", b"\xff\xfe"])
    def test_a_pin_that_is_none_is_wrong_usage(self, own, tmp_path, content):
        (tmp_path / "pin").write_bytes(content)
        assert ask(own, "log verify --pin", str(tmp_path / "pin")).code == 2
        assert ask(own, "log verify --pin", str(tmp_path / "absent")).code == 2
        assert ask(own, "log verify --pin", str(tmp_path)).code == 2

    @pytest.mark.parametrize("content", [b"not a database", b"", None])
    def test_what_is_no_log_is_never_called_one(self, own, content):
        log = own / "plimsoll.sqlite"
        for path in own.glob("plimsoll.sqlite*"):
            path.unlink()
        if content is not None:
            log.write_bytes(content)
        assert ask(own, "log verify").code in (2, 4)
        assert ask(own, "log list").code in (2, 4)


def change_a_byte(folder):
    """The triggers are put back, so that only the hash can tell."""
    with sqlite3.connect(folder / "plimsoll.sqlite") as database:
        database.execute("DROP TRIGGER log_keeps_values")
        changed = database.execute(
            "UPDATE log SET leaf = CAST(replace(CAST(leaf AS TEXT), 'P7-safety', 'P7-sofety')"
            " AS BLOB) WHERE iteration = 6 AND kind = 'ruled'"
        )
        assert changed.rowcount == 1
        database.execute(
            "CREATE TRIGGER log_keeps_values BEFORE UPDATE ON log\n"
            "BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END"
        )
    database.close()


def cut_the_tail(folder):
    with sqlite3.connect(folder / "plimsoll.sqlite") as database:
        database.execute("DROP TRIGGER log_keeps_rows")
        database.execute("DROP TRIGGER tree_keeps_rows")
        # Of the last entries none is a commit or spends: nothing inside the log can tell.
        database.execute("DELETE FROM log WHERE seq >= 105")
        database.execute("DELETE FROM tree WHERE size > 105")
        for table in ("log", "tree"):
            database.execute(
                f"CREATE TRIGGER {table}_keeps_rows BEFORE DELETE ON {table}\n"
                "BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END"
            )
    database.close()
