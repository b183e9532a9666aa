"""No line of the decision table takes more than the law leaves; a laxer table is caught."""

from dataclasses import replace
from fractions import Fraction

import pytest

from agent.lines import Entry, Guarded, Line, Need, Way
from agent.rules import TABLE, decide
from agent.table import findings
from agent.table.acts import ACTS, Act
from agent.table.choosing import entries, guarded
from agent.table.claims import LAWFUL, claims_of
from agent.table.findings import DeciderReport, Proved
from agent.table.theorem import prove
from agent.table.vocabulary import IS, MAY, read
from invariants import policy as policies
from invariants import templates
from invariants.policy import Policy
from invariants.solver import Desk
from invariants.tiers import Kind
from logs.errors import UsageError
from logs.vocabulary import Intervention, Outcome, Tier
from tests.a_view import view

POLICY = policies.load(policies.default_bytes())
TEMPLATES = ("research", "production", "strict", "red-team")
Table = tuple[Entry, ...]


def raised(**kinds: Tier) -> Policy:
    """The default policy, with some kinds of change at a higher tier."""
    return replace(POLICY, raises={Kind(kind): tier for kind, tier in kinds.items()})


def laxer(line: str, **fields: object) -> Table:
    """The table with one line changed."""
    return tuple(
        entry._replace(guarded=replace(guarded(entry), **fields)) if entry.id == line else entry  # type: ignore[arg-type]
        for entry in TABLE
    )


def the(line: str) -> Guarded:
    """The conditions of a line."""
    return next(guarded(entry) for entry in TABLE if entry.id == line)


def ways(line: str, number: int, **fields: object) -> Table:
    """The table with one way of a line changed."""
    found = list(the(line).ways)
    found[number - 1] = replace(found[number - 1], **fields)  # type: ignore[arg-type]
    return laxer(line, ways=tuple(found))


def needing(line: str, *dropped: str) -> Table:
    """The table with needs of a line dropped."""
    kept = tuple(need for need in the(line).needs if need.when not in dropped)
    assert len(kept) < len(the(line).needs)
    return laxer(line, needs=kept)


def false(report: DeciderReport) -> list[Proved]:
    return [claim for claim in report.claims if claim.proved is not Outcome.HOLDS]


def named(claim: Proved) -> dict[str, str]:
    return dict(value.split(" = ") for value in claim.values)


class TestTheTable:
    def test_is_proved_for_every_policy_and_every_view(self):
        report = prove(TABLE, POLICY)
        assert false(report) == []
        assert {way.alive for way in report.ways} == {way.here for way in report.ways}
        assert {way.here for way in report.ways} == {Outcome.HOLDS}
        assert report.sound

    def test_is_proved_claim_by_claim(self):
        told = {(c.line, c.claim) for c in prove(TABLE, POLICY).claims}
        assert {
            ("R2-damaged", "vault"),
            ("R3-judge-broken", "pace"),
            ("R3-judge-broken", "labels"),
            ("R6-flaw-pays", "path"),
            ("R9-nearest-lawful", "step"),
            ("R8-healthy", "floor"),
            (findings.TABLE, "total"),
        } <= told
        for entry in entries(TABLE):
            for way in guarded(entry).ways:
                wanted = {claim.name for claim in claims_of(ACTS[way.act])} | {"unmeasured"}
                assert wanted <= {claim for line, claim in told if line == entry.id}

    def test_is_proved_within_a_question_or_two_of_a_second_each(self):
        desk = Desk()
        prove(TABLE, POLICY, desk=desk)
        assert len(desk.asked) > len(TABLE)
        assert all(one.ms < 5_000 for one in desk.asked)

    @pytest.mark.parametrize("name", TEMPLATES)
    def test_holds_under_every_template_and_tells_which_ways_it_closes(self, name):
        policy = policies.load(templates.policy(name))
        report = prove(TABLE, policy)
        assert report.sound
        closed = {cause for way in report.ways for cause in way.closed_by}
        high = {f"{kind} is {tier}" for kind, tier in policy.raises.items()}
        assert {cause for cause in closed if " is " in cause} <= high
        assert bool(closed) == (name != "research")

    def test_falls_through_a_line_that_a_policy_makes_over_tier_and_says_which(self):
        report = prove(TABLE, raised(judge_refit=Tier.HIGH))
        assert report.sound
        closed = {way.line: way.closed_by for way in report.ways if way.here is Outcome.BROKEN}
        assert closed == dict.fromkeys(
            ("R3-judge-broken", "R5-judge-untested", "R14-biased", "R15-co-adapted"),
            ("judge_refit is high",),
        )

    def test_has_no_more_judges_on_the_bench_to_fear_than_two(self):
        """A condition asks whether some judge of the bench is better, and never counts them."""
        texts = [*IS.values(), *MAY.values()]
        for entry in entries(TABLE):
            texts += [n.when for n in guarded(entry).needs] + [w.when for w in guarded(entry).ways]
        for text in texts:
            assert not {"all", "sum", "count"} & set(text.replace("(", " ").split())
            read(text)


