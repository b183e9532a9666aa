"""`plimsoll judge list`: the panel in force, and how right each judge was when last audited."""

from argparse import Namespace
from contextlib import closing
from typing import Any

from agent.envelope import Answer
from agent.finding import workspace_of
from agent.fitting import fitted
from agent.states import Named, state_of
from logs.journal import Journal
from logs.show import terminal_width
from logs.summary import of_measurement
from logs.text import interval, short, table
from logs.vocabulary import Commit, EntryKind, Judge, Measurement, Observation

PREFERRED = "judge_accuracy"
"""Shares of audited pairs ordered as the labels do; other audits are shown where it is missing."""
AUDITS = "judge_"


def list_judges(options: Namespace) -> Answer:
    """The judges of a commit with weight, family, version and their latest audit."""
    with closing(workspace_of(options).journal()) as journal:
        named = state_of(journal, options.ref or "HEAD")
        audits = {judge.id: audit_of(journal, judge) for judge in named.state.panel.judges}
    judges = named.state.panel.judges
    head = f"panel at commit {short(named.commit)}, iteration {named.iteration}"
    rows = [_row(judge, audits[judge.id]) for judge in judges]
    headers = ("judge", "weight", "family", "version", "kind", "audit")
    width = terminal_width()
    return Answer(
        data=_data(named, audits),
        text=fitted(head, width) + "\n" + table(headers, rows, width),
    )


def audit_of(journal: Journal, judge: Judge) -> tuple[int, Measurement] | None:
    """The latest audit of this very artefact, and its iteration; an older version is another."""
    found: dict[bool, tuple[int, Measurement]] = {}
    sits: dict[str, bool] = {}
    for entry in journal.entries(kind=EntryKind.OBSERVED):
        observed = Observation.model_validate(entry.body)
        if observed.head not in sits:
            sits[observed.head] = _sits(journal.commit_of(observed.head), judge)
        if not sits[observed.head]:
            continue
        for m in observed.measurements:
            if m.of == judge.id and m.instrument.startswith(AUDITS) and m.estimate is not None:
                found[m.instrument == PREFERRED] = (entry.iteration, m)
    return found.get(True) or found.get(False)


def _sits(commit: Commit, judge: Judge) -> bool:
    """Whether exactly this judge sat in the panel of that commit."""
    return any(j.artefact == judge.artefact and j.id == judge.id for j in commit.state.panel.judges)


def _row(judge: Judge, audit: tuple[int, Measurement] | None) -> tuple[str, ...]:
    said = "not audited yet"
    if audit:
        iteration, m = audit
        band = interval(m.estimate, m.low, m.high)
        said = f"{m.instrument} {band} n={m.n} ({m.status}, iteration {iteration})"
    return (judge.id, str(judge.weight), judge.family, str(judge.version), str(judge.kind), said)


def _data(named: Named, audits: dict[str, tuple[int, Measurement] | None]) -> dict[str, Any]:
    return {
        "commit": named.commit,
        "iteration": named.iteration,
        "judges": [
            judge.model_dump(mode="json") | {"audit": _audit(audits[judge.id])}
            for judge in named.state.panel.judges
        ],
    }


def _audit(audit: tuple[int, Measurement] | None) -> dict[str, Any] | None:
    if audit is None:
        return None
    iteration, m = audit
    return m.model_dump(mode="json") | {"iteration": iteration, "says": of_measurement(m)}
