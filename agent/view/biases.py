"""The biases of judges as their latest audits measured them, one figure per judge.

The planted flaws of a session tell what the panel pays for; an audit tells why: position,
length, self-preference and what else it asked, each as a shift with its interval.
"""

from collections.abc import Iterator

from agent.judge_audits import OnRecord, latest, names_on_record
from agent.view.place import Place
from logs import vega
from logs.charts import NARROW, WIDE, Figure
from logs.charts_more import dot_row, dotted
from logs.summary import of_measurement
from logs.vocabulary import Guarantee, Measurement, Status
from tools.audit.figures import measured
from tools.instruments.audit.bounds import GREEN, RED

HEADERS = ("bias", "shift [interval] n", "units", "status")


def biases(place: Place) -> list[Figure]:
    """One figure per judge that was audited."""
    if place.log is None:
        return []
    names = names_on_record(place.journal)
    return [figure for at, name in enumerate(names) for figure in of_judge(place, name, at)]


def of_judge(place: Place, name: str, at: int = 0) -> Iterator[Figure]:
    """The figure of one judge, where it was audited and something was measured.

    Args:
        at: Its place among the figures of a page.
    """
    found = latest(place.journal, place.workspace.store, name, None)
    rows = list(_rows(found)) if found else []
    if found and rows:
        yield _figure(found, rows, f"biases-{at}")


def _rows(found: OnRecord) -> Iterator[Measurement]:
    for name, m in measured(found.card):
        if None not in (m.low, m.high):
            yield m.model_copy(update={"of": name})


def _figure(found: OnRecord, rows: list[Measurement], name: str) -> Figure:
    judge, turn = found.card.judge, found.audited.iteration
    heading, series = f"Biases of {judge}, as audited", f"audit of turn {turn}"
    dots = [(m, series, turn) for m in rows]
    wide, narrow = (dotted(f"{name}-{w}", dots, heading, w) for w in (WIDE, NARROW))
    told = [dot_row(m, series) for m in rows]
    return Figure(
        name,
        heading,
        _says(rows),
        _caption(rows, found),
        wide,
        narrow,
        HEADERS,
        tuple((m.of, of_measurement(m), m.units, str(m.status)) for m in rows),
        (vega.dots(told, "Shift, zero where there is no bias", zero=0.0),),
    )


def _says(rows: list[Measurement]) -> str:
    by = {s: [m.of for m in rows if m.status is s] for s in Status}
    return (
        f"A fault: {', '.join(by[Status.RED]) or 'none'}; "
        f"no fault: {', '.join(by[Status.GREEN]) or 'none'}; "
        f"not told by so small an audit: "
        f"{', '.join(by[Status.YELLOW] + by[Status.INSUFFICIENT]) or 'none'}."
    )


def _caption(rows: list[Measurement], found: OnRecord) -> str:
    counts = sorted({m.n for m in rows})
    n = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    once = all(m.guarantee is Guarantee.FIXED_N for m in rows)
    return (
        f"n = {n} per bias, {rows[0].level:.0%} intervals, "
        f"{'single look' if once else 'see the card'}; up to {GREEN:g} counts as none, from "
        f"{RED:g} as a fault; where a treatment makes an answer worse, only a shift up is one. "
        f"Position is the share of verdicts for the first place, less a half; "
        f"the others are shifts of the judge's preference. An estimate that the audit was too "
        f"small for is withheld, its interval is not. Entry {found.seq} of the log."
    )
