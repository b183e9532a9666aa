"""A session as one page: opens from `file://`, asks for nothing, runs nothing.

The same log gives the same bytes. Text that a model or a person wrote is left out unless
asked for, and is never more than text.
"""

import base64
import hashlib
from pathlib import Path
from typing import Any

from logs.basis import HEADERS, basis
from logs.budget_rows import budget_rows
from logs.charts import gold_against_judge, instruments, timeline
from logs.content import hidden, wholly_by_model, written_by_model
from logs.drift_charts import section as drift_section
from logs.errors import UsageError
from logs.files import write_whole
from logs.gain import said, sentence
from logs.model_rows import model_rows
from logs.reading import Reader
from logs.story import COLUMNS, chapters, counted, refusal, rows
from logs.summary import of_measurement
from logs.text import clip, short, visible
from logs.turns import Ending, Turn, turns
from logs.verify import LOG
from logs.vocabulary import Decision, EntryKind

HERE = Path(__file__).parent
STYLES = ("report.css", "charts.css")


def report(journal: Reader, session: str, *, content: bool = False) -> str:
    """Return the page of a session.

    Args:
        content: Also show free text that a model or a person wrote.

    Raises:
        UsageError: the log has no such session.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    told = turns(journal, session)
    if not told:
        raise UsageError(
            "This log has no such session.",
            saw=repr(session[:80]),
            wanted=f"one of {', '.join(sorted({e.session for e in journal.entries()})) or 'none'}",
            try_this="plimsoll session list",
        )
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = "".join((HERE / name).read_text(encoding="utf-8") for name in STYLES)
    return environment.get_template("report.html").render(
        session=session, policy=_policy(style), style=style, **contents(journal, told, content)
    )


def contents(journal: Reader, told: tuple[Turn, ...], content: bool) -> dict[str, Any]:
    """Return what the page of a session says: the same here and where `plimsoll view` shows it."""
    drawn = (gold_against_judge(told), timeline(told), instruments(told))
    return {
        "counted": counted(told),
        "verdict": sentence(told),
        "figures": [figure for figure in drawn if figure],
        "columns": COLUMNS,
        "drift": drift_section(told),
        "table": rows(told),
        "chapters": list(chapters(told, content)),
        "refusals": [refusal(turn) for turn in told if turn.ending is Ending.REFUSED],
        "decisions": [_decision(turn, content) for turn in told if turn.decision],
        "skills": _skills(told),
        "basis_headers": HEADERS,
        "basis": [found.row for found in basis(told)],
        "budgets": budget_rows(journal, told[0].session),
        "models": model_rows(journal, told[0].session),
        "ledgers": journal.ledgers().model_dump(mode="json"),
        "checkpoint": journal.checkpoint().splitlines(),
        "log": LOG,
    }


def write_report(journal: Reader, session: str, path: Path, *, content: bool = False) -> Path:
    """Write the page of a session, whole or not at all."""
    page = report(journal, session, content=content)
    write_whole(path, page.encode())
    return path


def _policy(style: str) -> str:
    """Return the content security policy: this one style sheet and nothing else."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def shown(value: object) -> object:
    """Make what enters the page visible; what is already markup was made so before."""
    if hasattr(value, "__html__"):
        return value
    return visible(clip(str(value))) if isinstance(value, str) else value


def _decision(turn: Turn, content: bool) -> dict[str, object]:
    decision = turn.decision
    assert decision is not None
    tell = content or not written_by_model(decision)
    rest = content or not wholly_by_model(decision)
    return {
        "iteration": turn.iteration,
        "title": f"{decision.intervention}, {turn.ending}",
        "rule": decision.rule,
        "entry": turn.entries.get(EntryKind.DECIDED),
        "commit": short(turn.digest) if turn.digest else "",
        "because": decision.because if tell else hidden(decision.because),
        "evidence": decision.evidence if rest else [hidden(e) for e in decision.evidence],
        "instead": _instead(decision, rest),
        "gold": said(turn),
    }


def _instead(decision: Decision, tell: bool) -> list[str]:
    return [
        f"{other.intervention}: {other.because if tell else hidden(other.because)}"
        for other in decision.alternatives
    ]


def _skills(told: tuple[Turn, ...]) -> list[tuple[str, str, str]]:
    """Return (skill, first, last) gold per skill."""
    measured = [[m for m in turn.gold if m.instrument == "gold_skill"] for turn in told]
    golden = [found for found in measured if found]
    if not golden:
        return []
    first, last = (
        {m.of: of_measurement(m).split(" ", 2)[2] for m in g} for g in (golden[0], golden[-1])
    )
    return [(skill, first.get(skill, "-"), last[skill]) for skill in last]
