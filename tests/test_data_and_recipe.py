"""Interventions on data and recipe: what they make is typed, small, lawful, and nothing else."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config import Config, dump
from agent.deciding.menu import possible
from agent.interventions import change_recipe, refresh_prompts, regenerate_data
from agent.interventions.refresh_prompts import by_skill
from agent.observing_skills import of_skills
from agent.recipe_moves import FIELDS, MOST_ANSWERS, RATE_BOUNDS, moved, moves
from agent.switches import MODE, MODES, SLICE, known_switch, switched_off
from invariants.diff import diff
from invariants.tiers import Kind, tier_of
from logs.vocabulary import (
    EntryKind,
    Intervention,
    JudgeKind,
    Panel,
    Recipe,
    Reference,
    Status,
    Tier,
)
from tests.a_view import SOME, judge, observed, state, view
from tests.sessions import NAME, create
from tests.test_the_emphasis import PANEL, group
from tests.test_what_is_bought import PROMPTS, Bench
from tools.instruments import proportion
from tools.pairs import Shown
from tools.task import MicroWorld

CHANGE, REFRESH, REGENERATE = (
    Intervention.CHANGE_RECIPE,
    Intervention.REFRESH_PROMPTS,
    Intervention.REGENERATE_DATA,
)
TASK = MicroWorld()
NOW = state(panel=Panel(judges=(judge("crowd").model_copy(update={"kind": JudgeKind.VERIFIER}),)))
"""Its judge has no calibration to be read."""
OLD = [Shown(p, "a") for p in TASK.train_prompts(60, seed=8, emphasis={})]


def the_bench(folder):
    """A context with a real store and hands that keep answers for replay."""
    bench = Bench(folder)
    hands = bench.context.hands
    hands.get_shown = lambda at: [Shown(*row) for row in bench.store.get_lines(at)] if at else []
    hands.put_shown = lambda rows: bench.store.put_lines([s.prompt, s.answer] for s in rows)
    return bench


def ruling(old, new):
    return tier_of(old, new, step_l1=Fraction(1, 25))


class TestAChangeOfTheRecipe:
    @given(field=st.sampled_from(FIELDS), which=st.integers(0, 9))
    def test_touches_that_field_and_is_of_low_tier(self, field, which):
        before = state()
        values = moves(before.recipe)[field]
        recipe = moved(before.recipe, {field: values[which % len(values)]})
        after = before.model_copy(update={"recipe": recipe})
        assert [c.path for c in diff(before, after)] == [f"recipe.{field}"]
        assert ruling(before, after).tier is Tier.LOW
        assert ruling(before, after).kinds == (Kind.RECIPE,)

    @given(steps=st.lists(st.tuples(st.sampled_from(FIELDS), st.integers(0, 9)), max_size=25))
    def test_however_often_stays_within_its_bounds(self, steps):
        recipe = Recipe()
        for field, which in steps:
            values = moves(recipe).get(field)
            if values:
                recipe = moved(recipe, {field: values[which % len(values)]})
                assert Recipe.model_validate(recipe.model_dump(mode="json")) == recipe
        low, high = RATE_BOUNDS
        assert low <= recipe.learning_rate <= high
        assert 0.02 <= recipe.beta <= 1 and 0.25 <= recipe.nll <= 2
        assert 0 <= recipe.entropy <= 0.3 and 0.8 <= recipe.temperature <= 1.2
        assert 1 <= recipe.epochs <= 5 and recipe.samples * recipe.prompts <= MOST_ANSWERS
        Config(recipe=recipe)

    def test_may_name_several_fields_at_once(self):
        recipe = moved(Recipe(), {"learning_rate": "0.0003", "reference": "anchor"})
        assert recipe == Recipe(learning_rate=3e-4, reference=Reference.ANCHOR)

    def test_never_turns_on_a_stage_that_people_turned_off(self):
        assert not {"beta", "nll"} & (moves(Recipe(beta=0.0)).keys() & moves(Recipe(nll=0)).keys())
        assert "beta" not in moves(Recipe(beta=0.0))

    @pytest.mark.parametrize(
        "named",
        [
            {},
            {"learning_rate": "1"},
            {"rank": "64"},
            {"family": "ppo"},
            {"entropy": "nan"},
            {"entropy": "0.1", "prompts": "9"},
            {"samples": "8"},
        ],
    )
    def test_beyond_the_table_makes_nothing(self, tmp_path, named):
        made = change_recipe.make(Bench(tmp_path).making(CHANGE, state(), **named))
        assert isinstance(made, str)

    def test_changes_the_recipe_alone(self, tmp_path):
        made = change_recipe.make(Bench(tmp_path).making(CHANGE, state(), entropy="0.1"))
        assert made.new == state(recipe=Recipe(entropy=0.1))
        assert made.seeds == {} and "pairs" not in made.inputs


class TestDataThatAreRegenerated:
    def test_forget_every_answer_kept_for_replay(self, tmp_path):
        bench = the_bench(tmp_path)
        now = state(replay=bench.context.hands.put_shown(OLD))
        made = regenerate_data.make(bench.making(REGENERATE, now, **{SLICE: "all"}))
        assert made.new.replay is None
        assert bench.context.hands.get_shown(made.inputs["thrown"]) == OLD

    def test_forget_one_skill_alone_where_it_is_named(self, tmp_path):
        bench = the_bench(tmp_path)
        now = state(replay=bench.context.hands.put_shown(OLD))
        made = regenerate_data.make(bench.making(REGENERATE, now, **{SLICE: "facts"}))
        kept = bench.context.hands.get_shown(made.new.replay)
        assert kept == [s for s in OLD if TASK.skill(s.prompt) != "facts"] and len(kept) < len(OLD)

    @pytest.mark.parametrize("which", ["all", "lists"])
    def test_come_from_other_prompts(self, tmp_path, which):
        bench = the_bench(tmp_path)
        made = regenerate_data.make(bench.making(REGENERATE, state(), **{SLICE: which}))
        pools = [s.prompts for s in (state(), made.new)]
        before, after = (
            set(TASK.train_prompts(300, seed=p.seed, emphasis=p.emphasis)) for p in pools
        )
        assert len(before & after) < 150

    def test_leave_policy_judges_recipe_and_emphasis_as_they_are(self, tmp_path):
        bench = the_bench(tmp_path)
        pool = state().prompts.model_copy(update={"emphasis": {"chain": 2.0}})
        now = state(prompts=pool, replay=bench.context.hands.put_shown(OLD))
        made = regenerate_data.make(bench.making(REGENERATE, now))
        assert {c.path for c in diff(now, made.new)} == {"prompts.seed", "replay"}
        assert ruling(now, made.new).tier is Tier.LOW

    def test_have_no_slice_that_the_world_has_not(self, tmp_path):
        made = regenerate_data.make(the_bench(tmp_path).making(REGENERATE, **{SLICE: "lists-4"}))
        assert isinstance(made, str) and "lists-4" in made


class TestARefresh:
    def refreshed(self, bench, mode, scores, **arguments):
        making = bench.making(REFRESH, NOW, **({MODE: mode} if mode else {}), **arguments)
        words = [["a", -1.0, -1.0, True, -1.0], ["b", -1.0, -1.0, True, -1.0]]
        put = bench.store.put_lines
        update = {
            "samples": put({"prompt": p, "answers": words} for p, _ in scores),
            "verdicts": put({"scores": {"crowd": s, "clerk": s[::-1]}} for _, s in scores),
        }
        seen = making.observation.model_copy(update=update)
        return refresh_prompts.make(
            type(making)(making.context, making.turn, making.decision, seen, making.state)
        )

    def scores(self, is_open):
        return [(p, [0.0, 1.0] if is_open(TASK.skill(p)) else [1.0, 1.0]) for p in OLD_PROMPTS]

    def test_by_level_leans_to_where_siblings_differ(self, tmp_path):
        made = self.refreshed(the_bench(tmp_path), "level", self.scores("lists-4".__eq__))
        weights = made.new.prompts.emphasis
        assert max(weights, key=weights.get) == "lists-4" and weights["lists-4"] > 2
        assert min(weights.values()) >= 0.25
        assert made.new.prompts.seed == 1

    def test_by_weakness_leans_to_the_skill_that_judges_dispute(self, tmp_path):
        made = self.refreshed(the_bench(tmp_path), "weak", self.scores("facts".__eq__))
        weights = made.new.prompts.emphasis
        assert weights.keys() == by_skill(TASK.strata()).keys()
        assert max(weights, key=weights.get) == "facts" and weights["facts"] > 1.5

    def test_by_weakness_reads_the_grades_that_were_paid_for(self, tmp_path):
        bench = the_bench(tmp_path)
        graded = []
        for prompt in OLD_PROMPTS:
            wrong = int(TASK.skill(prompt) == "safety")
            grades = {"0": 1 - wrong, "1": wrong}
            graded.append(
                {"prompt": prompt, "answers": [["a"], ["b"]], "ends": [0, 1], "grades": grades}
            )
        seen = observed(turn=1).model_copy(update={"labels": bench.store.put_lines(graded)})
        bench.journal.append(
            EntryKind.OBSERVED, session=NAME, iteration=1, step="observe", body=seen
        )
        made = self.refreshed(bench, "weak", self.scores(lambda _: False))
        weights = made.new.prompts.emphasis
        assert max(weights, key=weights.get) == "safety"

    def test_afresh_takes_every_emphasis_off(self, tmp_path):
        made = self.refreshed(the_bench(tmp_path), "fresh", self.scores("facts".__eq__))
        assert made.new.prompts.emphasis == {} and made.new.prompts.seed == 1

    def test_without_a_mode_does_as_it_always_did(self, tmp_path):
        made = self.refreshed(the_bench(tmp_path), "", self.scores("facts".__eq__))
        weights = made.new.prompts.emphasis
        assert set(weights) == {TASK.skill(p).split("-")[0] for p in OLD_PROMPTS}
        assert max(weights.values()) <= 2.0 and max(weights, key=weights.get) == "facts"

    @pytest.mark.parametrize("mode", ["weak", "level"])
    def test_without_anything_to_lean_on_makes_nothing(self, tmp_path, mode):
        made = self.refreshed(the_bench(tmp_path), mode, self.scores(lambda _: False))
        assert isinstance(made, str) and mode in made

    def test_in_no_known_mode_makes_nothing(self, tmp_path):
        made = self.refreshed(the_bench(tmp_path), "gold", self.scores("facts".__eq__))
        assert isinstance(made, str)

    @pytest.mark.parametrize("mode", ["", *MODES])
    def test_is_of_low_tier(self, tmp_path, mode):
        made = self.refreshed(the_bench(tmp_path), mode, self.scores("facts".__eq__))
        assert ruling(NOW, made.new).tier is Tier.LOW
        assert {c.path.split("[")[0] for c in diff(NOW, made.new)} <= {
            "prompts.seed",
            "prompts.emphasis",
        }


OLD_PROMPTS = [s.prompt for s in OLD]


class TestWhatIsMeasuredBySkill:
    def found(self, groups, rows=()):
        return {(m.instrument, m.of): m for m in of_skills(TASK, groups, rows, PANEL, {})}

    def test_tells_where_something_can_be_learnt(self):
        def of(prompt):
            scores = [0.0, 1.0] if TASK.skill(prompt) == "lists-5" else [1.0, 1.0]
            made = group(scores)
            return type(made)(prompt, made.answers, made.by_judge, made.panel)

        prompts = TASK.train_prompts(200, seed=4, emphasis={})
        found = self.found([of(p) for p in prompts])
        assert found["learnable", "lists-5"].estimate == 0.25
        assert found["learnable", "lists-3"].estimate == 0.0
        assert {of for _, of in found} == {*TASK.strata(), *by_skill(TASK.strata())}

    def test_says_of_what_was_not_seen_that_it_is_insufficient(self):
        found = self.found([])
        assert {m.status for m in found.values()} == {Status.INSUFFICIENT}
        assert all(m.estimate is None for m in found.values())

    def test_counts_the_newest_audits_of_each_skill(self):
        wrong = {"answers": [["a"], ["b"]], "ends": [0, 1], "grades": {"0": 0, "1": 1}}
        older = [wrong | {"prompt": p} for p in PROMPTS]
        newer = [r | {"grades": {"0": 1, "1": 0}} for r in older[:36]]
        found = self.found([], [*older, *newer])
        assert sum(found["audited_right", s].n for s in by_skill(TASK.strata())) == 36
        assert {found["audited_right", s].estimate for s in by_skill(TASK.strata())} <= {1.0, None}


class TestTheMenuOfDataAndRecipe:
    def items(self, seen, intervention):
        return [i for i in possible(seen) if i.intervention is intervention]

    def names(self, seen, intervention):
        return {name for i in self.items(seen, intervention) for name in i.arguments}

    def test_has_one_entry_for_each_field_that_may_move(self):
        seen = view()
        assert self.names(seen, CHANGE) == set(moves(seen.state.recipe)) == set(FIELDS)
        taken = self.items(seen, CHANGE)[0].taken({"learning_rate": "0.0003"})
        assert moved(seen.state.recipe, taken) == Recipe(learning_rate=3e-4)

    def test_refreshes_with_and_without_a_mode(self):
        plain, modes = self.items(view(), REFRESH)
        assert plain.taken({}) == {} and modes.taken({MODE: "level"}) == {MODE: "level"}
        assert modes.taken({MODE: "gold"}) is None and modes.taken({}) is None

    def test_regenerates_all_or_a_skill_that_was_measured(self):
        (plain,) = self.items(view(), REGENERATE)
        assert list(plain.arguments[SLICE].values) == ["all"]
        facts = proportion("audited_right", 3, 5, units="share", of="facts")
        (named,) = self.items(view(facts), REGENERATE)
        assert named.taken({SLICE: "facts"}) == {SLICE: "facts"}

    @pytest.mark.parametrize("mode", MODES)
    def test_leaves_out_a_mode_that_is_switched_off(self, mode):
        seen = view(without=frozenset({f"refresh_prompts:{mode}"}))
        _, modes = self.items(seen, REFRESH)
        assert set(modes.arguments[MODE].values) == set(MODES) - {mode}

    @pytest.mark.parametrize("field", FIELDS)
    def test_leaves_out_a_field_that_is_switched_off(self, field):
        seen = view(without=frozenset({f"change_recipe:{field}"}))
        assert self.names(seen, CHANGE) == set(FIELDS) - {field}

    def test_leaves_out_what_is_switched_off_as_a_whole(self):
        seen = view(without=frozenset({"change_recipe", "refresh_prompts", REGENERATE}))
        assert not any(self.items(seen, i) for i in (CHANGE, REFRESH, REGENERATE))
        no_mode = view(without=frozenset(f"refresh_prompts:{m}" for m in MODES))
        assert [i.arguments for i in self.items(no_mode, REFRESH)] == [{}]


class TestASwitch:
    @pytest.mark.parametrize(
        "name", ["refit_judge", "refresh_prompts:level", "change_recipe:entropy", "change_recipe"]
    )
    def test_is_read_from_the_settings(self, tmp_path, name):
        made = create(tmp_path / "w", session={"without": [name]})
        assert made.config.session.without == (name,)

    @pytest.mark.parametrize(
        ("name", "hint"),
        [
            ("refresh_prompts:levels", "did you mean 'refresh_prompts:level'"),
            ("change_recipe:rank", "known are"),
            ("train", "which is what is left to do"),
            ("swap_judge:clerk", "did you mean 'swap_judge'"),
        ],
    )
    def test_that_switches_nothing_is_refused(self, name, hint):
        with pytest.raises(ValueError, match=hint):
            known_switch(name)
        with pytest.raises(ValueError, match="without"):
            Config(session={"without": [name]})

    def test_forbids_a_decision_that_uses_the_way(self):
        without = {"change_recipe:entropy", "refresh_prompts:weak"}
        both = {"learning_rate": "0.0003", "entropy": "0.1"}
        assert switched_off(without, CHANGE, both) == "change_recipe:entropy"
        assert switched_off(without, CHANGE, {"learning_rate": "0.0003"}) is None
        assert switched_off(without, REFRESH, {MODE: "weak"}) == "refresh_prompts:weak"
        assert switched_off(without, REFRESH, {}) is None
        assert switched_off({"refresh_prompts"}, REFRESH, {MODE: "level"}) == "refresh_prompts"

    def test_of_the_bonus_at_the_start_is_a_setting_that_stands_in_the_file(self):
        assert "\nentropy = 0.0\n" in dump(Config())
        assert "\nentropy = 0.03\n" in dump(Config(recipe=Recipe(entropy=0.03)))
        with pytest.raises(ValueError, match="entropy of at least 0"):
            Config(recipe={"entropy": -0.1})


def test_a_state_names_its_recipe_whole_where_the_bonus_is_on():
    now = state(recipe=Recipe(entropy=0.03), replay=SOME)
    assert [c.path for c in diff(state(replay=SOME), now)] == ["recipe.entropy"]
