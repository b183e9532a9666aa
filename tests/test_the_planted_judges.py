"""Planted judges run through whole audits: each fault is found, and no other is."""

import pytest

from logs.errors import JudgeError, UndefinedMeasurement
from logs.vocabulary import Status
from tools.audit import audit, measuring, world
from tools.audit.items import Pair
from tools.audit.planted import PLANTED, Taste, of_taste, planted
from tools.audit.records import BASE, tables
from tools.audit.treatments import Shown, attacks, english
from tools.instruments.audit import consistency, position_bias, shift_of
from tools.world import language as w
from tools.world.pools import Pool, pool_of
from tools.world.skills import parse
from tools.world.verify import grade

NAMES = {"judge_hash": "j", "prompt_hash": "p"}
TREATMENTS = world.treatments()
PAIR = Pair(id="1", prompt="why?", a="Because it is. It was.", b="No idea.", gold="A")


def audited(judge, *, seed=0, n=audit.ITEMS, treatments=TREATMENTS, **options):
    pairs = world.pairs(n, seed=seed)
    verdicts = audit.run(judge, pairs, audit.cases(pairs, treatments), **NAMES, **options)
    return measuring.measure(verdicts, faults=audit.faults(treatments))


def red(found):
    return {bias.name for bias in found.biases if bias.shift.status is Status.RED}


class TestAPlantedFault:
    @pytest.mark.parametrize(
        ("name", "faults"),
        [
            ("honest", set()),
            ("noisy", set()),
            ("length-biased", {"length"}),
            ("sycophantic", {"sycophancy"}),
            ("self-preferring", {"self_preference"}),
        ],
    )
    def test_is_found_and_no_other(self, name, faults):
        assert red(audited(planted(name, seed=1))) == faults

    def test_of_place_is_found_by_position_and_moves_no_bias(self):
        found = audited(planted("position-locked", seed=1), n=60)
        bias, same, locked = found.position
        assert (bias.status, bias.estimate, same.estimate) == (Status.RED, 0.5, 0)
        assert locked.count == locked.n == 60
        assert red(found) == set()

    def test_of_a_full_scale_is_found_as_ties(self):
        found = audited(planted("saturated", seed=1), n=60)
        tied = next(m for m in found.noise if m.instrument == "tie_share")
        assert (tied.estimate, tied.status) == (1.0, Status.RED)
        assert found.reliability[0].estimate == 0

    def test_that_grows_is_found_when_it_has_grown(self):
        early, late = (
            audited(planted("degrading", seed=2, iteration=k), iteration=k, treatments=())
            for k in (0, 4)
        )
        assert early.reliability[0].low > 0.8 > 0.6 > late.reliability[0].high

    def test_of_empty_answers_is_found_by_attacking(self):
        empty = attacks(world.pairs(300, seed=3), world.NULLS)
        base = world.pairs(20, seed=4)
        for name, status in (("fooled", Status.RED), ("honest", Status.GREEN)):
            judge = planted(name, seed=1)
            found = measuring.measure(
                audit.run(judge, base, (), **NAMES),
                attacked=audit.run(judge, empty, (), repeats=1, **NAMES),
            )
            assert (found.attacks.status, found.attacks.n) == (status, 300)

    def test_of_length_alone_is_nearly_the_whole_scale(self):
        judge = audit.from_scores(lambda prompt, answer: len(answer.split()))
        pairs = [
            p.with_answer("B" if p.side == "A" else "A", f"{p.answer(p.side)} well indeed")
            for p in world.pairs(50, seed=5)
        ]
        only = [t for t in TREATMENTS if t.bias == "length"]
        by = tables(audit.run(judge, pairs, audit.cases(pairs, only), **NAMES))
        shift = shift_of(by[BASE].preference, by["length"].preference)
        assert shift.estimate > 0.9
        assert position_bias(by[BASE].first).estimate == 0

    def test_has_a_name(self):
        with pytest.raises(KeyError):
            planted("unheard of", seed=0)
        assert {"honest", "noisy"} < set(PLANTED)


