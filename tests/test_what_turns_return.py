"""What a turn returned: audited answers alone tell, and no judge can talk it up."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.auditing import audit_others, audit_pairs
from agent.deciding.quality import Quality, quality_of
from agent.deciding.returns import COST, STEP, Done, returns
from agent.groups import Group

SIBLINGS = 6
PAIRS = 12


class Oracle:
    """A task that knows which answers are right."""

    def grade(self, prompt, answer):
        return answer == "right"


def groups_of(rng, share, *, prompts=60, judge=lambda right, rng: right + rng.gauss(0, 1)):
    """Answers of a policy whose most frequent answer is right so often, with a judge's scores."""
    found = []
    for i in range(prompts):
        most, other = ("right", "wrong") if rng.random() < share else ("wrong", "right")
        texts = [most] * 4 + [other] * 2
        scores = tuple(judge(t == "right", rng) for t in texts)
        answers = tuple((t, 0.0, 0.0, True, 0.0) for t in texts)
        found.append(Group(f"prompt {i}", answers, {"crowd": scores}, scores))
    return found


def audited(groups, seed=0, pairs=PAIRS):
    return audit_pairs(groups, Oracle(), pairs=pairs, budget=1000, seed=seed).rows


def agreed(prompt, right):
    """A prompt on which all siblings say the same."""
    answer = ("right" if right else "wrong", 0.0, 0.0, True, 0.0)
    scores = (0.0,) * SIBLINGS
    return Group(prompt, (answer,) * SIBLINGS, {"crowd": scores}, scores)


def others(groups, seed=0):
    return audit_others(groups, Oracle(), prompts=6, budget=1000, seed=seed).rows


def rescored(groups, change):
    return [Group(g.prompt, g.answers, {}, tuple(map(change, g.panel))) for g in groups]


def seen(rng, share, **how):
    groups = groups_of(rng, share, **how)
    return quality_of(audited(groups, rng.randrange(10**6)), groups)


def graded(rng, share):
    """What a dozen grades say of a policy, no judge having helped."""
    right = sum(rng.random() < share for _ in range(PAIRS))
    smoothed = (right + 1) / (PAIRS + 2)
    return Quality(right / PAIRS, smoothed * (1 - smoothed) / PAIRS, PAIRS)


def session(rng, shares, outcomes=None):
    """Turns of a session in which the policy changes whenever its share does."""
    outcomes = outcomes or ["committed"] * len(shares)
    return [
        Done(i, f"policy {share}", outcome, graded(rng, share))
        for i, (share, outcome) in enumerate(zip(shares, outcomes, strict=True), 1)
    ]


def mean_return(shares, turn, sessions=400, **how):
    """Mean over sessions, and its standard error."""
    found = [returns(session(random.Random(s), shares, **how))[turn].value for s in range(sessions)]
    return np.mean(found), np.std(found, ddof=1) / np.sqrt(sessions)


