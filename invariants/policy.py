"""The policy file: exact parameters, declared metrics, rules and goals, all typed at load.

A policy that loads has no misspelt name, no type error and no unknown key. Whether it
contradicts itself and whether its goals are inductive is asked of z3, in `proof.py`.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, cast

from invariants.ast import Expr, paths
from invariants.document import bytes_of, document
from invariants.lexer import NAME, RESERVED
from invariants.measures import MetricRule
from invariants.parser import parse
from invariants.roles import NO_SEAL, NOBODY, Charter, Seal, charter_of
from invariants.schema import GUARANTEES, METRICS, SANDBOX_LEVEL, Record, roots
from invariants.table import Table, line_of
from invariants.tiers import FLOOR, ORDER, Kind
from invariants.typecheck import check
from logs.canonical import sha256
from logs.errors import Refused, UsageError
from logs.vocabulary import Digest, Tier

FORMAT = "plimsoll-policy/1"

On = Literal["always", "low", "medium", "high"]

_STATE_ROOTS = ("founding", "new", "param")
"""A goal speaks of a state, not of how it was reached."""


@dataclass(frozen=True, slots=True)
class Param:
    """One exact number that people set."""

    name: str
    kind: Literal["int", "real"]
    value: Fraction
    why: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One sentence for people and one formula, side by side."""

    id: str
    on: On
    need: str
    say: str
    expr: Expr

    def applies_to(self, tier: Tier) -> bool:
        """Whether a change of this tier must satisfy the rule; a forbidden one, all of them."""
        return self.on == "always" or tier is Tier.FORBIDDEN or self.on == tier.value


