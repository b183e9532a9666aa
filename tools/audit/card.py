"""The card of a judge: what it is good for, by floors, until when, and why not.

One frozen record per judge and version. Nothing that was not audited is good; insufficient is
not green.
"""

import math
from collections.abc import Sequence
from enum import StrEnum

from logs.errors import Refused, Stale
from logs.vocabulary import Finite, Guarantee, Measurement, Status, Word
from tools.audit.findings import Audit, Bias
from tools.instruments.audit.bounds import GREEN, RED
from tools.instruments.audit.position import PROMOTE, TRAIN

LIFE = 5
"""Iterations after which a card has expired: the policy that a judge sees has moved on."""
RANK = 0.50


class Purpose(StrEnum):
    """What a judge may be used for; each asks more than the one before."""

    RANK = "rank"
    """Order answers for a person who looks at them."""
    TRAIN = "train"
    """Label training data."""
    PROMOTE = "promote"
    """Speak for a candidate at the gate."""


FLOORS = {Purpose.RANK: RANK, Purpose.TRAIN: TRAIN, Purpose.PROMOTE: PROMOTE}
"""Least lower bound of both-orders accuracy."""
SHIFTS = {Purpose.RANK: math.inf, Purpose.TRAIN: RED, Purpose.PROMOTE: GREEN}
"""Largest upper bound of any bias."""


class Use(Word):
    """One purpose, and what stands against it."""

    purpose: Purpose
    against: tuple[str, ...]

    @property
    def allowed(self) -> bool:
        """Whether nothing stands against it."""
        return not self.against


class Cost(Word):
    """What a call costs, as measured or billed by the caller."""

    calls: int
    seconds_per_call: Finite
    tokens_per_call: Finite | None = None
    price_per_call: Finite | None = None
    currency: str = ""


class JudgeCard(Word):
    """The audit of one version of a judge, and what follows from it."""

    judge: str
    judge_hash: str
    prompt_hash: str
    audited: int
    """Iteration of the audit."""
    expires: int
    """First iteration in which the card no longer counts."""
    audit: Audit
    calibration: Measurement | None = None
    """Of its probabilities; None where it gives none or nobody measured them."""
    cost: Cost | None = None
    uses: tuple[Use, ...]
    sources: tuple[str, ...] = ()
    """What it was audited on: format, digest, licence."""

    def use(self, purpose: Purpose) -> Use:
        """What stands against one purpose."""
        return next(use for use in self.uses if use.purpose is purpose)


def make(
    judge: str,
    audit: Audit,
    *,
    required: Sequence[str],
    calibration: Measurement | None = None,
    cost: Cost | None = None,
    life: int = LIFE,
    sources: Sequence[str] = (),
) -> JudgeCard:
    """The card that an audit earns.

    Args:
        required: biases that must have been audited before the judge may train or promote.
        life: iterations until the card expires.
    """
    return JudgeCard(
        judge=judge,
        judge_hash=audit.judge_hash,
        prompt_hash=audit.prompt_hash,
        audited=audit.iteration,
        expires=audit.iteration + life,
        audit=audit,
        calibration=calibration,
        cost=cost,
        uses=tuple(Use(purpose=p, against=_against(audit, p, required)) for p in Purpose),
        sources=tuple(sources),
    )


def _against(audit: Audit, purpose: Purpose, required: Sequence[str]) -> tuple[str, ...]:
    reasons = [*_unreliable(audit.reliability, FLOORS[purpose]), *_unable(audit)]
    if purpose is Purpose.RANK:
        return tuple(reasons)
    limit = SHIFTS[purpose]
    audited = {bias.name for bias in audit.biases}
    reasons += [f"{name}: not audited" for name in required if name not in audited]
    reasons += [_biased(bias, limit) for bias in audit.biases if bias.upper > limit]
    reasons += _misplaced(audit.position, purpose)
    return tuple(reasons + _fooled(audit, purpose))


def _unreliable(reliability: Sequence[Measurement], floor: float, domain: str = "") -> list[str]:
    where = f" in {domain}" if domain else ""
    for m in reliability:
        if m.instrument == "both_orders_accuracy" and m.of == domain:
            if m.low is not None and m.low >= floor:
                return []
            bound = "unknown" if m.low is None else f"{m.low:.3f}"
            return [f"both-orders accuracy{where}: lower bound {bound} below {floor:.2f}"]
    return [f"both-orders accuracy{where}: not audited"]


def _unable(audit: Audit) -> list[str]:
    """It fails, or says nothing: what no purpose can bear."""
    watched = ("missing_verdicts", "tie_share")
    return [
        f"{m.instrument}: {_shown(m)}"
        for m in audit.noise
        if m.instrument in watched and m.status is not Status.GREEN
    ]


def _biased(bias: Bias, limit: float) -> str:
    seen = "detected" if bias.shift.status is Status.RED else "not shown to be smaller"
    return f"{bias.name}: upper bound {bias.upper:.3f} above {limit:.2f} ({seen})"


def _misplaced(position: Sequence[Measurement], purpose: Purpose) -> list[str]:
    bearable = {Status.GREEN, Status.YELLOW} if purpose is Purpose.TRAIN else {Status.GREEN}
    found = [m for m in position if m.instrument == "position_bias"]
    bad = [f"position: {_shown(m)}" for m in found if m.status not in bearable]
    return bad if found else ["position: not audited"]


