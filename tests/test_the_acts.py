"""What each act really does is what the theorem takes it to do: makers against `tier_of`."""

from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.act import MAKERS
from agent.deciders import View
from agent.interventions import (
    edit_constitution,
    refit_judge,
    refresh_prompts,
    regenerate_data,
    swap_judge,
    train,
)
from agent.interventions.edit_constitution import REMEDIES
from agent.interventions.roll_back import MOST_QUESTIONS
from agent.made import Made, Making
from agent.table.acts import ACTS, REFIT_LABELS, Act
from agent.table.claims import claims_of
from agent.table.facts import facts_of, for_the_vault
from agent.table.vocabulary import read
from invariants import policy as policies
from invariants.evaluate import evaluate
from invariants.tiers import FLOOR, Kind, TierRuling, tier_of, weight_step
from invariants.vault import FEWEST_FINAL, Vault
from logs.canonical import sha256
from logs.vocabulary import (
    Intervention,
    Judge,
    JudgeKind,
    Ledgers,
    Nearest,
    Panel,
    State,
    Tier,
)
from tests.a_constitution import weights, written
from tests.a_view import BENCH as CLERK
from tests.a_view import judge, past, state, trained, view
from tests.test_any_view import LIMITS
from tests.test_what_is_bought import PROMPTS, Bench, _hands, _trained_on

POLICY = policies.load(policies.default_bytes())
STEP = POLICY.values["step_l1"]
EDITS = ("edit_whole", "edit_step")


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
        last = replace(past(4), offer=offer, flaw="padding")
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
        bench = Bench(tmp_path, get_shown=lambda _: [], put_shown=lambda _: sha256(b"shown"))
        making = bench.making(Intervention.REFRESH_PROMPTS)
        for name, maker in (
            ("refresh_prompts", refresh_prompts.make),
            ("regenerate_data", regenerate_data.make),
        ):
            assert MAKERS[ACTS[name].intervention] is maker
            assert within(ACTS[name], tier_of(making.state, maker(making).new, step_l1=STEP))

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
                past=trained(3),
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
