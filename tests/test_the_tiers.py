"""The tier of a change is computed from what changed; nobody declares it."""

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invariants.diff import diff
from invariants.tiers import FLOOR, ORDER, Kind, tier_of, weight_step
from logs.errors import Refused
from logs.vocabulary import JudgeKind, PromptPool, Recipe, Reference, State, Tier
from tests.law_cases import (
    FOUNDING,
    PRINCIPLES,
    digest,
    judge,
    principle,
    trained,
    with_judges,
    with_principles,
    with_weights,
)

HONEST, HARMLESS, HELPFUL, FAIR, CONCISE = PRINCIPLES
ANN, BEA = FOUNDING.panel.judges
STEP = Fraction(1, 25)


def changed(**update: object) -> State:
    return FOUNDING.model_copy(update=update)


def edited(key: str, **update: object) -> State:
    return with_principles(
        FOUNDING,
        *(
            p.model_copy(update=update) if p.id == key else p
            for p in FOUNDING.constitution.principles
        ),
    )


CASES: dict[str, tuple[State, Tier, Kind]] = {
    "nothing": (FOUNDING, Tier.LOW, Kind.NOTHING),
    "train the adapter": (trained(FOUNDING), Tier.LOW, Kind.ADAPTER),
    "keep answers for replay": (changed(replay=digest("c")), Tier.LOW, Kind.REPLAY),
    "refresh prompts": (changed(prompts=PromptPool(seed=2, size=0)), Tier.LOW, Kind.PROMPTS),
    "emphasise a skill": (
        changed(prompts=PromptPool(seed=1, size=0, emphasis={"sort": 2.0})),
        Tier.LOW,
        Kind.PROMPTS,
    ),
    "a hyper-parameter": (changed(recipe=Recipe(learning_rate=1e-4)), Tier.LOW, Kind.RECIPE),
    "the reference policy": (
        changed(recipe=Recipe(reference=Reference.ANCHOR)),
        Tier.LOW,
        Kind.RECIPE,
    ),
    "the recipe family": (changed(recipe=Recipe(family="spar")), Tier.MEDIUM, Kind.RECIPE_FAMILY),
    "the kind of adapter": (
        changed(recipe=Recipe(adapter="full")),
        Tier.MEDIUM,
        Kind.RECIPE_FAMILY,
    ),
    "reweight a little": (
        with_weights(FOUNDING, helpful="0.22", concise="0.13"),
        Tier.LOW,
        Kind.PRINCIPLE_REWEIGHTED,
    ),
    "reweight a little too far": (
        with_weights(FOUNDING, helpful="0.2201", concise="0.13"),
        Tier.MEDIUM,
        Kind.PRINCIPLE_REWEIGHTED_FAR,
    ),
    "reweight the panel": (
        with_judges(FOUNDING, ANN, judge("bea", "bea", "2"), updates=0),
        Tier.LOW,
        Kind.PANEL_REWEIGHTED,
    ),
    "refit a judge": (
        with_judges(FOUNDING, judge("ann", "ann", version=2), BEA),
        Tier.MEDIUM,
        Kind.JUDGE_REFIT,
    ),
    "swap a judge's artefact silently": (
        with_judges(FOUNDING, judge("ann", "ann", artefact=digest("c")), BEA),
        Tier.MEDIUM,
        Kind.JUDGE_REFIT,
    ),
    "add a judge": (
        with_judges(FOUNDING, ANN, BEA, judge("cy", "ann")),
        Tier.MEDIUM,
        Kind.JUDGE_ADDED,
    ),
    "swap a judge within the families": (
        with_judges(FOUNDING, ANN, BEA, judge("cy", "cy"), judge("dee", "ann")),
        Tier.MEDIUM,
        Kind.JUDGE_ADDED,
    ),
    "drop the last judge of a family": (
        with_judges(FOUNDING, ANN),
        Tier.HIGH,
        Kind.JUDGE_FAMILY_DROPPED,
    ),
    "relabel the last judge of a family": (
        with_judges(FOUNDING, ANN, judge("bea", "ann")),
        Tier.HIGH,
        Kind.JUDGE_FAMILY_DROPPED,
    ),
    "another kind of judge": (
        with_judges(FOUNDING, judge("ann", "ann", kind=JudgeKind.REMOTE), BEA),
        Tier.HIGH,
        Kind.JUDGE_KIND,
    ),
    "add a principle": (
        with_principles(FOUNDING, *PRINCIPLES, principle("brief", "adaptive", "0.01")),
        Tier.MEDIUM,
        Kind.PRINCIPLE_ADDED,
    ),
    "add a principle and call it immutable": (
        with_principles(FOUNDING, *PRINCIPLES, principle("brief", "immutable", "0.01")),
        Tier.HIGH,
        Kind.CORE_TOUCHED,
    ),
    "remove an adaptive principle": (
        with_principles(FOUNDING, HONEST, HARMLESS, HELPFUL, FAIR),
        Tier.MEDIUM,
        Kind.PRINCIPLE_REMOVED,
    ),
    "reword an adaptive principle": (
        edited("concise", text="Be short."),
        Tier.MEDIUM,
        Kind.PRINCIPLE_EDITED,
    ),
    "narrow an adaptive principle": (
        edited("concise", contexts=("sort",)),
        Tier.MEDIUM,
        Kind.PRINCIPLE_EDITED,
    ),
    "narrow a core principle": (edited("fair", contexts=("sort",)), Tier.HIGH, Kind.CORE_TOUCHED),
    "promote an adaptive principle": (edited("concise", tier="core"), Tier.HIGH, Kind.CORE_TOUCHED),
    "demote a core principle": (edited("fair", tier="adaptive"), Tier.HIGH, Kind.CORE_TOUCHED),
    "reword a core principle": (edited("fair", text="Be nice."), Tier.HIGH, Kind.CORE_TOUCHED),
    "remove a core principle": (
        with_principles(FOUNDING, HONEST, HARMLESS, FAIR, CONCISE),
        Tier.HIGH,
        Kind.CORE_TOUCHED,
    ),
    "another base model": (changed(base=digest("c")), Tier.FORBIDDEN, Kind.BASE),
    "a counter that goes backwards": (
        changed(policy_updates=-1),
        Tier.FORBIDDEN,
        Kind.COUNTERS_UNTRUE,
    ),
    "an update that did not happen": (
        changed(policy_updates=1),
        Tier.FORBIDDEN,
        Kind.COUNTERS_UNTRUE,
    ),
    "a judge changed and not counted": (
        with_judges(FOUNDING, judge("ann", "ann", version=2), BEA, updates=0),
        Tier.FORBIDDEN,
        Kind.COUNTERS_UNTRUE,
    ),
}


