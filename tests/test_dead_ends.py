"""What came to nothing is not tried again at the same HEAD; and there is always a way on."""

import random
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.config import Config
from agent.deciding.dice import dice
from agent.deciding.menu import Choice, arguments_of, barred, possible
from agent.recall import dead_ends
from agent.switches import MODES
from logs.vocabulary import Intervention
from tests.a_view import BENCH, judge, past, trained, view
from tests.test_any_view import views
from tests.test_the_menu import GOVERNED, item, kinds

OTHER = judge("scribe", "reader")


def tried(seen, intervention, outcome="refused", refused_by=(), **arguments):
    """The same view after one more turn that came to this, at the same HEAD."""
    turn = seen.iteration
    last = replace(
        past(turn, intervention, outcome, refused_by), head=seen.head, arguments=arguments
    )
    return replace(seen, iteration=turn + 1, past=(*seen.past, last))


def pairs(seen, intervention):
    """Values of the two arguments that are offered together."""
    found = (i for i in possible(seen) if i.intervention is intervention)
    return {tuple(values) for i in found for values in _values(i)}


class TestADeadEnd:
    @pytest.mark.parametrize("outcome", ["refused", "failed", "kept"])
    def test_is_not_offered_again(self, outcome):
        seen = tried(view(), Intervention.SWAP_JUDGE, outcome, judge=BENCH.id)
        assert Intervention.SWAP_JUDGE not in kinds(seen)

    @pytest.mark.parametrize("outcome", ["committed", "waits", "stopped"])
    def test_is_only_what_came_to_nothing(self, outcome):
        seen = tried(view(), Intervention.SWAP_JUDGE, outcome, judge=BENCH.id)
        assert Intervention.SWAP_JUDGE in kinds(seen)

    def test_ends_when_head_moves(self):
        seen = tried(view(), Intervention.SWAP_JUDGE, judge=BENCH.id)
        assert Intervention.SWAP_JUDGE in kinds(replace(seen, head="0" * 64))

    def test_leaves_other_arguments_open(self):
        seen = tried(view(bench=(BENCH, OTHER)), Intervention.SWAP_JUDGE, judge=BENCH.id)
        assert list(item(seen, Intervention.SWAP_JUDGE).arguments["judge"].values) == [OTHER.id]

    def test_is_the_same_for_another_number_of_labels(self):
        seen = tried(view(), Intervention.REFIT_JUDGE, "failed", judge="crowd", labels="72")
        plain = [
            i
            for i in possible(seen)
            if i.intervention is Intervention.REFIT_JUDGE and "debias" not in i.arguments
        ]
        assert plain == []

    def test_of_two_arguments_leaves_every_other_pair_of_them(self):
        seen = view(state=GOVERNED)
        before = pairs(seen, Intervention.REINITIALISE_JUDGE)
        judged, to = next(iter(before))
        later = tried(seen, Intervention.REINITIALISE_JUDGE, judge=judged, to=to)
        assert pairs(later, Intervention.REINITIALISE_JUDGE) == before - {(judged, to)}

    def test_of_an_edit_leaves_the_other_flaws(self):
        seen = view(state=GOVERNED)
        flaws = item(seen, Intervention.EDIT_CONSTITUTION).arguments["flaw"].values
        later = tried(seen, Intervention.EDIT_CONSTITUTION, flaw="padding", size="step")
        left = item(later, Intervention.EDIT_CONSTITUTION).arguments["flaw"].values
        assert set(left) == set(flaws) - {"padding"}

    def test_of_the_whole_remedy_leaves_the_step(self):
        seen = view(state=GOVERNED)
        later = tried(seen, Intervention.EDIT_CONSTITUTION, flaw="padding", size="all")
        assert "padding" in item(later, Intervention.EDIT_CONSTITUTION).arguments["flaw"].values

    def test_of_a_rollback_is_every_commit_that_the_vault_was_asked_about(self):
        seen = view()
        heads = [p.head for p in seen.past]
        later = tried(seen, Intervention.ROLL_BACK, "kept", candidates=",".join(heads))
        assert list(item(later, Intervention.ROLL_BACK).arguments["turn"].values) == ["4"]

    def test_says_what_came_of_it(self):
        law = ("P12-judge-floor",)
        seen = tried(view(), Intervention.SWAP_JUDGE, "refused", law, judge=BENCH.id)
        (said,) = barred(seen)
        assert said.intervention is Intervention.SWAP_JUDGE
        assert said.because == (
            "iteration 5 tried it at this HEAD, and it was refused by P12-judge-floor"
        )
        assert said in dice(Config())(seen).alternatives


class TestTraining:
    def test_that_failed_may_be_tried_once_more(self):
        once = tried(view(), Intervention.TRAIN, "failed")
        assert Intervention.TRAIN in kinds(once)
        assert Intervention.TRAIN not in kinds(tried(once, Intervention.TRAIN, "failed"))

    def test_that_was_refused_is_a_dead_end_at_once(self):
        assert Intervention.TRAIN not in kinds(tried(view(), Intervention.TRAIN, "refused"))

    def test_that_failed_elsewhere_says_nothing_here(self):
        earlier = past(4, Intervention.TRAIN, "failed")
        seen = tried(view(past=(*trained(3), earlier)), Intervention.TRAIN, "failed")
        assert Intervention.TRAIN in kinds(seen)


def test_where_all_was_tried_in_vain_it_is_all_offered_again():
    others = set(Intervention) - {Intervention.TRAIN, Intervention.REFRESH_PROMPTS}
    ways = {f"refresh_prompts:{mode}" for mode in MODES}
    seen = view(bench=(), labels_left=0, past=(), without=frozenset(others | ways))
    seen = tried(tried(seen, Intervention.TRAIN), Intervention.REFRESH_PROMPTS)
    assert {Intervention.TRAIN, Intervention.REFRESH_PROMPTS} <= kinds(seen)
    assert barred(seen) == ()


@settings(max_examples=60)
@given(
    seen=views(), outcomes=st.lists(st.sampled_from(["refused", "failed", "kept"])), at=st.data()
)
def test_the_menu_has_a_way_on_whatever_came_to_nothing(seen, outcomes, at):
    for outcome in outcomes:
        chosen = at.draw(st.sampled_from(possible(seen)))
        shown = {
            name: at.draw(st.sampled_from(sorted(kind.values)))
            for name, kind in chosen.arguments.items()
            if isinstance(kind, Choice)
        }
        whole = {n: k.low for n, k in chosen.arguments.items() if not isinstance(k, Choice)}
        said = arguments_of(chosen, chosen.taken({**shown, **whole}))
        seen = tried(seen, chosen.intervention, outcome, **said)
        left = [i for i in possible(seen) if not i.ends]
        assert left
        assert all(set(i.drawn(random.Random(0))) == set(i.arguments) for i in left)
        offered = [(i, dict(zip(i.arguments, v, strict=True))) for i in left for v in _values(i)]
        if barred(seen):
            assert not any(
                d.bars(i.intervention, arguments_of(i, v))
                for d in dead_ends(seen)
                for i, v in offered
            )


def _values(of):
    """Every choice of arguments; of a range, its end."""
    kinds = of.arguments.values()
    return product(*(k.values.values() if isinstance(k, Choice) else [str(k.low)] for k in kinds))
