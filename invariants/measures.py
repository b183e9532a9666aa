"""Evidence to bounds: counts become numbers here, or they become a named gap.

The trial says how often and how much; it says no bounds, and it chooses neither the
error probability nor the range of a metric beyond what the policy declares.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from invariants.bounds import beta_binomial, bounded_mean, clopper_pearson
from invariants.schema import SANDBOX_LEVEL, MetricGuarantee, MetricKind
from invariants.values import Missing, Tree, Value, rational
from logs.vocabulary import Evidence, Metric

MAX_ITEMS = 100_000
"""Trials or values of one metric; more would make the exact bounds slow."""

ROLLBACK_DRILLS = ("rollback_stored", "rollback_tested")
"""Proportions read as `change.rollback_...`: true only when all n of n >= 1 succeeded."""


@dataclass(frozen=True, slots=True)
class MetricRule:
    """What the policy declares of a metric, so that the trial cannot choose it."""

    kind: MetricKind
    unit: str
    why: str = ""
    alpha: Fraction = Fraction(1, 20)
    """Largest error probability that a trial may claim; exact metrics claim none."""
    lower: Fraction = Fraction(0)
    upper: Fraction = Fraction(1)
    """Range of one value of a mean."""
    guarantee: MetricGuarantee = "fixed_n"
    """`anytime`: the bound may be looked at again and again while trials come in."""


class Unusable(Exception):
    """A metric that states no number; the text is the reason."""


def metric_facts(evidence: Evidence, rules: Mapping[str, MetricRule]) -> Tree:
    """Each declared metric with its bounds, or with the reason why it has none."""
    seen = Counter(metric.name for metric in evidence.metrics)
    given = {metric.name: metric for metric in evidence.metrics}
    found = {name: _fields(name, given.get(name), rule, seen[name]) for name, rule in rules.items()}
    return {**found, SANDBOX_LEVEL: _level(evidence)}


def metric_faults(evidence: Evidence, measured: Tree) -> tuple[str, ...]:
    """Every metric that is given twice, or is declared and given but states no usable number."""
    seen = Counter(metric.name for metric in evidence.metrics)
    faults = [f"{name}: given {count} times" for name, count in seen.items() if count > 1]
    for name, record in measured.items():
        given = seen[name] == 1 or name == SANDBOX_LEVEL
        if given and isinstance(record["lo"], Missing):
            faults.append(record["lo"].why)
    return tuple(sorted(faults))


def drill(evidence: Evidence, name: str) -> Value:
    """Whether all n of n >= 1 checks of a rollback drill succeeded."""
    found = [metric for metric in evidence.metrics if metric.name == name]
    if len(found) != 1:
        return Missing(f"evidence gives {name} {len(found)} times")
    try:
        k, n = _counts(found[0])
    except Unusable as gap:
        return Missing(f"{name}: {gap}")
    return k == n


def alpha_spent(evidence: Evidence) -> Value:
    """Error probability of all bounds that this evidence asks for."""
    claimed = [rational(metric.alpha) for metric in evidence.metrics if metric.exact is None]
    if any(alpha is None for alpha in claimed):
        return Missing("a metric states no usable alpha")
    return sum((alpha for alpha in claimed if alpha is not None), Fraction(0))


def _fields(name: str, metric: Metric | None, rule: MetricRule, times: int) -> Tree:
    if metric is None:
        return _gap(f"evidence has no metric {name}")
    if times > 1:
        return _gap(f"evidence gives {name} {times} times")
    try:
        return _measure(metric, rule)
    except Unusable as gap:
        return _gap(f"{name}: {gap}")


def _gap(why: str) -> Tree:
    return {field: Missing(why) for field in ("lo", "hi", "mean", "n", "k")}


def _measure(metric: Metric, rule: MetricRule) -> Tree:
    match rule.kind:
        case "proportion":
            return _proportion(metric, rule)
        case "mean":
            return _mean(metric, rule)
        case "exact":
            return _exact(metric)


def _proportion(metric: Metric, rule: MetricRule) -> Tree:
    if metric.values or metric.exact is not None:
        raise Unusable("declared a proportion, but carries values or an exact quantity")
    k, n = _counts(metric)
    interval = beta_binomial if rule.guarantee == "anytime" else clopper_pearson
    low, high = interval(k, n, _alpha(metric, rule))
    return {"lo": low, "hi": high, "mean": Fraction(k, n), "n": Fraction(n), "k": Fraction(k)}


def _counts(metric: Metric) -> tuple[int, int]:
    k, n = metric.k, metric.n
    # `type() is int` and not isinstance: True is an int.
    if type(k) is not int or type(n) is not int:
        raise Unusable(f"k = {k!r} and n = {n!r} are not two whole numbers")
    if not 1 <= n <= MAX_ITEMS or not 0 <= k <= n:
        raise Unusable(f"k = {k} of n = {n} is no count, 0 <= k <= n <= {MAX_ITEMS} and n >= 1")
    return k, n


def _mean(metric: Metric, rule: MetricRule) -> Tree:
    if metric.k is not None or metric.exact is not None:
        raise Unusable("declared a mean, but carries a count or an exact quantity")
    if not metric.values or len(metric.values) > MAX_ITEMS:
        raise Unusable(f"{len(metric.values)} values; wanted 1 to {MAX_ITEMS}")
    if metric.n is not None and (type(metric.n) is not int or metric.n != len(metric.values)):
        raise Unusable(f"n = {metric.n!r}, but {len(metric.values)} values")
    _same_range(metric, rule)
    values = [_number(text, "value") for text in metric.values]
    outside = [v for v in values if not rule.lower <= v <= rule.upper]
    if outside:
        raise Unusable(f"{len(outside)} values outside [{rule.lower}, {rule.upper}]")
    low, high = bounded_mean(values, rule.lower, rule.upper, _alpha(metric, rule))
    n = Fraction(len(values))
    return {"lo": low, "hi": high, "mean": sum(values, Fraction(0)) / n, "n": n}


def _same_range(metric: Metric, rule: MetricRule) -> None:
    for text, declared in ((metric.lower, rule.lower), (metric.upper, rule.upper)):
        if text is not None and _number(text, "range") != declared:
            raise Unusable(f"range end {text}, but the policy declares {declared}")


def _exact(metric: Metric) -> Tree:
    if metric.k is not None or metric.values:
        raise Unusable("declared an exact quantity, but carries a count or values")
    if metric.exact is None:
        raise Unusable("declared an exact quantity, but carries none")
    value = _number(metric.exact, "quantity")
    return {"lo": value, "hi": value}


def _alpha(metric: Metric, rule: MetricRule) -> Fraction:
    alpha = _number(metric.alpha, "alpha")
    if not 0 < alpha <= rule.alpha:
        raise Unusable(f"alpha = {metric.alpha}, but the policy allows at most {rule.alpha}")
    return alpha


def _number(text: object, role: str) -> Fraction:
    value = rational(text)
    if value is None:
        raise Unusable(f"{role} {text!r} is not an exact finite number")
    return value


def _level(evidence: Evidence) -> Tree:
    level: object = evidence.sandbox_level
    if type(level) is not int:
        return _gap(f"sandbox_level = {level!r} is not a whole number")
    return {"lo": Fraction(level), "hi": Fraction(level)}