PACED = ("judge_updates", "policy_updates", "judge_ratio", "judge_slack")
NO_PACE = "may.refit_judge and left.labels >= 72 and now.graded_prompts >= 16"
NO_LABELS = "may.refit_judge and is.in_pace and now.graded_prompts >= 16"
OVER_PATH = "may.edit_whole and past.edits_failed == 0"
CAUGHT = {
    "refitting without the pace of judges": (ways("R3-judge-broken", 1, when=NO_PACE), "pace"),
    "refitting without labels": (ways("R5-judge-untested", 1, when=NO_LABELS), "labels"),
    "asking a vault without a question left": (needing("R2-damaged", "is.vault_open"), "vault"),
    "editing beyond the path": (ways("R6-flaw-pays", 1, when=OVER_PATH), "path"),
    "editing when no step is left": (needing("R6-flaw-pays", "is.step_left"), "path"),
    "taking an offer that is longer than a step": (
        laxer("R9-nearest-lawful", needs=the("R9-nearest-lawful").needs[:-1]),
        "step",
    ),
    "training under a judge below its floor": (ways("R8-healthy", 1, when="may.train"), "floor"),
    "not asking for the tier": (ways("R7-saturated", 1, when="true"), "tier"),
    "reading what was not measured": (
        laxer("R1-judge-silent", needs=(Need("panel.errors >= 1/5", "it scores"),)),
        "unmeasured",
    ),
}


