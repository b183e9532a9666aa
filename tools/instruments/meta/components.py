"""Data and judge, and what every component is: in [0, 1], from the bounds that are against it.

`estimate` is the plug-in value, `low` the component: what remains of it when every part is as bad
as its own interval allows. Fewer items make wider intervals, and so a lower score; without any
item the bound is 0, which is then all that is known. A plug-in more than .25 above its bound is
insufficient and not shown.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Guarantee, Measurement, Status
from tools.instruments.audit.bounds import bound
from tools.instruments.audit.shift import Shift
from tools.instruments.estimates import refuse_impossible
from tools.instruments.intervals import LEVEL, clopper_pearson
from tools.instruments.meta.definition import DEFAULT, Definition

WIDE = 0.25
"""Distance from the plug-in value to the bound beyond which too little is known."""
TAIL = (1 - LEVEL) / 2
"""Each part is bounded at 97.5 %, one-sided."""
PARTS = "each part bounded at 97.5 %, one-sided; bounds of {} parts are combined"


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """What became of items that the outer process mixed into the data, by its own count.

    An item without a verdict counts against the agent: a bad one was not caught, a clean one was
    thrown away.
    """

    flipped: int
    """Preferences with the two answers exchanged."""
    flipped_caught: int
    duplicates: int
    """Near-duplicates of other items of the batch."""
    duplicates_caught: int
    clean: int
    """Hard items that are right."""
    clean_rejected: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """How the judge was audited on the sealed, fresh stream."""

    accuracy: Measurement
    """`both_orders_accuracy`."""
    shifts: Mapping[str, Shift]
    """Every bias that was audited, by name."""
    judges: int = 1
    votes: Measurement | None = None
    """`n_eff` of a panel; without it a panel counts for one judge."""


def data_quality(planted: Planted, diversity: Measurement | None, *, of: str = "") -> Measurement:
    """D = (recall on bad - false rejection of good) x min(1, Vendi / Vendi of the anchor).

    Youden's J (1950) on planted items: the lower bound of recall less the upper bound of false
    rejection, both Clopper-Pearson; and the lower end of the change of the Vendi score.

    Args:
        diversity: `vendi_change` of the answers against the anchor's.

    Raises:
        UndefinedMeasurement: counts that cannot be, or another instrument than `vendi`.
    """
    refuse_other("data_quality", diversity, "vendi")
    bad = planted.flipped + planted.duplicates
    for k, n in (
        (planted.flipped_caught, planted.flipped),
        (planted.duplicates_caught, planted.duplicates),
        (planted.clean_rejected, planted.clean),
    ):
        _refuse_no_count(k, n)
    caught = planted.flipped_caught + planted.duplicates_caught
    n = bad + planted.clean
    if not bad or not planted.clean or diversity is None or diversity.low is None:
        missing = "no bad or no clean item planted" if diversity else "diversity was not measured"
        return component("data_quality", None, 0.0, n=n, of=of, said=(missing,))
    low = (
        clopper_pearson(caught, bad)[0] - clopper_pearson(planted.clean_rejected, planted.clean)[1]
    )
    youden = caught / bad - planted.clean_rejected / planted.clean
    varied = None if diversity.estimate is None else min(1.0, 1 + diversity.estimate)
    return component(
        "data_quality",
        None if varied is None else youden * varied,
        low * min(1.0, max(0.0, 1 + diversity.low)),
        n=n,
        of=of,
        said=(
            f"{caught} of {bad} bad items caught, "
            f"{planted.clean_rejected} of {planted.clean} clean ones rejected",
            PARTS.format(3),
        ),
    )


def judge_quality(judged: Judged, *, definition: Definition = DEFAULT, of: str = "") -> Measurement:
    """J = ((accuracy - 1/2) / (1/2) - excess of the worst bias) x n_eff / K.

    Accuracy in both orders; the excess is max over biases of (bound of |Delta|) / .10 - 1, where
    that is above 0. A judge whose biases were not audited has nothing but its bound, 0.

    Raises:
        UndefinedMeasurement: no judges, or measurements of other instruments.
    """
    refuse_other("judge_quality", judged.accuracy, "both_orders_accuracy")
    refuse_other("judge_quality", judged.votes, "n_eff")
    refuse_impossible("judge_quality", [judged.judges], lower=1)
    accuracy, shifts = judged.accuracy, judged.shifts
    if accuracy.low is None or not shifts:
        why = "no bias was audited" if accuracy.low is not None else "accuracy was not measured"
        return component("judge_quality", None, 0.0, n=accuracy.n, of=of, said=(why,))
    bounds = {name: _upper(shift) for name, shift in shifts.items()}
    worst = max(bounds, key=lambda name: bounds[name])
    seen = max(s.estimate if s.fault == "up" else abs(s.estimate) for s in shifts.values())
    share, share_low = _independent(judged)
    low = _rescaled(accuracy.low) - _excess(bounds[worst], definition)
    plain = None
    if accuracy.estimate is not None and share is not None:
        plain = (_rescaled(accuracy.estimate) - _excess(seen, definition)) * share
    return component(
        "judge_quality",
        plain,
        max(0.0, low) * share_low,
        n=accuracy.n,
        clusters=accuracy.clusters,
        of=of,
        said=(
            f"largest bias {worst}: |Delta| at most {bounds[worst]:.3f}",
            f"{judged.judges} judges worth at least {share_low * judged.judges:.2f}",
            PARTS.format(2 + len(shifts)),
        ),
    )


def component(
    instrument: str,
    estimate: float | None,
    low: float,
    *,
    n: int,
    clusters: int | None = None,
    of: str = "",
    said: Iterable[str] = (),
) -> Measurement:
    """One part of the meta-reward: the bound is what counts, the plug-in is for people."""
    bound = min(1.0, max(0.0, low))
    plain = None if estimate is None else min(1.0, max(0.0, estimate))
    known = plain is not None and plain - bound <= WIDE
    return Measurement(
        instrument=instrument,
        estimate=plain if known else None,
        units="score in [0, 1]",
        low=bound,
        level=LEVEL,
        guarantee=Guarantee.FIXED_N,
        n=n,
        clusters=clusters,
        null=0.0,
        margin=WIDE,
        status=Status.GREEN if known else Status.INSUFFICIENT,
        assumptions=tuple(said),
        of=of,
    )


def _independent(judged: Judged) -> tuple[float | None, float]:
    """n_eff / K and its bound; K judges that err together are still one."""
    k, votes = judged.judges, judged.votes
    if k == 1:
        return 1.0, 1.0
    if votes is None or votes.low is None:
        return None, 1 / k
    plain = None if votes.estimate is None else min(1.0, votes.estimate / k)
    return plain, min(1.0, max(1.0, votes.low) / k)


def _upper(shift: Shift) -> float:
    """Bound of |Delta|, or of Delta where only upwards is a fault."""
    within = shift.estimate, shift.error, shift.skew, shift.clusters
    return min(1.0, max(0.0, sum(bound(*within, shift.fault, TAIL))))


def _rescaled(accuracy: float) -> float:
    return (accuracy - 0.5) / 0.5


def _excess(shift: float, definition: Definition) -> float:
    return max(0.0, shift / definition.bias - 1)


def refuse_other(what: str, measured: Measurement | None, wanted: str) -> None:
    """Look at whose measurement stands in a place.

    Raises:
        UndefinedMeasurement: another instrument's.
    """
    if measured is not None and not measured.instrument.startswith(wanted):
        raise UndefinedMeasurement(
            f"{what} is made of certain measurements, each in its place.",
            saw=measured.instrument,
            wanted=wanted,
            try_this="pass what that instrument returned, or None where it was not measured",
        )


def _refuse_no_count(k: int, n: int) -> None:
    whole = all(isinstance(x, int) and not isinstance(x, bool) for x in (k, n))
    if not whole or not 0 <= k <= n:
        raise UndefinedMeasurement(
            "data_quality counts planted items.",
            saw=f"{k} of {n}",
            wanted="whole numbers, 0 <= k <= n",
            try_this="count again, items without a verdict against the agent",
        )
