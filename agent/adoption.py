"""Which policy is in force: the founding one, or the last that its people signed after it.

The log remembers every policy that was in force, with its text and its signatures, so an older
version is never taken back, and a successor is held to the keys of the policy before it.
"""

from fractions import Fraction
from typing import Any

from agent import finding
from agent.overview import BY_HAND as PERSON
from agent.workspace import CONSTITUTION, POLICY, Workspace
from invariants import policy as policies
from invariants.evaluate import evaluate
from invariants.facts import Facts, state_facts
from invariants.policy import Policy, demand_in_force
from invariants.record import attest
from invariants.seals import (
    UNSIGNED,
    counted,
    require_signed,
    require_signed_constitution,
    require_successor,
    sealed,
    signatures_beside,
    standing,
)
from logs.errors import IntegrityError, Refused, UsageError
from logs.journal import Journal
from logs.reading import Reader
from logs.vocabulary import Commit, Digest, EntryKind, LogEntry, State

__all__ = [
    "PERSON",
    "adopt",
    "as_kept",
    "last_adopted",
    "policies_of",
    "require_fit",
    "require_in_force",
    "warnings_of",
]
STEP = "policy"


def require_fit(workspace: Workspace, *, founded: bool) -> None:
    """Refuse to work under a policy that has expired, or that too few of its people signed.

    Raises:
        Refused: expired, too few signatures of the policy, or of a constitution to be founded on.
    """
    policy = workspace.policy
    demand_in_force(policy, finding.now())
    require_signed(policy)
    if not founded and policy.charter.policy is not None:
        require_signed_constitution(workspace.root / CONSTITUTION, policy.charter.policy)


def adopt(workspace: Workspace, journal: Journal, founded_under: Digest) -> LogEntry | None:
    """Record the policy that is in force, and take a successor that its people signed.

    Returns the entry, if one was written.

    Raises:
        UsageError: the file is another policy, and nobody could have signed it as the next one.
        Refused: the file is not the policy in force and does not follow it.
        Undecided: z3 gave up on a question about the successor.
    """
    policy, last = workspace.policy, last_adopted(journal)
    if last is not None and last.body["digest"] == policy.digest:
        return None
    if last is None:
        if policy.digest != founded_under:
            raise _another(policy, founded_under)
        return _record(workspace, journal, _constitution(workspace))
    before = as_kept(last)
    if before.charter.policy is None:
        raise _another(policy, before.digest)
    require_successor(before, policy)
    _require_provable(workspace, journal)
    return _record(workspace, journal, {})  # the constitution was signed when it was founded


def require_in_force(policy: Policy, journal: Reader) -> None:
    """Refuse a policy that no session adopted here, whatever its file says.

    Raises:
        UsageError: it is not the policy in force.
    """
    last = last_adopted(journal)
    if last is not None and last.body["digest"] != policy.digest:
        raise _another(policy, last.body["digest"])


def last_adopted(journal: Reader) -> LogEntry | None:
    """The entry of the policy in force: that of the highest version."""
    found = list(journal.entries(session=PERSON, kind=EntryKind.ADOPTED))
    return max(found, key=lambda entry: entry.body["version"], default=None)


def policies_of(journal: Reader) -> frozenset[Digest]:
    """Every policy that is or was in force here."""
    founded = journal.entries(kind=EntryKind.FOUNDED, limit=1)
    adopted = journal.entries(session=PERSON, kind=EntryKind.ADOPTED)
    return frozenset(
        [*(e.body.get("policy", "") for e in founded), *(e.body["digest"] for e in adopted)]
    )


def warnings_of(policy: Policy) -> tuple[str, ...]:
    """What must be said aloud of a policy that nobody signed."""
    if standing(policy) != UNSIGNED:
        return ()
    says = (
        "the policy is UNSIGNED: whoever can write its file decides what the agent may do,"
        " and nobody can approve a change of high tier; see docs/guides/approvals.md"
    )
    return (says,)


def _record(workspace: Workspace, journal: Journal, more: dict[str, Any]) -> LogEntry:
    policy, path = workspace.policy, workspace.root / POLICY
    body: dict[str, Any] = {
        "id": policy.id,
        "version": policy.version,
        "digest": policy.digest,
        "signed": standing(policy),
        "text": path.read_bytes().decode("utf-8"),
        "signatures": list(signatures_beside(path)) if policy.charter.policy else [],
        **more,
    }
    return journal.append(
        EntryKind.ADOPTED, session=PERSON, iteration=policy.version, step=STEP, body=body
    )


def _constitution(workspace: Workspace) -> dict[str, Any]:
    """What was founded on, and whose signatures it bears."""
    role, path = workspace.policy.charter.policy, workspace.root / CONSTITUTION
    if role is None:
        return {"constitution_signed": UNSIGNED}
    return {
        "constitution_signed": counted(role, require_signed_constitution(path, role)),
        "constitution_text": path.read_bytes().decode("utf-8"),
        "constitution_signatures": list(signatures_beside(path)),
    }


def as_kept(entry: LogEntry) -> Policy:
    """A policy as the log keeps it, with the keys that signed it then.

    Raises:
        IntegrityError: the text is not the policy that the entry names.
    """
    data = entry.body["text"].encode()
    policy = policies.load(data)
    if policy.digest != entry.body["digest"]:
        raise IntegrityError(
            "The log keeps another policy than the one that it names.",
            saw=policy.digest[:12],
            wanted=f"{entry.body['digest'][:12]}, entry {entry.seq}",
            try_this="plimsoll log verify, then restore the log from a copy",
        )
    return sealed(policy, data, entry.body["signatures"])


def _require_provable(workspace: Workspace, journal: Reader) -> None:
    """A successor must be sound about the founding state, and true of what is in force."""
    policy = workspace.policy
    commits = [
        Commit.model_validate(e.body).state for e in journal.entries(kind=EntryKind.COMMITTED)
    ]
    founding, now = commits[0], commits[-1]
    attest(workspace.root, policy, founding)  # z3, for a successor alone
    unmet = [
        goal.id for goal in policy.goals if not _meets(policy, goal.expr, founding, now, journal)
    ]
    if unmet:
        raise Refused(
            "What is in force does not meet the goals of the next policy.",
            saw=", ".join(unmet),
            wanted="every goal true of HEAD, else the proof of it begins nowhere",
            try_this="roll back first, or loosen the goal: plimsoll constitution diff",
        )


def _meets(policy: Policy, goal: Any, founding: State, now: State, journal: Reader) -> bool:
    spent = journal.ledgers()
    names = ("weight_path", "alpha", "audit_labels", "gold_queries")
    ledger = {name: Fraction(getattr(spent, name)) for name in names}
    roots = {
        "founding": state_facts(founding, "founding"),
        "new": {**state_facts(now, "new"), "ledger": ledger},
        "param": policy.values,
    }
    return evaluate(goal, Facts(roots)) is True


def _another(policy: Policy, wanted: Digest) -> UsageError:
    return UsageError(
        "The policy is not the one that this workspace was founded under.",
        saw=f"policy.toml {policy.digest[:12]}, {standing(policy)}",
        wanted=f"{wanted[:12]}, as the log says",
        try_this="restore policy.toml, or found a new workspace: plimsoll init DIR;"
        " a signed policy can be followed by a next version",
    )
