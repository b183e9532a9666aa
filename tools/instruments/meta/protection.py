"""What keeps the meta-reward from being trained on: plans filed first, items that wear out,
audits that cannot be foreseen, and instruments that are never shown.

Secrets are arguments: they are drawn and kept by the outer process, and the agent has no path to
them. Chance is SHA-256 of a secret, so that it can be checked afterwards by whoever holds it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256

from logs.canonical import digest_of
from logs.errors import Refused, UndefinedMeasurement
from logs.vocabulary import Digest, Measurement
from tools.instruments.estimates import refuse_impossible
from tools.instruments.meta.gates import Gate
from tools.instruments.sequential.detectors import DELTA, Baseline, Detector, change

RETIRED = 0.25
"""Share of the sealed items that is retired after each iteration."""
AUDITED = 0.10
HIDDEN = 2
"""Instruments per component that are never shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is fixed before a run: how it is measured, when it ends, what must be answered."""

    metrics: tuple[str, ...]
    n: Mapping[str, int]
    """Planned items by metric."""
    stopping: str
    menu: tuple[str, ...]
    """Names of the claims."""
    seeds: Mapping[str, int] = field(default_factory=dict)
    definition: Digest
    """Of the meta-reward itself."""


def commitment(plan: Plan, salt: str) -> Digest:
    """What is filed before a run: the digest of the plan with a salt, which hides it."""
    return digest_of({"plan": _told(plan), "salt": salt})


def revealed(filed: Digest, plan: Plan, salt: str) -> Gate:
    """Is the plan that was followed the one that was filed?"""
    same = commitment(plan, salt) == filed
    return Gate("plan", same, "as filed" if same else "another plan than was filed")


def active_items(
    pool: Sequence[str], *, n: int, iteration: int, seed: int, retired: float = RETIRED
) -> tuple[str, ...]:
    """The sealed items of one iteration: n of the pool, a quarter of them new each time.

    The order is by SHA-256 under the seed; what was retired never comes back.

    Raises:
        Refused: the pool is used up.
        UndefinedMeasurement: no items, an item twice, or impossible numbers.
    """
    refuse_impossible("active_items", [n, iteration], lower=1)
    refuse_impossible("active_items", [retired], lower=0.0, upper=1.0)
    if len(set(pool)) < len(pool):
        raise UndefinedMeasurement(
            "Sealed items are rotated one by one.",
            saw=f"{len(pool)} items, {len(set(pool))} different ones",
            wanted="each item once",
            try_this="drop repeated items from the pool",
        )
    start = (iteration - 1) * math.ceil(retired * n)
    if start + n > len(pool):
        raise Refused(
            "The pool of sealed items is used up.",
            saw=f"{len(pool)} items",
            wanted=f"{start + n} for iteration {iteration}",
            try_this="give the outer process new items; old ones have been seen",
        )
    ordered = sorted(pool, key=lambda item: sha256(f"{seed}:{item}".encode()).digest())
    return tuple(ordered[start : start + n])


def deep_audit_due(secret: str, iteration: int, *, share: float = AUDITED) -> bool:
    """Whether this iteration is audited in depth: one in ten, unforeseeable without the secret."""
    refuse_impossible("deep_audit_due", [share], lower=0.0, upper=1.0)
    return _chance(secret, f"audit:{iteration}") < share


def hidden_metrics(
    instruments: Mapping[str, Sequence[str]], secret: str, *, hidden: int = HIDDEN
) -> dict[str, tuple[str, ...]]:
    """Which instruments of each component are never shown.

    Raises:
        UndefinedMeasurement: a component would have none left to show.
    """
    for name, known in instruments.items():
        if len(set(known)) <= hidden:
            raise UndefinedMeasurement(
                "A component shows some instruments and hides others.",
                saw=f"{len(set(known))} instruments of {name}",
                wanted=f"more than {hidden}",
                try_this="measure it in another way too",
            )
    return {
        name: tuple(sorted(set(known), key=lambda k: _chance(secret, f"{name}:{k}"))[:hidden])
        for name, known in instruments.items()
    }


def gap_detector(m0: Baseline | float = 0.5, *, items: int, delta: float = DELTA) -> Detector:
    """A detector of a rising gap between shown and hidden scores, for a planned run.

    Args:
        m0: mean of (1 + shown - hidden) / 2 before any change, or `detectors.baseline` of it.
    """
    return Detector.for_run(m0, items=items, delta=delta)


def after(detector: Detector, shown: float, hidden: Sequence[float]) -> Detector:
    """The detector when one item was scored by a shown instrument and by the hidden ones.

    Raises:
        UndefinedMeasurement: a score is not in [0, 1], or nothing was hidden.
    """
    refuse_impossible("shown_minus_hidden", [shown, *hidden], lower=0.0, upper=1.0)
    refuse_impossible("shown_minus_hidden", [len(hidden)], lower=1)
    return detector.after((1 + shown - sum(hidden) / len(hidden)) / 2)


def shown_minus_hidden(detector: Detector, *, of: str = "") -> Measurement:
    """Goodhart's alarm: red once shown scores have risen above hidden ones; false at most delta."""
    found = change(detector, of=of)
    return found.model_copy(update={"instrument": "shown_minus_hidden"})


def _told(plan: Plan) -> dict[str, object]:
    return {**asdict(plan), "n": dict(plan.n), "seeds": dict(plan.seeds)}


def _chance(secret: str, what: str) -> float:
    """A number in [0, 1) that nobody foresees without the secret."""
    return int.from_bytes(sha256(f"{secret}:{what}".encode()).digest()[:8]) / 2**64
