"""Conditions are data: what they decide keeps every claim, and both engines read them alike."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.deciders import View
from agent.interventions.edit_constitution import REMEDIES
from agent.rules import TABLE, decide
from agent.session import PARAMETERS
from agent.table.acts import ACTS, KEPT_BACK
from agent.table.choosing import entries, guarded
from agent.table.claims import claims_of
from agent.table.facts import DEFAULT_FLOOR, exact, facts_of, with_definitions
from agent.table.vocabulary import BENCH, IS, MAY, MEASURED, PARAMS, ROOTS, read
from invariants import policy as policies
from invariants.evaluate import evaluate
from invariants.facts import Facts
from invariants.schema import Map, Record
from invariants.solver import second_opinion
from invariants.tiers import Kind
from invariants.values import Collection, Missing
from logs.vocabulary import (
    Intervention,
    Ledgers,
    Nearest,
    Outcome,
    Tier,
)
from tests.a_constitution import weights, written
from tests.a_view import BENCH as CLERK
from tests.a_view import accuracy, state, view
from tests.test_any_view import LIMITS, views
from tests.test_the_decider import DOUBTFUL, PADDING, REFUSED, VAULT_ASKED

POLICY = policies.load(policies.default_bytes())
CONDITIONS = [
    *IS.values(),
    *MAY.values(),
    *(need.when for entry in entries(TABLE) for need in guarded(entry).needs),
    *(way.when for entry in entries(TABLE) for way in guarded(entry).ways),
    *(claim.holds for act in ACTS.values() for claim in claims_of(act)),
]


@st.composite
def sights(draw: st.DrawFn) -> View:
    """Views with offers, principles, spent vaults, raised tiers and switched-off interventions."""
    seen = draw(views())
    given = {name: draw(weights) for name in ("thorough", "concise", "honest")}
    now = written(seen.state, **given)
    if seen.past and draw(st.booleans()):
        offered = {name: Decimal(draw(weights)) for name in given}
        offer = Nearest(tier=Tier.LOW, weights=offered, distance=Decimal(0), says=("so",))
        last = replace(
            seen.past[-1],
            offer=offer,
            flaw=draw(st.sampled_from(sorted(REMEDIES))),
            head=draw(st.sampled_from([seen.head, "f" * 64])),
        )
        seen = replace(seen, past=(*seen.past[:-1], last))
    off = st.sampled_from(sorted(set(Intervention) - {Intervention.TRAIN}))
    return replace(
        seen,
        state=now,
        ledgers=seen.ledgers.model_copy(update={"gold_queries": draw(st.integers(0, 20))}),
        without=draw(st.frozensets(off, max_size=2)),
    )


raises = st.dictionaries(st.sampled_from(list(Kind)), st.sampled_from(list(Tier)), max_size=4)


class TestADecision:
    @settings(max_examples=60, deadline=None)
    @given(sights(), raises)
    def test_keeps_every_claim_by_the_exact_evaluator_under_any_tiers(self, seen, raised):
        seen = replace(seen, raises=raised)
        decision, facts = decide(seen), facts_of(seen)
        acts = [a for a in ACTS.values() if a.intervention is decision.intervention]
        assert any(
            all(evaluate(read(claim.holds), facts) is True for claim in claims_of(act))
            for act in acts
        )

    def test_is_to_ask_a_person_when_a_policy_lets_only_people_train(self):
        for kind in ACTS["train"].kinds:
            decision = decide(view(raises={kind: Tier.HIGH}))
            assert decision.intervention is Intervention.ASK_PERSON
            assert decision.rule == "R8-healthy"

    def test_falls_through_a_refit_that_needs_people(self):
        trouble = view(
            accuracy(12),
            past=VAULT_ASKED,
            raises={Kind.JUDGE_REFIT: Tier.HIGH},
        )
        assert decide(replace(trouble, raises={})).intervention is Intervention.REFIT_JUDGE
        assert decide(trouble).intervention is Intervention.SWAP_JUDGE

    def test_is_to_take_a_step_where_the_whole_remedy_is_more_than_may_be_spent(self):
        thick = written(state(), thorough="0.12", concise="0.12")
        most = LIMITS["weight_path_max"]
        for spent, size in ((most - Decimal("0.24"), "all"), (most - Decimal("0.23"), "step")):
            seen = view(PADDING, state=thick, ledgers=Ledgers(weight_path=spent))
            assert decide(seen).arguments == {"flaw": "padding", "size": size}

    def test_asks_the_vault_only_what_it_will_answer(self):
        most = int(LIMITS["gold_queries_max"])
        for left, asked in ((5, 3), (2, 2), (1, 1)):
            spent = Ledgers(gold_queries=most - KEPT_BACK - left)
            decision = decide(view(DOUBTFUL, past=REFUSED, ledgers=spent))
            assert decision.intervention is Intervention.ROLL_BACK
            assert len(decision.arguments["candidates"].split(",")) == asked
        closed = decide(
            view(DOUBTFUL, past=REFUSED, ledgers=Ledgers(gold_queries=most - KEPT_BACK))
        )
        assert closed.intervention is Intervention.REFIT_JUDGE
        assert any("no question left" in a.because for a in closed.alternatives)

    def test_is_never_to_train_under_a_panel_that_is_known_to_be_below_the_floor(self):
        bad = accuracy(1)
        assert bad.high < POLICY.values["judge_floor"]
        for graded in (0, 60):
            for labels in (0, 400):
                for off in ((), (Intervention.REFRESH_PROMPTS, Intervention.ASK_PERSON)):
                    seen = view(
                        bad,
                        graded_prompts=graded,
                        labels_left=labels,
                        bench=(),
                        past=VAULT_ASKED,
                        without=frozenset(off),
                    )
                    assert decide(seen).intervention is not Intervention.TRAIN

    def test_is_to_wait_with_other_prompts_while_such_a_panel_cannot_be_repaired_yet(self):
        seen = view(accuracy(1), graded_prompts=3, bench=(), past=VAULT_ASKED)
        decision = decide(seen)
        assert decision.rule == "R3-judge-broken"
        assert decision.intervention is Intervention.REFRESH_PROMPTS


class TestTwoEngines:
    """The exact evaluator and z3 read the same conditions over the same facts, and agree."""

    @settings(max_examples=8, deadline=None)
    @given(sights(), raises)
    def test_agree_on_what_a_decider_sees(self, seen, raised):
        _agree(facts_of(replace(seen, raises=raised)))

    @settings(max_examples=8, deadline=None)
    @given(st.data())
    def test_agree_on_facts_that_no_session_would_lead_to(self, data):
        given_roots = {n: r for n, r in ROOTS.items() if n not in ("may", "is")}
        drawn = {name: data.draw(records(kind)) for name, kind in given_roots.items()}
        _agree(Facts(with_definitions(drawn)))


def _agree(facts: Facts) -> None:
    for text in dict.fromkeys(CONDITIONS):
        value = evaluate(read(text), facts)
        said = second_opinion([read(text)], facts.roots, timeout_ms=5_000)
        wanted = {True: Outcome.HOLDS, False: Outcome.BROKEN}
        # Of a missing fact z3 may know that either value leads to the same; never the opposite.
        if isinstance(value, Missing):
            assert said in (Outcome.MISSING, Outcome.HOLDS, Outcome.BROKEN)
        else:
            assert said is wanted[value], text


@st.composite
def records(draw: st.DrawFn, record: Record) -> dict[str, object]:
    """Any facts of these types; what is not known is missing."""
    scalars = {
        "bool": st.booleans(),
        "int": st.integers(-2, 100).map(Fraction),
        "real": st.fractions(-1, 2, max_denominator=20),
        "string": st.just("j"),
    }
    found: dict[str, object] = {}
    for part, kind in record.fields.items():
        if isinstance(kind, Map):
            judges = draw(st.lists(records(kind.element), max_size=2))
            seats = {f"j{i}": {**judge, "present": True} for i, judge in enumerate(judges)}
            found[part] = Collection(part, seats)
        else:
            found[part] = draw(records(kind) if isinstance(kind, Record) else scalars[kind])
    unknown = [part for part in found if found.get(f"{part}_known") is False]
    return {**found, **{part: Missing("undefined") for part in unknown}}


class TestFacts:
    def test_are_of_the_types_that_conditions_were_checked_against(self):
        _same_form(facts_of(view()).roots, ROOTS)

    def test_of_an_undefined_measurement_are_missing_and_not_zero(self):
        blind = view(accuracy(0, 0), accuracy(0, 0, CLERK.id))
        roots = facts_of(blind).roots
        assert roots["panel"]["accuracy_known"] is False
        assert isinstance(roots["panel"]["accuracy"], Missing)
        clerk = roots[BENCH]["judges"].items[CLERK.id]
        assert clerk["accuracy_known"] is False
        assert isinstance(clerk["accuracy"], Missing)
        for root, parts in MEASURED.items():
            record = ROOTS[root] if root != BENCH else ROOTS[root].fields["judges"].element
            assert all(f"{part}_known" in record.fields for part in parts)

    @given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
    def test_of_floats_keep_their_order_and_are_what_they_print_as(self, a, b):
        assert (a < b) == (exact(a) < exact(b))
        assert exact(0.6) == Fraction(3, 5)

    def test_rest_on_parameters_that_every_session_demands(self):
        assert set(PARAMS) - set(PARAMETERS) == {"judge_floor"}
        lacking = {k: v for k, v in LIMITS.items() if k != "judge_floor"}
        assert facts_of(view(limits=lacking)).roots["param"]["judge_floor"] == DEFAULT_FLOOR


def _same_form(tree, fields) -> None:
    assert tree.keys() == fields.keys()
    for name, kind in fields.items():
        match kind:
            case Map():
                for item in tree[name].items.values():
                    _same_form(item, kind.element.fields)
            case Record():
                _same_form(tree[name], kind.fields)
            case "bool":
                assert isinstance(tree[name], bool)
            case "int" | "real":
                assert isinstance(tree[name], Fraction | Missing)
