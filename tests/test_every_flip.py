"""Every single flip in a log of 200 entries is found: in its rows, its tree heads, its export.

What is asked here are the very questions of `verify`, one row at a time: whether they are asked
of a whole file is the matter of `test_tampering` and, below, of flips in whole bundles.
"""

import copy
import json
import random
from pathlib import Path

import pytest

from logs.checkpoint import Checkpoint
from logs.checkpoint import parse as checkpoint_of
from logs.checks import EntriesHaveTheirHash, PinIsKept, TreeHeadsAreRight
from logs.errors import PlimsollError
from logs.journal import Journal
from logs.rows import leaves
from logs.transparency import bundle, tiles
from logs.transparency.keys import Signs, new_key
from logs.transparency.notes import Note, signed, signers
from logs.transparency.verifying import Named, is_complete, verify_files
from logs.verify import ask, verified
from logs.vocabulary import EntryKind
from logs.walking import FAULTS, Seen, walk
from tests.a_journal import a_journal

SIZE = 200
BITS = range(8)


class InMemory:
    """The files of a bundle, as a dictionary."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files

    def names(self) -> frozenset[str]:
        """Every file."""
        return frozenset(self.files)

    def get(self, name: str) -> bytes:
        """The bytes of one of them."""
        if name in self.files:
            return self.files[name]
        raise PlimsollError("absent", saw=name, wanted="", try_this="")


class Heads:
    """A database that has nothing but a table of tree heads."""

    def __init__(self, rows):
        self.rows = iter(rows)

    def execute(self, _):
        return self

    def fetchone(self):
        return next(self.rows, None)

    def fetchall(self):
        return list(self.rows)


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """Rows, tree heads, and the bundle of a log of 200 entries, with its artefacts."""
    place = tmp_path_factory.mktemp("log")
    with a_journal(place, iterations=2) as journal:
        for step in range(SIZE - journal.size()):
            body = {"resumed": step, "share": step / 7}
            journal.append(EntryKind.RESUMED, session="s", iteration=1, step=str(step), body=body)
        rows = list(leaves(journal._db))
        heads = list(journal._db.execute("SELECT size, root, peaks FROM tree ORDER BY size"))
        key = new_key("example.org/log", Signs.NOTE)
        note = signed(Note(journal.checkpoint()), key)
        files = dict(bundle.files_of(journal, note, place, artefacts=True))
    assert len(rows) == len(heads) == SIZE
    return rows, heads, files, key.public


def fault_of(row, at: int) -> str:
    """What the question about entries says of one row, where it should be."""
    question = EntriesHaveTheirHash()
    question.count = at
    try:
        return question.see(Seen(row))
    except (PlimsollError, *FAULTS) as error:
        return str(error) or type(error).__name__


def flips(value):
    """Every value that differs from this one in one bit of one byte."""
    if isinstance(value, int):
        yield from (value ^ (1 << bit) for bit in range(40))
        return
    raw = value.encode() if isinstance(value, str) else value
    for at in range(len(raw)):
        for bit in BITS:
            harmed = raw[:at] + bytes([raw[at] ^ (1 << bit)]) + raw[at + 1 :]
            try:
                yield harmed.decode() if isinstance(value, str) else harmed
            except UnicodeDecodeError:  # SQLite gives no text out that is none
                continue


class TestARowOfTheLog:
    def test_is_right_as_it_was_written(self, log):
        rows, *_ = log
        assert [fault_of(row, at) for at, row in enumerate(rows)] == [""] * SIZE

    def test_with_one_flip_in_leaf_or_hash_is_found(self, log):
        tried = 0
        for at, row in enumerate(log[0]):
            for column in (6, 7):
                for harmed in flips(row[column]):
                    assert fault_of((*row[:column], harmed, *row[column + 1 :]), at)
                    tried += 1
        assert tried > 8 * 200 * 200

    @pytest.mark.slow
    def test_with_one_flip_in_any_column_is_found(self, log):
        for at, row in enumerate(log[0]):
            for column in range(6):
                for harmed in flips(row[column]):
                    assert fault_of((*row[:column], harmed, *row[column + 1 :]), at), (at, column)


class TestATreeHead:
    def test_with_one_flip_is_found(self, log):
        rows, heads, *_ = log
        question = TreeHeadsAreRight(Heads(()))
        for row, head in zip(rows, heads, strict=True):
            before, seen = question.frontier, Seen(row)
            for column, value in enumerate(head):
                for harmed in flips(value):
                    question.frontier = before
                    question._heads = Heads([(*head[:column], harmed, *head[column + 1 :])])
                    assert question.see(seen)
            question.frontier, question._heads = before, Heads([head])
            assert question.see(seen) == ""


def found(rows, heads, pin: Checkpoint | None = None) -> bool:
    """Whether the questions about entries and heads say no."""
    questions = [EntriesHaveTheirHash(), TreeHeadsAreRight(Heads(heads)), PinIsKept(pin)]
    return any(ok is False for ok, _ in walk(rows, questions))


class TestEntriesThatAreMoved:
    def test_are_found_wherever_one_is_left_out(self, log):
        rows, heads, *_ = log
        assert not found(rows, heads)
        for at in range(SIZE):
            assert found(rows[:at] + rows[at + 1 :], heads), at

    def test_are_found_wherever_one_is_put_in(self, log):
        rows, heads, *_ = log
        for at in range(SIZE):
            assert found([*rows[:at], rows[(at + 7) % SIZE], *rows[at:]], heads), at

    def test_are_found_wherever_two_are_exchanged(self, log):
        rows, heads, *_ = log
        for at in range(SIZE - 1):
            moved = [*rows[:at], rows[at + 1], rows[at], *rows[at + 2 :]]
            renumbered = [(seq, *row[1:]) for seq, row in enumerate(moved)]
            assert found(moved, heads) and found(renumbered, heads), at

    def test_are_found_wherever_the_log_is_cut_by_the_pin_and_by_it_alone(self, log):
        rows, heads, files, _ = log
        pin = checkpoint_of(files["checkpoint"].decode())
        for size in range(1, SIZE):
            assert found(rows[:size], heads[:size], pin), size
        assert not found(rows[:99], heads[:99])


def accepted(files: dict[str, bytes], key) -> bool:
    """Whether a bundle verifies, with its checkpoint signed by the log."""
    held = InMemory(files)
    if not verified(verify_files(held, None)):
        return False
    try:
        return any(s.known for s in signers(bundle.note_of(held), [key]))
    except PlimsollError:
        return False


def harmed(files: dict[str, bytes], name: str, at: int, bit: int) -> dict[str, bytes]:
    data = files[name]
    return files | {name: data[:at] + bytes([data[at] ^ (1 << bit)]) + data[at + 1 :]}


class TestABundle:
    def test_is_accepted_as_it_was_exported(self, log):
        assert accepted(log[2], log[3])

    def test_with_one_flip_in_an_entry_is_found(self, log):
        """Every byte of every entry, against the hash that the tile gives it."""
        files = log[2]
        (name,) = [n for n in files if n.startswith(tiles.SHORT)]
        hashes = list(tiles.hashes(files["tile/0/000.p/200"]))
        for at, leaf in enumerate(tiles.entries_of(tiles.SHORT, files[name])):
            row = log[0][at]
            assert row[6] == leaf and row[7] == hashes[at]
            for other in flips(leaf):
                assert fault_of((*row[:6], other, hashes[at]), at)

    def test_with_one_flip_in_a_tile_is_found(self, log):
        """Every byte of the tile, against the entry that it is over."""
        for at, row in enumerate(log[0]):
            for other in flips(row[7]):
                assert fault_of((*row[:7], other), at)

    def test_with_one_flip_in_the_list_of_artefacts_is_found(self, log):
        named, files = Named(), log[2]
        for row in log[0]:
            assert named.see(Seen(row)) == ""
        assert named.held(InMemory(files))[0]
        for other in flips(files[bundle.ARTEFACTS]):
            flipped = InMemory(files | {bundle.ARTEFACTS: other})
            listed = ask("", lambda held=flipped: named.held(held)).ok
            complete = ask("", lambda held=flipped: is_complete(held, SIZE)).ok
            assert not (listed and complete)

    @pytest.mark.slow
    def test_with_one_flip_in_the_checkpoint_is_found(self, log):
        for at in range(len(log[2]["checkpoint"])):
            assert not accepted(harmed(log[2], "checkpoint", at, at % 8), log[3]), at

    @pytest.mark.slow
    def test_with_one_flip_in_any_length_of_an_entry_is_found(self, log):
        (name,) = [n for n in log[2] if n.startswith(tiles.SHORT)]
        at = 0
        for leaf in tiles.entries_of(tiles.SHORT, log[2][name]):
            for byte in (at, at + 1):
                assert not accepted(harmed(log[2], name, byte, byte % 8), log[3]), byte
            at += 2 + len(leaf)

    def test_with_one_flip_anywhere_is_found_by_the_whole_of_verify(self, log):
        rng = random.Random(0)
        for name in log[2]:
            for _ in range(3):
                at = rng.randrange(len(log[2][name]))
                assert not accepted(harmed(log[2], name, at, rng.randrange(8)), log[3]), (name, at)

    def test_that_lacks_any_file_or_has_one_more_is_found(self, log):
        for name in log[2]:
            fewer = {n: data for n, data in log[2].items() if n != name}
            assert not accepted(fewer, log[3]), name
        assert not accepted(log[2] | {"objects/zz/more": b""}, log[3])

    def test_with_a_swapped_artefact_is_found(self, log):
        names = [name for name in log[2] if name.startswith("objects/")]
        swapped = log[2] | {names[0]: log[2][names[1]], names[1]: log[2][names[0]]}
        assert not accepted(swapped, log[3])

    def test_with_a_list_that_hides_an_artefact_of_a_commit_is_found(self, log):
        read = json.loads(log[2][bundle.ARTEFACTS])
        founding = (
            1  # the commit whose artefacts must be there; what steps read may be cleared away
        )
        gone = next(d for d, seqs in read["named"].items() if founding in seqs)
        listed = [d for d in read["included"] if d != gone]
        named = {d: seqs for d, seqs in read["named"].items() if d != gone}
        fewer = {n: d for n, d in log[2].items() if n != bundle.object_path(gone)}
        for forged in (bundle.manifest(read["named"], listed), bundle.manifest(named, listed)):
            assert not accepted(fewer | {bundle.ARTEFACTS: forged}, log[3])

    def test_of_a_second_history_under_the_old_checkpoint_is_found(self, log, tmp_path):
        other = a_second_history(tmp_path)
        assert verified(verify_files(InMemory(other), None))
        forged = other | {"checkpoint": log[2]["checkpoint"]}
        assert not accepted(forged, log[3]) and not accepted(other, log[3])
        pin = checkpoint_of(log[2]["checkpoint"].decode())
        assert not verified(verify_files(InMemory(other), pin))

    def test_under_a_checkpoint_that_another_key_signed_is_not_signed(self, log):
        text = bundle.note_of(InMemory(log[2])).text
        forged = signed(Note(text), new_key("example.org/log", Signs.NOTE)).render().encode()
        assert not accepted(log[2] | {"checkpoint": forged}, log[3])


def a_second_history(place: Path) -> dict[str, bytes]:
    """A bundle of a log that somebody wrote from the start, whole in itself."""
    with a_journal(place, iterations=2, words="Another history.") as journal:
        assert isinstance(journal, Journal)
        note = Note(journal.checkpoint())
        return copy.deepcopy(dict(bundle.files_of(journal, note, place, artefacts=True)))
