"""Unit cases of a policy: a proposal told in TOML, and what the law must say of it.

format = "plimsoll-cases/1"

[baseline.mine]                    # optional: on top of a built-in one
from = "training"
evidence.safety_pass = { k = 60, n = 64 }

[[case]]
name = "refuses too little"
baseline = "mine"
evidence.safety_pass = { k = 20, n = 64 }
refused_by = ["P11-safety-floor"]  # exactly these; or: allowed = true
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from invariants import gate
from invariants.document import bytes_of, document
from invariants.facts import Case as Facing
from invariants.facts import Facts, state_faults
from invariants.lexer import suggest
from invariants.policy import Policy
from invariants.scenes import SCENE, Scene, merged, scene_of
from invariants.standing import SAYINGS, approval_rulings, rolls_back
from invariants.table import Table
from invariants.tiers import TierRuling
from logs.errors import UsageError
from logs.vocabulary import Outcome, Ruling, Tier

FORMAT = "plimsoll-cases/1"
BUILT_IN = "baselines.toml"
_ABOUT = ("about", "from")

Second = Callable[[Policy, "Case"], Outcome]
"""Another engine that judges the same case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One proposal and what is expected of the law."""

    name: str
    why: str
    line: int
    scene: Scene
    refused_by: tuple[str, ...]
    """Empty: it must be allowed."""
    tier: Tier | None
    """The tier that the law must compute; None: any."""
    as_tier: Tier | None
    """Ask the rules of this tier instead of those of the tier that is computed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What the law said of one case."""

    case: Case
    tier: Tier
    failed: tuple[Ruling, ...]
    held: tuple[Ruling, ...]
    second: Outcome | None
    """What z3 said, where it was asked."""

    @property
    def refused_by(self) -> tuple[str, ...]:
        """The rules that do not hold."""
        return tuple(ruling.invariant for ruling in self.failed)

    @property
    def faults(self) -> tuple[str, ...]:
        """What is not as the case expects; empty when it passes."""
        wanted, found = self.case.refused_by, self.refused_by
        named = {ruling.invariant: ruling for ruling in self.failed}
        lines = [self._idle(rule) for rule in wanted if rule not in found]
        lines += [
            f"{rule} refuses it unexpectedly: {'; '.join(named[rule].values)}"
            for rule in found
            if rule not in wanted
        ]
        if self.case.tier not in (None, self.tier):
            lines.append(f"the law computes tier {self.tier}, not {self.case.tier}")
        if self.second is not None and (self.second is Outcome.HOLDS) != (not self._by_rules()):
            lines.append(f"z3 says {self.second}, the exact evaluator does not")
        return tuple(lines)

    def _idle(self, rule: str) -> str:
        """Why a rule that should refuse does not."""
        seen = next((ruling.values for ruling in self.held if ruling.invariant == rule), None)
        if seen is None:
            asked = self.case.as_tier or self.tier
            return f"{rule} should refuse it, but its `on` leaves out changes of tier {asked}"
        return f"{rule} should refuse it, but holds: {'; '.join(seen)}"

    def _by_rules(self) -> list[str]:
        return [rule for rule in self.refused_by if rule not in SAYINGS]


def built_in() -> dict[str, dict[str, Any]]:
    """The baselines that every file of cases may build on."""
    text, found = document(files("invariants").joinpath(BUILT_IN).read_bytes(), "baselines file")
    return _inherited(Table(found, "the baselines", text), found, {})


def default_cases() -> bytes:
    """The unit cases of the policy that comes with the project."""
    return files("invariants").joinpath("default_policy.cases.toml").read_bytes()


def raw(path: Path) -> bytes:
    """The bytes of a file of cases.

    Raises:
        UsageError: the file cannot be read.
    """
    return bytes_of(
        path,
        "file of cases",
        wanted="a readable file of cases",
        try_this="plimsoll policy test FILE",
    )


def load_cases(data: bytes) -> tuple[Case, ...]:
    """Read a file of cases.

    Raises:
        UsageError: malformed TOML, an unknown key or name; says where, and what is near.
    """
    text, found = document(data, "file of cases")
    top = Table(found, "the file of cases", text)
    if top.text("format") != FORMAT:
        raise top.error("format", "These are no cases of a known format.", f'format = "{FORMAT}"')
    baselines = _inherited(top, found, built_in())
    cases = tuple(_case(table, baselines, text) for table in top.several("case"))
    top.done()
    if not cases:
        raise top.error("case", "A file without cases would test nothing.", "one [[case]] or more")
    names = [case.name for case in cases]
    for name in names:
        if names.count(name) > 1:
            raise top.error("case", "Two cases have the same name.", "a name for each", hint=name)
    return cases


def examine(policy: Policy, cases: Sequence[Case], second: Second | None = None) -> list[Result]:
    """Put every case before the law; nothing of it is committed or logged."""
    return [_examined(policy, case, second) for case in cases]


def facing(policy: Policy, case: Case) -> tuple[Facts, TierRuling, tuple[Ruling, ...]]:
    """The facts of a case, its tier, and what the standing law says, before any rule of a file."""
    scene = case.scene
    before = Facing(
        founding=scene.founding,
        old=scene.old,
        proposal=scene.proposal,
        evidence=scene.evidence,
        ledgers=scene.ledgers,
        approvals=scene.approvals,
        rolls_back=rolls_back(scene.proposal.new, scene.proposal.restores, scene.restored),
    )
    return gate.before_rules(policy, before, scene.head, scene.restored)


def _examined(policy: Policy, case: Case, second: Second | None) -> Result:
    _demand_known(policy, case)
    _demand_fit(case)
    facts, tier, standing = facing(policy, case)
    asked = case.as_tier or tier.tier
    people = approval_rulings(policy.charter.approve, tier.tier, case.scene.approvals)
    rulings = [*standing, *people, *(gate.judge(rule, facts) for rule in policy.rules_for(asked))]
    return Result(
        case=case,
        tier=tier.tier,
        failed=tuple(ruling for ruling in rulings if ruling.outcome is not Outcome.HOLDS),
        held=tuple(ruling for ruling in rulings if ruling.outcome is Outcome.HOLDS),
        second=second(policy, case) if second else None,
    )


def by_z3(policy: Policy, case: Case) -> Outcome:
    """What z3 says of the rules that a case meets; imports it."""
    facts, tier, _ = facing(policy, case)
    rules = policy.rules_for(case.as_tier or tier.tier)
    return gate.by_z3([rule.expr for rule in rules], facts.roots)


def _inherited(
    top: Table, found: Mapping[str, Any], known: dict[str, dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Each baseline with what it takes over from an earlier one."""
    for name in top.names("baseline"):
        table = top.sub("baseline", name)
        below = known[table.choice("from", tuple(known))] if "from" in table.given() else {}
        table.allow((*SCENE, *_ABOUT))
        known[name] = merged(below, found["baseline"][name])
    return known