def _fooled(audit: Audit, purpose: Purpose) -> list[str]:
    """What empty answers say against it.

    To promote, a judge must be cleared of them. To train, they must not do better than
    ordinary wrong answers: then a policy gains nothing by saying nothing.
    """
    found = audit.attacks
    if purpose is Purpose.PROMOTE:
        if found is not None and found.status is Status.GREEN:
            return []
        return [f"empty answers: {_shown(found) if found else 'not audited'}"]
    known = [m for m in audit.reliability if m.instrument == "both_orders_accuracy" and not m.of]
    ordinary = max((1 - (m.low or 0.0) for m in known), default=1.0)
    if found is not None and found.status is Status.RED and (found.low or 0.0) > ordinary:
        return [f"empty answers: {_shown(found)}, more than wrong ones ({ordinary:.3f})"]
    return []


def demand(
    card: JudgeCard,
    purpose: Purpose,
    *,
    iteration: int,
    judge_hash: str,
    prompt_hash: str,
    domain: str = "",
) -> None:
    """Refuse a use that the card does not allow.

    Args:
        iteration: now.
        judge_hash: of the judge that is to be used; so `prompt_hash`.
        domain: where it is to be used; its own accuracy there must pass the floor too.

    Raises:
        Stale: the card has expired, or is of another version.
        Refused: something stands against the purpose.
    """
    same = (judge_hash, prompt_hash) == (card.judge_hash, card.prompt_hash)
    if not same or not card.audited <= iteration < card.expires:
        raise Stale(
            "A card speaks for one version of a judge, for a while.",
            saw=f"card of {card.judge_hash[:8]}/{card.prompt_hash[:8]}, {card.audited} to"
            f" {card.expires - 1}; asked for {judge_hash[:8]}/{prompt_hash[:8]} in {iteration}",
            wanted="the audited version, before the card expires",
            try_this="audit the judge again",
        )
    against = list(card.use(purpose).against)
    if domain:
        against += _unreliable(card.audit.reliability, FLOORS[purpose], domain)
    if against:
        raise Refused(
            f"This judge may not {purpose}.",
            saw="; ".join(against),
            wanted=f"both-orders accuracy from {FLOORS[purpose]:.2f}, no bias above"
            f" {SHIFTS[purpose]:.2f}, all by their bounds",
            try_this="repair or swap the judge; its card says how many items decide",
        )


def compare(old: JudgeCard, new: JudgeCard) -> tuple[Measurement, ...]:
    """How much better the new judge is, per domain: differences of both-orders accuracy.

    From two independent audits (MOVER: the intervals' half-widths add in squares). Red when it
    is surely worse, green when surely not worse by more than 5 points.
    """
    before = {m.of: m for m in old.audit.reliability if m.instrument == "both_orders_accuracy"}
    after = [m for m in new.audit.reliability if m.instrument == "both_orders_accuracy"]
    return tuple(_change(before[m.of], m) for m in after if m.of in before)


def _change(old: Measurement, new: Measurement) -> Measurement:
    known = all(x is not None for m in (old, new) for x in (m.estimate, m.low, m.high))
    d = low = high = None
    if known:
        d = float(new.estimate or 0) - float(old.estimate or 0)
        down = math.hypot(*(float(m.estimate or 0) - float(m.low or 0) for m in (new,)), _up(old))
        low = max(-1.0, d - down)
        high = min(1.0, d + math.hypot(_up(new), float(old.estimate or 0) - float(old.low or 0)))
    status = Status.INSUFFICIENT
    if low is not None and high is not None:
        lost, kept = high < 0, low >= -GREEN
        status = Status.RED if lost else Status.GREEN if kept else Status.YELLOW
    return Measurement(
        instrument="accuracy_change",
        estimate=d,
        units="share of pairs",
        low=low,
        high=high,
        guarantee=Guarantee.FIXED_N,
        n=min(old.n, new.n),
        null=0.0,
        margin=GREEN,
        status=status,
        assumptions=("two independent audits",),
        of=new.of,
    )


def _up(m: Measurement) -> float:
    return float(m.high or 0) - float(m.estimate or 0)


def _shown(m: Measurement) -> str:
    if m.low is None or m.high is None:
        return f"{m.status}"
    estimate = "?" if m.estimate is None else f"{m.estimate:.3f}"
    return f"{estimate} [{m.low:.3f}, {m.high:.3f}] {m.status}"


def swap_against(
    old: JudgeCard, new: JudgeCard, purpose: Purpose, *, iteration: int
) -> tuple[str, ...]:
    """What stands against putting the new judge in the place of the old one."""
    reasons = list(new.use(purpose).against)
    if not new.audited <= iteration < new.expires:
        reasons.append(f"its card has expired: {new.expires} <= {iteration}")
    if new.judge_hash == old.judge_hash and new.prompt_hash == old.prompt_hash:
        reasons.append("it is the same version")
    worse = [m for m in compare(old, new) if m.status is Status.RED]
    return tuple(reasons + [f"worse{' in ' + m.of if m.of else ''}: {_shown(m)}" for m in worse])
