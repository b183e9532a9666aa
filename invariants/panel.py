"""What no judge and no family of judges can do alone, as theorems about a panel.

The panel's score of an answer is the weighted mean of its judges' scores, and of two
answers it prefers the higher one. Scores that have no bound make every theorem false: a
judge of any weight above 0 can outbid all others. So each is proved for gaps between two
answers of at most 1, in whatever unit, the same for all judges; and the counterexample
without a bound is part of the answer.
"""

from collections.abc import Iterator
from fractions import Fraction

from invariants.solver import Desk, Term, all_of, constant, free, implies, total
from invariants.values import shown
from logs.vocabulary import Outcome, Panel, Word


class Theorem(Word):
    """One statement about a panel."""

    name: str
    says: str
    proved: Outcome
    because: str = ""
    """A counterexample in words, if there is one."""


class PanelReport(Word):
    """What is proved of a panel."""

    theorems: tuple[Theorem, ...]
    unbounded: str
    """What happens when a judge's scores have no bound."""

    @property
    def sound(self) -> bool:
        """Whether every statement is proved."""
        return all(theorem.proved is Outcome.HOLDS for theorem in self.theorems)


def prove_panel(panel: Panel, *, desk: Desk | None = None) -> PanelReport:
    """Prove what its weights promise; judges without weight have no voice and are left out."""
    desk = desk or Desk()
    shares = _shares(panel)
    families: dict[str, list[str]] = {}
    for judge in panel.judges:
        if judge.id in shares:
            families.setdefault(judge.family, []).append(judge.id)
    theorems = [
        *(_beyond_its_share(judge, shares, desk) for judge in shares),
        *(_alone(f"family {name}", ids, shares, desk) for name, ids in families.items()),
    ]
    return PanelReport(theorems=tuple(theorems), unbounded=_without_a_bound(shares, desk))


def _shares(panel: Panel) -> dict[str, Fraction]:
    weights = {judge.id: Fraction(judge.weight) for judge in panel.judges if judge.weight > 0}
    whole = sum(weights.values(), Fraction(0))
    return {judge: weight / whole for judge, weight in weights.items()}


def _gaps(shares: dict[str, Fraction], name: str = "gap") -> dict[str, Term]:
    """How much better each judge finds the first of two answers."""
    return {judge: free("real", f"{name} of {judge}") for judge in shares}


def _panel(gaps: dict[str, Term], shares: dict[str, Fraction]) -> Term:
    return total(constant(share) * gaps[judge] for judge, share in shares.items())


def _bounded(gaps: dict[str, Term]) -> list[Term]:
    return [all_of([gap >= -1, gap <= 1]) for gap in gaps.values()]


def _beyond_its_share(judge: str, shares: dict[str, Fraction], desk: Desk) -> Theorem:
    """If the others prefer an answer by more than the judge's share, the judge cannot undo it."""
    gaps = _gaps(shares)
    others = {j: share for j, share in shares.items() if j != judge}
    rest, share = _panel({j: gaps[j] for j in others}, others), shares[judge]
    moved = {**gaps, judge: free("real", f"another gap of {judge}")}
    shift = _panel(moved, shares) - _panel(gaps, shares)
    claim = all_of(
        [
            implies(rest > constant(share), _panel(gaps, shares) > 0),
            shift <= constant(2 * share),
            shift >= constant(-2 * share),
        ]
    )
    premises = [*_bounded(gaps), *_bounded({judge: moved[judge]})]
    said = desk.prove(f"panel/share/{judge}", premises, claim).outcome
    says = (
        f"{judge} moves the panel by at most its share of {shown(share)} times the range, "
        "and flips no verdict that the others hold by more"
    )
    return Theorem(name=f"judge {judge}", says=says, proved=said)


def _alone(name: str, ids: list[str], shares: dict[str, Fraction], desk: Desk) -> Theorem:
    """Whatever these judges say, the others can prevent that the panel follows them."""
    share = sum((shares[judge] for judge in ids), Fraction(0))
    gaps = _gaps(shares)
    against = {**gaps, **{j: constant(Fraction(-1)) for j in shares if j not in ids}}
    premises = _bounded({judge: gaps[judge] for judge in ids})
    answer = desk.prove(f"panel/alone/{name}", premises, _panel(against, shares) <= 0)
    because = ""
    if answer.value_of is not None:
        loud = ", ".join(f"{j} by {shown(answer.value_of(gaps[j]))}" for j in ids)
        because = f"preferred by {loud}; all others against by 1, and the panel still follows"
        if len(ids) == len(shares):
            because = "it is the whole panel"
    says = f"{name} does not decide alone (share {shown(share)}, at most 0.5)"
    return Theorem(name=name, says=says, proved=answer.outcome, because=because)


def _without_a_bound(shares: dict[str, Fraction], desk: Desk) -> str:
    """The least voice against the unanimity of all others, when scores may be any number."""
    if len(shares) < 2:
        return "one judge alone: its verdict is the panel's, with or without a bound"
    judge = min(shares, key=lambda j: (shares[j], j))
    gaps = _gaps(shares)
    others = [gaps[j] == 1 for j in shares if j != judge]
    overruled = constant(Fraction(0)) > _panel(gaps, shares)
    _, value_of = desk.ask(f"panel/unbounded/{judge}", [*others, overruled])
    if value_of is None:
        return "not decided"
    return (
        f"without a bound all of this is false: all others prefer an answer by 1, and "
        f"{judge}, with a share of {shown(shares[judge])}, overrules them with "
        f"{shown(value_of(gaps[judge]))}"
    )


def told(report: PanelReport) -> str:
    """The theorems as people read them."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: PanelReport) -> Iterator[str]:
    words = {Outcome.HOLDS: "PROVED", Outcome.BROKEN: "FALSE"}
    yield "if no judge finds one answer better than another by more than 1, in any unit:"
    for theorem in report.theorems:
        yield f"  {words.get(theorem.proved, 'UNDECIDED'):<9}  {theorem.says}"
        if theorem.because:
            yield f"             {theorem.because}"
    yield report.unbounded
