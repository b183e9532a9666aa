"""Drift as the log tells it: a table over turns, what it warns of, and where the nats sit.

Reads the observations of a session and nothing else, so it works on a log alone, on logs that
were written before there was a drift set, and while a session runs.
"""

from collections.abc import Iterator, Sequence

from logs.turns import Turn
from logs.vocabulary import Finite, Guarantee, Measurement, Status, Word

REFERENCES = ("anchor", "previous")
AGAINST = (
    *("kl_per_token", "kl_per_answer", "mmd", "c2st", "vendi_change", "siblings_change"),
    *("entropy_change", "distinct_2_change", "self_bleu_change", "length_change"),
    *("refusals_change", "format_change"),
)
"""Instruments that name their reference in `of`."""
ALONE = (
    *("drift_alarms", "certain_tokens", "ceiling_growth", "verdict_entropy", "reward_jump"),
    *("held_out_checks", "probes_due", "misalignment", "misalignment_gap", "retention"),
    *("proxy_gold_gap", "gold_slope", "gold_peak"),
)
EARLIER = ("kl_to_anchor", "kl_to_previous", "length", "distinct_2", "entropy", "tie_rate")
"""Told in every log, of the turn's practice prompts."""
PROFILE = "kl_at"
UNCHANGED = "unchanged since turn "
LEGEND = (
    "looks: so far, and what the interval or alarm holds for: all looks and metrics together, each "
    "look alone, or none beyond the items seen. = is unchanged: measured in an earlier turn"
)
SAYS = {
    Guarantee.FIXED_N: "each",
    Guarantee.ANYTIME: "all",
    Guarantee.RUN_HORIZON: "run",
    Guarantee.NONE: "none",
}


class Row(Word):
    """One instrument at one turn."""

    iteration: int
    instrument: str
    of: str
    measurement: Measurement
    looks: int
    """Times that it was measured up to then; an unchanged policy is not measured again."""
    history: tuple[tuple[int, Finite | None], ...]
    """Its estimates up to then, turn by turn."""

    @property
    def name(self) -> str:
        """As a table names it."""
        return f"{self.instrument} {self.of}".strip()


def rows_at(turns: Sequence[Turn], iteration: int | None = None, of: str = "anchor") -> list[Row]:
    """One row per instrument, as of an iteration: its last measurement until then.

    Args:
        of: the reference; instruments without one are told in any case.
    """
    seen: dict[tuple[str, str], list[tuple[int, Measurement]]] = {}
    for turn in told(turns, iteration):
        for m in turn.observation.measurements if turn.observation else ():
            if _wanted(m, of):
                seen.setdefault((m.instrument, m.of), []).append((turn.iteration, m))
    order = {name: i for i, name in enumerate((*AGAINST, *ALONE, *EARLIER))}
    rows = [_row(name, about, values) for (name, about), values in seen.items()]
    return sorted(rows, key=lambda r: (order[r.instrument], r.of))


def told(turns: Sequence[Turn], iteration: int | None = None) -> list[Turn]:
    """Turns with an observation, up to an iteration."""
    return [t for t in turns if t.observation and (iteration is None or t.iteration <= iteration)]


def profile(turns: Sequence[Turn], iteration: int | None = None, of: str = "anchor") -> list[Row]:
    """Nats per token by position in the answer, at the latest turn that told them."""
    for turn in reversed(told(turns, iteration)):
        found = [
            m
            for m in (turn.observation.measurements if turn.observation else ())
            if m.instrument == PROFILE and m.of.startswith(f"{of}, ")
        ]
        if found:
            return [
                _row(PROFILE, m.of.removeprefix(f"{of}, "), [(turn.iteration, m)]) for m in found
            ]
    return []


def warnings(rows: Sequence[Row]) -> list[str]:
    """What people should not overlook, in words."""
    return [said for row in rows for said in _warned(row)]


def _warned(row: Row) -> Iterator[str]:
    m, at = row.measurement, f"turn {row.iteration}"
    if row.instrument == "gold_slope" and m.status is Status.RED:
        yield f"{at}: past the peak: more distance from the anchor costs audited gold."
    elif row.instrument == "gold_slope" and m.status is Status.YELLOW:
        yield f"{at}: near the fitted peak of audited gold ({_where(m)})."
    elif row.instrument == "probes_due" and m.estimate:
        why = next((a for a in m.assumptions if not _bookkeeping(a)), "")
        yield f"{at}: misalignment probes were due and drawn: {why}."
    elif m.status is Status.RED and row.instrument not in EARLIER:
        yield f"{at}: {row.name} is beyond its line: {said(m)}."


def _where(m: Measurement) -> str:
    return next((a for a in m.assumptions if "fitted peak" in a), "no fit")


def _bookkeeping(assumption: str) -> bool:
    return assumption.startswith((UNCHANGED, "since turn", "look ", "with the other"))


def said(m: Measurement) -> str:
    """`estimate [low, high]`, a sign where no change is 0."""
    form = "+.3f" if m.null == 0 and m.units in _SIGNED else ".3g"
    value = "undefined" if m.estimate is None else format(m.estimate, form)
    if m.low is None or m.high is None:
        return value
    return f"{value} [{format(m.low, form)}, {format(m.high, form)}]"


_SIGNED = ("relative change", "share of items", "BLEU", "founding spreads", "probability")


def unchanged(m: Measurement) -> bool:
    """Whether it repeats an earlier turn, in which the same policy was measured."""
    return any(a.startswith(UNCHANGED) for a in m.assumptions)


def _wanted(m: Measurement, of: str) -> bool:
    if m.instrument in AGAINST:
        return m.of == of
    if m.instrument.startswith("kl_to_"):
        return m.instrument == f"kl_to_{of}" and not m.of
    return m.instrument in ALONE or (m.instrument in EARLIER and not m.of)


def _row(name: str, of: str, values: list[tuple[int, Measurement]]) -> Row:
    last, m = values[-1]
    return Row(
        iteration=last,
        instrument=name,
        of="" if name in AGAINST else of,
        measurement=m,
        looks=sum(not unchanged(v) for _, v in values),
        history=tuple((i, v.estimate) for i, v in values),
    )
