"""What changed, and how much authority that takes: computed, never declared.

The policy file may raise the tier of a kind of change; it cannot lower one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from invariants.diff import diff
from logs.vocabulary import Judge, Principle, PrincipleTier, State, Tier

ORDER = (Tier.LOW, Tier.MEDIUM, Tier.HIGH, Tier.FORBIDDEN)


class Kind(StrEnum):
    """Kinds of change that a policy file can name in its `[tier]` table."""

    NOTHING = "nothing"
    ROLLBACK = "rollback"
    ADAPTER = "adapter"
    REPLAY = "replay"
    PROMPTS = "prompts"
    RECIPE = "recipe"
    RECIPE_FAMILY = "recipe_family"
    COUNTERS = "counters"
    COUNTERS_UNTRUE = "counters_untrue"
    """A counter that goes backwards, or counts an update that did not happen."""
    CONSTITUTION_VERSION = "constitution_version"
    PRINCIPLE_REWEIGHTED = "principle_reweighted"
    PRINCIPLE_REWEIGHTED_FAR = "principle_reweighted_far"
    PRINCIPLE_ADDED = "principle_added"
    PRINCIPLE_REMOVED = "principle_removed"
    PRINCIPLE_EDITED = "principle_edited"
    CORE_TOUCHED = "core_touched"
    """A core or immutable principle was added, removed, reworded or re-tiered."""
    PANEL_REWEIGHTED = "panel_reweighted"
    JUDGE_REFIT = "judge_refit"
    JUDGE_ADDED = "judge_added"
    JUDGE_REMOVED = "judge_removed"
    JUDGE_SWAPPED = "judge_swapped"
    JUDGE_KIND = "judge_kind"
    JUDGE_FAMILY_DROPPED = "judge_family_dropped"
    BASE = "base"


FLOOR: Mapping[Kind, Tier] = {
    Kind.NOTHING: Tier.LOW,
    Kind.ROLLBACK: Tier.LOW,
    Kind.ADAPTER: Tier.LOW,
    Kind.REPLAY: Tier.LOW,
    Kind.PROMPTS: Tier.LOW,
    Kind.RECIPE: Tier.LOW,
    Kind.RECIPE_FAMILY: Tier.MEDIUM,
    Kind.COUNTERS: Tier.LOW,
    Kind.COUNTERS_UNTRUE: Tier.FORBIDDEN,
    Kind.CONSTITUTION_VERSION: Tier.LOW,
    Kind.PRINCIPLE_REWEIGHTED: Tier.LOW,
    Kind.PRINCIPLE_REWEIGHTED_FAR: Tier.MEDIUM,
    Kind.PRINCIPLE_ADDED: Tier.MEDIUM,
    Kind.PRINCIPLE_REMOVED: Tier.MEDIUM,
    Kind.PRINCIPLE_EDITED: Tier.MEDIUM,
    Kind.CORE_TOUCHED: Tier.HIGH,
    Kind.PANEL_REWEIGHTED: Tier.LOW,
    Kind.JUDGE_REFIT: Tier.MEDIUM,
    Kind.JUDGE_ADDED: Tier.MEDIUM,
    Kind.JUDGE_REMOVED: Tier.MEDIUM,
    Kind.JUDGE_SWAPPED: Tier.MEDIUM,
    Kind.JUDGE_KIND: Tier.HIGH,
    Kind.JUDGE_FAMILY_DROPPED: Tier.HIGH,
    Kind.BASE: Tier.FORBIDDEN,
}
"""The lowest tier of each kind of change."""


@dataclass(frozen=True, slots=True)
class TierRuling:
    """The tier of a change, and the kinds of change that led to it."""

    tier: Tier
    kinds: tuple[Kind, ...]
    because: tuple[str, ...]
    """`path (kind): tier`, highest first."""


def tier_of(
    old: State,
    new: State,
    *,
    step_l1: Fraction | None = None,
    restored: State | None = None,
    raises: Mapping[Kind, Tier] | None = None,
) -> TierRuling:
    """Compute the tier of a change from its two states.

    Args:
        old: State at HEAD.
        new: The candidate.
        step_l1: Longest reweighting of principles that is still low; None: every one is medium.
        restored: State of the ancestor that the proposal says it restores.
        raises: Tiers from the policy file; the higher of floor and this one counts.
    """
    if restored is not None and new == restored:
        found = list(_rollback_kinds(old, new))
    else:
        found = list(_kinds(old, new, step_l1)) or [(Kind.NOTHING, "no change")]
    raised = raises or {}
    tiers = [
        (max(FLOOR[k], raised.get(k, Tier.LOW), key=ORDER.index), k, path) for k, path in found
    ]
    tiers.sort(key=lambda item: (-ORDER.index(item[0]), item[2], item[1]))
    return TierRuling(
        tier=tiers[0][0],
        kinds=tuple(sorted({kind for kind, _ in found})),
        because=tuple(f"{path} ({kind}): {tier}" for tier, kind, path in tiers),
    )


def weight_step(old: State, new: State) -> Fraction:
    """L1 distance of the principles' weights; a principle that is not there weighs 0."""
    before = {p.id: Fraction(p.weight) for p in old.constitution.principles}
    after = {p.id: Fraction(p.weight) for p in new.constitution.principles}
    ids = before.keys() | after.keys()
    return sum(
        (abs(after.get(i, Fraction(0)) - before.get(i, Fraction(0))) for i in ids), Fraction(0)
    )


