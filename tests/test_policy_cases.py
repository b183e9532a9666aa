"""Unit cases of policies: they pass, they fail for the right reason, and no rule is idle."""

import json
from dataclasses import replace
from fractions import Fraction
from xml.etree import ElementTree

import pytest

from invariants import templates
from invariants.ast import Binary, Expr, Quantifier, Truth, Unary
from invariants.cases import (
    Case,
    Result,
    built_in,
    by_z3,
    default_cases,
    examine,
    facing,
    load_cases,
)
from invariants.facts import Facts
from invariants.gate import judge
from invariants.policy import Rule, default_bytes, load
from invariants.proof import check_policy, prove_goals
from invariants.results import as_data, as_junit, as_sarif, as_text
from logs.errors import UsageError
from logs.vocabulary import Outcome, Tier
from tests.law_attacks import PROTECTS
from tests.law_cases import POLICY

CASES = load_cases(default_cases())
HEAD = 'format = "plimsoll-cases/1"\n'
ONE = HEAD + '[[case]]\nname = "one"\nbaseline = "training"\n'
OVER = [(case, *facing(POLICY, case)[:2]) for case in CASES]
"""Each case with its facts and its tier, computed once for all mutants."""


def results(text: str) -> list[Result]:
    return examine(POLICY, load_cases(text.encode()))


class TestTheCasesThatCome:
    def test_with_the_default_policy_all_pass(self):
        assert {r.case.name: r.faults for r in examine(POLICY, CASES) if r.faults} == {}

    def test_with_the_default_policy_refuse_by_every_rule(self):
        named = {rule for case in CASES for rule in case.refused_by}
        assert named >= {rule.id for rule in POLICY.rules}

    @pytest.mark.parametrize("name", templates.NAMES)
    def test_with_a_template_all_pass(self, name):
        policy, cases = load(templates.policy(name)), load_cases(templates.cases(name))
        assert {r.case.name: r.faults for r in examine(policy, cases) if r.faults} == {}

    @pytest.mark.parametrize("name", templates.NAMES)
    def test_with_a_template_fail_under_every_other_template(self, name):
        cases = load_cases(templates.cases(name))
        for other in {*templates.NAMES} - {name}:
            policy = load(templates.policy(other))
            known = {rule.id for rule in policy.rules}
            mine = [c for c in cases if not {*c.refused_by} - known]
            assert any(r.faults for r in examine(policy, mine)) or len(mine) < len(cases)

    def test_as_baselines_are_each_allowed(self):
        text = HEAD + "".join(
            f'[[case]]\nname = "{n}"\nbaseline = "{n}"\nallowed = true\n' for n in built_in()
        )
        assert not any(r.faults for r in results(text))

    @pytest.mark.parametrize("at", [1, 20, 57])
    def test_are_seen_alike_by_z3(self, at):
        (found,) = examine(POLICY, CASES[at : at + 1], by_z3)
        assert found.second is not None and found.faults == ()


