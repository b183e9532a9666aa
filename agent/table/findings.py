"""What was proved of a decision table, in words, and counterexamples as named values."""

from collections.abc import Iterable, Iterator

from agent.table.vocabulary import AUTOMATIC, BENCH, IS, MAY, ROOTS, read
from invariants.ast import Path, paths
from invariants.tiers import ORDER
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


def values(roots: dict[str, Tree], wanted: set[str], first: set[str]) -> tuple[str, ...]:
    """A view as `name = value`: what is wanted, and of that `first` what the claim reads."""
    names = sorted(wanted, key=lambda name: (name not in first, name))
    lines = (line for name in names for line in _valued(roots, name))
    return tuple(dict.fromkeys(lines))


def unusual(lines: Iterable[str]) -> tuple[str, ...]:
    """Those of the lines that say more than that something is not there."""
    nothing = (" = false", " = 0", " = undefined", " = nobody")
    return tuple(line for line in lines if not line.endswith(nothing))


def _valued(roots: dict[str, Tree], name: str) -> Iterator[str]:
    root, _, rest = name.partition(".")
    name = name.removesuffix("_known").removesuffix(".found").removesuffix(".support")
    match root:
        case "tier":
            yield from _tier(rest, int(roots[root][rest]))
        case "bench":
            yield from _of_the_bench(roots, rest.removesuffix("_known"))
        case "finding":
            said = roots[root][rest.split(".")[0]]
            yield f"{name} = {shown(said['support']) if said['found'] else 'undefined'}"
        case _:
            yield f"{name} = {_told(roots[root], rest.removesuffix('_known'))}"


def _told(record: Tree, part: str) -> str:
    """A fact; one that is not known has no value, whatever the solver put there."""
    return shown(record[part]) if record.get(f"{part}_known", True) else "undefined"


def _tier(kind: str, rank: int) -> Iterator[str]:
    """A tier where it matters: only one above medium needs people."""
    if rank > AUTOMATIC:
        yield f"tier.{kind} = {ORDER[rank]}"


def _of_the_bench(roots: dict[str, Tree], part: str) -> Iterator[str]:
    judges = roots[BENCH]["judges"]
    assert isinstance(judges, Collection)
    if part == "judges":
        yield f"bench.judges = {', '.join(sorted(judges.items)) or 'nobody'}"
        return
    for key, judge in sorted(judges.items.items()):
        yield f"bench.judges[{key}].{part} = {_told(judge, part)}"
