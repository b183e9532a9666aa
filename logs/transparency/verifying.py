"""`plimsoll log verify --bundle`: the same questions, to files and nothing else."""

import hashlib
import json
from collections.abc import Callable, Iterator

from logs import checks
from logs.artefacts import artefacts_of, listed
from logs.canonical import fast_digest
from logs.checkpoint import Checkpoint
from logs.checkpoint import parse as checkpoint_of
from logs.errors import PlimsollError
from logs.merkle import root as root_over
from logs.rows import Row
from logs.transparency import bundle, tiles
from logs.transparency.files import Files
from logs.verify import BEFORE, Check, ask
from logs.vocabulary import Commit, Digest, EntryKind
from logs.walking import FAULTS, Answer, Question, Seen, said_of, walk


def verify_files(
    files: Files, pin: Checkpoint | None, known: Callable[[str], Checkpoint | None] | None = None
) -> tuple[Check, ...]:
    """Ask every question that needs no key; a fault in one does not hide the others.

    Args:
        files: What was exported.
        pin: A checkpoint that somebody kept.
        known: What this person verified before of the log of an origin.
    """
    try:
        to = checkpoint_of(bundle.note_of(files).text)
    except (PlimsollError, *FAULTS) as error:
        return (Check(name="the checkpoint can be read", ok=False, detail=said_of(error)),)
    tree, named = _Tree(), Named()
    before = known(to.origin) if known else None
    questions: dict[str, Question] = {
        "every entry has its hash": checks.EntriesHaveTheirHash(),
        "no step is there twice": _Once(),
        "the tiles are over the entries": tree,
        "the pinned checkpoint is kept": checks.PinIsKept(pin),
        **({BEFORE: checks.PinIsKept(before)} if before else {}),
        "commits lead back to the founding": checks.HistoryIsWhole(),
        "every commit has its reasons": checks.CommitsHaveReasons(),
        "the list of artefacts is right": named,
    }
    answers = dict(zip(questions, walk(_rows(files, to.size), [*questions.values()]), strict=True))
    asked = {
        "the files are those of a bundle": lambda: is_complete(files, to.size),
        "the tiles are over the entries": lambda: tree.held(files, to),
        "the list of artefacts is right": lambda: named.held(files),
        "artefacts that came along are whole": lambda: _are_whole(files, named),
    }
    for said, question in asked.items():
        if answers.get(said, (True, ""))[0]:
            answer = ask(said, question)
            answers[said] = (answer.ok, answer.detail)
    return tuple(Check(name=name, ok=ok, detail=detail) for name, (ok, detail) in answers.items())


class _Once(Question):
    """Keys of entries are unique, as the table of a workspace demands."""

    def __init__(self) -> None:
        self.keys = set[str]()
        self.count = 0

    def see(self, seen: Seen) -> str:
        """Remember the key."""
        self.keys.add(seen.entry.key)
        self.count += 1
        return "" if len(self.keys) == self.count else f"entry {seen.row[0]}: a key used before"

    def answer(self) -> Answer:
        """How many there are."""
        return True, f"{self.count} keys"


class _Tree(Question):
    """Every tile is what the entries hash to, and the root is that of the checkpoint."""

    def __init__(self) -> None:
        self.leaves = list[bytes]()

    def see(self, seen: Seen) -> str:
        """Keep the hash."""
        self.leaves.append(seen.hash)
        return ""

    def answer(self) -> Answer:
        """All of them could be read."""
        return True, f"{len(self.leaves)} entries"

    def held(self, files: Files, to: Checkpoint) -> Answer:
        """Compare with tiles and checkpoint."""
        size, count = len(self.leaves), 0
        if size != to.size:
            return False, f"{size} entries under a checkpoint of {to.size}"
        for path, data in tiles.hash_tiles(self.leaves):
            if files.get(path) != data:
                return False, f"{path} is not over the entries that are here"
            count += 1
        if to.origin != (origin := bundle.origin_in(self.leaves)):
            return False, f"the checkpoint is of {to.origin}, the entries are of {origin}"
        root = root_over(self.leaves)
        if root != to.root:
            return False, f"root {root.hex()[:16]}…, the checkpoint says {to.root.hex()[:16]}…"
        return True, f"{count} tiles, root {root.hex()[:16]}…"


class Named(Question):
    """What the entries name, and what of it came along."""

    def __init__(self) -> None:
        self.named = dict[Digest, list[int]]()
        self.needed = set[Digest]()
        self.included: list[Digest] = []

    def see(self, seen: Seen) -> str:
        """Add what the entry names."""
        bundle.name(self.named, seen.entry)
        if seen.entry.kind is EntryKind.COMMITTED:
            self.needed.update(artefacts_of(Commit.model_validate(seen.entry.body).state))
        return ""

    def answer(self) -> Answer:
        """How many there are."""
        return True, f"{len(self.named)} artefacts"

    def held(self, files: Files) -> Answer:
        """Compare with the list of the bundle."""
        data = files.get(bundle.ARTEFACTS)
        self.included = [str(digest) for digest in json.loads(data)["included"]]
        if data != bundle.manifest(self.named, sorted(set(self.included))):
            return False, f"{bundle.ARTEFACTS} does not list what the entries name"
        return True, f"{len(self.named)} named"


def _rows(files: Files, size: int) -> Iterator[Row]:
    """The entries as rows of the log would be, each with the hash that its tile gives it."""
    node = tiles.node_of(files.get, size)
    for seq, leaf in enumerate(bundle.leaves_of(files, size)):
        entry = json.loads(leaf)
        word = fast_digest(entry["body"])
        columns = (seq, entry["key"], entry["kind"], entry["session"], entry["iteration"], word)
        yield *columns, leaf, node(0, seq)


def is_complete(files: Files, size: int) -> Answer:
    """No file is left out, and none was put in."""
    wanted = {bundle.CHECKPOINT, bundle.ARTEFACTS, *tiles.paths_of(size)}
    kinds = (tiles.SHORT, tiles.LONG)
    bundles = {tiles.bundle_path(k, i, w) for k in kinds for i, w in tiles.widths(size)}
    listed = set(json.loads(files.get(bundle.ARTEFACTS))["included"])
    wanted |= {bundle.object_path(digest) for digest in listed}
    here = files.names()
    if missing := sorted(wanted - here):
        return False, f"missing: {', '.join(missing[:3])} ({len(missing)} in all)"
    if more := sorted(here - wanted - bundles):
        return False, f"not of the log: {', '.join(more[:3])} ({len(more)} in all)"
    return True, f"{len(here)} files"


def _are_whole(files: Files, named: Named) -> Answer:
    """Whatever came along has the bytes of its name, and what commits need came with it."""
    if not named.included:
        return None, "not checked: the bundle was exported without artefacts"
    reached, waiting = set[Digest](), [d for d in named.named if d in set(named.included)]
    while waiting:
        digest = waiting.pop()
        if digest in reached:
            continue
        data = files.get(bundle.object_path(digest))
        if hashlib.sha256(data).hexdigest() != digest:
            return False, f"changed: {digest}"
        reached.add(digest)
        waiting += listed(data)
    if stray := sorted(set(named.included) - reached):
        return False, f"nothing names {stray[0]} ({len(stray)} in all)"
    if gone := sorted(named.needed - reached):
        return False, f"missing: {', '.join(gone[:3])} ({len(gone)} in all)"
    absent = len(set(named.named) - reached)
    note = f", {absent} that steps read are no longer kept" if absent else ""
    return True, f"{len(reached)} files{note}"
