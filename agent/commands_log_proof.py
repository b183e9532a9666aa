"""`plimsoll log key`, `anchor`, `proof`: what is handed out, and how it is checked offline."""

import json
import os
from argparse import Namespace
from contextlib import closing
from pathlib import Path
from typing import Any

from agent.checkpoint_files import (
    anchored,
    bytes_of,
    demand_new,
    demand_outside,
    keys_in,
    note_for,
    note_in,
    signer_rows,
    text_of,
    written,
)
from agent.envelope import Answer
from agent.finding import workspace_of
from agent.fitting import named
from logs import checkpoint
from logs.errors import IntegrityError, UsageError
from logs.reading import Reader
from logs.refs import find_entry
from logs.show import terminal_width
from logs.summary import summary
from logs.transparency.keys import SigningKey, Signs, new_key
from logs.transparency.notes import Note, Signer, signers
from logs.transparency.paths import consistency, inclusion
from logs.transparency.proofs import Consistency, Inclusion, read
from logs.vocabulary import LogEntry

UNCHECKED = "who signed was not checked: name a public key with --signed-by FILE"


def key(options: Namespace) -> Answer:
    """Make a key for a log or a witness, where no workspace is."""
    secret, public = Path(options.out), Path(f"{options.out}.pub")
    for path in (secret, public):
        demand_outside(path)
        demand_new(path)
    made = new_key(options.name or _name_here(options), _kind(options))
    if not options.dry_run:
        _keep(made, secret, public)
    line = made.public.text()
    said = "would write" if options.dry_run else "wrote"
    rows = [
        (said, f"{secret}, to be kept secret, and {public}, to hand out"),
        ("key", line if not options.dry_run else "made when it is written"),
    ]
    data = {"key": str(secret), "public": str(public), "dry_run": options.dry_run}
    return Answer(
        data=data | {"name": made.name, "vkey": None if options.dry_run else line},
        text=named(rows, terminal_width()),
        warnings=("the agent must not be able to read it: another account, or another machine",),
    )


def anchor(options: Namespace) -> Answer:
    """The checkpoint that pins the log at its present size, signed if a key is given."""
    with closing(workspace_of(options).journal()) as journal:
        note = anchored(journal, options.key)
    advice = "keep it where the agent cannot reach it; then: plimsoll log verify --pin FILE"
    data = {"checkpoint": note.render(), "signers": [s.name for s in note.signatures]}
    return Answer(data=data, text=note.render(), warnings=(advice,))


def proof(options: Namespace) -> Answer:
    """That an entry is in the log, or that the log only grew; made or checked."""
    if options.check:
        return _checked(options)
    if options.ref is not None and options.since is not None:
        raise UsageError(
            "A proof is about an entry, or about growth.",
            saw=f"{options.ref} and --from {options.since}",
            wanted="REF or --from SIZE",
            try_this="ask for two proofs",
        )
    with closing(workspace_of(options).journal()) as journal:
        note = note_for(journal, options)
        made = _consistency(journal, note, options) or _inclusion(journal, note, options)
    text = made.text()
    data: dict[str, Any] = {"proof": text, "out": options.out, "dry_run": options.dry_run}
    return Answer(data=data, text=written(options.out, text, dry_run=options.dry_run))


def _consistency(journal: Reader, note: Note, options: Namespace) -> Consistency | None:
    if options.since is None:
        return None
    size = checkpoint.parse(note.text).size
    if options.since > size:
        raise _beyond(f"--from {options.since}", f"at most {size}, the size of the checkpoint")
    path = consistency(journal.subtree, options.since, size)
    return Consistency(options.since, tuple(path), note)


def _inclusion(journal: Reader, note: Note, options: Namespace) -> Inclusion:
    entry, size = find_entry(journal, options.ref or "HEAD"), checkpoint.parse(note.text).size
    if entry.seq >= size:
        raise _beyond(f"entry {entry.seq}", f"one under the checkpoint, which has {size} entries")
    leaf = journal.leaf(entry.seq)
    path = inclusion(journal.subtree, entry.seq, size)
    made = Inclusion(entry.seq, tuple(path), note, None if options.without_entry else leaf)
    if made.holds(leaf):
        return made
    raise IntegrityError(
        "The log does not match its own tree, so nothing can be proved of this entry.",
        saw=f"entry {entry.seq}",
        wanted="an entry under the stored root",
        try_this="plimsoll log verify",
    )


