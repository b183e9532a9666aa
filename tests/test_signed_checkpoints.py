"""Checkpoints are signed and cosigned so that other programs verify them."""

import os
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logs import checkpoint
from logs.checkpoint import Checkpoint
from logs.errors import IntegrityError, UsageError
from logs.reading import Reader
from logs.transparency import proofs
from logs.transparency.keys import PublicKey, Signs, new_key, public_key, public_keys, signing_key
from logs.transparency.notes import Note, parse, signed, signers
from logs.transparency.paths import root_at
from tests.a_command import plimsoll
from tests.a_journal import a_journal
from tests.a_note_reader import verified_by
from tests.house import ROOT

GO_SOURCES = Path("/usr/share/gocode")
"""Where Debian's golang-golang-x-mod-dev puts Go's own reader of notes and logs."""
EXAMPLE_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE = (
    "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi"
    "2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
"""The example of C2SP signed-note."""


class TestANote:
    def test_of_the_specification_is_verified(self):
        (signer,) = signers(parse(EXAMPLE), [public_key(EXAMPLE_KEY)])
        assert (signer.name, signer.known, signer.cosigned_at) == ("example.com/foo", True, None)

    def test_is_verified_by_another_reader(self):
        log, witness = new_key("log", Signs.NOTE), new_key("w/ana", Signs.COSIGNATURE)
        at = datetime(2026, 11, 23, 4, 5, 6, tzinfo=UTC)
        note = signed(signed(Note("origin\n1\nroot\n"), log), witness, at).render()
        assert verified_by(log.public.text(), note) == 0
        assert verified_by(witness.public.text(), note) == int(at.timestamp())
        assert verified_by(new_key("log", Signs.NOTE).public.text(), note) is None

    @pytest.mark.parametrize("signs", list(Signs))
    def test_with_one_flipped_byte_is_refused_or_not_by_this_key(self, signs):
        key = new_key("a", signs)
        note = signed(Note("log\n5\nroot\n"), key).render().encode()
        for at in range(len(note)):
            for bit in range(8):
                harmed = bytearray(note)
                harmed[at] ^= 1 << bit
                assert not self.accepted(bytes(harmed), key.public), (at, bit)

    def accepted(self, data: bytes, key: PublicKey) -> bool:
        """Whether a note still counts as signed by this key."""
        try:
            return any(signer.known for signer in signers(parse(data.decode()), [key]))
        except (UsageError, IntegrityError, UnicodeDecodeError):
            return False

    def test_that_a_stranger_signed_is_known_to_be_by_nobody(self):
        note = signed(Note("log\n"), new_key("stranger", Signs.NOTE))
        assert [s.known for s in signers(note, [new_key("log", Signs.NOTE).public])] == [False]

    def test_whose_signature_is_of_a_known_name_and_id_but_wrong_is_refused_whole(self):
        key = new_key("log", Signs.NOTE)
        moved = Note("another text\n", signed(Note("text\n"), key).signatures)
        with pytest.raises(IntegrityError, match="not by the key"):
            signers(moved, [key.public])

    @given(st.text(max_size=60))
    def test_reads_back_to_the_same_bytes_or_not_at_all(self, text):
        try:
            note = parse(text)
        except UsageError:
            return
        assert note.render() == text

    def test_of_a_log_is_no_cosignature_and_the_other_way_round(self):
        log = new_key("same", Signs.NOTE)
        other = PublicKey("same", Signs.COSIGNATURE, log.public.raw)
        assert log.public.id != other.id
        assert [s.known for s in signers(signed(Note("t\n"), log), [other])] == [False]


class TestAKey:
    @pytest.mark.parametrize("signs", list(Signs))
    def test_reads_back(self, signs):
        key = new_key("example.org/log", signs)
        assert signing_key(key.text()) == key
        assert public_key(key.public.text()) == key.public

    @pytest.mark.parametrize("name", ["", "a b", "a+b", "a\n", "a\u2003b", "\u202e"])
    def test_has_a_name_that_notes_allow(self, name):
        with pytest.raises(UsageError, match="this name"):
            new_key(name, Signs.NOTE)

    @pytest.mark.parametrize("harm", [str.upper, lambda t: t[:-1], lambda t: t + "A", lambda t: ""])
    def test_that_was_altered_is_refused(self, harm):
        key = new_key("log", Signs.NOTE)
        with pytest.raises(UsageError):
            public_key(harm(key.public.text()))
        with pytest.raises(UsageError) as caught:
            signing_key(harm(key.text()))
        assert key.text()[-20:] not in str(caught.value)

    def test_is_made_where_no_workspace_is_and_only_its_owner_reads_it(self, tmp_path):
        a_journal(tmp_path / "w", iterations=1).close()
        (tmp_path / "w" / "plimsoll.toml").touch()
        inside = plimsoll("log", "key", "me", "--out", str(tmp_path / "w" / "key"))
        assert inside.code == 2 and "where the agent works" in inside.err
        assert plimsoll("log", "key", "me", "--out", str(tmp_path / "k")).code == 0
        assert (tmp_path / "k").stat().st_mode & 0o777 == 0o600
        assert plimsoll("log", "key", "me", "--out", str(tmp_path / "k")).code == 2
        dry = plimsoll("log", "key", "me", "--out", str(tmp_path / "dry"), "--dry-run")
        assert dry.code == 0 and not (tmp_path / "dry").exists()


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A log, its key, a signed checkpoint, a proof of an entry and one of growth."""
    place = tmp_path_factory.mktemp("kept")
    a_journal(place / "w").close()
    where = ("--workspace", str(place / "w"))
    plimsoll("log", "key", "example.org/log", "--out", str(place / "key"))
    asked = {
        "note": ("log", "anchor", "--key", str(place / "key")),
        "proof": ("log", "proof", "42", "--key", str(place / "key")),
        "growth": ("log", "proof", "--from", "17", "--key", str(place / "key")),
    }
    for name, words in asked.items():
        (place / name).write_text(plimsoll(*words, *where).out.rstrip("\n") + "\n")
    return place


class TestProofs:
    def test_of_an_entry_holds_without_a_workspace(self, kept):
        said = plimsoll(
            "log", "proof", "--check", str(kept / "proof"), "--signed-by", str(kept / "key.pub")
        )
        assert said.code == 0 and "HOLDS" in said.out and "entry   42: " in said.out

    def test_of_growth_holds_against_the_older_checkpoint_alone(self, kept, tmp_path):
        older(kept / "w", 17, tmp_path / "old")
        older(kept / "w", 18, tmp_path / "other")
        check = ("log", "proof", "--check", str(kept / "growth"), "--pin")
        assert plimsoll(*check, str(tmp_path / "old")).code == 0
        assert plimsoll(*check, str(tmp_path / "other")).code == 4
        assert plimsoll(*check[:-1]).code == 2

    @pytest.mark.parametrize("name", ["proof", "growth"])
    def test_with_one_flipped_byte_do_not_hold(self, kept, tmp_path, name):
        older(kept / "w", 17, tmp_path / "old")
        (key,), (old,) = (
            public_keys(kept / "key.pub"),
            [checkpoint.parse((tmp_path / "old").read_text())],
        )
        data = (kept / name).read_bytes()
        assert holds(data, key, old)
        for at in range(len(data)):
            harmed = data[:at] + bytes([data[at] ^ (1 << at % 8)]) + data[at + 1 :]
            assert not holds(harmed, key, old), at

    def test_do_not_hold_unless_everybody_who_was_named_signed(self, kept, tmp_path):
        plimsoll("log", "key", "other", "--out", str(tmp_path / "k"))
        check = ("log", "proof", "--check", str(kept / "proof"), "--signed-by")
        said = plimsoll(*check, str(tmp_path / "k.pub"))
        assert said.code == 4 and "DOES NOT HOLD" in said.out

    def test_can_leave_out_the_entry_which_is_then_asked_for(self, kept, tmp_path):
        bare, where = tmp_path / "bare", ("--workspace", str(kept / "w"))
        made = plimsoll("log", "proof", "42", "--without-entry", "--out", str(bare), *where)
        assert made.code == 0 and "extra" not in bare.read_text()
        check = ("log", "proof", "--check", str(bare))
        assert plimsoll(*check).code == 2
        leaf(kept / "w", 42, tmp_path / "leaf")
        assert plimsoll(*check, "--entry", str(tmp_path / "leaf")).code == 0
        leaf(kept / "w", 41, tmp_path / "leaf")
        assert plimsoll(*check, "--entry", str(tmp_path / "leaf")).code == 4

    @pytest.mark.skipif(
        not (shutil.which("go") and (GO_SOURCES / "src/golang.org/x/mod/sumdb").is_dir()),
        reason="Go and its x/mod are not installed: apt-get install golang-go "
        "golang-golang-x-mod-dev",
    )
    def test_and_signatures_are_verified_by_go(self, kept, tmp_path):
        older(kept / "w", 17, tmp_path / "old")
        leaf(kept / "w", 42, tmp_path / "leaf")
        files = [kept / n for n in ("key.pub", "note", "proof")]
        files += [tmp_path / "leaf", tmp_path / "old", kept / "growth"]
        environment = {"GO111MODULE": "off", "GOPATH": str(GO_SOURCES), "GOFLAGS": ""}
        words = ["go", "run", str(ROOT / "tests" / "notes_in_go.go"), *map(str, files)]
        done = subprocess.run(
            words,
            env=os.environ | environment | {"GOCACHE": str(tmp_path / "cache")},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.stdout == "verified example.org/log\n", done.stderr


def holds(data: bytes, key: PublicKey, old: Checkpoint) -> bool:
    """Whether a proof holds and its checkpoint is signed, as the command asks it."""
    try:
        found = proofs.read(data.decode())
        signed_by = any(s.known for s in signers(found.note, [key]))
    except (UsageError, IntegrityError, UnicodeDecodeError):
        return False
    if isinstance(found, proofs.Inclusion):
        return signed_by and found.leaf is not None and found.holds(found.leaf)
    return signed_by and found.holds(old)


def older(workspace: Path, size: int, out: Path) -> None:
    """Write the checkpoint that the log had at an earlier size."""
    log = Reader(workspace / "plimsoll.sqlite")
    out.write_text(Checkpoint(log.origin(), size, root_at(log.subtree, size)).text())
    log.close()


def leaf(workspace: Path, seq: int, out: Path) -> None:
    """Write the bytes of an entry."""
    log = Reader(workspace / "plimsoll.sqlite")
    out.write_bytes(log.leaf(seq))
    log.close()
