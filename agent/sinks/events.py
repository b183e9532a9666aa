"""Entries of the log as events: gated, with their numbers and tags."""

import re
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from pydantic import ValidationError

from agent.sinks.protocol import Event
from logs.canonical import digest_of
from logs.content import gated, hidden, is_token
from logs.summary import summary
from logs.vocabulary import EntryKind, LogEntry, Measurement

AUDIT = "judge_audit"
"""Field of an entry that records the audit of a judge."""

_TAGS: Mapping[EntryKind, Mapping[str, str]] = {
    EntryKind.DECIDED: {"decided": "intervention", "rule": "rule"},
    EntryKind.RULED: {"tier": "tier", "second_opinion": "second_opinion", "policy": "policy"},
    EntryKind.RECORDED: {"outcome": "outcome"},
    EntryKind.PARKED: {"parked": "intervention", "tier": "tier"},
    EntryKind.ASKED: {"asked": "proposal", "expires": "expires"},
    EntryKind.ANSWERED: {"answered": "decision", "answered_by": "by"},
    EntryKind.STOPPED: {"stopped": "reason"},
    EntryKind.FAILED: {"failed": "error"},
    EntryKind.ADOPTED: {"policy": "digest", "policy_signed": "signed"},
}
_NAME = re.compile(r"[^A-Za-z0-9_.\-]+")


def event_of(entry: LogEntry, step: int, *, content: bool = False) -> Event:
    """One entry as sinks are told it; a copy, so that nothing of the session is in it."""
    body = deepcopy(entry.body) if content else gated(entry)
    return Event(
        entry=entry.model_copy(update={"body": body}),
        step=step,
        says=summary(entry),
        numbers=_numbers(entry),
        tags={name: _token(value) for name, value in _tags(entry).items()},
    )


def name_of(m: Measurement, prefix: str = "") -> str:
    """`instrument/of` in characters that every tracker takes."""
    parts = (prefix, m.instrument, m.of)
    return "/".join(_NAME.sub("-", part) for part in parts if part)


def _numbers(entry: LogEntry) -> dict[str, float]:
    if entry.kind is EntryKind.RECORDED:
        return _spent(entry.body)
    if entry.kind not in (EntryKind.OBSERVED, EntryKind.MEASURED, EntryKind.RESCORED):
        return {}
    audit = entry.body.get(AUDIT)
    prefix = f"audit/{audit['judge']}" if isinstance(audit, dict) else ""
    found: dict[str, float] = {}
    for row in entry.body.get("measurements", ()):
        try:
            m = Measurement.model_validate(row)
        except ValidationError:
            continue
        values = {"": m.estimate, ".low": m.low, ".high": m.high}
        found |= {name_of(m, prefix) + end: v for end, v in values.items() if v is not None}
    return found


def _spent(body: Mapping[str, Any]) -> dict[str, float]:
    seconds = body.get("seconds", {})
    found = {f"seconds/{_NAME.sub('-', k)}": float(v) for k, v in seconds.items()}
    for name in ("disk_bytes", "peak_rss_mb", "agent_cpu_seconds"):
        if isinstance(body.get(name), int | float):
            found[name] = float(body[name])
    return found | _gpus(body)


def _gpus(body: Mapping[str, Any]) -> dict[str, float]:
    return {
        f"gpu-{gpu['index']}/{name}": float(gpu[name])
        for gpu in body.get("gpus", ())
        for name in ("peak_mib", "busy")
        if gpu[name] is not None
    }


def _tags(entry: LogEntry) -> dict[str, Any]:
    body = entry.body
    found = {name: body[key] for name, key in _TAGS.get(entry.kind, {}).items() if key in body}
    match entry.kind:
        case EntryKind.RULED:
            broken = [r["invariant"] for r in body["rulings"] if r["outcome"] != "holds"]
            whole = not broken and body["second_opinion"] == "holds"
            found |= {"verdict": "holds" if whole else "does-not-hold", "broken": ",".join(broken)}
        case EntryKind.COMMITTED:
            found |= {"commit": digest_of(body), "adapter": body["state"]["adapter"] or "none"}
        case EntryKind.MEASURED if isinstance(body.get(AUDIT), dict):
            found |= {"audited": body[AUDIT]["judge"], "audited_version": body[AUDIT]["judge_hash"]}
        case EntryKind.MEASURED if "claim" in body:
            found |= {"claim": body["claim"]}
    return {name: value for name, value in found.items() if value not in (None, "")}


def _token(value: Any) -> str:
    text = str(value)
    return text if is_token(text) else hidden(text)