class TestACase:
    def test_fails_when_it_is_allowed_against_its_expectation(self):
        (found,) = results(ONE + 'refused_by = ["P11-safety-floor"]\n')
        assert found.faults[0].startswith("P11-safety-floor should refuse it, but holds: ")
        assert "evidence.safety_pass.lo = 0.91" in found.faults[0]

    def test_fails_with_the_reason_when_the_rule_is_not_asked_at_its_tier(self):
        (found,) = results(ONE + 'refused_by = ["P22-people"]\n')
        assert found.faults == (
            "P22-people should refuse it, but its `on` leaves out changes of tier low",
        )

    def test_fails_when_a_rule_refuses_that_it_does_not_name(self):
        (found,) = results(ONE + "allowed = true\nsandbox_level = 0\n")
        assert "P19-sandbox refuses it unexpectedly: " in found.faults[0]
        assert "evidence.sandbox_level.lo = 0, but must be >= 1" in found.faults[0]

    def test_fails_when_the_tier_is_another_one(self):
        (found,) = results(ONE + 'allowed = true\ntier = "high"\n')
        assert found.faults == ("the law computes tier low, not high",)

    def test_fails_when_z3_disagrees(self):
        cases = load_cases((ONE + "allowed = true\n").encode())
        (found,) = examine(POLICY, cases, lambda policy, case: Outcome.BROKEN)
        assert found.faults == ("z3 says broken, the exact evaluator does not",)

    def test_may_build_on_a_baseline_of_its_own_file(self):
        own = HEAD + '[baseline.mine]\nfrom = "training"\nsandbox_level = 0\n'
        case = '[[case]]\nname = "a"\nbaseline = "mine"\nrefused_by = ["P19-sandbox"]\n'
        assert not any(r.faults for r in results(own + case))

    @pytest.mark.parametrize(
        ("text", "what", "near"),
        [
            ('baseline = "trainin"', "cannot be", "did you mean `training`?"),
            (
                'baseline = "training"\nallowed = true\nsandbox = 1',
                "means nothing",
                "sandbox_level",
            ),
            ('baseline = "training"', "must expect one thing", "allowed = true"),
            ('baseline = "training"\nallowed = true\nrefused_by = ["x"]', "one thing", "allowed"),
            ('baseline = "training"\nrefused_by = ["P11-safty-floor"]', "does not have", "P11-saf"),
            ('baseline = "training"\nallowed = true\nstale = 1', "must be a bool", "true or false"),
            (
                'baseline = "training"\nallowed = true\nnew.principles.honest.wieght = "1"',
                "means nothing",
                "did you mean `weight`?",
            ),
            (
                'baseline = "training"\nallowed = true\nnew.principles.honest.weight = 0.1',
                "not an exact number",
                'write weight = "0.1"',
            ),
            (
                'baseline = "training"\nallowed = true\nnew.principles.honest.weight = "-1"',
                "state that no rule can read",
                "mend the case",
            ),
        ],
    )
    def test_that_means_nothing_is_refused_with_a_way_on(self, text, what, near):
        with pytest.raises(UsageError) as refusal:
            results(HEAD + f'[[case]]\nname = "one"\n{text}\n')
        assert what in refusal.value.what
        assert near in refusal.value.try_this


class TestAReport:
    found = results(
        ONE
        + 'allowed = true\nsandbox_level = 0\nwhy = "walls <matter>"\n'
        + '[[case]]\nname = "two"\nbaseline = "training"\nallowed = true\n'
    )

    def test_as_text_names_the_failure_with_its_values(self):
        text = as_text(POLICY, self.found)
        assert "FAIL one: low, refused by P19-sandbox" in text
        assert "evidence.sandbox_level.lo = 0" in text and "why: walls <matter>" in text
        assert text.endswith("1 of 2 cases are as expected")

    def test_as_junit_counts_and_names_the_failure(self):
        suite = ElementTree.fromstring(as_junit(POLICY, self.found, "c.toml"))
        assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
        (failure,) = suite.iter("failure")
        assert "P19-sandbox" in str(failure.get("message"))

    def test_as_sarif_points_at_the_line_of_the_case(self):
        (run,) = as_sarif(POLICY, self.found, "c.toml")["runs"]
        (finding,) = run["results"]
        assert finding["ruleId"] == "P19-sandbox"
        assert finding["ruleId"] in {rule["id"] for rule in run["tool"]["driver"]["rules"]}
        place = finding["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"] == "c.toml"
        assert place["region"]["startLine"] == 3

    def test_as_data_is_plain_json(self):
        assert [one["passed"] for one in json.loads(json.dumps(as_data(self.found)))] == [
            False,
            True,
        ]


# --- mutants ---------------------------------------------------------------------


def weaker(expr: Expr) -> list[Expr]:
    """The rule with one of its demands replaced by true, one after the other."""
    match expr:
        case Binary(op="and"):
            left = [replace(expr, left=e) for e in weaker(expr.left)]
            return left + [replace(expr, right=e) for e in weaker(expr.right)]
        case Binary(op="or") | Binary(op="=>"):
            return [replace(expr, right=e) for e in weaker(expr.right)]
        case Quantifier(op="all", body=body) if body is not None:
            return [replace(expr, body=e) for e in weaker(body)]
        case Unary(op="not", operand=Binary(op="and")):
            return []
        case _:
            return [Truth(True, expr.span)]


def mutants_of(rule: Rule) -> list[tuple[str, Rule]]:
    source = rule.need
    found = [("dropped", replace(rule, expr=Truth(True, (0, 0))))]
    for index, expr in enumerate(weaker(rule.expr)):
        found.append((f"without demand {index + 1}", replace(rule, expr=expr, need=source)))
    if rule.on == "always":
        found += [(f"on {on} only", replace(rule, on=on)) for on in ("low", "medium", "high")]
    return found