def _checked(options: Namespace) -> Answer:
    found = read(text_of(options.check, "a file that plimsoll log proof wrote"))
    who = signers(found.note, keys := keys_in(options.signed_by))
    here = {(signer.name, signer.key_id) for signer in who if signer.known}
    missing = [key.text() for key in keys if (key.name, key.id.hex()) not in here]
    if isinstance(found, Inclusion):
        holds, data, rows = _of_entry(found, options)
    else:
        holds, data, rows = _of_growth(found, options)
    good = holds and not missing
    rows += [("signed", _said(who) if who else "by nobody")]
    rows += [("lacks", f"the signature of {key}") for key in missing]
    rows += [("proof", "HOLDS" if good else "DOES NOT HOLD: believe nothing of it")]
    signed = {"signers": signer_rows(who), "not_signed_by": missing}
    return Answer(
        data={"holds": good, **data, **signed},
        text=named(rows, terminal_width()),
        exit_code=0 if good else IntegrityError.exit_code,
        warnings=() if keys else (UNCHECKED,),
    )


Told = tuple[bool, dict[str, Any], list[tuple[str, str]]]


def _of_entry(found: Inclusion, options: Namespace) -> Told:
    leaf = bytes_of(options.entry, "the bytes of the entry") if options.entry else found.leaf
    if leaf is None:
        raise UsageError(
            "The proof leaves out the entry that it is about.",
            saw=f"{options.check} without `extra`",
            wanted="the bytes of the entry",
            try_this="plimsoll log proof --check FILE --entry FILE",
        )
    holds, to = found.holds(leaf), found.checkpoint
    data = {"index": found.index, "size": to.size, "origin": to.origin, "root": to.root.hex()}
    said = _told_of(leaf) if holds else "not shown: nothing proves it"
    rows = [("entry", f"{found.index}: {said}"), ("log", f"{to.origin}, {to.size} entries")]
    return holds, data | {"about": "inclusion"}, rows


def _told_of(leaf: bytes) -> str:
    """What the entry says, in the words of its line; without what others wrote."""
    try:
        entry = LogEntry.model_validate(json.loads(leaf))
    except (ValueError, RecursionError):
        return f"{len(leaf)} bytes that are no entry of ours"
    return f"{entry.kind}, {entry.key}: {summary(entry)}"


def _of_growth(found: Consistency, options: Namespace) -> Told:
    if options.pin is None:
        raise UsageError(
            "That a log grew is shown from an older checkpoint on.",
            saw=f"{options.check} alone",
            wanted=f"the checkpoint of size {found.old_size} that you kept",
            try_this="plimsoll log proof --check FILE --pin FILE",
        )
    old, new = checkpoint.parse(note_in(options.pin).text), found.checkpoint
    data = {"from": found.old_size, "size": new.size, "origin": new.origin, "root": new.root.hex()}
    rows = [("log", f"{new.origin}, from {found.old_size} to {new.size} entries")]
    return found.holds(old), data | {"about": "consistency"}, rows


def _said(who: tuple[Signer, ...]) -> str:
    return "; ".join(
        f"{s.name} ({s.key_id}), "
        + (("cosigned" if s.witness else "signed") if s.known else "not checked")
        for s in who
    )


def _name_here(options: Namespace) -> str:
    if options.witness:
        raise UsageError(
            "A witness needs a name of its own.",
            saw="no NAME",
            wanted="a name, best like a URL",
            try_this="plimsoll log key witness.example/ana --witness --out FILE",
        )
    with closing(workspace_of(options).journal()) as journal:
        return journal.origin()


def _kind(options: Namespace) -> Signs:
    return Signs.COSIGNATURE if options.witness else Signs.NOTE


def _keep(made: SigningKey, secret: Path, public: Path) -> None:
    """Write both halves; the secret one is never readable by others, not even for a moment."""
    descriptor = os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(made.text() + "\n")
    public.write_text(made.public.text() + "\n", encoding="utf-8")


def _beyond(saw: str, wanted: str) -> UsageError:
    return UsageError(
        "The checkpoint does not reach so far.",
        saw=saw,
        wanted=wanted,
        try_this="plimsoll log anchor makes a newer checkpoint",
    )
