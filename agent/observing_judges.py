"""How far the judges can be believed, from grades that were paid for while a panel is in force.

Grades are remembered with what each judge had said before it saw them, so that every turn adds
to what is known of a panel, and a look more costs nothing where the guarantee is anytime.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from agent.auditing import Graded, duel
from agent.groups import Group, p_right
from logs.canonical import digest_of
from logs.errors import UndefinedMeasurement
from logs.vocabulary import Measurement, Panel, Status
from tools.instruments.intervals import Thresholds
from tools.instruments.judges import ACCURACY
from tools.instruments.reliability import (
    brier,
    calibration_e_process,
    calibration_error,
    cohen_kappa,
    discrimination,
    gold_multiplier,
    miscalibration,
    n_eff,
    ppi_mean,
)
from tools.instruments.reliability.ppi import Labelled
from tools.instruments.sequential import Detector, change, proportion_over_time
from tools.judges import Calibration

PANEL = "panel"
Known = Mapping[str, Calibration]


def with_what_was_said(
    rows: Sequence[Graded], groups: Sequence[Group], panel: Panel, known: Known
) -> list[Graded]:
    """Graded answers with the scores and claims that judges had given them.

    Adds `panel`, the panel's digest; `said`, scores by judge and answer; and `claimed`, the panel's
    probability of being right by answer, where it is calibrated.
    """
    by_prompt, name = {g.prompt: g for g in groups}, digest_of(panel)
    return [
        row | {"panel": name} | _said(row, by_prompt[row["prompt"]], panel, known) for row in rows
    ]


def _said(row: Graded, group: Group, panel: Panel, known: Known) -> dict[str, Any]:
    graded = {i: int(i) for i in row["grades"]}
    said = {PANEL: group.panel, **group.by_judge}
    claimed = {i: p_right(group, at, known, panel) for i, at in graded.items()}
    return {
        "said": {judge: {i: s[at] for i, at in graded.items()} for judge, s in said.items()},
        "claimed": None if None in claimed.values() else claimed,
    }


def of_judges_in_force(
    rows: Sequence[Graded], groups: Sequence[Group], panel: Panel, known: Known, *, horizon: int
) -> Iterator[Measurement]:
    """What all grades under this panel say of it.

    Args:
        rows: every graded answer of the session, `with_what_was_said`; others are left out.
        groups: this turn's audited prompts, graded or not.
        horizon: pairs that the whole session may audit at most.
    """
    under = [row for row in rows if row.get("panel") == digest_of(panel) and "ends" in row]
    right = _ordered(under, PANEL)
    yield proportion_over_time(
        "judge_accuracy_over_time",
        right,
        units="share of pairs",
        thresholds=Thresholds(green=ACCURACY, red=ACCURACY),
        of=PANEL,
    )
    yield _falling(right, horizon)
    yield from _of_claims([row for row in under if row["claimed"]])
    yield _votes(under)
    yield from _helped(under, groups, panel, known)


def _ordered(rows: Sequence[Graded], judge: str) -> list[float]:
    """1 where a judge scored the right answer of a pair higher, 0 where it did not or failed."""
    return [float(_prefers_right(row, judge)) for row in rows if _differ(row)]


def _differ(row: Graded) -> bool:
    return len({row["grades"][str(i)] for i in row["ends"]}) == 2


def _prefers_right(row: Graded, judge: str) -> bool:
    a, b = map(str, row["ends"])
    right, wrong = (a, b) if row["grades"][a] else (b, a)
    high, low = row["said"][judge][right], row["said"][judge][wrong]
    return high is not None and low is not None and high > low


def _falling(right: Sequence[float], horizon: int) -> Measurement:
    """Has the panel's accuracy fallen below the floor? False alarms are bounded over the run."""
    detector = Detector.for_run(ACCURACY, items=max(horizon, len(right), 1), direction="down")
    for outcome in right:
        detector = detector.after(outcome)
    return change(detector, of="judge_accuracy")


def _of_claims(rows: Sequence[Graded]) -> Iterator[Measurement]:
    """Calibration of P(right) on graded answers, clustered by prompt."""
    flat = [
        (row["claimed"][i], row["grades"][i], row["prompt"]) for row in rows for i in row["grades"]
    ]
    p, y, prompts = ([item[k] for item in flat] for k in range(3))
    instruments: dict[str, Callable[[], Measurement]] = {
        "brier": lambda: brier(p, y, clusters=prompts, of=PANEL),
        "calibration_error": lambda: calibration_error(p, y, clusters=prompts, of=PANEL),
        "miscalibration": lambda: miscalibration(p, y, clusters=prompts, of=PANEL),
        "discrimination": lambda: discrimination(p, y, clusters=prompts, of=PANEL),
        "calibration_e_process": lambda: calibration_e_process(p, y, clusters=prompts, of=PANEL),
        "cohen_kappa": lambda: cohen_kappa(
            [int(x > 0.5) for x in p], y, clusters=prompts, of=PANEL
        ),
    }
    for name, measure in instruments.items():
        yield _defined(name, measure, len(flat))


def _votes(rows: Sequence[Graded]) -> Measurement:
    """How many independent judges the panel and the bench are worth."""
    pairs = [row for row in rows if _differ(row)]
    judges = sorted({j for row in pairs for j in row["said"]} - {PANEL})
    errors = [
        [1.0 - _prefers_right(row, j) if j in row["said"] else None for j in judges]
        for row in pairs
    ]
    prompts = [row["prompt"] for row in pairs]
    return _defined("n_eff", lambda: n_eff(errors, clusters=prompts), len(pairs))


def _helped(
    rows: Sequence[Graded], groups: Sequence[Group], panel: Panel, known: Known
) -> Iterator[Measurement]:
    """Share of the panel's favourites that are right: graded ones, helped by claims of the rest."""
    here = {g.prompt: g for g in groups}
    graded = [row for row in rows if row["prompt"] in here and row["claimed"]]
    best = [str(row["ends"][0]) for row in graded]
    taken = {row["prompt"] for row in graded}
    # Graded pairs are drawn at random from the duels, and speak for those alone.
    rest = [g for g in groups if g.prompt not in taken and duel(g) is not None]
    data = Labelled(
        gold=[float(row["grades"][i]) for row, i in zip(graded, best, strict=True)],
        judge=[row["claimed"][i] for row, i in zip(graded, best, strict=True)],
        alone=[p for p in (_claim(g, panel, known) for g in rest) if p is not None],
    )
    yield _defined("favourites_right", lambda: _renamed(ppi_mean(data)), len(graded))
    yield _defined("gold_multiplier", lambda: gold_multiplier(data, of=PANEL), len(graded))


def _claim(group: Group, panel: Panel, known: Known) -> float | None:
    """The panel's claim of its favourite; None where it fails or is not calibrated."""
    scores = [s for s in group.panel if s is not None]
    if len(scores) < len(group.panel) or not scores:
        return None
    return p_right(group, group.panel.index(max(scores)), known, panel)


def _renamed(m: Measurement) -> Measurement:
    return m.model_copy(update={"instrument": "favourites_right", "of": PANEL})


def _defined(name: str, measure: Callable[[], Measurement], n: int) -> Measurement:
    """A measurement, or that there is none and why."""
    try:
        return measure()
    except UndefinedMeasurement as error:
        return Measurement(
            instrument=name,
            estimate=None,
            units="",
            n=n,
            status=Status.INSUFFICIENT,
            assumptions=(error.what,),
            of=PANEL,
        )
