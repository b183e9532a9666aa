"""cvc5 as a second solver: the same SMT-LIB text, read and answered by other code.

Licence: BSD-3-Clause (the package without GPL parts); an optional extra, `cross-check`.
"""

from collections.abc import Iterable
from importlib import metadata
from importlib.util import find_spec

from invariants.solver.questions import Asked, Found
from logs.errors import UsageError

TIMEOUT_MS = 60_000


def available() -> bool:
    """Whether cvc5 is installed."""
    return find_spec("cvc5") is not None


def version() -> str:
    """The version of cvc5.

    Raises:
        UsageError: it is not installed.
    """
    if not available():
        raise UsageError(
            "cvc5 is not installed, so nothing can be cross-checked.",
            saw="no module cvc5",
            wanted="the optional extra cross-check",
            try_this="pip install 'plimsoll-line[cross-check]'",
        )
    return metadata.version("cvc5")


def answer(text: str, *, timeout_ms: int = TIMEOUT_MS) -> Found:
    """What cvc5 says of one SMT-LIB script."""
    import cvc5

    solver = cvc5.Solver(cvc5.TermManager())
    solver.setOption("tlimit-per", str(timeout_ms))
    parser = cvc5.InputParser(solver)
    parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, text, "question")
    said: Found = "unknown"
    while True:
        try:
            command = parser.nextCommand()
            if command.isNull():
                return said
            printed = command.invoke(solver, parser.getSymbolManager()).strip()
        except RuntimeError:  # a text that it cannot read is a question that it did not answer
            return "unknown"
        if printed.startswith("(error"):
            return "unknown"
        if printed == "sat":
            said = "sat"
        elif printed == "unsat":
            said = "unsat"


def disagreements(asked: Iterable[Asked], *, timeout_ms: int = TIMEOUT_MS) -> tuple[str, ...]:
    """Each question that cvc5 answers otherwise than z3, or not at all."""
    found = ((one, answer(one.text, timeout_ms=timeout_ms)) for one in asked)
    return tuple(
        f"{one.name}: z3 {one.found}, cvc5 {said}"
        for one, said in found
        if said != one.found or said == "unknown"
    )
