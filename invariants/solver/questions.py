"""What z3 is asked, how long it may think, and the same question as SMT-LIB text.

A question is a list of assertions: is there a world in which all are true? An answer that
is neither yes nor no is `undecided`, which is never a yes.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal

import z3

from invariants.ast import Expr
from invariants.solver.formulas import Formulas
from invariants.solver.terms import Term
from invariants.values import Tree
from logs.canonical import sha256
from logs.vocabulary import Digest, Outcome

Reader = Callable[[Term], Any]
"""Reads the value of a term out of a counterexample."""

Found = Literal["sat", "unsat", "unknown"]

TIMEOUT_MS = 60_000
"""Wall milliseconds for one question; machines are shared, and a late answer is no answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What z3 says, and if there is a counterexample, how to read it."""

    outcome: Outcome
    value_of: "Reader | None" = None
    core: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """One question as it was put, so that another solver can be asked the same."""

    name: str
    found: Found
    ms: float
    text: str
    """SMT-LIB 2, with `check-sat`."""

    @property
    def digest(self) -> Digest:
        """SHA-256 of the text."""
        return sha256(self.text.encode())


@dataclass(slots=True)
class Scripts:
    """Assertions as SMT-LIB text; each is written once, for most questions share most of them."""

    _known: dict[int, tuple[Term, list[str], str]] = field(default_factory=dict)

    def of(self, assertions: Iterable[Term]) -> str:
        """A script that any solver can read: what is declared, what is asserted, `check-sat`."""
        parts = [self._part(term) for term in assertions]
        declared = dict.fromkeys(line for _, lines, _ in parts for line in lines)
        asserted = "".join(text for *_, text in parts)
        return "\n".join(["(set-logic ALL)", *declared, asserted]) + "(check-sat)\n"

    def _part(self, term: Term) -> tuple[Term, list[str], str]:
        key = term.get_id()
        if key not in self._known:
            solver = z3.Solver()
            solver.add(term)
            head, _, rest = solver.to_smt2().partition("\n(assert")
            lines = [line for line in head.splitlines() if line.startswith("(declare-")]
            body = rest.rpartition("(check-sat)")[0]
            # With the term, or z3 would give its number to another.
            self._known[key] = (term, lines, f"(assert{body}" if body else "")
        return self._known[key]


@dataclass(slots=True)
class Desk:
    """Puts questions to z3 and keeps each, word for word."""

    timeout_ms: int = TIMEOUT_MS
    asked: list[Asked] = field(default_factory=list)
    scripts: Scripts = field(default_factory=Scripts)
    _begun: tuple[Term, z3.Solver] | None = None
    """A solver that has taken in the first assertion of the last question, the premises: most
    questions begin with the same, and taking them in costs as much as the answer."""

    def prove(
        self,
        name: str,
        premises: Iterable[Term],
        conclusion: Term,
        *,
        spare: Sequence[Term] = (),
        guess: Sequence[Term] = (),
    ) -> Answer:
        """HOLDS: no counterexample exists; BROKEN: here is one; UNDECIDED: z3 gave up."""
        found, reader = self.ask(name, [*premises, z3.Not(conclusion)], spare=spare, guess=guess)
        outcome = {"unsat": Outcome.HOLDS, "sat": Outcome.BROKEN}.get(found, Outcome.UNDECIDED)
        return Answer(outcome, reader)

    def ask(
        self,
        name: str,
        assertions: Iterable[Term],
        *,
        spare: Sequence[Term] = (),
        guess: Sequence[Term] = (),
    ) -> tuple[Found, "Reader | None"]:
        """Whether all assertions can be true together, and if so, in which world.

        Args:
            spare: Those of the assertions that are first left out, because they cost time. If
                the rest cannot be true together, all cannot; if a world of the rest happens to
                meet them too, it is a world of all; else they are put in, and all is asked.
            guess: What is true of some world of them, if luck has it, and makes it easy to find;
                that none of these exists says nothing, and all is asked without the guess.
        """
        late = {term.get_id() for term in spare}
        every = list(assertions)
        first = [term for term in every if term.get_id() not in late] or [z3.BoolVal(True)]
        rest = [term for term in every if term.get_id() in late]
        begun = time.perf_counter()
        found, world, put = self._look([*first, *guess], rest)
        if guess and found == "sat":
            put = every  # without the guess: the world is one of these, too
        elif guess:
            found, world, put = self._look(first, rest)
        ms = (time.perf_counter() - begun) * 1000
        self.asked.append(Asked(name, found, ms, self.scripts.of(put)))
        return found, reader(world) if world is not None else None

    def _look(
        self, first: list[Term], rest: list[Term]
    ) -> tuple[Found, z3.ModelRef | None, list[Term]]:
        """The answer, a world if there is one, and the assertions that the answer is about."""
        solver, put = self._solver_after(first[0]), first
        solver.push()
        solver.add(first[1:])
        said = solver.check()
        if rest and said != z3.unsat:
            put = [*first, *rest]
            if said != z3.sat or not _meets(solver.model(), rest):
                solver.add(rest)
                said = solver.check()
        found: Found = "sat" if said == z3.sat else "unsat" if said == z3.unsat else "unknown"
        world = solver.model() if found == "sat" else None
        if found == "unknown":
            self._begun = None  # it was interrupted: nothing more is asked of it
        else:
            solver.pop()
        return found, world, put

    def _solver_after(self, premises: Term) -> z3.Solver:
        if self._begun is None or not self._begun[0].eq(premises):
            self._begun = (premises, _solver(self.timeout_ms))
            self._begun[1].add(premises)
        return self._begun[1]

    def quieter(
        self,
        assertions: Iterable[Term],
        still: Iterable[list[Term]],
        *,
        until: float,
        spare: Sequence[Term] = (),
    ) -> "Reader | None":
        """A world of the assertions in which as little as possible moves; not kept as asked.

        Args:
            still: For each thing, part by part, that it does not move.
            until: Process time at which to be content with what was found.
        """
        held, best = list(assertions), None
        aside = Desk(self.timeout_ms)
        for parts in still:
            # The whole thing first; only one that must move is asked part by part.
            for some in [parts, *([part] for part in parts)]:
                if time.process_time() > until:
                    return best
                _, found = aside.ask("quieter", [*held, *some], spare=spare)
                if found is not None:
                    held += some
                    best = found
                    if some is parts:
                        break
        return best


def prove(premises: Iterable[Term], conclusion: Term, *, timeout_ms: int = TIMEOUT_MS) -> Answer:
    """One question on its own, see `Desk.prove`."""
    solver = _solver(timeout_ms)
    solver.add([*premises, z3.Not(conclusion)])
    said = solver.check()
    if said == z3.unsat:
        return Answer(Outcome.HOLDS)
    if said == z3.sat:
        return Answer(Outcome.BROKEN, reader(solver.model()))
    return Answer(Outcome.UNDECIDED)


def satisfiable(
    premises: Iterable[Term], named: Mapping[str, Term], *, timeout_ms: int = TIMEOUT_MS
) -> Answer:
    """HOLDS: all can be true together; BROKEN: they cannot, with a minimal core of names."""
    solver = _solver(timeout_ms)
    solver.add(list(premises))
    marks = {name: z3.Bool(f"rule {name}") for name in named}
    for name, formula in named.items():
        solver.add(z3.Implies(marks[name], formula))
    found = solver.check(*marks.values())
    if found == z3.sat:
        return Answer(Outcome.HOLDS, reader(solver.model()))
    if found != z3.unsat:
        return Answer(Outcome.UNDECIDED)
    return Answer(Outcome.BROKEN, core=_minimal_core(solver, marks))


def second_opinion(rules: Sequence[Expr], roots: Mapping[str, Tree], *, timeout_ms: int) -> Outcome:
    """What z3 says of all rules together on these facts."""
    formulas = Formulas()
    law = z3.And([formulas.of(rule, roots) for rule in rules])
    for_it = prove((), law, timeout_ms=timeout_ms).outcome
    if for_it is not Outcome.BROKEN:
        return for_it
    against = prove((), z3.Not(law), timeout_ms=timeout_ms).outcome
    # Neither it nor its opposite follows from the facts: some fact is missing.
    return {Outcome.HOLDS: Outcome.BROKEN, Outcome.BROKEN: Outcome.MISSING}.get(against, against)


def _minimal_core(solver: z3.Solver, marks: Mapping[str, Term]) -> tuple[str, ...]:
    """Drop each rule that is not needed for the contradiction."""
    core = {str(mark) for mark in solver.unsat_core()}
    kept = [name for name, mark in marks.items() if str(mark) in core]
    for name in list(kept):
        rest = [marks[other] for other in kept if other != name]
        if solver.check(*rest) == z3.unsat:
            kept.remove(name)
    return tuple(kept)


def _meets(world: z3.ModelRef, terms: Iterable[Term]) -> bool:
    """Whether all terms are true in a world, as its reader reads it."""
    return all(z3.is_true(world.eval(term, model_completion=True)) for term in terms)


def _solver(timeout_ms: int) -> z3.Solver:
    # Without the preprocessing of the general one, and without asking which parts of a formula
    # matter: on these many small rules both cost more than they save, see docs/proof-speed.md.
    solver = z3.SimpleSolver()
    solver.set("relevancy", 0)
    solver.set("timeout", timeout_ms)
    return solver


def reader(model: z3.ModelRef) -> Reader:
    """How to read exact values out of a model."""

    def read(term: Term) -> Any:
        value = model.eval(term, model_completion=True)
        if z3.is_bool(value):
            return z3.is_true(value)
        if z3.is_int_value(value):
            return value.as_long()
        return Fraction(value.numerator_as_long(), value.denominator_as_long())

    return read
