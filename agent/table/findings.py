"""What was proved of a decision table, in words, and counterexamples as named values."""

from collections.abc import Iterable, Iterator
from fractions import Fraction

from agent.table.vocabulary import AUTOMATIC, BENCH, IS, MAY, ROOTS, read
from invariants.ast import Path, paths
from invariants.tiers import FLOOR, ORDER, Kind
from invariants.values import Collection, Tree, shown
from logs.vocabulary import Digest, Outcome, Word

TABLE = "the whole table"


class Proved(Word):
    """One claim about one way of a line, or about the table."""

    line: str
    way: str
    """The act, with its place among the ways of the line."""
    claim: str
    says: str
    proved: Outcome
    values: tuple[str, ...] = ()
    """A view for which it is false, as named values; what a condition does not read is left out."""


class Reached(Word):
    """Whether a way of a line can be the one that decides."""

    line: str
    way: str
    alive: Outcome
    """Under some policy."""
    here: Outcome
    """Under the policy in question."""
    closed_by: tuple[str, ...] = ()
    """What in that policy closes it."""


class DeciderReport(Word):
    """What z3 says of a decision table."""

    policy: Digest
    claims: tuple[Proved, ...]
    """For every policy and every view."""
    ways: tuple[Reached, ...]

    @property
    def sound(self) -> bool:
        """Whether everything is proved, and every line can decide under some policy."""
        proved = all(claim.proved is Outcome.HOLDS for claim in self.claims)
        return proved and all(way.alive is Outcome.HOLDS for way in self.ways)


def reads(texts: Iterable[str]) -> set[str]:
    """Names of the facts that these conditions rest on, definitions followed to their ends."""
    found: set[str] = set()
    for text in texts:
        for path in paths(read(text)):
            found |= _behind(path)
    return found


def named(texts: Iterable[str]) -> set[str]:
    """The definitions that these conditions use, as `is.doubted`, with those behind them."""
    found: set[str] = set()
    for text in texts:
        for path in paths(read(text)):
            if path.root in ("is", "may"):
                name = path.steps[0].name
                found |= {f"{path.root}.{name}"}
                found |= named([IS[name]]) if path.root == "is" else set()
    return found


def _behind(path: Path) -> set[str]:
    if path.root not in ROOTS:  # a bound variable: a judge of the bench
        return {f"{BENCH}.{path.steps[0].name}"}
    names = [step.name for step in path.steps]
    if path.root == "is":
        return reads([IS[names[0]]])
    if path.root == "may":
        return reads([MAY[names[0]]])
    return {".".join((path.root, *names))}


def values(roots: dict[str, Tree], wanted: set[str]) -> Iterator[str]:
    """A view as `name = value`, only what is wanted; a tier only where it needs people."""
    for name in sorted(wanted):
        root, _, rest = name.partition(".")
        if root == BENCH:
            yield from _of_the_bench(roots, rest)
        elif root == "tier":
            rank = int(roots["tier"][rest])
            if rank > max(AUTOMATIC, ORDER.index(FLOOR[Kind(rest)])) or _always_high(rest):
                yield f"{name} = {ORDER[rank]}"
        else:
            found: object = roots[root]
            for part in rest.split("."):
                assert isinstance(found, dict)
                found = found[part]
            assert isinstance(found, bool | Fraction)
            yield f"{name} = {shown(found)}"


def _always_high(kind: str) -> bool:
    return ORDER.index(FLOOR[Kind(kind)]) > AUTOMATIC


def _of_the_bench(roots: dict[str, Tree], part: str) -> Iterator[str]:
    judges = roots[BENCH]["judges"]
    assert isinstance(judges, Collection)
    if part == "judges":
        yield f"bench.judges = {', '.join(sorted(judges.items)) or 'nobody'}"
        return
    for key, judge in sorted(judges.items.items()):
        yield f"bench.judges[{key}].{part} = {shown(judge[part])}"
