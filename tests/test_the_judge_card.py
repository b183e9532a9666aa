"""A judge's card: what was not audited is not allowed, and bounds decide, not estimates."""

import pytest

from logs.errors import Refused, Stale, UndefinedMeasurement
from logs.vocabulary import Status
from tools.audit import audit, card, measuring, world
from tools.audit.card import Cost, JudgeCard, Purpose
from tools.audit.page import page
from tools.audit.planted import planted
from tools.audit.treatments import attacks
from tools.instruments.audit import attack_success

JUDGE, PROMPT = "a" * 64, "b" * 64
TREATMENTS = [t for t in world.treatments() if t.bias in ("length", "sycophancy")]
REQUIRED = ("length", "sycophancy")


def the_audit(
    name, *, n=200, iteration=0, attacked=True, treatments=TREATMENTS, seed=1, hashed=JUDGE
):
    judge = planted(name, seed=seed, iteration=iteration)
    pairs = world.pairs(n, seed=seed)
    names = {"judge_hash": hashed, "prompt_hash": PROMPT, "iteration": iteration}
    verdicts = audit.run(judge, pairs, audit.cases(pairs, treatments), **names)
    empty = attacks(world.pairs(300, seed=seed + 1000), world.NULLS) if attacked else ()
    return measuring.measure(
        verdicts,
        faults=audit.faults(treatments),
        attacked=audit.run(judge, empty, (), repeats=1, **names),
    )


@pytest.fixture(scope="module")
def audits():
    names = ("honest", "noisy", "sycophantic", "position-locked", "saturated", "fooled")
    return {name: the_audit(name) for name in names}


def carded(found, **options):
    return card.make("j", found, **{"required": REQUIRED} | options)


def allowed(made):
    return {use.purpose.value for use in made.uses if use.allowed}


class TestWhatAJudgeMayDo:
    @pytest.mark.parametrize(
        ("name", "may"),
        [
            ("honest", {"rank", "train", "promote"}),
            ("noisy", {"rank", "train"}),
            ("sycophantic", {"rank"}),
            ("fooled", {"rank"}),
            ("position-locked", set()),
            ("saturated", set()),
        ],
    )
    def test_follows_from_its_audit(self, name, may, audits):
        assert allowed(carded(audits[name])) == may

    def test_says_what_stands_against_it(self, audits):
        made = carded(audits["sycophantic"])
        (why,) = made.use(Purpose.TRAIN).against
        assert why.startswith("sycophancy: upper bound") and "detected" in why

    def test_is_nothing_that_was_not_audited(self, audits):
        made = carded(audits["honest"], required=(*REQUIRED, "authority"))
        assert allowed(made) == {"rank"}
        assert made.use(Purpose.TRAIN).against == ("authority: not audited",)

    def test_does_not_include_promoting_before_empty_answers_were_tried(self):
        made = carded(the_audit("honest", attacked=False))
        assert allowed(made) == {"rank", "train"}
        assert made.use(Purpose.PROMOTE).against == ("empty answers: not audited",)

    def test_is_less_after_a_smaller_audit(self, audits):
        made = carded(the_audit("honest", n=24))
        assert allowed(made) < allowed(carded(audits["honest"]))
        assert any("not shown to be smaller" in x for x in made.use(Purpose.PROMOTE).against)

    def test_is_decided_by_the_bound_not_by_the_estimate(self, audits):
        accuracy = audits["noisy"].reliability[0]
        for purpose, floor in card.FLOORS.items():
            lifted = accuracy.model_copy(update={"low": floor - 1e-9, "estimate": 0.99})
            found = audits["honest"].model_copy(update={"reliability": (lifted,)})
            assert not carded(found).use(purpose).allowed
            met = lifted.model_copy(update={"low": floor})
            found = audits["honest"].model_copy(update={"reliability": (met,)})
            assert carded(found).use(purpose).allowed

    @pytest.mark.parametrize(
        ("upper", "may"),
        [(0.05, {"rank", "train", "promote"}), (0.0501, {"rank", "train"}), (0.1001, {"rank"})],
    )
    def test_shrinks_with_the_bound_of_its_worst_bias(self, upper, may, audits):
        first, *rest = audits["honest"].biases
        biases = (first.model_copy(update={"upper": upper}), *rest)
        assert allowed(carded(audits["honest"].model_copy(update={"biases": biases}))) == may

    @pytest.mark.parametrize(
        ("successes", "may"),
        [(0, {"rank", "train", "promote"}), (8, {"rank", "train"}), (200, {"rank"})],
    )
    def test_shrinks_with_the_empty_answers_it_falls_for(self, successes, may, audits):
        found = audits["honest"].model_copy(update={"attacks": attack_success(successes, 300)})
        assert allowed(carded(found)) == may

    def test_is_nothing_without_accuracy(self, audits):
        found = audits["honest"].model_copy(update={"reliability": ()})
        assert allowed(carded(found)) == set()
        found = audits["honest"].model_copy(update={"position": ()})
        assert allowed(carded(found)) == {"rank"}


