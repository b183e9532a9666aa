"""Weigh the judges of the panel anew, by how they order audited pairs."""

from collections.abc import Sequence
from decimal import Decimal

from agent.audited import FEWEST_PAIRS, Audited, asked
from agent.interventions.seats import weighing
from agent.made import Made, Making
from logs.vocabulary import Judge
from tools.panel_weights import LEAST, shares

WEIGHTS = "weights"
"""Argument of a decision that says itself what each judge weighs, as `id=0.6,other=0.4`."""


def make(making: Making) -> Made | str:
    """The same judges with other shares; none loses its voice. No label is bought."""
    now, said = making.state, making.decision.arguments.get(WEIGHTS)
    if said is not None:
        named = _named(said, now.panel.judges)
        if isinstance(named, str):
            return named
        return Made(new=now.model_copy(update={"panel": weighing(now.panel.judges, named)}))
    if len(now.panel.judges) < 2:
        return "a panel of one judge has nothing to weigh"
    audited = asked(making, now.panel.judges)
    found = shares_of(making, audited, now.panel.judges)
    if isinstance(found, str):
        return found
    if found == {j.id: j.weight for j in now.panel.judges}:
        return "the judges weigh what they should already"
    return Made(
        new=now.model_copy(update={"panel": weighing(now.panel.judges, found)}),
        inputs={"labels": making.context.hands.store.put_lines(audited.rows)},
    )


def shares_of(
    making: Making, audited: Audited, judges: Sequence[Judge]
) -> dict[str, Decimal] | str:
    """Shares by audited pairs, none above what one judge of several may have."""
    outcomes = audited.outcomes([j.id for j in judges])
    many = min(map(len, outcomes.values()))
    if many < FEWEST_PAIRS:
        return f"{many} audited pairs are too few to weigh judges by, of {FEWEST_PAIRS} at least"
    share = making.context.policy.values.get("judge_share")
    most = Decimal(share.numerator) / Decimal(share.denominator) if share else Decimal(1)
    if len(judges) * most < 1:
        return f"no shares of {len(judges)} judges stay within {most} each"
    return shares(outcomes, {j.id: j.family for j in judges}, most=most, least=LEAST)


def _named(said: str, judges: Sequence[Judge]) -> dict[str, Decimal] | str:
    try:
        found = {n: Decimal(v) for n, _, v in (x.partition("=") for x in said.split(","))}
    except ArithmeticError:
        return "the decision names weights that are no numbers"
    known = {j.id for j in judges}
    if found.keys() != known:
        return f"the decision names other judges than {', '.join(sorted(known))}"
    if not all(v.is_finite() and v >= LEAST for v in found.values()):
        return f"every judge of the panel keeps a voice: a weight of {LEAST} at least"
    return found
