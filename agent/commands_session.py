"""`plimsoll status`, `session list`, `session show`, `report`."""

from argparse import Namespace
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from agent.budget import Line, warnings
from agent.envelope import Answer
from agent.finding import from_here, workspace_of
from agent.fitting import named
from agent.overview import Overview, Standing, open_log, overview, session_of, sessions_of
from agent.purse import budgets_of
from agent.workspace import CONFIG, Workspace
from logs.breaks import breaks, letters, pieces
from logs.errors import Halted, UsageError, WaitsForPerson
from logs.gain import of_session, sentence
from logs.journal import Journal
from logs.model_rows import model_sums
from logs.report import write_report
from logs.show import terminal_width
from logs.story import chapters, counted, rows, story
from logs.summary import of_measurement
from logs.text import interval, short, table, visible
from logs.turns import Turn, turns
from logs.vocabulary import Measurement
from sandbox.accelerator import gpus

NEXT = {
    Standing.NOT_BEGUN: "plimsoll run",
    Standing.RUNNING: "plimsoll log list",
    Standing.WAITING: "plimsoll log show iter:{iteration} --content",
    Standing.PLANNED: "plimsoll apply with the file of the plan; or plimsoll resume",
    Standing.HALTED: "raise that budget under [budget] in plimsoll.toml, then plimsoll resume",
    Standing.INTERRUPTED: "plimsoll resume",
    Standing.ENDED: "plimsoll session show",
}

STANDS = {Standing.WAITING: WaitsForPerson.exit_code, Standing.HALTED: Halted.exit_code}
"""Exit code of `status` where the session cannot go on by itself."""


def status(options: Namespace) -> Answer:
    """Where the session is: the last decision, judge, labels, who is at work, who is waited for."""
    workspace = workspace_of(options)
    journal = open_log(workspace)
    found = overview(workspace, session_of(workspace, journal, None), journal)
    budgets = _budgets(workspace, found, journal)
    models = model_sums(journal, found.session) if journal else []
    if journal:
        journal.close()
    rows = _status(found)
    rows[-1:-1] = [(str(row["model"]), _took(row)) for row in models]
    rows[-1:-1] = [(f"{line.name}", line.said()) for line in budgets if line.limit is not None]
    here = gpus()
    rows[-1:-1] = [("gpu", gpu.said()) for gpu in here]
    told = {
        "budgets": [line.row() for line in budgets],
        "gpus": [asdict(gpu) for gpu in here],
        "models": models,
    }
    return Answer(
        data=overview_data(found) | told,
        text=named(rows, terminal_width()),
        exit_code=STANDS.get(found.standing, 0),
        warnings=warnings(workspace.config) if budgets else (),
    )


def _took(row: dict[str, Any]) -> str:
    """What a model took so far, as of the last record."""
    tokens = row["tokens_in"] + row["tokens_out"]
    cost = "money unknown" if row["money"] is None else f"money {row['money']}"
    return f"{row['calls']} calls, {tokens} tokens, {row['seconds']:.0f} s, {cost}"


def _budgets(workspace: Workspace, found: Overview, journal: Journal | None) -> tuple[Line, ...]:
    """What was spent of what; nothing is known of a session that the settings do not name."""
    if not (workspace.root / CONFIG).is_file() or workspace.config.session.name != found.session:
        return ()
    return budgets_of(workspace, journal)


def list_sessions(options: Namespace) -> Answer:
    """Every session of the log, one line each."""
    workspace = workspace_of(options)
    journal = open_log(workspace)
    if journal is None:
        return Answer(data=[], text="No session has begun here; try: plimsoll run")
    with closing(journal):
        found = [overview(workspace, name, journal) for name in sessions_of(journal)]
    lines = [
        (
            visible(o.session),
            _of(o),
            str(o.standing),
            _number(o.judge),
            _scale(o.judge),
            _number(o.gold),
        )
        for o in found
    ]
    headers = ("session", "iterations", "standing", "judge", "scale", "gold")
    return Answer(
        data=[overview_data(o) for o in found], text=table(headers, lines, terminal_width())
    )


def show(options: Namespace) -> Answer:
    """The story of a session: is the model really better, and what was done on the way."""
    workspace = workspace_of(options)
    with closing(_log_of(workspace)) as journal:
        name = session_of(workspace, journal, options.name)
        return told(workspace, journal, name, content=options.content)


def report(options: Namespace) -> Answer:
    """Write the page of a session again, from the log alone."""
    workspace = workspace_of(options)
    with closing(_log_of(workspace)) as journal:
        name = session_of(workspace, journal, options.name)
        if options.out:
            return _bundle(workspace, name, options)
        path = workspace.session(name) / "report.html"
        if not options.dry_run:
            write_report(journal, name, path, content=options.content)
    data = {"report": str(path), "session": name, "dry_run": options.dry_run}
    return Answer(data=data, text=f"would write {path}" if options.dry_run else str(path))


