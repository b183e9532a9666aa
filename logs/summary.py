"""One line per entry, computed from what it says; never a sentence that somebody wrote."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from logs.content import is_token
from logs.text import clip, interval, number, short, visible
from logs.vocabulary import (
    Commit,
    Decision,
    Diagnosis,
    EntryKind,
    Evidence,
    LogEntry,
    Measurement,
    Nearest,
    Observation,
    Outcome,
    Proposal,
    Ruling,
    Status,
    Verdict,
)


def summary(entry: LogEntry) -> str:
    """Return what happened, in about ten words."""
    try:
        line = _SUMMARIES.get(entry.kind, _fields)(entry.body)
    except (ValidationError, KeyError, TypeError):
        line = f"not in the words of this version: {len(entry.body)} fields"
    return visible(clip(line, 300))


def of_measurement(measurement: Measurement) -> str:
    """Return `name of = estimate [low, high] n=..`."""
    name = f"{measurement.instrument} {measurement.of}".strip()
    band = interval(measurement.estimate, measurement.low, measurement.high)
    return f"{name} {band} n={measurement.n}"


def _observed(body: dict[str, Any]) -> str:
    measurements = Observation.model_validate(body).measurements
    counts = Counter(m.status for m in measurements)
    said = ", ".join(f"{counts[status]} {status}" for status in Status if counts[status])
    alarms = "; ".join(of_measurement(m) for m in measurements if m.status is Status.RED)
    return said + (f": {alarms}" if alarms else "")


def _diagnosed(body: dict[str, Any]) -> str:
    findings = Diagnosis.model_validate(body).findings
    return ", ".join(f"{f.hypothesis} {number(f.support)}" for f in findings[:3])


def _decided(body: dict[str, Any]) -> str:
    decision = Decision.model_validate(body)
    rule = decision.rule if is_token(decision.rule) else "a rule"
    return f"{decision.intervention} by {rule}, {len(decision.alternatives)} alternatives"


def _proposed(body: dict[str, Any]) -> str:
    proposal = Proposal.model_validate(body)
    changes = f"{len(proposal.changes)} change{'s'[: len(proposal.changes) != 1]}"
    back = f", restores {short(proposal.restores)}" if proposal.restores else ""
    return f"{proposal.intervention}: {changes} to {short(proposal.base)}{back}"


def _tried(body: dict[str, Any]) -> str:
    evidence = Evidence.model_validate(body)
    return f"{len(evidence.metrics)} metrics, sandbox level {evidence.sandbox_level}"


def _ruled(body: dict[str, Any]) -> str:
    verdict = Verdict.model_validate(body)
    if verdict.holds:
        return f"holds, tier {verdict.tier}, {len(verdict.rulings)} invariants"
    return f"does not hold, tier {verdict.tier}: {_broken(verdict.rulings)}"


def _committed(body: dict[str, Any]) -> str:
    commit = Commit.model_validate(body)
    state = commit.state
    back = f", restores {short(commit.restores)}" if commit.restores else ""
    return (
        f"after {short(commit.parent)}{back}: adapter {short(state.adapter)},"
        f" {len(state.panel.judges)} judges, constitution v{state.constitution.version}"
    )


def _refused(body: dict[str, Any]) -> str:
    said = _broken(tuple(Ruling.model_validate(ruling) for ruling in body["rulings"]))
    offered = [Nearest.model_validate(offer) for offer in body.get("offers", ())]
    return said + (f", a lawful one is {offered[0].distance} away" if offered else "")


def _recorded(body: dict[str, Any]) -> str:
    says = {True: "as predicted", False: "not as predicted", None: "nothing was predicted"}
    actual = body.get("actual")
    shown = f", {number(actual)}" if isinstance(actual, int | float) else ""
    return f"{body['outcome']}, {says[body['as_predicted']]}{shown}"


def _measured(body: dict[str, Any]) -> str:
    measurements = [Measurement.model_validate(m) for m in body["measurements"]]
    told = [m for m in measurements if not m.of] or measurements
    return "; ".join(map(of_measurement, told))


def _fields(body: dict[str, Any]) -> str:
    """Names, numbers and short tokens of a body that has no word."""
    plain = {
        key: str(value)
        for key, value in body.items()
        if isinstance(value, str | int | float | bool) and is_token(str(value)) and is_token(key)
    }
    said = ", ".join(f"{key} {v[:12] if len(v) == 64 else v}" for key, v in plain.items())
    rest = len(body) - len(plain)
    return said + (f" and {rest} more" if rest and said else f"{rest} fields" if rest else "")


def _broken(rulings: tuple[Ruling, ...]) -> str:
    bad = [f"{r.invariant} {r.outcome}" for r in rulings if r.outcome is not Outcome.HOLDS]
    return ", ".join(bad) or "the second opinion differs"


_SUMMARIES: dict[EntryKind, Callable[[dict[str, Any]], str]] = {
    EntryKind.OBSERVED: _observed,
    EntryKind.DIAGNOSED: _diagnosed,
    EntryKind.DECIDED: _decided,
    EntryKind.PROPOSED: _proposed,
    EntryKind.TRIED: _tried,
    EntryKind.RULED: _ruled,
    EntryKind.COMMITTED: _committed,
    EntryKind.REFUSED: _refused,
    EntryKind.RECORDED: _recorded,
    EntryKind.MEASURED: _measured,
}
