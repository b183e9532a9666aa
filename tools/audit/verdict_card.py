"""From the verdicts of one audit to the card of the judge: statistics, calibration, cost."""

import math
from collections.abc import Sequence

from logs.vocabulary import Measurement
from tools.audit import card, measuring
from tools.audit.card import Cost, JudgeCard
from tools.audit.design import Design, Kept
from tools.audit.findings import Audit
from tools.audit.records import BASE, Verdict
from tools.instruments.reliability import calibration_error

FUNCTION = "deterministic: equal calls were made once"


def carded(
    judge: str,
    design: Design,
    kept: Kept,
    *,
    cost: Cost | None = None,
    notes: Sequence[str] = (),
    function: str = "",
) -> JudgeCard:
    """The card that these verdicts earn.

    Args:
        notes: what else its reader must know, for example lines that could not be read.
        function: what says that the judge is a function; its repeats then say nothing.
    """
    audit = measuring.measure(kept.verdicts, faults=design.faults, attacked=kept.attacked)
    if function:
        audit = _of_a_function(audit, function)
    audit = audit.model_copy(update={"statement": (*audit.statement, *notes)})
    return card.make(
        judge,
        audit,
        required=design.required,
        calibration=calibration(kept.verdicts),
        cost=cost,
        sources=design.sources,
    )


def _of_a_function(audit: Audit, says: str) -> Audit:
    """Repeats of a function are copies: what was measured on them holds by construction."""
    noise = tuple(
        m.model_copy(update={"assumptions": (*m.assumptions, FUNCTION)})
        if m.instrument in ("noise_floor", "retest_kappa")
        else m
        for m in audit.noise
    )
    return audit.model_copy(update={"noise": noise, "statement": (*audit.statement, says)})


def claims_of(verdicts: Sequence[Verdict]) -> tuple[list[float], list[float], list[str]]:
    """What the judge claimed of unchanged pairs: P(A wins), whether A is right, the cluster.

    One claim an item, averaged over orders and repeats; items without gold or without a claim
    in every call are left out.
    """
    by_item: dict[str, list[Verdict]] = {}
    for v in verdicts:
        if v.treatment == BASE and v.gold is not None:
            by_item.setdefault(v.item_id, []).append(v)
    p, y, clusters = [], [], []
    for rows in by_item.values():
        said = [v.score for v in rows if v.score is not None and 0 <= v.score <= 1]
        if len(said) == len(rows):
            p.append(math.fsum(said) / len(said))
            y.append(float(rows[0].gold == "A"))
            clusters.append(rows[0].cluster_id)
    return p, y, clusters


def calibration(verdicts: Sequence[Verdict]) -> Measurement | None:
    """How far its probabilities are from the truth; None where it gives none."""
    p, y, clusters = claims_of(verdicts)
    return calibration_error(p, y, clusters=clusters) if p else None
