"""`/invariants`: what is proved, tested, violated or undecided. Nothing is proved while you wait.

The proof is the one on record beside the policy, under its digest; it is shown with what it is
about, and called stale where that is not what is here now.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from agent.view.asked import Asked
from agent.view.frame import Page
from agent.view.place import Place
from invariants.record import FILE, Record, law_digest
from logs.canonical import digest_of
from logs.vocabulary import Commit, EntryKind, Outcome, Verdict

WORDS: Mapping[Outcome, str] = {
    Outcome.HOLDS: "proved",
    Outcome.BROKEN: "violated",
    Outcome.UNDECIDED: "undecided",
    Outcome.MISSING: "missing",
}


def invariants(place: Place, asked: Asked) -> Page:
    """The board: goals and ways from the proof, rules from the proof and from every ruling."""
    policy = place.workspace.policy
    record, damage = _record(place)
    stale = _stale(place, record) if record else []
    ruled = _ruled(place)
    data = {
        "policy": {"id": policy.id, "version": policy.version, "digest": policy.digest},
        "proof": _about(record, stale, damage),
        "goals": _goals(None if stale else record),
        "ways": _ways(None if stale else record),
        "rules": [_rule(rule.id, rule.say, record, ruled) for rule in policy.rules],
        "laws": [{"invariant": k, **v} for k, v in ruled.items() if k.startswith("law-")],
    }
    data["counts"] = _counted(data)
    return Page("invariants", "Invariants", "plimsoll policy prove", data)


def _record(place: Place) -> tuple[Record | None, str]:
    """The proof that lies beside the policy, whatever it is about, and how it is damaged."""
    try:
        record = Record.model_validate_json((place.workspace.root / FILE).read_bytes())
    except FileNotFoundError:
        return None, ""
    except (OSError, ValidationError) as error:
        return None, f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
    if digest_of(record.proof) != record.digest:
        return None, "another digest than it states"
    return record, ""


def _stale(place: Place, record: Record) -> list[str]:
    """What the proof on record is not about."""
    found = []
    if record.proof.policy != place.workspace.policy.digest:
        found.append("another policy")
    first = next(place.log.entries(kind=EntryKind.COMMITTED, limit=1), None) if place.log else None
    if first and record.proof.founding != digest_of(Commit.model_validate(first.body).state):
        found.append("another founding state")
    if record.proof.law != law_digest():
        found.append("other sources of the law")
    return found


def _about(record: Record | None, stale: list[str], damage: str) -> dict[str, Any]:
    if record is None:
        return {"on_record": False, "damage": damage, "stale": []}
    proof = record.proof
    return {
        "on_record": True,
        "damage": "",
        "stale": stale,
        "solver": proof.solver,
        "seconds": record.seconds,
        "digest": record.digest,
        "questions": len(proof.questions),
        "sound": proof.report.sound,
    }


def _goals(record: Record | None) -> list[dict[str, Any]]:
    return [
        {
            "goal": g.goal,
            "tier": str(g.tier),
            "status": WORDS[g.proved],
            "start": str(g.start) if g.start else None,
            "counterexample": list(g.witness),
            "story": g.trace.story if g.trace else "",
            "steps": list(g.trace.steps) if g.trace else [],
        }
        for g in (record.proof.report.goals if record else ())
    ]


def _ways(record: Record | None) -> list[dict[str, Any]]:
    return [
        {
            "way": w.way,
            "tier": str(w.tier),
            "status": WORDS[w.open],
            "blocked_by": list(w.blocked_by),
        }
        for w in (record.proof.report.ways if record else ())
    ]


def _ruled(place: Place) -> dict[str, dict[str, Any]]:
    """Per invariant how often it was asked, how often it did not hold, and the latest such case."""
    found: dict[str, dict[str, Any]] = {}
    for entry in place.log.entries(kind=EntryKind.RULED) if place.log else ():
        for ruling in Verdict.model_validate(entry.body).rulings:
            row = found.setdefault(
                ruling.invariant,
                {"asked": 0, "held": 0, "refused": 0, "undecided": 0, "latest": None},
            )
            row["asked"] += 1
            row[_column(ruling.outcome)] += 1
            if ruling.outcome is not Outcome.HOLDS:
                row["latest"] = {
                    "entry": entry.seq,
                    "iteration": entry.iteration,
                    "session": entry.session,
                    "outcome": str(ruling.outcome),
                    "values": list(ruling.values),
                }
    return found


def _column(outcome: Outcome) -> str:
    return {Outcome.HOLDS: "held", Outcome.BROKEN: "refused"}.get(outcome, "undecided")


def _rule(
    name: str, say: str, record: Record | None, ruled: Mapping[str, dict[str, Any]]
) -> dict[str, Any]:
    reports = record.proof.report.rules if record else ()
    proof = next((r for r in reports if r.invariant == name), None)
    told = ruled.get(name, {"asked": 0, "held": 0, "refused": 0, "undecided": 0, "latest": None})
    status = "undecided" if told["undecided"] else "tested" if told["asked"] else "not asked yet"
    return {
        "invariant": name,
        "say": say,
        "status": status,
        "can_refuse": str(proof.violable) if proof else None,
        "needed": str(proof.needed) if proof else None,
        **told,
    }


def _counted(data: dict[str, Any]) -> dict[str, int]:
    found = {"proved": 0, "tested": 0, "violated": 0, "undecided": 0}
    for row in (*data["goals"], *data["ways"], *data["rules"]):
        if row["status"] in found:
            found[row["status"]] += 1
    return found