class TestTheQualityOfAPolicy:
    def test_is_the_share_of_right_answers_whatever_the_judge_says(self):
        judges = (
            lambda right, rng: right + rng.gauss(0, 1),
            lambda right, rng: rng.gauss(0, 1),
            lambda right, rng: -2.0 * right + rng.gauss(0, 1),
        )
        for judge in judges:
            found = [seen(random.Random(s), 0.4, judge=judge).share for s in range(100)]
            assert abs(np.mean(found) - 0.4) < 4 * np.std(found) / np.sqrt(100)

    def test_is_told_more_narrowly_with_a_judge_that_knows(self):
        def sharp(right, rng):
            return 4.0 * right + rng.gauss(0, 0.1)

        def dull(right, rng):
            return rng.gauss(0, 1)

        widths = [
            np.mean([seen(random.Random(s), 0.4, judge=judge).variance for s in range(40)])
            for judge in (sharp, dull)
        ]
        assert widths[0] < 0.6 * widths[1]

    def test_has_a_variance_that_is_not_smaller_than_its_errors(self):
        found = [seen(random.Random(s), 0.5) for s in range(200)]
        errors = np.var([q.share for q in found])
        assert np.mean([q.variance for q in found]) > 0.85 * errors

    @pytest.mark.parametrize("share", [0.0, 1.0])
    def test_is_not_certain_where_all_grades_are_the_same(self, share):
        assert seen(random.Random(0), share).variance > 0.002

    def test_is_unknown_without_grades(self):
        assert quality_of([], groups_of(random.Random(0), 0.5)) is None

    @pytest.mark.parametrize("change", [lambda s: s + 5.0, lambda s: s - 0.3])
    def test_is_the_same_where_the_judge_scores_everything_higher(self, change):
        groups = groups_of(random.Random(1), 0.4)
        rows = audited(groups)
        before, after = quality_of(rows, groups), quality_of(rows, rescored(groups, change))
        assert after.share == pytest.approx(before.share, abs=1e-9)
        assert after.variance == pytest.approx(before.variance, rel=1e-6)

    def test_gains_nothing_from_a_judge_that_likes_the_policys_habit(self):
        """The answer that is given most often is scored far above all others, right or wrong."""

        def smitten(g):
            return Group(g.prompt, g.answers, {}, tuple(9.0 * (t == g.texts[0]) for t in g.texts))

        gained = []
        for s in range(100):
            rng = random.Random(s)
            groups = groups_of(rng, 0.4)
            loved = [smitten(g) for g in groups]
            gained.append(quality_of(audited(loved, s), loved).share - 0.4)
        assert abs(np.mean(gained)) < 4 * np.std(gained) / np.sqrt(100)

    def test_reads_no_prompt_that_a_judge_may_have_been_fitted_on(self):
        groups = groups_of(random.Random(2), 0.5)
        rows = audited(groups)
        graded = {row["prompt"] for row in rows}
        known = [g.prompt for g in groups if g.prompt not in graded][:20]
        left = [g for g in groups if g.prompt not in known]
        assert quality_of(rows, groups, known) == quality_of(rows, left)

    def test_follows_a_policy_whose_easy_prompts_have_no_rival_answers_any_more(self):
        """Pairs alone say that it became worse: .5 of 60 before, .3 of 20 after."""
        shares = []
        for easy in (0, 40):
            found = []
            for s in range(100):
                rng = random.Random(s)
                groups = [*groups_of(rng, 0.5 if not easy else 0.3, prompts=60 - easy)]
                groups += [agreed(f"easy {i}", rng.random() < 0.9) for i in range(easy)]
                rows = [*audited(groups, s), *others(groups, s)]
                found.append(quality_of(rows, groups).share)
            shares.append((np.mean(found), np.std(found) / np.sqrt(100)))
        (before, error), (after, error_after) = shares
        assert abs(before - 0.5) < 4 * error
        assert abs(after - (20 * 0.3 + 40 * 0.9) / 60) < 4 * error_after

    def test_is_untold_while_one_kind_of_prompt_has_no_grade(self):
        rng = random.Random(5)
        groups = [*groups_of(rng, 0.5, prompts=20), agreed("easy", True)]
        assert quality_of(audited(groups), groups) is None
        assert quality_of(others(groups), groups) is None
        assert quality_of([*audited(groups), *others(groups)], groups) is not None

    def test_reads_no_grade_of_prompts_that_were_chosen_for_the_judges(self):
        groups = groups_of(random.Random(3), 0.5)
        rows = audited(groups)
        chosen = [{"prompt": g.prompt, "grades": {"0": 1, "4": 1}} for g in groups]
        assert quality_of([*rows, *chosen], groups) == quality_of(rows, groups)


