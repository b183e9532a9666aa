"""The ground check of the law over rules x principles, beside other policy engines.

    python -m benchmarks.law [--repeats 3] [--most 1000]

One rule in ten quantifies over all principles, the others compare two numbers; all are true.
CPU seconds, since machines are shared. cel-python, cedarpy and regopy are compared on the rule
that they can say, if they are installed; nothing here is needed to run Plimsoll.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import plimsoll  # noqa: F401  puts this checkout first on the path
from invariants.ast import Expr
from invariants.evaluate import evaluate
from invariants.facts import Facts
from invariants.parser import parse
from invariants.schema import roots
from invariants.typecheck import check
from invariants.values import Collection

SIZES = (10, 100, 1000)
KNOWN = roots({"floor": "real"}, {})
WIDE = "all p in new.principles: p.weight >= param.floor"
NARROW = "new.facts.judges >= 1"
FLOOR = "0.05"
_REGO = f"""package law
low[p] {{ p := input.ps[_]; p.weight < {FLOOR} }}
kept = true {{ count(low) == 0 }}
"""


def facts(principles: int) -> Facts:
    """A state with so many principles, each above the floor."""
    items = {f"p{i}": _principle(f"p{i}") for i in range(principles)}
    state = {"principles": Collection("new.principles", items), "facts": {"judges": Fraction(3)}}
    return Facts({"new": state, "param": {"floor": Fraction(FLOOR)}})


def _principle(key: str) -> dict[str, Any]:
    return {"id": key, "weight": Fraction(1, 10), "tier": "core", "present": True}


def rules(number: int) -> list[Expr]:
    """So many rules, a tenth of them over all principles."""
    sources = [WIDE if i % 10 == 0 else NARROW for i in range(number)]
    return [check(parse(source), source, KNOWN) for source in sources]


def cpu_ms(run: Callable[[], object], repeats: int) -> float:
    """Median CPU milliseconds of one run."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        run()
        times.append((time.process_time() - start) * 1000)
    return round(statistics.median(times), 3)


def grid(repeats: int, most: int) -> Iterator[dict[str, Any]]:
    """Our check over rules x principles."""
    for number in (n for n in SIZES if n <= most):
        for principles in (n for n in SIZES if n <= most):
            law, case = rules(number), facts(principles)
            found = cpu_ms(lambda law=law, case=case: _demand(law, case), repeats)  # type: ignore[misc]
            yield {"rules": number, "principles": principles, "cpu_ms": found}


def _demand(law: list[Expr], case: Facts) -> None:
    if not all([evaluate(rule, case) is True for rule in law]):
        raise AssertionError("every rule of the benchmark is true")


def rivals(repeats: int, principles: int) -> Iterator[dict[str, Any]]:
    """One rule over all principles, by each engine that is here and can say it."""
    law, case = rules(1), facts(principles)
    yield _told("plimsoll", cpu_ms(lambda: _demand(law, case), repeats))
    for name, make in (("cel-python", _cel), ("regopy", _rego), ("cedarpy", _cedar)):
        try:
            run = make(principles)
        except ImportError:
            yield {"engine": name, "cpu_ms": None, "note": "not installed"}
            continue
        run()
        yield _told(name, cpu_ms(run, repeats))


def _told(engine: str, cpu: float) -> dict[str, Any]:
    notes = {"cedarpy": "no quantifier: the two scalar comparisons of a rule instead"}
    return {"engine": engine, "cpu_ms": cpu, "note": notes.get(engine, "")}


def _cel(principles: int) -> Callable[[], object]:
    import celpy

    environment = celpy.Environment()
    program = environment.program(environment.compile(f"ps.all(p, p.weight >= {FLOOR})"))
    given = {"ps": celpy.json_to_cel([{"weight": 0.1} for _ in range(principles)])}
    return lambda: _yes(bool(program.evaluate(given)))


def _rego(principles: int) -> Callable[[], object]:
    import regopy

    engine = regopy.Interpreter()
    engine.add_module("law", _REGO)
    given = {"ps": [{"weight": 0.1, "id": str(i)} for i in range(principles)]}

    def run() -> object:
        engine.set_input(given)
        return _yes("true" in str(engine.query("data.law.kept")))

    return run


def _cedar(_: int) -> Callable[[], object]:
    import cedarpy

    policy = (
        'permit(principal, action, resource) when { context.weight.greaterThanOrEqual(decimal("'
        f'{FLOOR}")) && context.judges >= 1 }};'
    )
    weight = {"__extn": {"fn": "decimal", "arg": "0.1"}}
    request = {
        "principal": 'U::"agent"',
        "action": 'Action::"commit"',
        "resource": 'R::"head"',
        "context": {"weight": weight, "judges": 3},
    }
    return lambda: _yes(cedarpy.is_authorized(request, policy, []).allowed)


def _yes(answer: bool) -> bool:
    if not answer:
        raise AssertionError("the rival does not find the rule true")
    return answer


def main() -> None:
    """Print the measurements as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--most", type=int, default=1000)
    options = parser.parse_args()
    found = {
        "grid": list(grid(options.repeats, options.most)),
        "rivals_at_100_principles": list(rivals(options.repeats, 100)),
    }
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
