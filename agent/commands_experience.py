"""`plimsoll session experience`: what the turns of workspaces taught, for a decider that learns."""

import json
from argparse import Namespace
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from agent.deciding.experience import own
from agent.deciding.lessons import Lesson, gathered, read, written
from agent.envelope import Answer
from agent.finding import MARK, workspace_of
from agent.workspace import Workspace
from logs.canonical import plain, sha256
from logs.errors import UsageError
from logs.files import write_whole


def experience(options: Namespace) -> Answer:
    """The lessons of one or several workspaces, each turn once."""
    workspaces = [_named(folder) for folder in options.folders] or [workspace_of(options)]
    each = [own(workspace) for workspace in workspaces]
    found = gathered(*each)
    data, out = written(found), Path(options.out) if options.out else None
    if out is not None:
        _refuse_another(out)
        if not options.dry_run:
            write_whole(out, data)
    of = "workspace" if len(workspaces) == 1 else "workspaces"
    says = f"{len(found)} turns of {len(workspaces)} {of}{_kinds(found)}"
    return Answer(
        data={
            "out": str(out) if out else None,
            "digest": sha256(data),
            "workspaces": len(workspaces),
            "lessons": [plain(lesson) for lesson in found],
            "dry_run": options.dry_run,
        },
        text=_text(out, says, data, dry=options.dry_run),
        warnings=tuple(_notes(workspaces, each, says if out is None else "")),
    )


def _named(folder: str) -> Workspace:
    path = Path(folder)
    if (path / MARK).is_file():
        return Workspace(path.resolve())
    raise UsageError(
        "This is no workspace.",
        saw=f"no {MARK} in {folder}",
        wanted="folders made by plimsoll init or plimsoll demo",
        try_this="plimsoll session experience --out FILE WORKSPACE WORKSPACE",
    )


def _refuse_another(out: Path) -> None:
    """Only what is experience already is replaced.

    Raises:
        UsageError: the file is something else, or cannot be written.
    """
    try:
        if out.exists():
            read(out.read_bytes(), str(out))
        fits = out.parent.is_dir()
    except (OSError, UsageError):
        fits = False
    if not fits:
        raise UsageError(
            "Nothing is written over what may be somebody's.",
            saw=f"{out}, which is no file of experience, or lies in no folder",
            wanted="a new file, or one that this command wrote",
            try_this="plimsoll session experience --out experience.jsonl",
        )


def _text(out: Path | None, says: str, data: bytes, *, dry: bool) -> str:
    if out is not None:
        return f"{'would write' if dry else 'wrote'} {out}: {says}"
    lines = [json.dumps(json.loads(line)) for line in data.splitlines()]
    return "\n".join(lines)


def _kinds(found: Sequence[Lesson]) -> str:
    counted = Counter(str(lesson.intervention) for lesson in found)
    said = ", ".join(f"{kind} {n}" for kind, n in counted.most_common())
    return f" ({said})" if said else ""


def _notes(
    workspaces: Sequence[Workspace], each: Sequence[Sequence[Lesson]], says: str
) -> list[str]:
    empty = [w.root.name for w, of in zip(workspaces, each, strict=True) if not of]
    nothing = [f"{name}: no turn that is over can tell what it returned yet" for name in empty]
    return [*nothing, *([says] if says else [])]