def _case(table: Table, baselines: Mapping[str, Mapping[str, Any]], text: str) -> Case:
    name, base = table.text("name"), table.choice("baseline", tuple(baselines))
    refused, allowed = table.words("refused_by", ()), table.flag("allowed")
    if bool(refused) == allowed:
        raise table.error(
            "refused_by",
            f"Case `{name}` must expect one thing.",
            'allowed = true, or refused_by = ["ID"]',
        )
    tiers = tuple(Tier)
    given = table.given()
    tier = Tier(table.choice("tier", tiers)) if "tier" in given else None
    as_tier = Tier(table.choice("as_tier", tiers)) if "as_tier" in given else None
    why = table.text("why", "")
    table.allow(SCENE)
    told = {key: value for key, value in baselines[base].items() if key not in _ABOUT}
    over = {key: table.plain(key) for key in given if key in SCENE}
    line = table.line(name)
    return Case(
        name=name,
        why=why,
        line=line,
        scene=scene_of(Table(merged(told, over), f"case `{name}`", text, name)),
        refused_by=refused,
        tier=tier,
        as_tier=as_tier,
    )


def _demand_known(policy: Policy, case: Case) -> None:
    # A draft is tried before anybody signs it, so no case is about its signatures.
    known = [*(r.id for r in policy.rules), *(law for law in SAYINGS if law != "law-signatures")]
    for rule in case.refused_by:
        if rule not in known:
            raise UsageError(
                f"Case `{case.name}` names a rule that policy {policy.id} does not have.",
                saw=f"{rule} (line {case.line})",
                wanted="the id of an [[invariant]], or of a standing rule such as law-head",
                try_this=suggest(rule, known),
            )


def _demand_fit(case: Case) -> None:
    scene = case.scene
    states = (("founding", scene.founding), ("old", scene.old), ("new", scene.proposal.new))
    for name, state in states:
        for fault in state_faults(state, name):
            raise UsageError(
                f"Case `{case.name}` tells of a state that no rule can read.",
                saw=fault,
                wanted="weights of at least 0, every id once",
                try_this="mend the case",
            )