class TestALaxerTable:
    @pytest.mark.parametrize(("table", "claim"), CAUGHT.values(), ids=CAUGHT.keys())
    def test_is_caught_with_a_counterexample(self, table, claim):
        report = prove(table, POLICY)
        assert not report.sound
        found = next(one for one in false(report) if one.claim == claim)
        assert found.proved is Outcome.BROKEN
        assert found.values
        (changed,) = {e.id for e, was in zip(table, TABLE, strict=True) if e != was}
        assert {one.line for one in false(report)} == {changed}

    def test_is_told_by_numbers_that_break_the_rule(self):
        (claim,) = false(prove(ways("R3-judge-broken", 1, when=NO_PACE), POLICY))
        said = named(claim)
        ratio, slack = Fraction(said["param.judge_ratio"]), Fraction(said["param.judge_slack"])
        judges, policy = int(said["now.judge_updates"]), int(said["now.policy_updates"])
        assert ratio * (judges + 1) > policy + slack
        assert (ratio, slack) == (POLICY.values["judge_ratio"], POLICY.values["judge_slack"])
        assert list(said)[:4] == sorted(name for name in said if name.split(".")[1] in PACED)

    def test_is_told_by_the_judge_that_it_would_train_under(self):
        (claim,) = false(prove(ways("R8-healthy", 1, when="may.train"), POLICY))
        said = named(claim)
        assert Fraction(said["panel.high"]) < Fraction(said["param.judge_floor"])

    @pytest.mark.parametrize(
        ("kind", "why"),
        [(Kind.CORE_TOUCHED, "rewords a core principle"), (Kind.JUDGE_KIND, "swaps the kind")],
    )
    def test_that_needs_people_is_caught_by_its_tier(self, monkeypatch, kind, why):
        reckless = Act(intervention=Intervention.EDIT_CONSTITUTION, kinds=frozenset({kind}))
        monkeypatch.setitem(ACTS, "reckless", reckless)
        table = ways("R6-flaw-pays", 2, act="reckless", when="is.in_pace")
        (claim,) = false(prove(table, POLICY))
        assert (claim.claim, claim.proved) == ("tier", Outcome.BROKEN), why
        assert named(claim)[f"tier.{kind}"] == "high"

    def test_that_changes_judge_and_adapter_at_once_is_caught(self, monkeypatch):
        kinds = ACTS["train"].kinds | {Kind.JUDGE_REFIT}
        monkeypatch.setitem(ACTS, "both", replace(ACTS["train"], kinds=kinds))
        when = f"may.train and may.refit_judge and {LAWFUL['train']} and is.in_pace"
        found = false(prove(ways("R8-healthy", 1, act="both", when=when), POLICY))
        assert [claim.claim for claim in found] == ["cause"]

    @pytest.mark.parametrize(
        "table",
        [TABLE[:-1], laxer("R8-healthy", ways=the("R8-healthy").ways[:1])],
        ids=["without its last line", "without the last way of it"],
    )
    def test_that_leaves_no_line_is_caught(self, table):
        (claim,) = false(prove(table, POLICY))
        assert (claim.line, claim.claim) == (findings.TABLE, "total")
        assert "param.judge_floor = 0.5" in claim.values

    def test_with_a_line_that_never_decides_is_caught(self):
        report = prove(needing("R4-outjudged", "is.in_pace"), POLICY)
        assert not report.sound
        shadowed = laxer("R1-judge-silent", needs=(), ways=(the("R8-healthy").ways[1],))
        stopped = tuple(
            e._replace(guarded=replace(guarded(e), last_resort=True)) if i == 0 else e
            for i, e in enumerate(shadowed)
        )
        report = prove(stopped, POLICY)
        assert not report.sound
        dead = {way.line for way in report.ways if way.alive is Outcome.BROKEN}
        assert dead == {entry.id for entry in TABLE[1:]}


class TestALineThatIsAPlainFunction:
    """The present way of adding one: a function that says what to do, or why not."""

    def test_is_proved_as_it_is(self):
        table = (Entry("R99-new", Intervention.REFIT_JUDGE, lambda _: "not now"), *TABLE)
        assert prove(table, POLICY).sound

    def test_is_asked_only_where_its_act_is_lawful(self):
        def refresh(_: object) -> Line:
            return Line(Intervention.REFRESH_PROMPTS, "because", {})

        table = (Entry("R99-new", Intervention.REFRESH_PROMPTS, refresh), *TABLE)
        assert decide(view(), table).rule == "R99-new"
        barred = decide(view(raises={Kind.PROMPTS: Tier.HIGH}), table)
        assert barred.rule == "R8-healthy"
        assert "not lawful" in barred.alternatives[0].because

    def test_needs_a_description_of_its_act_first(self):
        table = (Entry("R99-new", Intervention.CHANGE_RECIPE, lambda _: "not now"),)
        if "change_recipe" not in ACTS:
            with pytest.raises(UsageError, match="nobody described"):
                decide(view(), table)

    def test_may_not_do_another_thing_than_it_is_there_for(self):
        def trains(_: object) -> Line:
            return Line(Intervention.TRAIN, "because", {})

        with pytest.raises(AssertionError, match="refresh_prompts was to be filled in"):
            decide(view(), (Entry("R99-new", Intervention.REFRESH_PROMPTS, trains), *TABLE))


def test_a_condition_with_a_name_that_does_not_exist_is_refused_with_a_suggestion():
    wrong = Way("train", "is.belov_floor", lambda _: "never")
    with pytest.raises(UsageError) as refused:
        decide(view(), (Entry("R99-new", Intervention.TRAIN, Guarded(ways=(wrong,))),))
    assert "below_floor" in refused.value.try_this
