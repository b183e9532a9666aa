"""What recorded turns did cost, read from the log, and what that says of the turns to come."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import groupby
from typing import Any

from agent.config import TEACH, Config
from agent.estimates import Cost, Estimate, TurnCost, of_rest, of_turn, prior_estimate
from agent.priors import FACTOR, seconds_of
from agent.tally import tally_of
from logs.reading import Reader
from logs.vocabulary import EntryKind, Intervention, LogEntry, Recipe

BESIDE = frozenset({EntryKind.PLANNED, EntryKind.STOPPED})
"""Entries that are no work of their turn."""
PLACES = 3


def turn_costs(journal: Reader) -> list[TurnCost]:
    """Every recorded turn of this log that was metered, oldest first."""
    entries = sorted(journal.entries(), key=lambda e: (e.session, e.iteration, e.seq))
    found: list[tuple[int, TurnCost]] = []
    for _, of_session in groupby(entries, key=lambda e: e.session):
        disk: int | None = None
        for _, of_turn_ in groupby(of_session, key=lambda e: e.iteration):
            turn = list(of_turn_)
            cost, disk = _cost(turn, disk)
            if cost:
                found.append((turn[-1].seq, cost))
    return [cost for _, cost in sorted(found, key=lambda pair: pair[0])]


def _cost(turn: list[LogEntry], before: int | None) -> tuple[TurnCost | None, int | None]:
    """What a turn took, if it is recorded, and the disk in use after it."""
    decided = next((e for e in turn if e.kind is EntryKind.DECIDED), None)
    tally = tally_of(turn)
    after = tally.disk_bytes
    recorded = any(e.kind is EntryKind.RECORDED for e in turn)
    if decided is None or not recorded or not tally.seconds:
        return None, after if after is not None else before
    grown = None if before is None or after is None else float(max(0, after - before))
    cost = Cost(
        seconds=float(tally.seconds),
        cpu_seconds=float(tally.cpu_seconds),
        labels=float(tally.labels),
        tokens=float(tally.tokens),
        disk_bytes=grown,
    )
    intervention = Intervention(decided.body["intervention"])
    first = turn[0]
    return (
        TurnCost(
            session=first.session, iteration=first.iteration, intervention=intervention, cost=cost
        ),
        after,
    )


def seconds_so_far(entries: Iterable[LogEntry]) -> float:
    """Seconds of work that the entries of one turn account for."""
    return float(tally_of(e for e in entries if e.kind not in BESIDE).seconds)


def prior_of(config: Config, recipe: Recipe, intervention: Intervention) -> Estimate:
    """What is said of a turn before any was recorded."""
    others = config.audit.others if config.session.decider in TEACH else 0
    labels = min(2 * (config.audit.pairs + config.audit.rivals) + others, config.audit.labels)
    return prior_estimate(
        seconds_of(intervention, recipe),
        FACTOR,
        float(labels),
        asks_a_model=config.session.decider == "llm",
    )


def estimate_of_turn(
    known: list[TurnCost], config: Config, recipe: Recipe, intervention: Intervention
) -> Estimate:
    """What a turn with this intervention takes."""
    prior = prior_of(config, recipe, intervention)
    return of_turn(known, intervention, config.session.name, prior)


def estimate_of_rest(known: list[TurnCost], config: Config, recipe: Recipe, left: int) -> Estimate:
    """What `left` further turns take; a prior takes each for a turn that trains."""
    prior = prior_of(config, recipe, Intervention.TRAIN)
    return of_rest(known, left, config.session.name, prior)


def as_data(estimate: Estimate) -> dict[str, Any]:
    """An estimate as plain JSON, rounded; what is not known is left out."""
    return dict(_plain(asdict(estimate)))


def _plain(found: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in found.items():
        if isinstance(value, dict):
            yield name, dict(_plain(value))
        elif isinstance(value, float):
            yield name, round(value, PLACES)
        elif value is not None:
            yield name, value