def _rollback_kinds(old: State, new: State) -> Iterator[tuple[Kind, str]]:
    yield Kind.ROLLBACK, "state"
    # Only people touch core principles, so only people may undo that they did.
    yield from (
        found for found in _principle_kinds(old, new, None) if found[0] is Kind.CORE_TOUCHED
    )


def _kinds(old: State, new: State, step_l1: Fraction | None) -> Iterator[tuple[Kind, str]]:
    yield from _principle_kinds(old, new, step_l1)
    yield from _judge_kinds(old, new)
    yield from _counter_kinds(old, new)
    for change in diff(old, new):
        kind = _plain_kind(change.path)
        if kind is not None:
            yield kind, change.path


def _plain_kind(path: str) -> Kind | None:
    """The kind of a change whose path alone tells; None where the items were compared."""
    if path in ("recipe.family", "recipe.adapter"):
        return Kind.RECIPE_FAMILY
    if path.startswith(("constitution.principles[", "panel.judges[")):
        return None
    table = {
        "base": Kind.BASE,
        "adapter": Kind.ADAPTER,
        "replay": Kind.REPLAY,
        "recipe": Kind.RECIPE,
        "prompts": Kind.PROMPTS,
        "panel": Kind.PANEL_REWEIGHTED,
        "constitution": Kind.CONSTITUTION_VERSION,
        "policy_updates": Kind.COUNTERS,
        "judge_updates": Kind.COUNTERS,
    }
    # A field that this table does not know is nothing that the agent may change.
    return table.get(path.partition(".")[0], Kind.BASE)


def _principle_kinds(
    old: State, new: State, step_l1: Fraction | None
) -> Iterator[tuple[Kind, str]]:
    before = {p.id: p for p in old.constitution.principles}
    after = {p.id: p for p in new.constitution.principles}
    step = weight_step(old, new)
    near = step_l1 is not None and step <= step_l1
    for key in sorted(before.keys() | after.keys()):
        kind = _principle_kind(before.get(key), after.get(key), near)
        if kind is not None:
            yield kind, f"constitution.principles[{key}]"


def _principle_kind(was: Principle | None, now: Principle | None, near: bool) -> Kind | None:
    if was == now:
        return None
    same_body = was is not None and now is not None and _body(was) == _body(now)
    if same_body:
        return Kind.PRINCIPLE_REWEIGHTED if near else Kind.PRINCIPLE_REWEIGHTED_FAR
    if any(p is not None and p.tier is not PrincipleTier.ADAPTIVE for p in (was, now)):
        return Kind.CORE_TOUCHED
    if was is None:
        return Kind.PRINCIPLE_ADDED
    return Kind.PRINCIPLE_REMOVED if now is None else Kind.PRINCIPLE_EDITED


def _body(p: Principle) -> tuple[object, ...]:
    return (p.id, p.text, p.tier, p.contexts)


def _judge_kinds(old: State, new: State) -> Iterator[tuple[Kind, str]]:
    before = {j.id: j for j in old.panel.judges}
    after = {j.id: j for j in new.panel.judges}
    for key in sorted(before.keys() | after.keys()):
        kind = _judge_kind(before.get(key), after.get(key))
        if kind is not None:
            yield kind, f"panel.judges[{key}]"
    left = {j.family for j in after.values()}
    for family in sorted({j.family for j in before.values()} - left):
        yield Kind.JUDGE_FAMILY_DROPPED, f"panel.families[{family}]"


def _judge_kind(was: Judge | None, now: Judge | None) -> Kind | None:
    if was == now:
        return None
    if was is None:
        return Kind.JUDGE_ADDED
    if now is None:
        return Kind.JUDGE_REMOVED
    if was.kind is not now.kind:
        return Kind.JUDGE_KIND
    if was.family != now.family:
        return Kind.JUDGE_SWAPPED
    same = (was.version, was.artefact) == (now.version, now.artefact)
    return Kind.PANEL_REWEIGHTED if same else Kind.JUDGE_REFIT


def judges_differ(old: State, new: State) -> bool:
    """Whether any judge is another one than before; weights do not count."""
    return any(
        kind is not Kind.PANEL_REWEIGHTED and kind is not Kind.JUDGE_FAMILY_DROPPED
        for kind, _ in _judge_kinds(old, new)
    )


def _counter_kinds(old: State, new: State) -> Iterator[tuple[Kind, str]]:
    """The counters must tell what happened, since a rule holds judges slower than the policy."""
    trained = new.adapter != old.adapter
    updates = new.policy_updates - old.policy_updates
    if updates < 0 or updates > int(trained):
        yield Kind.COUNTERS_UNTRUE, "policy_updates"
    judged = new.judge_updates - old.judge_updates
    if judged < int(judges_differ(old, new)):
        yield Kind.COUNTERS_UNTRUE, "judge_updates"
