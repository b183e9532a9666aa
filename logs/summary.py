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
    Exchange,
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

EXCHANGED = ("exchange_shift", "exchange_rate", "rank_agreement")
"""What is said of an exchange where there is little room."""


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


def _consulted(body: dict[str, Any]) -> str:
    """A question by its model, or what came of it; or a file of experience that was read."""
    if "experience" in body:
        return f"experience {short(body['experience'])}, {body['lessons']} turns"
    if "failed" not in body:
        model = str(body.get("model", ""))
        said = f"asks {model if is_token(model) else 'a model'}" if model else "asks nobody"
        return f"{said}, prompt {short(body['prompt'])}"
    tries = len(body["tries"])
    took = f"{tries} {'try' if tries == 1 else 'tries'}, {number(body['seconds'])} s"
    if body["failed"]:
        reason = body["failed"] if is_token(body["failed"]) else "a reason"
        return f"no answer: {reason}, {took}"
    counts = (body["tokens_in"], body["tokens_out"])
    told = " and ".join("?" if count is None else str(count) for count in counts)
    return f"answer {short(body['answer'])}, {took}, tokens {told}"


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


def _rescored(body: dict[str, Any]) -> str:
    exchange = Exchange.model_validate(body)
    scales = f"scale {short(exchange.old)} to {short(exchange.new)}"
    said = [of_measurement(m) for m in exchange.measurements if m.instrument in EXCHANGED]
    return ": ".join([scales, "; ".join(said) or "nothing could be told"])


def _ruled(body: dict[str, Any]) -> str:
    verdict = Verdict.model_validate(body)
    if verdict.holds:
        return f"holds, tier {verdict.tier}, {len(verdict.rulings)} invariants"
    return f"does not hold, tier {verdict.tier}: {_broken(verdict.rulings)}"


def _planned(body: dict[str, Any]) -> str:
    tier = f", tier {body['tier']}" if body["tier"] else ""
    return f"{body['intervention']} on {short(body['base'])}: {body['outlook']}{tier}"


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
    if body.get("other_scale"):
        says[None] = "neither right nor wrong: scored on another scale"
    actual = body.get("actual")
    shown = f", {number(actual)}" if isinstance(actual, int | float) else ""
    return f"{body['outcome']}, {says[body['as_predicted']]}{shown}"


def _measured(body: dict[str, Any]) -> str:
    if audited := body.get("judge_audit"):
        return _audited(audited["judge"], body["measurements"])
    measurements = [Measurement.model_validate(m) for m in body["measurements"]]
    told = [m for m in measurements if not m.of] or measurements
    rest = {key: value for key, value in body.items() if key != "measurements"}
    return "; ".join(map(of_measurement, told)) or _fields(rest)


def _audited(judge: str, measurements: list[Any]) -> str:
    """An audit of a judge by people: how right it is, and how many faults were seen."""
    found = [Measurement.model_validate(m) for m in measurements]
    right = [m for m in found if m.instrument == "both_orders_accuracy" and not m.of]
    named = judge if is_token(judge) else "a judge"
    faults = sum(m.status is Status.RED for m in found)
    return "; ".join([f"audit of {named}", *map(of_measurement, right), f"{faults} red"])


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
    EntryKind.CONSULTED: _consulted,
    EntryKind.DECIDED: _decided,
    EntryKind.PROPOSED: _proposed,
    EntryKind.TRIED: _tried,
    EntryKind.RESCORED: _rescored,
    EntryKind.RULED: _ruled,
    EntryKind.PLANNED: _planned,
    EntryKind.COMMITTED: _committed,
    EntryKind.REFUSED: _refused,
    EntryKind.RECORDED: _recorded,
    EntryKind.MEASURED: _measured,
}