def _bundle(workspace: Workspace, name: str, options: Namespace) -> Answer:
    """The pages of `plimsoll view` as files in a folder."""
    from agent.view.export import export
    from agent.view.place import Place

    folder = Path(options.out).expanduser()
    files = export(Place(workspace), name, folder, content=options.content, dry_run=options.dry_run)
    data = {"report": str(folder), "session": name, "dry_run": options.dry_run, "files": files}
    said = f"{folder / 'index.html'}, {len(files)} files"
    return Answer(data=data, text=f"would write {said}" if options.dry_run else said)


def told(workspace: Workspace, journal: Journal, name: str, *, content: bool) -> Answer:
    """The story of a session as text and as data."""
    where, width = from_here(workspace.root), terminal_width()
    text = story(journal, name, workspace=where, content=content, width=width)
    return Answer(data=story_data(journal, name, content=content), text=text)


def story_data(
    journal: Journal, name: str, *, content: bool, found: tuple[Turn, ...] | None = None
) -> dict[str, Any]:
    """What the story tells, as data; `found` are its turns, where they were read already."""
    found = turns(journal, name) if found is None else found
    keys = ("iteration", "decided", "outcome", "judge", "scale", "gold")
    named = letters(found)
    gain, _, _ = of_session(found)
    return {
        "session": name,
        "summary": counted(found),
        "verdict": sentence(found),
        "gain": gain.model_dump(mode="json"),
        "turns": [dict(zip(keys, row, strict=True)) for row in rows(found)],
        "scales": [
            {"label": named[scale], "scale": scale, "first": first, "last": last}
            for scale, first, last in pieces(found)
        ],
        "breaks": [broken.model_dump(mode="json") for broken in breaks(found)],
        "chapters": dict(chapters(found, content)),
    }


def _log_of(workspace: Workspace) -> Journal:
    journal = open_log(workspace)
    if journal:
        return journal
    raise UsageError(
        "No session has begun here.",
        saw=f"no log in {workspace.root}",
        wanted="a session that has begun",
        try_this="plimsoll run",
    )


def _status(found: Overview) -> list[tuple[str, str]]:
    last = found.last
    process = found.process
    labels = "unknown" if found.labels is None else f"{found.labels_left} of {found.labels} left"
    return [
        ("session", f"{found.session}, iteration {_of(found)}, {found.standing}"),
        (
            "process",
            f"{process.pid} on {process.host}, since {process.since}" if process else "none",
        ),
        ("head", short(found.head)),
        ("decided", f"{last.intervention}, {last.ending}" if last else "nothing yet"),
        (
            "judge",
            f"{of_measurement(found.judge)}, scale {_scale(found.judge)}"
            if found.judge
            else "not measured yet",
        ),
        ("gold", f"{_number(found.gold)}, sealed: no decision reads it"),
        ("labels", labels),
        *_parked(found),
        ("try", NEXT[found.standing].format(iteration=found.iteration)),
    ]


def _parked(found: Overview) -> list[tuple[str, str]]:
    """What is put off for people, where anything is."""
    ideas = ", ".join(f"{i.intervention} of iteration {i.iteration}" for i in found.parked)
    return [("parked", f"{ideas}; asked about when the turns are used up")] if ideas else []


def overview_data(found: Overview) -> dict[str, Any]:
    """What `status` tells, as data."""
    last, process = found.last, found.process
    return {
        "session": found.session,
        "standing": str(found.standing),
        "ended": found.ended,
        "waits_for_person": found.waits,
        "iteration": found.iteration,
        "iterations": found.iterations,
        "head": found.head,
        "last": {
            "iteration": last.iteration,
            "intervention": str(last.intervention),
            "outcome": str(last.ending),
        }
        if last
        else None,
        "judge_score": _measurement(found.judge),
        "gold": _measurement(found.gold),
        "audit_labels_left": found.labels_left,
        "audit_labels": found.labels,
        "parked": [
            {"iteration": i.iteration, "intervention": str(i.intervention)} for i in found.parked
        ],
        "process": {"pid": process.pid, "host": process.host, "since": process.since}
        if process
        else None,
    }


def _measurement(found: Measurement | None) -> dict[str, Any] | None:
    return found.model_dump(mode="json") if found else None


def _number(found: Measurement | None) -> str:
    return interval(found.estimate, found.low, found.high) if found else "-"


def _scale(found: Measurement | None) -> str:
    """On which scale a score is; two scales are two languages."""
    return short(found.scale)[:8] if found and found.scale else "-"


def _of(found: Overview) -> str:
    return f"{found.iteration} of {'?' if found.iterations is None else found.iterations}"
