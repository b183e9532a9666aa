"""The theorem about a decision table: no line takes more than the law leaves to the agent.

For every policy and every view, and for each way of each line, whatever the lines above say:
if its condition is true, the change is of low or medium tier, and no budget, pace or floor is
passed. Of the table: exactly one line decides, what was not measured decides nothing, and every
way can be the one that decides. Undecided is never a yes.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property

from agent.lines import Guarded
from agent.table.acts import ACTS, Act
from agent.table.choosing import Table, entries, guarded
from agent.table.claims import Claim, claims_of
from agent.table.facts import with_definitions
from agent.table.findings import TABLE, DeciderReport, Proved, Reached, reads, unusual, values
from agent.table.vocabulary import AUTOMATIC, ROOTS, read
from agent.table.world import World, numbers_of, rank_of, world
from invariants.evaluate import evaluate
from invariants.facts import Facts
from invariants.grounded import grounded
from invariants.policy import Policy
from invariants.schema import Map, Record
from invariants.solver import Desk, Reader, Term, all_of, any_of, constant, counted, free, negation
from invariants.tiers import FLOOR, ORDER, Kind
from invariants.values import Collection, Tree
from logs.vocabulary import Outcome

PLAIN_SECONDS = 2.0
"""CPU seconds spent on making one counterexample plain."""


@dataclass(frozen=True)
class Path:
    """One way of one line, and everything that must be true for it to be taken."""

    line: str
    number: int
    act: str
    needs: tuple[str, ...]
    above: tuple[str, ...]
    """Conditions of the ways before it in its line, which are false then."""
    when: str
    last_resort: bool

    @property
    def name(self) -> str:
        """Unique within its line."""
        return f"{self.number} {self.act}"

    @property
    def reads(self) -> set[str]:
        """The facts that it rests on."""
        return reads([*self.needs, *self.above, self.when])

    def fires(self, here: World) -> Term:
        """That the line takes this way, if no line above decides."""
        without = (negation(here.of(text)) for text in self.above)
        return all_of([*map(here.of, self.needs), *without, here.of(self.when)])

    def true_of(self, facts: Facts) -> bool:
        """The same by the exact evaluator."""
        told = [evaluate(read(text), facts) for text in (*self.needs, self.when)]
        over = [evaluate(read(text), facts) for text in self.above]
        return all(t is True for t in told) and all(t is False for t in over)


@dataclass
class Proof:
    """Questions about one table, and the worlds that they are asked in."""

    table: Table
    policy: Policy
    desk: Desk = field(default_factory=Desk)

    @cached_property
    def paths(self) -> tuple[Path, ...]:
        """Every way of every line, from the top."""
        return tuple(p for e in entries(self.table) for p in _paths(e.id, guarded(e)))

    @cached_property
    def any(self) -> World:
        """Every view under every policy."""
        return world()

    def report(self) -> DeciderReport:
        """Ask everything."""
        claims = [
            *(self._claim(path, claim) for path in self.paths for claim in claims_of(_act(path))),
            *(self._blind(path) for path in self.paths),
            self._total(),
        ]
        return DeciderReport(
            policy=self.policy.digest, claims=tuple(claims), ways=tuple(self._ways())
        )

    def _claim(self, path: Path, claim: Claim) -> Proved:
        here, name = self.any, f"decider/{path.line}/{path.name}/{claim.name}"
        premises, wanted = [*here.premises, path.fires(here)], here.of(claim.holds)
        answer = self.desk.prove(name, premises, wanted)
        outcome = answer.outcome
        said: tuple[str, ...] = ()
        if answer.value_of is not None:
            roots = self._plain([*premises, negation(wanted)], answer.value_of)
            facts = Facts(roots)
            if not path.true_of(facts) or evaluate(read(claim.holds), facts) is True:
                outcome = Outcome.UNDECIDED  # the exact evaluator does not confirm z3's world
            claimed = reads([claim.holds])
            said = values(roots, path.reads | claimed, claimed)
        return _proved(path, claim.name, claim.says, outcome, said)

    def _blind(self, path: Path) -> Proved:
        """What was not measured may be anything, and the line does the same."""
        here, there = self.any, self._unmeasured
        same = path.fires(here) == path.fires(there)
        name = f"decider/{path.line}/{path.name}/unmeasured"
        answer = self.desk.prove(name, [*here.premises, *there.premises], same)
        said: tuple[str, ...] = ()
        if answer.value_of is not None:
            differ = [*here.premises, *there.premises, negation(same)]
            said = values(self._plain(differ, answer.value_of), path.reads, set())
        says = "a measurement that is undefined decides nothing"
        return _proved(path, "unmeasured", says, answer.outcome, said)

    @cached_property
    def _unmeasured(self) -> World:
        return world(unknown="unmeasured")

    def _total(self) -> Proved:
        """Whatever is switched off, and whichever function declines, one line decides."""
        here = self.any
        decides = [decided for _, decided in self._decided(here)]
        one = counted(decides) == 1
        answer = self.desk.prove("decider/total", here.premises, one)
        said: tuple[str, ...] = ()
        if answer.value_of is not None:
            roots = self._plain([*here.premises, negation(one)], answer.value_of)
            wanted = set().union(*(path.reads for path in self.paths))
            said = unusual(values(roots, wanted, set()))
        return Proved(
            line=TABLE,
            way="",
            claim="total",
            says="in every view exactly one line decides",
            proved=answer.outcome,
            values=said,
        )

    def _decided(self, here: World) -> Iterator[tuple[Path, Term]]:
        """Each way, and that it is the one that decides."""
        above: list[Term] = []
        for path in self.paths:
            passes = free("bool", f"{path.line} {path.name} is switched off or declines")
            may = all_of([path.fires(here), *([] if path.last_resort else [negation(passes)])])
            # z3 writes an empty `or` that no other solver can read.
            yield path, all_of([may, negation(any_of(above))]) if above else may
            above.append(may)

    def _ways(self) -> Iterator[Reached]:
        here = world(self.policy)
        under = zip(self._decided(here), self._decided(self.any), strict=True)
        for (path, now), (_, ever) in under:
            name = f"decider/{path.line}/{path.name}/reached"
            found = self._reached(f"{name} here", here, now)
            alive = found
            if found is not Outcome.HOLDS:
                alive = self._reached(name, self.any, ever)
            closed = tuple(self._closes(_act(path))) if found is Outcome.BROKEN else ()
            yield Reached(line=path.line, way=path.name, alive=alive, here=found, closed_by=closed)

    def _reached(self, name: str, here: World, decided: Term) -> Outcome:
        found, _ = self.desk.ask(name, [*here.premises, decided])
        said = {"sat": Outcome.HOLDS, "unsat": Outcome.BROKEN}
        return said.get(found, Outcome.UNDECIDED)

    def _closes(self, act: Act) -> Iterator[str]:
        """What of a policy makes an act one for people, or leaves nothing for it."""
        ranks = {kind: rank_of(self.policy, kind) for kind in act.kinds | act.from_bench}
        high = sorted(kind for kind, rank in ranks.items() if rank > AUTOMATIC)
        yield from (f"{kind} is {ORDER[ranks[kind]]}" for kind in high)
        if not high:
            yield "its numbers leave nothing for it"

    # --- counterexamples ---------------------------------------------------------

    def _plain(self, false: Sequence[Term], found: Reader) -> dict[str, Tree]:
        """A world of the counterexample in which as little as possible is out of the ordinary."""
        until = time.process_time() + PLAIN_SECONDS
        best = self.desk.quieter(false, self._calm(), until=until) or found
        given = {n: r for n, r in ROOTS.items() if n not in ("may", "is")}
        roots = {name: self.any.roots[name] for name in given}
        return dict(with_definitions(grounded(roots, given, self.any.formulas, best)))

    def _calm(self) -> Iterator[list[Term]]:
        """Each fact at rest: the numbers of the policy, tiers at the floor, nothing else seen."""
        roots = self.any.roots
        for name, number in numbers_of(self.policy).items():
            yield [roots["param"][name] == constant(number)]
        for kind in Kind:
            yield [roots["tier"][kind.value] == ORDER.index(FLOOR[kind])]
        for name, record in ROOTS.items():
            if name not in ("param", "tier", "may", "is"):
                yield from _at_rest(roots[name], record)


def prove(table: Table, policy: Policy, *, desk: Desk | None = None) -> DeciderReport:
    """Prove the theorem of a table, and tell which of its ways are open under a policy."""
    return Proof(table, policy, desk or Desk()).report()


def _paths(line: str, conditions: Guarded) -> Iterator[Path]:
    needs = tuple(need.when for need in conditions.needs)
    for number, way in enumerate(conditions.ways, 1):
        above = tuple(earlier.when for earlier in conditions.ways[: number - 1])
        yield Path(line, number, way.act, needs, above, way.when, conditions.last_resort)


def _act(path: Path) -> Act:
    return ACTS[path.act]


def _proved(path: Path, claim: str, says: str, found: Outcome, said: tuple[str, ...]) -> Proved:
    return Proved(line=path.line, way=path.name, claim=claim, says=says, proved=found, values=said)


def _at_rest(tree: Tree, record: Record) -> Iterator[list[Term]]:
    for part, kind in record.fields.items():
        found = tree[part]
        match kind:
            case Map():
                assert isinstance(found, Collection)
                for item in found.items.values():
                    yield from _at_rest(item, kind.element)
            case Record():
                yield from _at_rest(found, kind)
            case "bool":
                yield [negation(found)]
            case "int" | "real":
                yield [found == constant(Fraction(0))]
            case _:
                pass
