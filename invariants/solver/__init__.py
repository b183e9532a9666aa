"""The only door to z3 and cvc5: what the rest of the law may ask of a solver."""

from importlib import metadata

from invariants.solver.formulas import Formulas, Sizes
from invariants.solver.questions import (
    TIMEOUT_MS,
    Answer,
    Asked,
    Desk,
    Found,
    Reader,
    prove,
    satisfiable,
    second_opinion,
)
from invariants.solver.terms import (
    Term,
    absolute,
    all_of,
    any_of,
    constant,
    counted,
    free,
    implies,
    negation,
    total,
)

__all__ = [
    "TIMEOUT_MS",
    "Answer",
    "Asked",
    "Desk",
    "Formulas",
    "Found",
    "Reader",
    "Sizes",
    "Term",
    "absolute",
    "all_of",
    "any_of",
    "constant",
    "counted",
    "free",
    "implies",
    "negation",
    "prove",
    "satisfiable",
    "second_opinion",
    "total",
    "z3_version",
]


def z3_version() -> str:
    """The version of z3 that proves."""
    return metadata.version("z3-solver")