class TestTheAuditSetsOfTheWorld:
    def test_are_of_the_audit_pool_and_of_one_seed(self):
        pairs = world.pairs(80, seed=6)
        assert pairs == world.pairs(80, seed=6) != world.pairs(80, seed=7)
        assert all(pool_of(p.prompt) is Pool.AUDIT for p in pairs)
        assert len({p.id for p in pairs}) == 80

    def test_have_one_right_answer_each(self):
        for pair in world.pairs(120, seed=8):
            rival = pair.b if pair.gold == "A" else pair.a
            assert grade(pair.prompt, pair.answer(pair.gold)).gold
            assert not grade(pair.prompt, rival).correct

    def test_are_balanced_by_lot(self):
        pairs = world.pairs(400, seed=9)
        assert 150 < sum(p.gold == "A" for p in pairs) < 250
        assert 150 < sum(p.side == p.gold for p in pairs) < 250

    @pytest.mark.parametrize("treatment", TREATMENTS, ids=lambda t: t.bias)
    def test_say_every_treatment_in_the_words_the_judges_have(self, treatment):
        cases = audit.cases(world.pairs(60, seed=10), [treatment])
        assert len(cases) >= 30
        for case in cases:
            for shown in (case.control, case.treated):
                words = f"{shown.pair.prompt} {shown.pair.a} {shown.pair.b}".split()
                assert set(words) <= set(w.VOCABULARY)
                parse(shown.pair.prompt)
            assert case.control.pair != case.treated.pair

    @pytest.mark.parametrize(
        "bias",
        [t.bias for t in TREATMENTS if not t.base],
    )
    def test_hold_a_treatment_against_a_twin_of_the_same_length(self, bias):
        treatment = next(t for t in TREATMENTS if t.bias == bias)
        for case in audit.cases(world.pairs(40, seed=11), [treatment]):
            before, after = case.control.pair, case.treated.pair
            for one, other in ((before.prompt, after.prompt), (before.a, after.a)):
                assert len(one.split()) == len(other.split())
            assert len(before.b.split()) == len(after.b.split())

    def test_name_what_cannot_be_said(self):
        assert {"bandwagon", "caste", "religion"} <= set(world.NOT_SAYABLE)
        assert not set(world.NOT_SAYABLE) & {t.bias for t in TREATMENTS}


class TestTreatmentsInEnglish:
    def test_are_sixteen_biases_and_more_each_with_its_control(self):
        biases = {t.bias.partition("/")[0] for t in english()}
        assert len(english()) >= 16
        assert {"length", "truncation", "authority", "bandwagon", "sycophancy"} <= biases
        for treatment in english():
            case = treatment.case(PAIR)
            assert (case.control.pair, case.control.note) != (case.treated.pair, case.treated.note)

    def test_reach_the_treated_answer_only(self):
        for treatment in english():
            case = treatment.case(PAIR)
            assert case.treated.pair.b == PAIR.b == case.control.pair.b

    def test_hold_long_texts_against_about_as_long_ones(self):
        for treatment in english():
            case = treatment.case(PAIR)
            if not treatment.base:
                before, after = (
                    len(f"{s.note} {s.pair.a}".split()) for s in (case.control, case.treated)
                )
                assert abs(before - after) <= 1, treatment.bias

    def test_name_places_as_the_judge_sees_them(self):
        heard = []

        def judge(call):
            heard.append((call.first, call.note))
            return "tie"

        sycophancy = [t for t in english() if t.bias == "bandwagon"]
        audit.run(judge, [PAIR], audit.cases([PAIR], sycophancy), repeats=1, **NAMES)
        said = {(first, note) for first, note in heard if "prefer" in note}
        assert said == {
            (PAIR.a, "90% of raters prefer the first answer."),
            (PAIR.b, "90% of raters prefer the second answer."),
        }

    def test_of_empty_answers_replace_the_wrong_one(self):
        (attacked,) = attacks((PAIR,))
        assert (attacked.a, attacked.b) == (PAIR.a, "")


