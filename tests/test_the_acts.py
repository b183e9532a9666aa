"""The model of the theorem and the code agree: facts, conditions, and what each act really does."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from agent.act import MAKERS
from agent.deciders import View
from agent.interventions import edit_constitution, refit_judge, refresh_prompts, swap_judge, train
from agent.interventions.edit_constitution import REMEDIES
from agent.interventions.roll_back import MOST_QUESTIONS
from agent.made import Made, Making
from agent.rules import TABLE, decide
from agent.session import PARAMETERS
from agent.table.acts import ACTS, KEPT_BACK, REFIT_LABELS, Act
from agent.table.choosing import entries, guarded
from agent.table.claims import claims_of
from agent.table.facts import DEFAULT_FLOOR, exact, facts_of, for_the_vault, with_definitions
from agent.table.vocabulary import BENCH, IS, MAY, MEASURED, PARAMS, ROOTS, read
from invariants import policy as policies
from invariants.evaluate import evaluate
from invariants.facts import Facts
from invariants.schema import Map, Record
from invariants.solver import second_opinion
from invariants.tiers import FLOOR, Kind, TierRuling, tier_of, weight_step
from invariants.values import Collection, Missing
from invariants.vault import FEWEST_FINAL, Vault
from logs.canonical import sha256
from logs.vocabulary import (
    Intervention,
    Judge,
    JudgeKind,
    Ledgers,
    Nearest,
    Outcome,
    Panel,
    Principle,
    PrincipleTier,
    State,
    Tier,
)
from tests import the_former_table as former
from tests.a_view import BENCH as CLERK
from tests.a_view import accuracy, judge, state, view
from tests.test_any_view import LIMITS, views
from tests.test_what_is_bought import PROMPTS, Bench, _hands, _trained_on

POLICY = policies.load(policies.default_bytes())
STEP = POLICY.values["step_l1"]
CONDITIONS = [
    *IS.values(),
    *MAY.values(),
    *(need.when for entry in entries(TABLE) for need in guarded(entry).needs),
    *(way.when for entry in entries(TABLE) for way in guarded(entry).ways),
    *(claim.holds for act in ACTS.values() for claim in claims_of(act)),
]


def principles(**weights: str) -> tuple[Principle, ...]:
    return tuple(
        Principle(id=name, text=name, weight=Decimal(weight), tier=PrincipleTier.ADAPTIVE)
        for name, weight in weights.items()
    )


def written(now: State, **weights: str) -> State:
    """The state with other principles."""
    constitution = now.constitution.model_copy(update={"principles": principles(**weights)})
    return now.model_copy(update={"constitution": constitution})


EDITS = ("edit_whole", "edit_step")
weights = st.sampled_from(["0", "0.01", "0.04", "0.1", "0.12", "0.3"])


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
    @settings(max_examples=120, deadline=None)
    @given(sights())
    def test_is_that_of_the_former_table_but_where_that_took_too_much(self, seen):
        now = [entry for entry in TABLE if entry.id in {name for name, _, _ in former.TABLE}]
        was = former.decide(seen)
        assume(not _mended(seen, was.intervention, was.arguments))
        assert decide(seen, now) == was

    @settings(max_examples=80, deadline=None)
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
            past=former_trouble(),
            raises={Kind.JUDGE_REFIT: Tier.HIGH},
        )
        assert decide(replace(trouble, raises={})).intervention is Intervention.REFIT_JUDGE
        assert decide(trouble).intervention is Intervention.SWAP_JUDGE

    def test_is_to_take_a_step_where_the_whole_remedy_is_more_than_may_be_spent(self):
        from tests.test_the_decider import PADDING

        thick = written(state(), thorough="0.12", concise="0.12")
        most = LIMITS["weight_path_max"]
        for spent, size in ((most - Decimal("0.24"), "all"), (most - Decimal("0.23"), "step")):
            seen = view(PADDING, state=thick, ledgers=Ledgers(weight_path=spent))
            assert decide(seen).arguments == {"flaw": "padding", "size": size}

    def test_asks_the_vault_only_what_it_will_answer(self):
        from tests.test_the_decider import REFUSED

        most = int(LIMITS["gold_queries_max"])
        for left, asked in ((5, 3), (2, 2), (1, 1)):
            spent = Ledgers(gold_queries=most - KEPT_BACK - left)
            decision = decide(view(past=REFUSED, ledgers=spent))
            assert decision.intervention is Intervention.ROLL_BACK
            assert len(decision.arguments["candidates"].split(",")) == asked
        closed = decide(view(past=REFUSED, ledgers=Ledgers(gold_queries=most - KEPT_BACK)))
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
                        past=former_trouble(),
                        without=frozenset(off),
                    )
                    assert decide(seen).intervention is not Intervention.TRAIN

    def test_is_to_wait_with_other_prompts_while_such_a_panel_cannot_be_repaired_yet(self):
        seen = view(accuracy(1), graded_prompts=3, bench=(), past=former_trouble())
        decision = decide(seen)
        assert decision.rule == "R3-judge-broken"
        assert decision.intervention is Intervention.REFRESH_PROMPTS


def former_trouble():
    from tests.test_the_decider import VAULT_ASKED

    return VAULT_ASKED


def _mended(seen: View, intervention: Intervention, arguments: dict[str, str]) -> bool:
    """Whether the former table did what the theorem forbids, or compared floats at a tie."""
    facts = facts_of(seen)
    left = seen.limits["weight_path_max"] - seen.ledgers.weight_path
    tie = any(
        abs((a.estimate or 0) - (b.estimate or 0) - former.BETTER_BY) < 1e-9
        for j in seen.bench
        if (a := seen.measured("judge_accuracy", j.id))
        and (b := seen.measured("judge_accuracy", "panel"))
    )
    if tie or facts.roots["is"]["below_floor"] is True:
        return True
    if intervention is Intervention.ROLL_BACK:
        return len(for_the_vault(seen)) < len(set(arguments["candidates"].split(",")))
    if "offer" in arguments:
        length = facts.roots["offer"]["length"]
        return length > seen.limits["step_l1"] or length > left
    return arguments.get("size") == "all" and facts.roots["remedy"]["whole"] > left


class TestTwoEngines:
    """The exact evaluator and z3 read the same conditions over the same facts, and agree."""

    @settings(max_examples=15, deadline=None)
    @given(sights(), raises)
    def test_agree_on_what_a_decider_sees(self, seen, raised):
        _agree(facts_of(replace(seen, raises=raised)))

    @settings(max_examples=15, deadline=None)
    @given(st.data())
    def test_agree_on_facts_that_no_session_would_lead_to(self, data):
        given_roots = {n: r for n, r in ROOTS.items() if n not in ("may", "is")}
        drawn = {name: data.draw(records(kind)) for name, kind in given_roots.items()}
        _agree(Facts(with_definitions(drawn)))


def _agree(facts: Facts) -> None:
    for text in CONDITIONS:
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


# --- what the makers of proposals really do ------------------------------------------


def within(act: Act, ruling: TierRuling, *, bench: bool = True) -> bool:
    """Whether a change has only kinds that its act may have."""
    return set(ruling.kinds) <= act.kinds | (act.from_bench if bench else frozenset())


@st.composite
def panels(draw: st.DrawFn) -> Panel:
    names = draw(st.lists(st.sampled_from("abc"), min_size=1, unique=True))
    return Panel(
        judges=tuple(
            judge(n, draw(st.sampled_from(["surface", "reader"]))).model_copy(
                update={
                    "weight": Decimal(draw(st.integers(1, 9))) / 10,
                    "kind": draw(st.sampled_from(list(JudgeKind))),
                }
            )
            for n in names
        )
    )


class TestWhatAnActDoes:
    @given(panels(), st.sampled_from(list(JudgeKind)), st.booleans())
    def test_a_swap(self, panel, kind, replays):
        old = state(panel=panel, replay=sha256(b"replay") if replays else None)
        chosen = CLERK.model_copy(update={"kind": kind})
        new = swap_judge.swapped(old, chosen)
        assert within(ACTS["swap_judge"], tier_of(old, new, step_l1=STEP))
        assert new.judge_updates == old.judge_updates + 1
        assert new.adapter == old.adapter

    @pytest.mark.parametrize("best", ["crowd", "clerk"])
    @pytest.mark.parametrize("seated", [("crowd",), ("crowd", "clerk"), ("clerk", "crowd")])
    def test_a_refit(self, tmp_path, seated, best):
        judges = (judge("crowd"), CLERK.model_copy(update={"weight": Decimal("0.3")}))
        old = state(panel=Panel(judges=tuple(j for n in seated for j in judges if j.id == n)))
        made, bought = _refitted(tmp_path, old, best)
        ruling = tier_of(old, made.new, step_l1=STEP)
        assert within(ACTS["refit_judge"], ruling, bench="clerk" not in seated)
        assert made.new.judge_updates == old.judge_updates + 1
        assert made.new.adapter == old.adapter
        assert bought <= int(ACTS["refit_judge"].labels) == REFIT_LABELS

    @given(
        st.sampled_from(sorted(REMEDIES)),
        weights,
        weights,
        st.sampled_from(["edit_whole", "edit_step"]),
    )
    def test_an_edit(self, flaw, less, more, name):
        old = written(state(), **dict(zip(REMEDIES[flaw], (less, more), strict=True)))
        size = "all" if name == "edit_whole" else "step"
        made = edit_constitution.make(_making(old, {"flaw": flaw, "size": size}))
        facts = facts_of(_seeing(old, flaw))
        if isinstance(made, str):
            assert Decimal(less) == 0
            return
        step = weight_step(old, made.new)
        assert evaluate(read(f"{step} <= {ACTS[name].moves}"), facts) is True
        assert within(ACTS[name], tier_of(old, made.new, step_l1=STEP))

    @given(weights, weights, weights, weights)
    def test_an_offer_that_is_taken(self, a, b, c, d):
        old = written(state(), thorough=a, concise=b)
        offered = {"thorough": Decimal(c), "concise": Decimal(d)}
        offer = Nearest(tier=Tier.LOW, weights=offered, distance=Decimal(0), says=("so",))
        made = edit_constitution.make(_making(old, {"flaw": "padding", "offer": "4"}, offer))
        last = replace(former_trouble()[-1], offer=offer, flaw="padding")
        facts = facts_of(view(state=old, past=(last,)))
        step = weight_step(old, made.new)
        assert facts.roots["offer"]["length"] == step
        if 0 < step <= STEP:
            assert within(ACTS["take_offer"], tier_of(old, made.new, step_l1=STEP))

    def test_training(self, tmp_path):
        new = sha256(b"a new adapter")
        bench = Bench(tmp_path, train=lambda *_, **__: (new, {}), **_hands(tmp_path))
        making = _trained_on(bench, PROMPTS[:8])
        made = train.make(making)
        ruling = tier_of(making.state, made.new, step_l1=STEP)
        assert within(ACTS["train"], ruling)
        assert {Kind.ADAPTER, Kind.COUNTERS} <= set(ruling.kinds)
        assert made.new.panel == making.state.panel

    def test_other_prompts(self, tmp_path):
        making = Bench(tmp_path).making(Intervention.REFRESH_PROMPTS)
        made = refresh_prompts.make(making)
        for name in ("refresh_prompts", "regenerate_data"):
            assert MAKERS[ACTS[name].intervention] is refresh_prompts.make
            assert within(ACTS[name], tier_of(making.state, made.new, step_l1=STEP))

    @given(panels(), weights)
    def test_a_rollback(self, panel, weight):
        older = written(state(panel=panel), thorough=weight)
        head = written(state(adapter=sha256(b"newer")), thorough="0.1")
        assert within(ACTS["roll_back"], tier_of(head, older, step_l1=STEP, restored=older))

    def test_a_question_of_the_vault(self):
        """As many as are left by the vault's own count are put to it, and at most three."""
        final = tuple(f"final {i}" for i in range(FEWEST_FINAL))
        for asked in range(12):
            spent = Ledgers(gold_queries=asked)
            vault = Vault(("gold",), lambda *_: [1], budget=10, final=final)
            seen = view(
                past=tuple(former_trouble()[:3]),
                ledgers=spent,
                limits={**LIMITS, "gold_queries_max": Decimal(10)},
            )
            assert len(for_the_vault(seen)) == min(3, vault.left(spent))
            asks = facts_of(seen).roots["vault"]["asks"]
            assert asks == max(1, min(MOST_QUESTIONS, vault.left(spent)))

    def test_only_what_has_a_tier_below_high_by_itself(self):
        for act in ACTS.values():
            floors = {FLOOR[kind] for kind in act.kinds | act.from_bench}
            assert floors <= {Tier.LOW, Tier.MEDIUM}


