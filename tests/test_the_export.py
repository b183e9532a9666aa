"""A log that is handed out: exported, verified without a workspace, cosigned, remembered."""

import json
import shutil
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from logs.journal import Journal
from logs.transparency import bundle, tiles
from logs.transparency.files import opened
from logs.vocabulary import EntryKind
from tests.a_command import plimsoll
from tests.a_journal import a_journal
from tests.a_note_reader import verified_by

KINDS = ["bundle", "bundle.tar"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A workspace, a key of its log and one of a witness."""
    root = tmp_path_factory.mktemp("place")
    a_journal(root / "w", iterations=4).close()
    (root / "w" / "plimsoll.toml").touch()
    assert plimsoll("log", "key", "example.org/log", "--out", str(root / "log")).code == 0
    witness = ("log", "key", "example.org/ana", "--witness", "--out", str(root / "ana"))
    assert plimsoll(*witness).code == 0
    return root


@pytest.fixture
def own(place, tmp_path):
    """A copy that a test may change."""
    return Path(shutil.copytree(place, tmp_path / "own"))


def export(own: Path, name: str = "bundle", *more: str):
    where = ("--workspace", str(own / "w"), "--key", str(own / "log"))
    return plimsoll("log", "export", "--out", str(own / name), *where, *more)


def verify(own: Path, name: str = "bundle", *more: str):
    return plimsoll("log", "verify", "--bundle", str(own / name), *more)


def grow(own: Path, entries: int = 1) -> None:
    with Journal(own / "w" / "plimsoll.sqlite") as journal:
        for number in range(entries):
            step = f"{journal.size()}-{number}"
            journal.append(EntryKind.RESUMED, session="s", iteration=0, step=step, body={})


class TestABundle:
    @pytest.mark.parametrize("name", KINDS)
    def test_is_verified_without_a_workspace(self, own, name):
        assert export(own, name, "--artefacts").code == 0
        shutil.rmtree(own / "w")
        said = verify(own, name, "--signed-by", str(own / "log.pub"))
        assert said.code == 0 and said.out.endswith("VERIFIED\n"), said.out
        assert "signed by example.org/log" in said.out
        assert "artefacts that came along are whole" in said.out

    def test_is_the_same_for_the_same_log(self, own):
        for name in ("one.tar", "two.tar"):
            assert export(own, name).code == 0
        assert (own / "one.tar").read_bytes() == (own / "two.tar").read_bytes()

    def test_is_laid_out_as_the_specification_says(self, own):
        grow(own, 300)
        assert export(own).code == 0
        size = Journal(own / "w" / "plimsoll.sqlite", read_only=True).size()
        assert 256 < size < 512
        with opened(own / "bundle") as files:
            names = files.names()
            first = files.get("tile/0/000")
            assert len(first) == 256 * 32
            (path,) = [n for n in names if n.startswith("tile/1/")]
            assert path == "tile/1/000.p/1" and len(files.get(path)) == 32
            assert f"tile/0/001.p/{size - 256}" in names and "tile/entries/000" in names
            leaf = files.get("tile/entries/000")
        assert int.from_bytes(leaf[:2], "big") and json.loads(
            leaf[2 : 2 + int.from_bytes(leaf[:2])]
        )

    def test_says_where_an_entry_is_too_long_for_tile_entries(self, own):
        with Journal(own / "w" / "plimsoll.sqlite") as journal:
            body = {"long": "x" * 70_000}
            journal.append(EntryKind.RESUMED, session="s", iteration=0, step="long", body=body)
        assert export(own).code == 0
        with opened(own / "bundle") as files:
            assert any(name.startswith(tiles.LONG) for name in files.names())
        assert verify(own).code == 0

    def test_of_a_checkpoint_that_is_older_holds_no_more_than_that(self, own):
        where = ("--workspace", str(own / "w"))
        (own / "old").write_text(plimsoll("log", "anchor", *where).out)
        grow(own)
        words = ("log", "export", "--out", str(own / "b"), "--checkpoint", str(own / "old"))
        assert plimsoll(*words, *where).code == 0
        with opened(own / "b") as files:
            size = int(bundle.note_of(files).text.split("\n")[1])
        assert size == Journal(own / "w" / "plimsoll.sqlite", read_only=True).size() - 1
        assert verify(own, "b").code == 0

    @pytest.mark.parametrize("name", KINDS)
    def test_is_never_written_over_anything(self, own, name):
        assert export(own, name).code == 0
        assert export(own, name).code == 2

    def test_is_not_written_when_it_is_only_tried(self, own):
        assert export(own, "bundle", "--dry-run").code == 0
        assert not (own / "bundle").exists()

    @pytest.mark.parametrize("content", [b"", b"no tar", None])
    def test_that_is_none_is_wrong_usage(self, own, content):
        if content is not None:
            (own / "odd").write_bytes(content)
        assert verify(own, "odd").code in (2, 4)

    def test_under_the_checkpoint_of_another_log_is_refused(self, own, tmp_path):
        a_journal(tmp_path / "other", iterations=1, words="Other.").close()
        (tmp_path / "cp").write_text(
            plimsoll("log", "anchor", "--workspace", str(tmp_path / "other")).out
        )
        words = ("log", "export", "--out", str(own / "b"), "--checkpoint", str(tmp_path / "cp"))
        assert plimsoll(*words, "--workspace", str(own / "w")).code == 4
        assert not (own / "b").exists()


class TestALogThatDoesNotVerify:
    def test_is_not_exported_as_if_it_did(self, own):
        change_an_entry(own / "w")
        said = export(own)
        assert said.code == 4 and "--forensic" in said.err and not (own / "bundle").exists()

    def test_is_copied_as_it_is_with_a_report(self, own):
        change_an_entry(own / "w")
        before = {p.name: p.read_bytes() for p in (own / "w").iterdir() if p.is_file()}
        where = ("--workspace", str(own / "w"))
        said = plimsoll("log", "export", "--forensic", "--out", str(own / "f"), *where)
        assert said.code == 4 and "BAD" in said.out
        for name, data in before.items():
            assert (own / "f" / "workspace" / name).read_bytes() == data
        report = json.loads((own / "f" / "what-differs.json").read_text())
        assert report["verified"] is False
        assert any("entry 3" in check["detail"] for check in report["checks"])
        assert {p.name: p.read_bytes() for p in (own / "w").iterdir() if p.is_file()} == before


class TestAWitness:
    def cosign(self, own: Path, what: str, out: str, *more: str):
        words = ("log", "witness", str(own / what), "--key", str(own / "ana"))
        return plimsoll(*words, "--state", str(own / "state"), "--out", str(own / out), *more)

    def known(self, own: Path) -> tuple[str, str]:
        return ("--log-key", str(own / "log.pub"))

    def test_cosigns_a_log_that_only_grew(self, own):
        export(own, "first")
        shutil.copytree(own / "first", own / "elsewhere")
        assert self.cosign(own, "elsewhere", "one", *self.known(own)).code == 0
        grow(own, 3)
        export(own, "second")
        before = int(datetime.now(UTC).timestamp())
        assert self.cosign(own, "second", "two").code == 0
        at = verified_by((own / "ana.pub").read_text(), (own / "two").read_text())
        assert at is not None and at >= before
        keys = ("--signed-by", str(own / "log.pub"), "--signed-by", str(own / "ana.pub"))
        pinned = plimsoll(
            "log", "verify", "--pin", str(own / "two"), *keys, "--workspace", str(own / "w")
        )
        assert pinned.code == 0 and "cosigned by example.org/ana" in pinned.out

    def test_takes_a_proof_where_it_has_no_bundle(self, own):
        where = ("--workspace", str(own / "w"), "--key", str(own / "log"))
        (own / "cp1").write_text(plimsoll("log", "anchor", *where).out)
        assert self.cosign(own, "cp1", "one", *self.known(own)).code == 0
        size = (own / "cp1").read_text().split("\n")[1]
        grow(own, 2)
        (own / "cp2").write_text(plimsoll("log", "anchor", *where).out)
        without = self.cosign(own, "cp2", "two")
        assert without.code == 2 and f"--from {size}" in without.err
        proof = ("log", "proof", "--from", size, "--checkpoint", str(own / "cp2"))
        (own / "proof").write_text(plimsoll(*proof, *where[:2]).out.rstrip("\n") + "\n")
        assert self.cosign(own, "cp2", "two", "--proof", str(own / "proof")).code == 0
        assert self.cosign(own, "cp2", "three").code == 0, "the same again is no harm"
        assert self.cosign(own, "cp1", "four").code == 4, "but never a smaller one"

    def test_refuses_a_second_history(self, own, tmp_path):
        export(own, "first")
        assert self.cosign(own, "first", "one", *self.known(own)).code == 0
        rewrite_the_last_entry(own / "w")
        grow(own, 2)
        made = plimsoll(
            *("log", "export", "--out", str(own / "second"), "--workspace", str(own / "w")),
            *("--key", str(own / "log")),
        )
        assert made.code == 0, made.err
        said = self.cosign(own, "second", "two")
        assert said.code == 4 and "does not hold what was cosigned" in said.err
        assert not (own / "two").exists()

    def test_refuses_what_no_key_of_the_log_signed(self, own):
        where = ("--workspace", str(own / "w"))
        (own / "bare").write_text(plimsoll("log", "anchor", *where).out)
        assert self.cosign(own, "bare", "one", *self.known(own)).code == 3
        assert self.cosign(own, "bare", "one").code == 2, "it does not know the log"
        assert self.cosign(own, "bare", "one", "--log-key", str(own / "ana.pub")).code == 3

    def test_does_not_sign_with_a_key_of_a_log_nor_a_log_with_that_of_a_witness(self, own):
        export(own, "first")
        words = ("log", "witness", str(own / "first"), "--key", str(own / "log"))
        assert plimsoll(*words, "--state", str(own / "s")).code == 2
        where = ("--workspace", str(own / "w"))
        assert plimsoll("log", "anchor", "--key", str(own / "ana"), *where).code == 2

    def test_writes_over_nothing_that_is_not_its_state(self, own):
        export(own, "first")
        (own / "state").write_text("{}")
        assert self.cosign(own, "first", "one", *self.known(own)).code == 2
        assert (own / "state").read_text() == "{}"

    def test_signs_nothing_when_it_is_only_tried(self, own):
        export(own, "first")
        assert self.cosign(own, "first", "one", *self.known(own), "--dry-run").code == 0
        assert not (own / "one").exists() and not (own / "state").exists()


class TestWhatWasVerifiedBefore:
    def ask(self, own: Path, *more: str):
        return plimsoll("log", "verify", "--workspace", str(own / "w"), *more)

    def test_is_remembered_so_a_cut_tail_is_found_without_a_pin(self, own):
        assert "nothing was remembered" in self.ask(own).err
        assert self.ask(own).err == ""
        cut_the_last_entry(own / "w")
        said = self.ask(own)
        assert said.code == 4 and "what was verified before is kept: cut" in said.out

    def test_is_not_remembered_when_it_is_only_tried(self, own):
        assert self.ask(own, "--dry-run").code == 0
        cut_the_last_entry(own / "w")
        assert self.ask(own).code == 0

    def test_is_found_to_be_another_log_unless_it_was_begun_anew(self, own):
        assert self.ask(own).code == 0
        for path in (own / "w").glob("plimsoll.sqlite*"):
            path.unlink()
        a_journal(own / "w", iterations=4, words="Written anew.").close()
        said = self.ask(own)
        assert said.code == 4 and "was verified here before" in said.out
        assert self.ask(own, "--new-log").code == 0
        assert self.ask(own).code == 0

    def test_is_held_against_a_bundle_too(self, own):
        export(own, "first")
        rewrite_the_last_entry(own / "w")
        assert self.ask(own).code == 0
        assert verify(own, "first").code == 4

    def test_that_nothing_else_signed_two_histories_with_one_key(self, own):
        assert self.ask(own).code == 0
        rewrite_the_last_entry(own / "w")
        where = ("--workspace", str(own / "w"))
        assert plimsoll("log", "anchor", "--key", str(own / "log"), *where).code == 4


def without_triggers(workspace: Path, change) -> None:
    with sqlite3.connect(workspace / "plimsoll.sqlite") as database:
        triggers = database.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall()
        for name, _ in triggers:
            database.execute(f"DROP TRIGGER {name}")
        change(database)
        for _, sql in triggers:
            database.execute(sql)
    database.close()


def change_an_entry(workspace: Path) -> None:
    without_triggers(
        workspace,
        lambda db: db.execute("UPDATE log SET leaf = CAST(leaf || x'20' AS BLOB) WHERE seq = 3"),
    )


def cut_the_last_entry(workspace: Path) -> None:
    def cut(database: sqlite3.Connection) -> None:
        database.execute("DELETE FROM log WHERE seq = (SELECT max(seq) FROM log)")
        database.execute("DELETE FROM tree WHERE size = (SELECT max(size) FROM tree)")

    without_triggers(workspace, cut)


def rewrite_the_last_entry(workspace: Path) -> None:
    """Another last entry, with every hash of the file made to agree."""
    cut_the_last_entry(workspace)
    with Journal(workspace / "plimsoll.sqlite") as journal:
        journal.append(EntryKind.RESUMED, session="s", iteration=9, step="other", body={})
