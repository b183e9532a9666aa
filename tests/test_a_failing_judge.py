"""A judge that fails gives errors with a rate: never a number, never a pair, never a mean."""

import math
from decimal import Decimal

import pytest

from agent.auditing import audit_pairs
from agent.groups import read_groups
from agent.interventions.train import teachable
from agent.observe import _of_panel
from agent.rules import decide
from logs.vocabulary import Intervention, JudgeKind, Panel, Status
from tests.a_view import calm, judge, named, observed, state, view
from tools import judging
from tools.pairs import make_pairs, make_shown
from tools.store import Store
from tools.task import MicroWorld
from tools.world import pools

N, SIBLINGS = 24, 4
PROMPTS = pools.prompts(pools.Pool.AUDIT, N, seed=3)
BROKEN = {
    "raises": lambda answers, _: 1 / 0,
    "returns NaN": lambda answers, _: [math.nan] * len(answers),
    "returns infinity": lambda answers, _: [math.inf] * len(answers),
    "returns too few": lambda answers, _: [0.0] * (len(answers) - 1),
    "returns too many": lambda answers, _: [0.0] * (len(answers) + 1),
    "returns nothing": lambda answers, _: None,
    "returns words": lambda answers, _: ["good"] * len(answers),
}


def by_length(answers, _):
    return [float(len(a.text.split())) for a in answers]


def now_and_then(answers, _):
    if PROMPTS.index(answers[0].prompt) % 4 == 0:
        raise TimeoutError("no answer")
    return by_length(answers, _)


@pytest.fixture
def judged(tmp_path, monkeypatch):
    """Groups as the loop reads them, judged by named scorers, the first one leading."""

    def judged_by(**scorers):
        monkeypatch.setattr(judging, "judge_of", lambda name, spec: scorers[name])
        drawn = [
            {
                "prompt": p,
                "answers": [
                    [" ".join(["a"] * (i + 1)), -1.0, -1.0, True, -1.0] for i in range(SIBLINGS)
                ],
            }
            for p in PROMPTS
        ]
        args = {"judges": {name: {} for name in scorers}}
        rows, _ = judging.judge_samples(args, drawn, state().constitution, lambda *_: None)
        store = Store(tmp_path / "objects")
        panel = Panel(judges=tuple(uncalibrated(name) for name in scorers))
        return (
            read_groups(store, store.put_lines(drawn), store.put_lines(rows), panel),
            panel,
            store,
        )

    return judged_by


def uncalibrated(name):
    """A judge of a kind that has no calibration to be read."""
    return judge(name).model_copy(update={"kind": JudgeKind.VERIFIER})


def measured(groups, panel):
    return {named(m): m for m in _of_panel(groups, {}, state(panel=panel))}


@pytest.mark.parametrize("scorer", BROKEN.values(), ids=BROKEN.keys())
class TestAJudgeThat:
    def test_gives_errors_and_not_one_number(self, judged, scorer):
        groups, panel, _ = judged(crowd=scorer)
        assert {s for g in groups for s in g.panel} == {None}
        seen = measured(groups, panel)
        assert seen["judge_errors"].estimate == 1.0
        for name in ("judge_score", "tie_rate", "ceiling_mass"):
            assert seen[name].status is Status.INSUFFICIENT
            assert seen[name].estimate is None

    def test_teaches_nothing(self, judged, scorer):
        groups, panel, store = judged(crowd=scorer)
        taught = teachable(groups, store, panel)
        assert make_pairs(taught, margin=0.0) == []
        assert make_shown(taught) == []

    def test_buys_no_grades(self, judged, scorer):
        groups, _, _ = judged(crowd=scorer)
        assert audit_pairs(groups, MicroWorld(), pairs=10, budget=100, seed=0).labels == 0

    def test_silences_the_panel_although_another_judge_could_speak(self, judged, scorer):
        """A mean over the judges that happened to answer would reward what makes a judge fail."""
        groups, panel, _ = judged(crowd=by_length, clerk=scorer)
        assert measured(groups, panel)["judge_errors"].estimate == 1.0

    def test_makes_the_agent_do_something_else_than_train(self, judged, scorer):
        groups, panel, _ = judged(crowd=scorer)
        unseen = tuple(name for name in calm() if name.startswith(("judge_accuracy", "judge_gap")))
        now = observed(*measured(groups, panel).values(), without=unseen)
        decision = decide(view(observation=now))
        assert decision.intervention is not Intervention.TRAIN
        assert "judge_errors = 1.000" in decision.because


class TestAJudgeThatFailsNowAndThen:
    def test_has_a_rate_of_errors_and_scores_for_the_rest(self, judged):
        groups, panel, _ = judged(crowd=now_and_then)
        seen = measured(groups, panel)
        assert seen["judge_errors"].estimate == pytest.approx(0.25)
        assert seen["judge_errors"].n == N * SIBLINGS
        assert seen["judge_score"].estimate == pytest.approx((1 + SIBLINGS) / 2)
        assert seen["judge_score"].clusters == N * 3 // 4

    def test_teaches_only_on_what_it_scored(self, judged):
        groups, panel, store = judged(crowd=now_and_then)
        taught = {p.prompt for p in make_pairs(teachable(groups, store, panel), margin=0.0)}
        failed = set(PROMPTS[::4])
        assert taught
        assert not taught & failed


def test_a_kind_of_judge_that_nothing_here_can_run_is_refused_by_name():
    from logs.errors import JudgeError

    for kind in (JudgeKind.GENERATIVE, JudgeKind.REMOTE):
        with pytest.raises(JudgeError) as caught:
            judging.judge_of("far-away", {"kind": kind, "path": "nowhere"})
        assert "far-away" in caught.value.saw


def test_the_weight_of_a_judge_does_not_turn_an_error_into_a_number(judged):
    groups, panel, store = judged(crowd=by_length, clerk=BROKEN["returns NaN"])
    light = panel.judges[1].model_copy(update={"weight": Decimal("0.01")})
    lightened = Panel(judges=(panel.judges[0], light))
    assert measured(groups, lightened)["judge_errors"].estimate == 1.0
    assert teachable(groups, store, panel) == []