def _seeing(old: State, flaw: str) -> View:
    from tools import instruments as measure

    return view(measure.flaw_pays(60, 64, flaw=flaw), state=old)


def _making(old: State, arguments: dict[str, str], offer: Nearest | None = None) -> Making:
    offers = [offer.model_dump(mode="json")] if offer else []
    journal = SimpleNamespace(find=lambda *_: SimpleNamespace(body={"offers": offers}))
    return SimpleNamespace(  # type: ignore[return-value]
        context=SimpleNamespace(policy=POLICY, journal=journal),
        turn={"session": "here", "iteration": 5},
        decision=SimpleNamespace(arguments=arguments),
        observation=SimpleNamespace(samples=sha256(b"samples")),
        state=old,
    )


def _refitted(folder, old: State, best: str) -> tuple[Made, int]:
    def refit(found: Judge, *_: object, **__: object) -> tuple[str, dict[str, object]]:
        loss = 0.1 if found.id == best else 0.5
        return sha256(found.id.encode()), {"log_loss": loss, "correct": 9, "tried": 10}

    bench = Bench(folder, refit=refit)
    recipe = old.recipe.model_copy(update={"prompts": 0})
    now = old.model_copy(update={"recipe": recipe})
    making = bench.making(Intervention.REFIT_JUDGE, now, labels=str(REFIT_LABELS))
    made = refit_judge.make(making)
    assert isinstance(made, Made)
    back = made.new.model_copy(update={"recipe": old.recipe})
    return replace(made, new=back), bench.spent("audit_labels")


@pytest.mark.parametrize("name", sorted(ACTS))
def test_every_act_is_described_in_the_language_of_the_table(name):
    for claim in claims_of(ACTS[name]):
        read(claim.holds)
    if ACTS[name].kinds:
        assert any(claim.name == "tier" for claim in claims_of(ACTS[name]))
