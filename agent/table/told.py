"""The decision table and what is proved of it, for people and for programs."""

from collections.abc import Iterator
from typing import Any

from agent.lines import Guarded
from agent.table.acts import ACTS
from agent.table.choosing import Table, entries, guarded
from agent.table.findings import DeciderReport, Proved, Reached, named
from agent.table.vocabulary import IS, MAY
from invariants.policy import Policy
from logs.vocabulary import Outcome

_SAID = {Outcome.HOLDS: "PROVED", Outcome.BROKEN: "FALSE"}


def as_json(table: Table) -> dict[str, Any]:
    """Every line with its conditions, and what is defined by name."""
    lines = [(entry, guarded(entry)) for entry in entries(table)]
    return {
        "lines": [
            {
                "line": entry.id,
                "needs": [need.when for need in conditions.needs],
                "ways": [
                    {
                        "when": way.when,
                        "act": way.act,
                        "intervention": ACTS[way.act].intervention.value,
                        "kinds": sorted(ACTS[way.act].kinds),
                        "kinds_with_a_bench": sorted(ACTS[way.act].from_bench),
                        "labels": ACTS[way.act].labels,
                        "questions": ACTS[way.act].questions,
                        "moves": ACTS[way.act].moves,
                    }
                    for way in conditions.ways
                ],
                "last_resort": conditions.last_resort,
            }
            for entry, conditions in lines
        ],
        "is": dict(IS),
        "may": dict(MAY),
    }


def table_text(table: Table) -> str:
    """The table as people read it: each line, its conditions, what it does."""
    lines = [(entry.id, guarded(entry)) for entry in entries(table)]
    parts = ["\n".join(_line(name, conditions)) for name, conditions in lines]
    texts = [t for _, g in lines for t in (*(n.when for n in g.needs), *(w.when for w in g.ways))]
    used = named(texts)
    defined = [f"  is.{name}\n      {IS[name]}" for name in IS if f"is.{name}" in used]
    acts = [f"  may.{name}\n      {MAY[name]}" for name in MAY if f"may.{name}" in used]
    names = ["where", *defined, "and, of the tiers of this policy (0 low, 1 medium)", *acts]
    return "\n\n".join([*parts, "\n".join(names)]) + "\n"


def _line(name: str, conditions: Guarded) -> Iterator[str]:
    yield name
    for number, need in enumerate(conditions.needs):
        yield f"  {'when' if number == 0 else ' and'}  {need.when}"
    for number, way in enumerate(conditions.ways):
        word = "then" if number == 0 else "else"
        yield f"  {word}  {way.act}" + ("" if way.when == "true" else f"  if {way.when}")


def proved_text(report: DeciderReport, policy: Policy, *, whole: bool) -> str:
    """What is proved, way by way; `whole`: claim by claim."""
    head = "for every policy and every view; reached: under " + (
        f"policy {policy.id} version {policy.version}"
    )
    rows = [row for way in report.ways for row in _way(report, way, whole=whole)]
    of_all = [claim for claim in report.claims if not claim.way]
    rows += [(claim.line, _word(claim.proved), claim.says) for claim in of_all]
    width = max(len(name) for name, _, _ in rows)
    lines = [f"  {name.ljust(width)}  {said:<9}  {more}".rstrip() for name, said, more in rows]
    false = [text for claim in report.claims if claim.values for text in _false(claim)]
    counts = f"{sum(c.proved is Outcome.HOLDS for c in report.claims)} of {len(report.claims)}"
    closed = sum(way.here is Outcome.BROKEN and way.alive is Outcome.HOLDS for way in report.ways)
    dead = sum(way.alive is Outcome.BROKEN for way in report.ways)
    tail = f"{counts} claims proved · {closed} ways closed by this policy · {dead} dead"
    return "\n\n".join([head, "\n".join(lines), *false, tail]) + "\n"


def _way(report: DeciderReport, way: Reached, *, whole: bool) -> Iterator[tuple[str, str, str]]:
    claims = [c for c in report.claims if (c.line, c.way) == (way.line, way.way)]
    name = f"{way.line} {way.way.split()[1]}"
    if whole:
        yield from ((name, _word(claim.proved), claim.says) for claim in claims)
    else:
        worst = next((c for c in claims if c.proved is not Outcome.HOLDS), None)
        told = worst.says if worst else ", ".join(claim.claim for claim in claims)
        yield name, _word(worst.proved if worst else Outcome.HOLDS), told
    if way.alive is not Outcome.HOLDS:
        dead = "no view under any policy leads here"
        yield name, "DEAD" if way.alive is Outcome.BROKEN else "UNDECIDED", dead
    elif way.here is Outcome.BROKEN:
        yield name, "CLOSED", f"{', '.join(way.closed_by)}: the table falls through"


def _false(claim: Proved) -> Iterator[str]:
    where = f"{claim.line} {claim.way}".strip()
    values = "\n".join(f"    {value}" for value in claim.values)
    yield f"{where}: not always so that {claim.says}\n  for example with\n{values}"


def _word(said: Outcome) -> str:
    return _SAID.get(said, "UNDECIDED")