class TestTheTierOfAChange:
    @pytest.mark.parametrize("name", CASES)
    def test_is_the_one_of_the_table(self, name):
        new, tier, kind = CASES[name]
        found = tier_of(FOUNDING, new, step_l1=STEP)
        assert found.tier is tier
        assert kind in found.kinds

    def test_is_that_of_its_weightiest_part(self):
        both = trained(edited("fair", text="Be nice."))
        assert tier_of(FOUNDING, both, step_l1=STEP).tier is Tier.HIGH

    def test_of_any_reweighting_is_medium_when_the_policy_sets_no_step(self):
        assert tier_of(FOUNDING, CASES["reweight a little"][0]).tier is Tier.MEDIUM

    def test_says_which_path_led_to_it(self):
        found = tier_of(FOUNDING, edited("fair", text="Be nice."), step_l1=STEP)
        assert found.because[0] == "constitution.principles[fair] (core_touched): high"


class TestThePolicyFile:
    def test_may_raise_a_tier(self):
        raises = {Kind.PRINCIPLE_ADDED: Tier.HIGH}
        assert tier_of(FOUNDING, CASES["add a principle"][0], raises=raises).tier is Tier.HIGH

    @pytest.mark.parametrize("kind", list(Kind))
    @pytest.mark.parametrize("lower", list(Tier))
    def test_cannot_lower_one(self, kind, lower):
        new, tier, of = next(((n, t, k) for n, t, k in CASES.values() if k is kind), (None,) * 3)
        if new is None:
            assert kind in (
                Kind.ROLLBACK,
                Kind.COUNTERS,
                Kind.CONSTITUTION_VERSION,
                Kind.JUDGE_REMOVED,
                Kind.JUDGE_SWAPPED,
            )
            return
        found = tier_of(FOUNDING, new, step_l1=STEP, raises={of: lower}).tier
        assert ORDER.index(found) >= ORDER.index(tier)

    def test_finds_a_floor_for_every_kind(self):
        assert set(FLOOR) == set(Kind)