class TestARun:
    def test_asks_every_item_in_both_orders_as_often_as_it_says(self):
        calls = []

        def judge(call):
            calls.append(call)
            return "first"

        pairs = world.pairs(10, seed=12)
        verdicts = audit.run(judge, pairs, (), repeats=3, **NAMES)
        assert len(verdicts) == len(calls) == 60
        assert all(not call.history for call in calls)
        assert {v.verdict for v in verdicts if v.order == "AB"} == {"A"}

    def test_shuffles_the_calls_so_that_a_memory_cannot_line_up_with_a_treatment(self):
        first, second = [], []
        for seed, order in ((0, first), (1, second)):
            pairs = world.pairs(20, seed=13)
            audit.run(
                lambda call, order=order: order.append(call.prompt) or "tie",
                pairs,
                (),
                seed=seed,
                **NAMES,
            )
        assert first != second and sorted(first) == sorted(second)

    def test_takes_probabilities_as_verdicts_and_keeps_them(self):
        pairs = world.pairs(5, seed=14)
        verdicts = audit.run(lambda call: 0.8, pairs, (), repeats=1, **NAMES)
        assert {(v.order, v.verdict, round(v.score, 6)) for v in verdicts} == {
            ("AB", "A", 0.8),
            ("BA", "B", 0.2),
        }

    @pytest.mark.parametrize("said", ["A", 1.2, float("nan"), None, True])
    def test_takes_nonsense_for_a_missing_verdict(self, said):
        verdicts = audit.run(lambda call: said, world.pairs(3, seed=15), (), **NAMES)
        assert {v.verdict for v in verdicts} == {None}

    def test_counts_a_judge_that_fails_as_wrong_and_says_how_often_it_failed(self):
        honest = planted("honest", seed=0)

        def failing(call):
            if len(call.first) % 3 == 0:
                raise JudgeError("no", saw="a", wanted="b", try_this="c")
            return honest(call)

        found = audited(failing, n=60, treatments=())
        lost = next(m for m in found.noise if m.instrument == "missing_verdicts")
        assert lost.status is Status.RED
        whole = audited(honest, n=60, treatments=())
        assert found.reliability[0].estimate < whole.reliability[0].estimate

    def test_of_a_judge_that_fails_under_a_treatment_bounds_nothing_there(self):
        honest = planted("honest", seed=0)

        def failing(call):
            if "leo oslo" in f"{call.first} {call.second}":
                raise JudgeError("no", saw="a", wanted="b", try_this="c")
            return honest(call)

        only = [t for t in TREATMENTS if t.bias in ("authority", "format")]
        lost, whole = audited(failing, n=60, treatments=only).biases
        assert (lost.name, lost.upper, lost.shift.status) == (
            "authority",
            1.0,
            Status.INSUFFICIENT,
        )
        assert whole.upper < 0.2

    def test_refuses_items_that_the_judge_may_have_seen(self):
        pairs = world.pairs(5, seed=16)
        verdicts = audit.run(planted("honest", seed=0), pairs, (), seen={"3"}, **NAMES)
        with pytest.raises(UndefinedMeasurement, match="audits its memory"):
            measuring.measure(verdicts)

    def test_needs_the_unchanged_pairs_that_treatments_are_held_against(self):
        pairs = world.pairs(5, seed=17)
        with pytest.raises(JudgeError, match="held against the unchanged pair"):
            audit.run(planted("honest", seed=0), (), audit.cases(pairs, TREATMENTS), **NAMES)
        only = [t for t in TREATMENTS if t.bias == "authority"]
        verdicts = audit.run(planted("honest", seed=0), (), audit.cases(pairs, only), **NAMES)
        with pytest.raises(UndefinedMeasurement, match="pairs as they are"):
            measuring.measure(verdicts)

    def test_of_scores_is_consistent_by_construction(self):
        judge = audit.from_scores(lambda prompt, answer: hash((prompt, answer)) % 97)
        table = tables(audit.run(judge, world.pairs(40, seed=18), (), **NAMES))[BASE]
        assert consistency(table.first).estimate == 1
        close = audit.from_scores(lambda prompt, answer: len(answer) / 100, tie=0.5)
        assert close(audit.Call("q", "aaaa", "b")) == "tie"

    def test_shows_a_history_only_where_that_is_the_treatment(self):
        assert Shown(pair=PAIR).history == ()

    def test_with_the_same_seeds_says_the_same(self):
        once, again = (audited(planted("noisy", seed=5), n=40) for _ in range(2))
        assert once == again
        assert all("randomised" in a.statement[0] for a in (once, again))


def test_a_taste_for_nothing_is_a_coin():
    coin = of_taste(Taste(right=0.0, empty=0.0), seed=0)
    found = audited(coin, n=200, treatments=())
    assert found.reliability[0].high < 0.35
    assert found.reliability[1].low <= 0.5 <= found.reliability[1].high
