"""`plimsoll log verify`: a workspace or a bundle, its signatures, and what was verified before."""

import tempfile
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from agent.checkpoint_files import keys_in, note_in, signer_rows
from agent.envelope import Answer
from agent.finding import workspace_of
from agent.fitting import fitted
from agent.rebuilding import rebuilt
from agent.witness import QUESTIONS, asked, files_are_kept, verify_all
from agent.workspace import Workspace
from logs import checkpoint
from logs import verify as verification
from logs.checkpoint import Checkpoint
from logs.errors import IntegrityError, PlimsollError, UsageError
from logs.show import terminal_width
from logs.transparency import bundle
from logs.transparency.files import Files, opened
from logs.transparency.keys import PublicKey
from logs.transparency.memory import Memory, memory, remembered
from logs.transparency.notes import Note, Signer, signers
from logs.transparency.verifying import verify_files
from logs.verify import Check

SIGNED = "the checkpoint is signed"
PLACE = "it is the log that was verified here before"
NO_MEMORY = (
    "nothing was remembered of it before: a log cut until now looks whole without --pin FILE"
)


def verify(options: Namespace) -> Answer:
    """Whether this is the history that was written; exit code 4 if it is not."""
    keys, kept = keys_in(options.signed_by), memory()
    if options.bundle:
        checks, note, found = _bundle(options, keys, kept)
        place = None
    else:
        checks, note, found = _workspace(options, keys, kept)
        place = workspace_of(options).root.resolve()
    good = verification.verified(checks)
    notes = _first_time(options, kept, note)
    if good and note and not options.dry_run:
        notes += _remembering(kept, note, place)
    return Answer(
        data={
            "verified": good,
            "checks": [check.model_dump(mode="json") for check in checks],
            "checkpoint": note.render() if note else None,
            "signers": signer_rows(found),
        },
        text=fitted(verification.render(checks), terminal_width()),
        exit_code=0 if good else IntegrityError.exit_code,
        warnings=notes,
    )


Found = tuple[tuple[Check, ...], Note | None, Sequence[Signer]]


def _workspace(options: Namespace, keys: Sequence[PublicKey], kept: Memory) -> Found:
    """The questions to the log of a workspace, and to the note that pins it."""
    workspace = workspace_of(options)
    pin = note_in(options.pin) if options.pin else None
    known, place = _known(workspace, kept, new=options.new_log)
    checks = verify_all(workspace, pinned=pin.text if pin else None, remembered=known)
    signed, found = _signatures(pin, keys)
    note = _note_of(workspace, pin) if verification.verified(checks) else None
    return (*checks, *place, *signed), note, found


def _known(
    workspace: Workspace, kept: Memory, *, new: bool
) -> tuple[Checkpoint | None, tuple[Check, ...]]:
    """What was verified before of the log that lies here, if it is still that one."""
    try:
        with closing(workspace.journal()) as journal:
            origin = journal.origin()
    except PlimsollError:
        return None, ()  # the questions to the file say what is wrong with it
    before = kept.at(workspace.root.resolve())
    if before is not None and before != origin and not new:
        detail = f"it was {before}, here is {origin}; --new-log if you began it anew"
        return None, (Check(name=PLACE, ok=False, detail=detail),)
    return remembered(kept, origin), ()


def _bundle(options: Namespace, keys: Sequence[PublicKey], kept: Memory) -> Found:
    """The questions to the files of a bundle, and to the people who signed within it."""
    with opened(Path(options.bundle)) as files:
        pin = checkpoint.parse(note_in(options.pin).text) if options.pin else None
        checks = verify_files(files, pin, lambda origin: remembered(kept, origin))
        if len(checks) == 1:
            return checks, None, ()
        note = bundle.note_of(files)
        with _people(files, verification.verified(checks)) as said:
            checks += said
    signed, found = _signatures(note, keys)
    checks += signed
    return checks, note if verification.verified(checks) else None, found


@contextmanager
def _people(files: Files, whole: bool) -> Iterator[tuple[Check, ...]]:
    """The questions to signatures of people, to a log made anew from the entries of the bundle."""
    names = [name for name, question in QUESTIONS.items() if question is not files_are_kept]
    with tempfile.TemporaryDirectory(prefix="plimsoll-") as folder:
        workspace = Workspace(Path(folder))
        if whole:
            rebuilt(files, workspace)
        yield tuple(asked(name, workspace, whole) for name in names)


def _signatures(
    note: Note | None, keys: Sequence[PublicKey]
) -> tuple[tuple[Check, ...], tuple[Signer, ...]]:
    """Who signed and cosigned the checkpoint; every key that was given must have."""
    if note is None or not note.signatures:
        if not keys:
            return (), ()
        detail = "it bears no signature" if note else "none was given: name it with --pin FILE"
        return (Check(name=SIGNED, ok=False, detail=detail),), ()
    try:
        found = signers(note, keys)
    except IntegrityError as error:
        return (Check(name=SIGNED, ok=False, detail=f"{error.what} {error.saw}"),), ()
    here = {(signer.name, signer.key_id) for signer in found if signer.known}
    missing = [key.text() for key in keys if (key.name, key.id.hex()) not in here]
    if missing:
        return (Check(name=SIGNED, ok=False, detail=f"not by {', '.join(missing)}"),), found
    told = "; ".join(map(_said, found))
    return (Check(name=SIGNED, ok=True if keys else None, detail=told),), found


def _said(signer: Signer) -> str:
    who = f"{signer.name} ({signer.key_id})"
    if not signer.known:
        return f"{who}: not checked, its key was not given"
    if signer.cosigned_at:
        return f"cosigned by {who} at {signer.cosigned_at.isoformat()}"
    return f"signed by {who}"


def _note_of(workspace: Workspace, pin: Note | None) -> Note:
    """What to remember: the checkpoint of now, with its signatures where it was given."""
    with closing(workspace.journal()) as journal:
        now = Note(journal.checkpoint())
    return pin if pin and checkpoint.parse(pin.text) == checkpoint.parse(now.text) else now


def _first_time(options: Namespace, kept: Memory, note: Note | None) -> tuple[str, ...]:
    if options.pin or note is None:
        return ()
    known = kept.of(checkpoint.parse(note.text).origin)
    return () if known else (NO_MEMORY,)


def _remembering(kept: Memory, note: Note, place: Path | None) -> tuple[str, ...]:
    try:
        kept.remember(note.render(), place)
    except (OSError, UsageError) as error:
        return (f"this could not be remembered under {kept.root}: {error}",)
    return ()
