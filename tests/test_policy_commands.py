"""Policies on the command line: begun, formatted, tried, explained, described."""

import json
import tomllib
from xml.etree import ElementTree

import jsonschema
import pytest

from agent.options_policy import TEMPLATES
from invariants import glossary, reference, schema, templates
from invariants.policy import default_bytes
from tests.a_command import plimsoll
from tests.a_journal import a_journal
from tests.house import ROOT

POLICY = default_bytes().decode()


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder without a workspace."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


class TestInit:
    @pytest.mark.parametrize("name", TEMPLATES)
    def test_writes_a_template_and_its_cases_which_pass(self, here, name):
        said = plimsoll("policy", "init", "--template", name, "--json")
        assert said.code == 0
        assert said.data["files"] == ["policy.toml", "policy.cases.toml"]
        assert (here / "policy.toml").read_bytes() == templates.policy(name)
        assert (here / "policy.cases.toml").read_bytes() == templates.cases(name)
        assert plimsoll("policy", "fmt", "policy.toml", "--check").code == 0

    def test_offers_what_comes_along(self):
        assert TEMPLATES == templates.NAMES

    def test_writes_over_nothing(self, here):
        (here / "policy.toml").write_text("mine")
        said = plimsoll("policy", "init", "--template", "strict", "--json")
        assert said.code == 2
        assert (here / "policy.toml").read_text() == "mine"
        assert not (here / "policy.cases.toml").exists()

    def test_on_trial_writes_nothing(self, here):
        said = plimsoll("policy", "init", "--template", "strict", "--dry-run")
        assert said.out.encode() == templates.policy("strict")
        assert list(here.iterdir()) == []

    def test_names_the_nearest_template(self, here):
        said = plimsoll("policy", "init", "--template", "strikt", "--json")
        assert (said.code, said.error["try"]) == (2, "did you mean `strict`?")


class TestFmt:
    def test_formats_a_file_once(self, here):
        path = here / "p.toml"
        path.write_text(POLICY.replace("version = 1", "version   =   1  #  the first"))
        assert plimsoll("policy", "fmt", "p.toml", "--check").code == 3
        assert "   =   1" in path.read_text()
        said = plimsoll("policy", "fmt", "p.toml", "--json")
        assert (said.code, said.data["written"]) == (0, True)
        assert "version = 1  #  the first\n" in path.read_text()
        assert plimsoll("policy", "fmt", "p.toml", "--check").code == 0

    def test_on_trial_prints_and_writes_nothing(self, here):
        path = here / "p.toml"
        path.write_text(POLICY)
        said = plimsoll("policy", "fmt", "p.toml", "--dry-run")
        assert said.code == 0 and "need = '''all p in founding.principles" in said.out
        assert path.read_text() == POLICY

    def test_refuses_what_does_not_load_and_leaves_it(self, here):
        path = here / "p.toml"
        path.write_text(POLICY.replace("safety_pass.lo", "safty_pass.lo"))
        said = plimsoll("policy", "fmt", "p.toml", "--json")
        assert (said.code, said.error["try"]) == (2, "did you mean `safety_pass`?")

    def test_leaves_a_policy_in_force_as_it_is(self, here):
        (here / "policy.toml").write_text(POLICY)
        (here / "plimsoll.sqlite").write_bytes(b"")
        said = plimsoll("policy", "fmt", "policy.toml", "--json")
        assert said.code == 3
        assert (here / "policy.toml").read_text() == POLICY


CASE = '[[case]]\nname = "a"\nbaseline = "training"\nallowed = true\nsandbox_level = {}\n'


