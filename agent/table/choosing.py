"""Which line of a table decides: exact evaluation of its conditions, from the top."""

from collections.abc import Sequence

from agent.deciders import View
from agent.lines import Entry, Guarded, Line, Rule, Way, said
from agent.table.acts import ACTS
from agent.table.claims import LAWFUL
from agent.table.facts import facts_of
from agent.table.vocabulary import read
from invariants.evaluate import evaluate
from invariants.facts import Facts
from logs.errors import UsageError
from logs.vocabulary import Alternative, Intervention

Table = Sequence[tuple[str, Intervention, Guarded | Rule]]


def entries(table: Table) -> tuple[Entry, ...]:
    """The lines of a table."""
    return tuple(Entry(*line) for line in table)


def guarded(entry: Entry) -> Guarded:
    """The conditions of a line; those of a plain function are what makes its act lawful.

    Raises:
        UsageError: nobody said what that intervention does to what the law guards.
    """
    if isinstance(entry.guarded, Guarded):
        return entry.guarded
    act = entry.intervention.value
    if act not in ACTS:
        raise UsageError(
            f"The line {entry.id} chooses an act that nobody described.",
            saw=act,
            wanted="one of " + ", ".join(ACTS),
            try_this="add what it may change and spend to agent/table/acts.py",
        )
    barred = f"{act} is not lawful for the agent now: its tier, its pace or a budget"
    return Guarded(ways=(Way(act, LAWFUL[act], entry.guarded),), otherwise=barred)


def first(view: View, table: Table) -> tuple[str, Line, tuple[Alternative, ...]]:
    """The line that decides, by its id, and every line above it with the reason why it passes.

    Raises:
        AssertionError: none decides; `agent.table.theorem` proves that one always does.
    """
    facts = facts_of(view)
    passed: list[Alternative] = []
    for entry in entries(table):
        line = _applied(guarded(entry), view, facts)
        if isinstance(line, Line):
            return entry.id, line, tuple(passed)
        passed.append(Alternative(intervention=entry.intervention, because=line))
    raise AssertionError("no line of the table decides")


def _applied(conditions: Guarded, view: View, facts: Facts) -> Line | str:
    """What a line says, or why it passes."""
    for need in conditions.needs:
        if evaluate(read(need.when), facts) is not True:
            return said(need.otherwise, view)
    for way in conditions.ways:
        if evaluate(read(way.when), facts) is True:
            return _filled(way, conditions, view)
    return said(conditions.otherwise, view)


def _filled(way: Way, conditions: Guarded, view: View) -> Line | str:
    line = way.fill(view)
    if isinstance(line, str):
        return line
    if line.intervention is not ACTS[way.act].intervention:
        raise AssertionError(f"{way.act} was to be filled in, not {line.intervention}")
    if line.intervention in view.without and not conditions.last_resort:
        return f"{line.intervention} is switched off for this session"
    return line