class TestARollback:
    def test_is_low_even_where_the_same_diff_would_be_medium(self):
        later = with_principles(FOUNDING, *PRINCIPLES, principle("brief", "adaptive", "0.01"))
        assert tier_of(later, FOUNDING, restored=FOUNDING).tier is Tier.LOW
        assert tier_of(later, FOUNDING).tier is Tier.MEDIUM

    def test_may_set_counters_back_with_the_state_they_belong_to(self):
        assert tier_of(trained(FOUNDING), FOUNDING, restored=FOUNDING).tier is Tier.LOW
        assert tier_of(trained(FOUNDING), FOUNDING).tier is Tier.FORBIDDEN

    def test_that_is_not_exact_is_no_rollback(self):
        almost = with_weights(FOUNDING, helpful="0.2000000001")
        assert Kind.ROLLBACK not in tier_of(trained(FOUNDING), almost, restored=FOUNDING).kinds

    def test_across_an_edit_of_the_core_needs_the_people_who_made_it(self):
        assert (
            tier_of(edited("fair", text="Be nice."), FOUNDING, restored=FOUNDING).tier is Tier.HIGH
        )


tenths = st.integers(0, 10).map(lambda t: Decimal(t) / 10)
people = st.lists(
    st.builds(
        principle, st.sampled_from("abcd"), st.sampled_from(["core", "adaptive"]), tenths.map(str)
    ),
    unique_by=lambda p: p.id,
)
states = st.builds(
    lambda ps, js, adapter, seed: with_principles(
        changed(
            adapter=adapter,
            prompts=PromptPool(seed=seed, size=0, emphasis={"sort": 1.5} if seed else {}),
            panel=FOUNDING.panel.model_copy(update={"judges": tuple(js)}),
        ),
        *ps,
    ),
    people,
    st.lists(st.sampled_from([ANN, BEA, judge("cy", "cy")]), unique_by=lambda j: j.id),
    st.sampled_from([None, digest("c"), digest("d")]),
    st.integers(0, 2),
)


class TestTheDifferenceOfTwoStates:
    @given(states, states)
    def test_is_empty_only_between_equals(self, a, b):
        assert (diff(a, b) == ()) == (a == b)
        assert diff(a, a) == ()

    @given(states, states)
    def test_is_sorted_and_turns_round_with_its_arguments(self, a, b):
        there, back = diff(a, b), diff(b, a)
        assert all(x.path < y.path for x, y in pairwise(there))
        assert [(c.path, c.old, c.new) for c in there] == [(c.path, c.new, c.old) for c in back]

    @given(states, states)
    def test_of_weights_is_a_distance(self, a, b):
        assert weight_step(a, b) == weight_step(b, a) >= 0
        assert weight_step(a, FOUNDING) <= weight_step(a, b) + weight_step(b, FOUNDING)

    def test_names_path_old_and_new(self):
        (change,) = (
            c
            for c in diff(FOUNDING, CASES["reweight a little"][0])
            if c.path == "constitution.principles[concise].weight"
        )
        assert (change.old, change.new) == ("0.15", "0.13")

    def test_refuses_states_in_which_an_id_means_two_things(self):
        with pytest.raises(Refused, match="same id"):
            diff(FOUNDING, with_principles(FOUNDING, HONEST, HONEST))