class TestAReturn:
    def test_of_what_makes_answers_right_is_positive(self):
        mean, error = mean_return([0.3, 0.5, 0.5, 0.5], turn=1)
        assert mean == pytest.approx(0.2, abs=4 * error)

    def test_of_what_makes_answers_wrong_is_negative(self):
        mean, error = mean_return([0.5, 0.3, 0.3, 0.3], turn=1)
        assert mean == pytest.approx(-0.2, abs=4 * error)

    def test_of_what_changes_nothing_is_none(self):
        mean, error = mean_return([0.4] * 6, turn=3)
        assert abs(mean) < 4 * error

    def test_of_what_is_done_because_grades_look_bad_is_not_luck(self):
        """The next grades look better by chance alone: a bare difference would credit that."""
        filtered, bare = [], []
        for s in range(400):
            done = session(random.Random(s), [0.5] * 9)
            shares = [d.quality.share for d in done]
            worst = int(np.argmin(shares[:6]))
            if worst < 3:
                continue
            filtered.append(returns(done)[worst + 1].value)
            bare.append(shares[worst + 1] - shares[worst])
        assert np.mean(bare) > 0.12
        assert np.mean(filtered) < 0.35 * np.mean(bare)

    def test_of_a_repair_is_what_the_next_trainings_make_of_it(self):
        """The repair itself changes no answer; without it the trainings go on to do harm."""
        repaired, _ = mean_return([0.4, 0.4, 0.46, 0.52], turn=1)
        ignored, _ = mean_return([0.4, 0.34, 0.28, 0.22], turn=1)
        assert repaired > 0.04 and ignored < -0.04

    def test_looks_no_further_than_a_few_turns(self):
        for shares in ([0.4] * 4 + [0.9] * 4, [0.4] * 8):
            done = session(random.Random(5), shares)
            assert returns(done[:4])[1] == returns(done)[1]

    @pytest.mark.parametrize("outcome", ["refused", "failed", "kept"])
    def test_of_a_turn_that_came_to_nothing_is_its_cost(self, outcome):
        done = session(random.Random(0), [0.2, 0.9], [outcome, "committed"])
        assert returns(done)[1].value == -COST < 0
        assert returns(done)[1].variance == STEP**2

    @pytest.mark.parametrize("outcome", ["waits", "stopped", ""])
    def test_of_a_turn_that_is_not_over_is_not_told(self, outcome):
        assert 1 not in returns(session(random.Random(0), [0.2, 0.9], [outcome, "committed"]))

    def test_of_the_last_turn_is_not_told_yet(self):
        assert set(returns(session(random.Random(0), [0.2, 0.9]))) == {1}

    def test_is_not_told_without_grades(self):
        blind = [Done(i, f"policy {i}", "committed", None) for i in range(1, 5)]
        assert returns(blind) == {}

    def test_rests_on_the_turns_that_have_grades(self):
        done = session(random.Random(0), [0.3, 0.5, 0.5, 0.5])
        gap = [done[0], Done(2, "policy 0.5", "committed", None), *done[2:]]
        assert returns(gap)[1].seen == 2 and returns(done)[1].seen == 3

    def test_has_a_variance_that_covers_its_errors(self):
        """Over sessions in which a policy moves as the filter supposes."""
        scores = []
        for s in range(200):
            rng = random.Random(s)
            shares = [0.5]
            for _ in range(8):
                shares.append(min(0.95, max(0.05, shares[-1] + rng.gauss(0, STEP))))
            told = returns(session(rng, shares))[5]
            truth = 0.3 * shares[5] + 0.21 * shares[6] + 0.49 * shares[7] - shares[4]
            scores.append((told.value - truth) / np.sqrt(told.variance))
        assert 0.6 < np.var(scores) < 1.3
        assert abs(np.mean(scores)) < 4 * np.std(scores) / np.sqrt(200)


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["committed", "refused", "failed", "kept", "waits", "stopped"]),
            st.none() | st.tuples(st.floats(0, 1), st.floats(1e-4, 0.1)),
            st.sampled_from("abc"),
        ),
        max_size=12,
    )
)
def test_whatever_happened_a_return_is_bounded_and_uncertain(turns):
    done = [
        Done(i, policy, outcome, Quality(*q, 12) if q else None)
        for i, (outcome, q, policy) in enumerate(turns, 1)
    ]
    for told in returns(done).values():
        assert -1 <= told.value <= 1 and 0 < told.variance < 1
