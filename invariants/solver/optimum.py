"""The closest world in which a formula is true, by z3's optimiser."""

from collections.abc import Iterable, Mapping
from fractions import Fraction

import z3

from invariants.solver.questions import reader
from invariants.solver.terms import Term, constant, total


def closest(
    premises: Iterable[Term],
    wanted: Mapping[str, tuple[Term, Fraction]],
    *,
    grid: int | None,
    timeout_ms: int,
) -> dict[str, Fraction] | None:
    """Values of the named terms that satisfy the premises, closest to those wanted in L1.

    Args:
        wanted: Name -> term, and the value that it should have.
        grid: If given, only multiples of 1/grid.

    Returns:
        None if there are none, or z3 did not finish.
    """
    engine = z3.Optimize()
    engine.set("timeout", timeout_ms)
    engine.add(list(premises))
    if grid is not None:
        for name, (term, _) in wanted.items():
            engine.add(term * grid == z3.ToReal(z3.Int(f"grid {name}")))
    distances = []
    for name, (term, value) in wanted.items():
        distance = z3.Real(f"distance {name}")
        engine.add(distance >= term - constant(value), distance >= constant(value) - term)
        distances.append(distance)
    engine.minimize(total(distances))
    if engine.check() != z3.sat:
        return None
    value_of = reader(engine.model())
    return {name: value_of(term) for name, (term, _) in wanted.items()}
