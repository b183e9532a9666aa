"""`plimsoll log export` and `log witness`: a log handed out, and cosigned where it arrives."""

import json
import shutil
from argparse import Namespace
from collections.abc import Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from agent.checkpoint_files import demand_new, key_in, keys_in, note_for, note_in, text_of, written
from agent.envelope import Answer
from agent.finding import workspace_of
from agent.fitting import named
from agent.witness import verify_all
from agent.workspace import Workspace
from logs import checkpoint
from logs import verify as verification
from logs.errors import IntegrityError, UsageError
from logs.show import terminal_width
from logs.transparency import bundle, cosigning, tiles
from logs.transparency.files import Files, demand_room, opened, write
from logs.transparency.keys import Signs
from logs.transparency.notes import Note
from logs.transparency.paths import consistency
from logs.transparency.proofs import Consistency, read

REPORT = "what-differs.json"


def export(options: Namespace) -> Answer:
    """Write the log as tiles that anybody can verify; one that does not verify only as it is."""
    workspace, out = workspace_of(options), Path(options.out)
    demand_room(out)
    if out.absolute().is_relative_to(workspace.root.resolve()):
        raise _inside(out)
    checks = verify_all(workspace)
    good = verification.verified(checks)
    if options.forensic:
        return _forensic(workspace, out, checks, options)
    if not good:
        raise IntegrityError(
            "The log does not verify, so it is not exported as if it did; nothing is repaired.",
            saw="; ".join(f"{c.name}: {c.detail}" for c in checks if c.ok is False)[:300],
            wanted="a log that verifies",
            try_this="plimsoll log export --forensic --out DIR copies it as it is, with a report",
        )
    with closing(workspace.journal()) as journal:
        note = note_for(journal, options)
        made = bundle.files_of(journal, note, workspace.root, artefacts=options.artefacts)
        size = sum(len(d) for _, d in made) if options.dry_run else write(out, made)
    of = checkpoint.parse(note.text)
    said = "would write" if options.dry_run else "wrote"
    signed = f"signed by {len(note.signatures)}" if note.signatures else "unsigned"
    rows = [
        (said, f"{out}, {size / 1e6:.1f} MB"),
        ("log", f"{of.origin}, {of.size} entries, checkpoint {signed}"),
        ("verify", f"plimsoll log verify --bundle {out}"),
    ]
    data: dict[str, Any] = {"out": str(out), "bytes": size, "checkpoint": note.render()}
    data |= {"artefacts": options.artefacts, "dry_run": options.dry_run}
    return Answer(data=data, text=named(rows, terminal_width()))


def witness(options: Namespace) -> Answer:
    """Cosign a checkpoint if its log grew from the last one that was cosigned here."""
    key = key_in(options.key, Signs.COSIGNATURE)
    given = keys_in([options.log_key] if options.log_key else [])
    if options.out:
        demand_new(Path(options.out))
    with _submitted(options) as (note, files), cosigning.held(Path(options.state)) as known:
        new = checkpoint.parse(note.text)
        old = known.last(new.origin)
        before = old.size if old else 0
        proof = _proof(options, note, files, before)
        cosigning.examined(known, note, proof.path, proof.old_size, given)
        found = cosigning.cosigned(known, note, key, given)
        if not options.dry_run:
            cosigning.keep(Path(options.state), known)
    text = found.render() if not options.dry_run else note.render()
    data = {"origin": new.origin, "from": before, "size": new.size, "dry_run": options.dry_run}
    says = f"would cosign size {new.size}, which holds size {before}"
    return Answer(
        data=data | {"checkpoint": None if options.dry_run else text, "out": options.out},
        text=says if options.dry_run else written(options.out, text, dry_run=False),
    )


@contextmanager
def _submitted(options: Namespace) -> Iterator[tuple[Note, Files | None]]:
    """The checkpoint, and the bundle that it lies in, if it does."""
    path = Path(options.checkpoint)
    if path.is_dir() or path.suffix == ".tar":
        with opened(path) as files:
            yield bundle.note_of(files), files
    else:
        yield note_in(options.checkpoint), None


def _proof(options: Namespace, note: Note, files: Files | None, before: int) -> Consistency:
    """That the log grew since `before`: from the file, from the tiles, or there is none to give."""
    size = checkpoint.parse(note.text).size
    if options.proof:
        found = read(text_of(options.proof, "a file that plimsoll log proof --from SIZE wrote"))
        if isinstance(found, Consistency) and found.note.text == note.text:
            return found
        raise UsageError(
            "This proof is about something else.",
            saw=options.proof,
            wanted=f"a proof of growth to this checkpoint, of size {size}",
            try_this=f"plimsoll log proof --from {before} --checkpoint FILE, where the log is",
        )
    if before in (0, size) or before > size:
        return Consistency(before, (), note)
    if files is not None:
        node = tiles.node_of(files.get, size)
        return Consistency(before, tuple(consistency(node, before, size)), note)
    raise UsageError(
        "This witness cosigned the log before, so it needs a proof that the log only grew.",
        saw=f"a checkpoint of size {size} alone, the last one here has size {before}",
        wanted="a proof, or a bundle that has it in its tiles",
        try_this=f"plimsoll log proof --from {before} --checkpoint FILE, where the log is",
    )


def _forensic(
    workspace: Workspace, out: Path, checks: tuple[verification.Check, ...], options: Namespace
) -> Answer:
    """Copy everything as it is, and say what differs; nothing is opened for writing."""
    good = verification.verified(checks)
    if not options.dry_run:
        copy = out / "workspace"
        out.mkdir(exist_ok=True)
        shutil.copytree(workspace.root, copy, symlinks=True)
        report = {
            "verified": good,
            "checks": [check.model_dump(mode="json") for check in checks],
            "files": {p.relative_to(copy).as_posix(): _digest(p) for p in _plain(copy)},
        }
        (out / REPORT).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    said = "would copy" if options.dry_run else "copied"
    bad = [f"{check.name}: {check.detail}" for check in checks if check.ok is False]
    rows = [(said, f"{workspace.root} to {out}, with {REPORT}"), *(("BAD", b) for b in bad)]
    data: dict[str, Any] = {"out": str(out), "verified": good, "differs": bad}
    return Answer(
        data=data | {"dry_run": options.dry_run},
        text=named(rows, terminal_width()),
        exit_code=0 if good else IntegrityError.exit_code,
    )


def _plain(root: Path) -> list[Path]:
    return sorted(p for p in root.rglob("*") if p.is_file() and not p.is_symlink())


def _digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def _inside(out: Path) -> UsageError:
    return UsageError(
        "A log is not exported into the workspace that it is about.",
        saw=str(out),
        wanted="a place outside, best on another machine",
        try_this="plimsoll log export --out ../my-log",
    )