EQUIVALENT = {
    ("P01-immutable-kept", "without demand 1"): "an id that is gone has no text that could equal",
    ("P06-shape-frozen", "without demand 1"): "likewise",
    ("P07-core-kept", "without demand 1"): "likewise",
    ("P12-judge-floor", "without demand 2"): "five of five has a lower bound of .478 < .5",
    ("P23-judge-validated", "without demand 2"): "likewise",
}
"""Mutants that no proposal could tell from the rule, with the reason."""


def asked(rule: Rule, case: Case, facts: Facts, tier: Tier) -> bool:
    """Whether the rule refuses the case."""
    if not rule.applies_to(case.as_tier or tier):
        return False
    return judge(rule, facts).outcome is not Outcome.HOLDS


def noticed(rule: Rule) -> bool:
    """Whether some case would fail under this rule in the place of the one of its id."""
    return any(
        asked(rule, case, facts, tier.tier) != (rule.id in case.refused_by)
        for case, facts, tier in OVER
    )


MUTANTS = [(rule.id, how, mutant) for rule in POLICY.rules for how, mutant in mutants_of(rule)]

TIGHT = {
    "weight_floor": "0.0495",
    "step_l1": "0.082",
    "total_l1": "0.2015",
    "weight_path_max": "0.402",
    "core_share": "0.59",
    "kl_max": "3.0",
    "kl_n": "31",
    "safety_floor": "0.49",
    "safety_n": "47",
    "judge_floor": "0.46",
    "min_families": "0",
    "judge_share": "0.72",
    "judge_ratio": "1",
    "judge_slack": "6",
    "selfserving_max": "1.0",
    "selfserving_n": "63",
    "sandbox_min": "0",
    "approvals_min": "0",
    "audit_labels_max": "513",
    "gold_queries_max": "21",
}
"""Each number a little looser than it is."""


class TestEveryRuleOfTheDefaultPolicy:
    @pytest.mark.parametrize(
        ("rule_id", "how", "mutant"), MUTANTS, ids=[f"{i} {h}" for i, h, _ in MUTANTS]
    )
    def test_cannot_be_weakened_unnoticed(self, rule_id, how, mutant):
        assert noticed(mutant) != ((rule_id, how) in EQUIVALENT)

    def test_itself_is_as_the_cases_say(self):
        assert not any(noticed(rule) for rule in POLICY.rules)
        assert len(MUTANTS) > 100

    @pytest.mark.parametrize("name", TIGHT)
    def test_cannot_have_its_number_loosened_unnoticed(self, name):
        param = replace(POLICY.params[name], value=Fraction(TIGHT[name]))
        laxer = replace(POLICY, params={**POLICY.params, name: param})
        assert any(r.faults for r in examine(laxer, CASES))

    def test_has_all_its_numbers_tried_but_the_one_that_is_implied(self):
        assert {*POLICY.params} - {*TIGHT} == {"judge_n"}

    @pytest.mark.parametrize("rule_id", PROTECTS)
    def test_that_guards_a_goal_makes_it_unprovable_when_dropped(self, rule_id):
        goal, tier = PROTECTS[rule_id]
        laxer = replace(POLICY, rules=tuple(r for r in POLICY.rules if r.id != rule_id))
        found = {(g.goal, g.tier): g.proved for g in prove_goals(laxer)}
        assert found[goal, tier] is Outcome.BROKEN


class TestATemplate:
    @pytest.mark.parametrize("name", templates.NAMES)
    def test_is_proved_sound_and_has_no_idle_rule(self, name):
        report = check_policy(load(templates.policy(name)))
        assert report.sound
        assert [r.invariant for r in report.rules if r.needed is not Outcome.HOLDS] == []

    def test_differs_from_every_other_in_substance(self):
        policies = [load(default_bytes()), *(load(templates.policy(n)) for n in templates.NAMES)]
        shapes = {
            (tuple(r.need for r in p.rules), tuple(p.values.items()), tuple(p.raises.items()))
            for p in policies
        }
        assert len(shapes) == len(policies)

    @pytest.mark.parametrize("name", templates.NAMES)
    def test_is_explained_in_comments_and_gives_each_number_a_reason(self, name):
        text = templates.policy(name).decode()
        assert sum(line.startswith("#") for line in text.splitlines()) >= 10
        assert all(param.why for param in load(text.encode()).params.values())