@dataclass(frozen=True, slots=True)
class Goal:
    """What must hold of every state that the agent can reach without people."""

    id: str
    need: str
    say: str
    expr: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A policy in force; its digest names the bytes of its file."""

    id: str
    version: int
    expires: datetime | None
    params: Mapping[str, Param]
    metrics: Mapping[str, MetricRule]
    raises: Mapping[Kind, Tier]
    rules: tuple[Rule, ...]
    goals: tuple[Goal, ...]
    digest: Digest
    charter: Charter = NOBODY
    seal: Seal = NO_SEAL

    @property
    def values(self) -> Mapping[str, Fraction]:
        """The parameters as exact numbers."""
        return {name: param.value for name, param in self.params.items()}

    def rules_for(self, tier: Tier) -> tuple[Rule, ...]:
        """The rules that a change of this tier must satisfy."""
        return tuple(rule for rule in self.rules if rule.applies_to(tier))


def default_bytes() -> bytes:
    """The policy file that comes with the project, for the micro-world."""
    return files("invariants").joinpath("default_policy.toml").read_bytes()


def read(path: Path, *, now: datetime | None = None) -> Policy:
    """Load a policy file.

    Raises:
        UsageError: the file cannot be read, or does not load.
        Refused: it has expired at `now`.
    """
    return load(raw(path), now=now)


def raw(path: Path) -> bytes:
    """The bytes of a policy file, whether or not it loads.

    Raises:
        UsageError: the file cannot be read.
    """
    return bytes_of(
        path,
        "policy file",
        wanted="a readable file in the format " + FORMAT,
        try_this="give the path of a policy.toml",
    )


def load(data: bytes, *, now: datetime | None = None) -> Policy:
    """Load a policy from the bytes of its file.

    Raises:
        UsageError: malformed TOML, an unknown key, name or type; says where, and what is near.
        Refused: it has expired at `now` (None: expiry is not checked).
    """
    text, found = document(data)
    top = Table(found, "the policy file", text)
    if top.text("format") != FORMAT:
        raise top.error("format", "This is no policy of a known format.", f'format = "{FORMAT}"')
    _demand_readable(top)
    params = {name: _param(name, top.sub("param", name)) for name in top.names("param")}
    metrics = {name: _metric(top.sub("metric", name)) for name in top.names("metric")}
    known = roots(
        {name: param.kind for name, param in params.items()},
        {name: metric.kind for name, metric in metrics.items()},
    )
    policy = Policy(
        id=top.text("id"),
        version=top.whole("version"),
        expires=top.time("expires"),
        params=params,
        metrics=metrics,
        raises=_raises(top),
        rules=tuple(_rule(table, known) for table in top.several("invariant")),
        goals=tuple(_goal(table, known) for table in top.several("goal")),
        digest=sha256(data),
        charter=charter_of(top),
    )
    top.done()
    _demand_distinct(policy, text)
    demand_in_force(policy, now)
    return policy


def _param(name: str, table: Table) -> Param:
    kind = table.choice("type", ("int", "real"))
    value = table.exact("value")
    if kind == "int" and value.denominator != 1:
        raise table.error(
            "value", f"`{name}` is declared int, but {value} is not whole.", "a whole number"
        )
    param = Param(name, cast(Literal["int", "real"], kind), value, table.text("why", ""))
    table.done()
    return param


def _metric(table: Table) -> MetricRule:
    kind = table.choice("kind", tuple(METRICS))
    plain = MetricRule(cast(Any, kind), table.text("unit"), table.text("why", ""))
    if kind == "exact":
        rule = plain
    else:
        rule = MetricRule(
            plain.kind,
            plain.unit,
            plain.why,
            table.exact("alpha", "1/20"),
            table.exact("lower") if kind == "mean" else plain.lower,
            table.exact("upper") if kind == "mean" else plain.upper,
            cast(Any, table.choice("guarantee", GUARANTEES, "fixed_n")),
        )
    if not 0 < rule.alpha <= Fraction(1, 2):
        raise table.error("alpha", "An error probability must be small.", "0 < alpha <= 1/2")
    if rule.lower >= rule.upper:
        raise table.error("lower", "The range of a mean is empty.", "lower < upper")
    table.done()
    return rule


def _raises(top: Table) -> Mapping[Kind, Tier]:
    found: dict[Kind, Tier] = {}
    table = top.sub("tier")
    for name in table.given():
        if name not in list(Kind):
            raise table.unknown(name, list(Kind))
        kind = Kind(name)
        tier = Tier(table.choice(name, tuple(ORDER)))
        if ORDER.index(tier) < ORDER.index(FLOOR[kind]):
            raise table.error(
                name,
                f"A policy may raise the tier of `{name}`, not lower it.",
                f"{FLOOR[kind]} or higher",
            )
        found[kind] = tier
    return found


def _rule(table: Table, known: Mapping[str, Record]) -> Rule:
    rule_id, need, say = table.text("id"), table.text("need"), table.text("say")
    on = cast(On, table.choice("on", ("always", "low", "medium", "high")))
    table.done()
    return Rule(rule_id, on, need, say, _typed(table, rule_id, need, known))


def _goal(table: Table, known: Mapping[str, Record]) -> Goal:
    goal_id, need, say = table.text("id"), table.text("need"), table.text("say")
    table.done()
    expr = _typed(table, goal_id, need, known)
    bound = {path.root for path in paths(expr)} & known.keys()
    for root in sorted(bound - set(_STATE_ROOTS)):
        raise table.error(
            "need",
            f"Goal {goal_id} reads `{root}`, but a goal speaks of a state alone.",
            "founding, new and param; put what reads a change or evidence into an [[invariant]]",
        )
    return Goal(goal_id, need, say, expr)


def _typed(table: Table, rule_id: str, need: str, known: Mapping[str, Record]) -> Expr:
    try:
        return check(parse(need), need, known)
    except UsageError as error:
        raise UsageError(
            f"{rule_id} (line {table.line(rule_id)}): {error.what}",
            saw=error.saw,
            wanted=error.wanted,
            try_this=error.try_this,
        ) from error


def _demand_readable(top: Table) -> None:
    """Names that a rule could not write, or that mean something already, are refused."""
    for group in ("param", "metric"):
        for name in top.names(group):
            taken = name in RESERVED or (group == "metric" and name == SANDBOX_LEVEL)
            if taken or not NAME.fullmatch(name):
                raise top.sub(group).error(
                    name,
                    f"No {group} can have the name `{name}`.",
                    "letters, digits and _, not a word of the language or a built-in metric",
                )


def _demand_distinct(policy: Policy, text: str) -> None:
    ids = [rule.id for rule in policy.rules] + [goal.id for goal in policy.goals]
    for twice in sorted(i for i, times in Counter(ids).items() if times > 1):
        raise UsageError(
            "Two rules or goals have the same id.",
            saw=f"{twice}, first on line {line_of(text, twice)}",
            wanted="every id once: the log names rules by id",
            try_this="rename one of them",
        )
    if not policy.rules:
        raise UsageError(
            "A policy without rules would permit nothing, since nothing would hold.",
            saw="no [[invariant]]",
            wanted="at least one",
            try_this="start from the default policy: plimsoll policy show",
        )


def demand_in_force(policy: Policy, now: datetime | None) -> None:
    """Refuse a policy that has expired; None: expiry is not checked."""
    if policy.expires is not None and now is not None and now.astimezone(UTC) >= policy.expires:
        raise Refused(
            "The policy has expired.",
            saw=f"expires {policy.expires.isoformat()}, now {now.astimezone(UTC).isoformat()}",
            wanted="a policy in force",
            try_this="have people review it and issue the next version",
        )