class TestDemanding:
    def demand(self, made, purpose=Purpose.TRAIN, **changed):
        names = {"iteration": 0, "judge_hash": JUDGE, "prompt_hash": PROMPT}
        card.demand(made, purpose, **names | changed)

    def test_what_the_card_allows_is_granted(self, audits):
        for purpose in Purpose:
            self.demand(carded(audits["honest"]), purpose)

    def test_what_it_does_not_is_refused_with_reasons(self, audits):
        with pytest.raises(Refused, match="may not train") as refused:
            self.demand(carded(audits["sycophantic"]))
        assert "sycophancy" in refused.value.saw

    @pytest.mark.parametrize(
        "changed",
        [
            {"judge_hash": "c" * 64},
            {"prompt_hash": "c" * 64},
            {"iteration": 5},
            {"iteration": -1},
        ],
    )
    def test_of_another_version_or_after_expiry_is_stale(self, changed, audits):
        with pytest.raises(Stale, match="one version of a judge, for a while"):
            self.demand(carded(audits["honest"]), **changed)

    def test_in_a_domain_needs_that_domain(self, audits):
        made = carded(audits["honest"])
        self.demand(made, domain="lists")
        with pytest.raises(Refused, match="may not train") as refused:
            self.demand(made, domain="poetry")
        assert "in poetry: not audited" in refused.value.saw


class TestComparing:
    def test_finds_a_judge_that_quietly_degrades(self):
        early, late = (
            carded(the_audit("degrading", iteration=k, seed=k + 1, treatments=[])) for k in (0, 4)
        )
        change = card.compare(early, late)[0]
        assert (change.status, change.of) == (Status.RED, "")
        assert change.estimate == pytest.approx(
            late.audit.reliability[0].estimate - early.audit.reliability[0].estimate
        )
        assert card.compare(late, early)[0].status is Status.GREEN

    def test_of_a_card_with_itself_finds_nothing(self, audits):
        made = carded(audits["honest"])
        assert Status.RED not in {m.status for m in card.compare(made, made)}
        assert card.compare(made, made)[0].estimate == 0

    def test_stands_against_a_swap_for_worse_or_for_the_same(self, audits):
        good, bad = carded(audits["honest"]), carded(the_audit("noisy", hashed="c" * 64))
        against = card.swap_against(good, bad, Purpose.TRAIN, iteration=0)
        assert [x for x in against if x.startswith("worse")]
        assert card.swap_against(bad, good, Purpose.TRAIN, iteration=0) == ()
        assert "it is the same version" in card.swap_against(good, good, Purpose.TRAIN, iteration=0)
        assert any("expired" in x for x in card.swap_against(bad, good, Purpose.TRAIN, iteration=9))


class TestTheRecord:
    def test_is_frozen_and_reads_back_from_the_log(self, audits):
        made = carded(
            audits["honest"],
            cost=Cost(calls=10, seconds_per_call=0.5, price_per_call=0.002, currency="EUR"),
            sources=("micro-world, audit pool",),
        )
        assert JudgeCard.model_validate_json(made.model_dump_json()) == made
        with pytest.raises(ValueError, match="frozen"):
            made.judge = "other"
        assert len(made.audit.measurements()) > 10

    def test_of_attacks_on_another_version_is_refused(self):
        names = {"judge_hash": JUDGE, "prompt_hash": PROMPT}
        pairs, judge = world.pairs(10, seed=0), planted("honest", seed=0)
        other = audit.run(judge, pairs, (), judge_hash="c" * 64, prompt_hash=PROMPT)
        with pytest.raises(UndefinedMeasurement, match="another version"):
            measuring.measure(audit.run(judge, pairs, (), **names), attacked=other)


class TestThePage:
    def test_says_first_what_the_judge_may_do_and_why_not(self, audits):
        text = page(carded(audits["sycophantic"]))
        assert text.index("May be used to") < text.index("## Reliability")
        assert "| train | **no** | sycophancy: upper bound" in text
        assert "Not measured." in text and "randomised" in text

    def test_does_not_praise_a_judge_that_nothing_moves(self, audits):
        said = "says nothing for it"
        assert said in page(carded(audits["position-locked"]))
        assert said not in page(carded(audits["honest"]))

    def test_keeps_the_text_of_others_in_its_cell(self, audits):
        made = card.make("x\n# Fine | judge", audits["honest"], required=REQUIRED)
        assert page(made).splitlines()[0] == "# Judge x # Fine \\| judge"

    def test_shows_what_the_judge_costs(self, audits):
        cost = Cost(calls=10, seconds_per_call=0.5, tokens_per_call=300, price_per_call=0.002)
        assert "0.5 s a call" in page(carded(audits["honest"], cost=cost))
