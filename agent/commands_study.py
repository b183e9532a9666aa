"""`plimsoll judge study NAME`: one judge under several constitutions and prompt shapes."""

from argparse import Namespace
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agent.desk import Desk, desk, heartbeat
from agent.envelope import Answer
from agent.finding import workspace_of
from agent.fitting import fitted
from agent.states import Named, state_of
from agent.workspace import Workspace, read_constitution
from logs.errors import UsageError
from logs.reading import Reader
from logs.show import terminal_width
from logs.text import short, table
from logs.vocabulary import Constitution, Digest, EntryKind, Judge
from tools.audit import studies

DEFAULT = Path(__file__).parent / "default_study.toml"
READERS = ("reader", "base")
"""The frozen models of the world, as judges that read prompt text."""
PRELOAD = ("tools.jobs", "tools.judging", "tools.audit.study_job")
JOB = "tools.audit.study_job:study"


@dataclass(frozen=True, slots=True)
class Studied:
    """Whom a study is about."""

    judge: Judge | None
    """None for a frozen model that reads prompt text."""
    name: str
    artefact: Digest
    base: Digest
    reader: Digest


def study(options: Namespace) -> Answer:
    """Bias profiles of one judge by strategy, with one correction for all of them."""
    from tools.audit.study import Result
    from tools.audit.study_page import page

    workspace = workspace_of(options)
    path = Path(options.study) if options.study else DEFAULT
    told = _study(path, options)
    with closing(workspace.journal()) as journal:
        named = state_of(journal, options.at)
        subject = _studied(journal, named, options.name)
    constitutions = {
        s.id: studies.applied(s, _constitution(s, path, named), path.name) for s in told.strategies
    }
    with desk(workspace, heartbeat(options), preload=PRELOAD) as at:
        args = _args(at, workspace, subject, told, constitutions)
        found = Result.model_validate(at.run(JOB, args))
    data = found.model_dump(mode="json") | {
        "commit": named.commit,
        "judge_hash": subject.artefact,
        "study_file": path.name,
    }
    text = page(found) if options.markdown else _text(found, named, terminal_width())
    return Answer(data=data, text=text)


def _study(path: Path, options: Namespace) -> studies.Study:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(
            "The study cannot be read.",
            saw=f"{path}: {error.strerror}",
            wanted="a study file",
            try_this="without --study the one that comes along is run",
        ) from error
    told = studies.read(data, path.name)
    items = told.items if options.items is None else options.items
    return replace(told, items=items, seed=told.seed if options.seed is None else options.seed)


def _constitution(strategy: studies.Strategy, study_file: Path, named: Named) -> Constitution:
    if not strategy.constitution:
        return named.state.constitution
    return read_constitution(study_file.parent / strategy.constitution)


def _studied(journal: Reader, named: Named, name: str) -> Studied:
    """The judge that is meant.

    Raises:
        UsageError: no judge and no frozen model has this name.
    """
    founded = next(journal.entries(kind=EntryKind.FOUNDED)).body
    bench = [Judge.model_validate(j) for j in founded.get("judges", ())]
    known = {j.id: j for j in (*bench, *named.state.panel.judges)}
    reader = founded.get("reader") or named.state.base
    if name in READERS:
        artefact = reader if name == "reader" else named.state.base
        return Studied(None, name, artefact, named.state.base, reader)
    if name not in known:
        raise UsageError(
            "There is no such judge.",
            saw=repr(name[:80]),
            wanted=f"one of {', '.join((*known, *READERS))}",
            try_this="plimsoll judge list",
        )
    return Studied(known[name], name, known[name].artefact, named.state.base, reader)


def _args(
    at: Desk,
    workspace: Workspace,
    subject: Studied,
    told: studies.Study,
    constitutions: dict[str, Constitution],
) -> dict[str, Any]:
    from tools.audit.study_job import plain
    from tools.audit.study_judges import LOG_PROB

    if subject.judge is None:
        spec = {"kind": LOG_PROB, "path": str(at.tree(subject.artefact))}
    else:
        spec = at.spec(subject.judge)
    return {
        "judge": spec | {"id": subject.name, "hash": subject.artefact},
        "base": str(at.tree(subject.base)),
        "reader": str(at.tree(subject.reader)),
        "study": plain(told),
        "constitutions": {i: c.model_dump(mode="json") for i, c in constitutions.items()},
        "threads": workspace.config.limits.threads,
    }


def _narrow(row: tuple[str, ...]) -> tuple[str, ...]:
    """What of a row of reliability fits a terminal: not mode and position."""
    return (row[0], *row[2:4], *row[5:])


def _text(found: Any, named: Named, width: int) -> str:
    from tools.audit.study_page import LEGEND, NOTABLE, RELIABILITY, notable, reliability
    from tools.audit.study_page import profile_rows as rows_of

    head = (
        f"study {found.study}: judge {found.judge} at commit {short(named.commit)}, {found.items}"
        f" pairs, {found.calls} calls, base {found.base}"
    )
    rows = [_narrow(row) for row in reliability(found)]
    blocks = [
        [fitted(head, width), table(_narrow(RELIABILITY), rows, width)],
        ["Biases that are not certified to be at most .05", table(*rows_of(found), width)],
        [fitted(LEGEND.replace("`", ""), width)],
    ]
    seen = notable(found)
    said = f"{len(seen)} of {len(found.differences)} differences to the base stand after Holm"
    blocks.append([said, table(NOTABLE, seen, width) if seen else ""])
    if found.same:
        told = [fitted(f"  {i}: {why}", width) for i, why in found.same.items()]
        blocks.append(["Not told apart by this judge", *told])
    blocks.append(["What this rests on", *(fitted(f"  {x}", width) for x in found.statement)])
    return "\n\n".join("\n".join(line for line in block if line) for block in blocks)
