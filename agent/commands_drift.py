"""`plimsoll drift show`: the drift instruments over turns, from the log alone. Reads only."""

import sys
from argparse import Namespace
from contextlib import closing
from pathlib import Path
from typing import Any

from agent.envelope import Answer
from agent.finding import workspace_of
from agent.overview import session_of
from logs.drift import Row, profile, rows_at, told, warnings
from logs.drift_charts import NARROW, WIDE, headline, multiples, section, standalone
from logs.drift_text import markdown, text
from logs.errors import UndefinedMeasurement, UsageError
from logs.files import write_whole
from logs.show import terminal_width
from logs.turns import Turn, turns


def show(options: Namespace) -> Answer:
    """The table, its history, the warnings; pictures with `--plots`."""
    workspace = workspace_of(options)
    with closing(workspace.journal()) as journal:
        name = session_of(workspace, journal, options.session)
        found = turns(journal, name)
    seen = told(found, options.iteration)
    if options.iteration is not None and options.iteration not in {t.iteration for t in seen}:
        raise _no_such_turn(name, options.iteration, told(found))
    rows = rows_at(seen, of=options.of)
    if not rows:
        raise _nothing(name, bool(seen))
    nats, warned = profile(seen, of=options.of), warnings(rows)
    head = f"{name}, turn {seen[-1].iteration}, against the {options.of}: {headline(rows)}"
    written = _plots(seen, Path(options.plots), options.dry_run) if options.plots else []
    said = (
        markdown(head, rows, nats, warned)
        if options.markdown
        else text(head, rows, nats, warned, terminal_width(), ascii_only=_ascii())
    )
    verb = "would write" if options.dry_run else "wrote"
    return Answer(
        data={
            "session": name,
            "iteration": seen[-1].iteration,
            "of": options.of,
            "rows": [_data(row) for row in rows],
            "profile": [_data(row) for row in nats],
            "warnings": warned,
            "plots": written,
            "dry_run": options.dry_run,
        },
        text="\n".join([said, *(f"{verb} {path}" for path in written)]),
    )


def _data(row: Row) -> dict[str, Any]:
    return row.measurement.model_dump(mode="json") | {
        "iteration": row.iteration,
        "looks": row.looks,
        "history": [{"iteration": i, "estimate": v} for i, v in row.history],
    }


def _plots(seen: list[Turn], folder: Path, dry: bool) -> list[str]:
    """Small multiples as SVG, wide and narrow."""
    if section(seen) is None:
        raise UndefinedMeasurement(
            "There is nothing to draw yet.",
            saw="no look at a policy other than the anchor",
            wanted="a turn after the first one that trained",
            try_this="plimsoll drift show, without --plots",
        )
    paths = {folder / f"drift-{width}.svg": width for width in (WIDE, NARROW)}
    if not dry:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(
                "The folder for pictures cannot be made.",
                saw=f"{folder}: {error.strerror}",
                wanted="a folder, or a name that is free",
                try_this="plimsoll drift show --plots plots",
            ) from error
        for path, width in paths.items():
            write_whole(path, standalone(multiples(seen, width)).encode())
    return [str(path) for path in paths]


def _ascii() -> bool:
    """Whether the output cannot carry blocks."""
    try:
        "▁█·".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return True
    return False


def _no_such_turn(name: str, iteration: int, seen: list[Turn]) -> UsageError:
    last = seen[-1].iteration if seen else 0
    return UsageError(
        "That turn was not observed.",
        saw=f"turn {iteration} of session {name}",
        wanted=f"1 to {last}" if seen else "a session whose first turn was observed",
        try_this="plimsoll drift show" if seen else "plimsoll status",
    )


def _nothing(name: str, observed: bool) -> UndefinedMeasurement:
    return UndefinedMeasurement(
        "No drift was measured yet.",
        saw=f"session {name} {'without measurements of drift' if observed else 'not observed'}",
        wanted="a turn that was observed, with at least its divergence",
        try_this="plimsoll status",
    )