class TestTest:
    @pytest.fixture
    def cases(self, here):
        text = (
            'format = "plimsoll-cases/1"\n' + CASE.format(2) + CASE.format(0).replace('"a"', '"b"')
        )
        (here / "c.toml").write_text(text)
        return here

    def test_says_no_with_the_values(self, cases):
        said = plimsoll("policy", "test", "c.toml")
        assert said.code == 3
        assert "evidence.sandbox_level.lo = 0, but must be >= 1" in said.out

    def test_gives_junit_and_sarif(self, cases):
        junit = plimsoll("policy", "test", "c.toml", "--format", "junit")
        assert junit.code == 3 and ElementTree.fromstring(junit.out).get("failures") == "1"
        sarif = plimsoll("policy", "test", "c.toml", "--format", "sarif")
        assert len(json.loads(sarif.out)["runs"][0]["results"]) == 1

    def test_answers_in_the_envelope(self, cases):
        data = plimsoll("policy", "test", "c.toml", "--json").data
        assert data["passed"] is False
        assert [case["passed"] for case in data["cases"]] == [True, False]

    def test_takes_the_cases_beside_a_policy(self, here):
        plimsoll("policy", "init", "--template", "strict", "mine.toml")
        said = plimsoll("policy", "test", "--policy", "mine.toml", "--json")
        assert (said.code, said.data["policy"]["id"]) == (0, "strict")

    def test_without_anything_tests_the_policy_that_comes_along(self, here):
        said = plimsoll("policy", "test", "--json")
        assert said.code == 0 and len(said.data["cases"]) > 50

    def test_lists_what_a_case_can_build_on(self, here):
        assert "training" in plimsoll("policy", "test", "--baselines", "--json").data["baselines"]

    @pytest.mark.parametrize(
        "words", ["absent.toml", "--format xml", "--policy absent.toml", "c.toml --policy x.toml"]
    )
    def test_refuses_what_is_not_there(self, cases, words):
        assert plimsoll("policy", "test", *words.split()).code == 2


class TestExplain:
    @pytest.fixture
    def here(self, tmp_path):
        """A workspace whose log holds a session."""
        (tmp_path / "plimsoll.toml").write_text("")
        a_journal(tmp_path).close()
        return tmp_path

    def test_tells_each_rule_of_the_last_verdict(self, here):
        said = plimsoll("policy", "explain", "--workspace", str(here), "--json")
        assert said.code == 0
        assert said.data["verdict"]["rulings"]
        text = plimsoll("policy", "explain", "last", "--workspace", str(here)).out
        for ruling in said.data["verdict"]["rulings"]:
            assert ruling["invariant"] in text and ruling["say"] in text

    def test_finds_a_turn_by_any_of_its_names(self, here):
        last = plimsoll("policy", "explain", "--workspace", str(here), "--json").data
        same = plimsoll("policy", "explain", str(last["seq"]), "--workspace", str(here), "--json")
        assert same.data == last

    def test_refuses_a_turn_without_a_verdict(self, here):
        said = plimsoll("policy", "explain", "0", "--workspace", str(here), "--json")
        assert said.code == 2 and "log list --kind ruled" in said.error["try"]


class TestTheReference:
    def test_page_is_up_to_date(self):
        page = (ROOT / reference.PAGE).read_text(encoding="utf-8")
        assert page == reference.page(), "run: python -m invariants.reference"

    def test_explains_every_name_and_no_other(self):
        records = {
            "State": schema.STATE,
            "Principle": schema.PRINCIPLE,
            "Judge": schema.JUDGE,
            "Facts": schema.COUNTS,
            "Ledger": schema.LEDGER,
            "Change": schema.CHANGE,
            "metric": schema.METRICS["proportion"],
        }
        assert {name: set(says) for name, says in glossary.FIELDS.items()} == {
            name: set(record.fields) for name, record in records.items()
        }
        assert set(glossary.ROOTS) == set(schema.roots({}, {}))
        assert set(glossary.METRICS) == set(schema.METRICS)
        assert set(glossary.TYPES) | set(schema.ENUMS) == {"bool", *schema.NUMERIC, *schema.WORDS}

    def test_is_printed_by_commands(self):
        assert plimsoll("policy", "reference").out == reference.page()
        assert plimsoll("policy", "schema", "--json").data == reference.schema()


class TestTheSchema:
    VALIDATOR = jsonschema.Draft202012Validator(reference.schema())

    @pytest.mark.parametrize("data", [default_bytes(), *map(templates.policy, templates.NAMES)])
    def test_accepts_every_policy_that_comes_along(self, data):
        jsonschema.Draft202012Validator.check_schema(reference.schema())
        assert [e.message for e in self.VALIDATOR.iter_errors(tomllib.loads(data.decode()))] == []

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ('value = "0.05"', "value = 0.05"),
            ('value = "0.05"', 'value = "nan"'),
            ('on = "always"', 'on = "never"'),
            ('kind = "mean"', 'kind = "maen"'),
            ('kind = "mean"', 'kind = "exact"'),
            ("[tier]", '[tier]\ncore_touched = "low"'),
            ("version = 1", "version = 0"),
            ("version = 1", "version = 1\nextra = 1"),
            ("[param.kl_n]", "[param.all]"),
        ],
    )
    def test_refuses_what_the_loader_refuses(self, old, new):
        assert old in POLICY
        spoiled = tomllib.loads(POLICY.replace(old, new, 1))
        assert list(self.VALIDATOR.iter_errors(spoiled))
