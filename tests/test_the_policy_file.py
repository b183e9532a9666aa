"""A policy file loads completely or is refused, with the line and the nearest word."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from invariants.policy import default_bytes, load, read
from invariants.render import as_json, checked, show
from invariants.tiers import Kind
from logs.canonical import canonical, sha256
from logs.errors import PlimsollError, Refused, UsageError
from logs.vocabulary import Tier

DEFAULT = default_bytes().decode()

FAULTS = [
    ('id = "micro-world"', 'id = "micro-world', "not well-formed TOML", "line 6"),
    ("version = 1", "version = 1\nversion = 2", "not well-formed TOML", "line 8"),
    ("version = 1", 'version = "1"', "must be a whole number", "line 7"),
    ("version = 1", "version = 1\nexpirse = 2027-01-01T00:00:00Z", "means nothing", "line 8"),
    ("version = 1", "version = 1\nexpires = 2027-01-01T00:00:00", "with an offset", "line 8"),
    ("plimsoll-policy/1", "plimsoll-policy/9", "known format", "line 5"),
    ('value = "0.05"', "value = 0.05", "not an exact number", "value = Decimal('0.05')"),
    ('value = "0.05"', 'value = "nan"', "not an exact number", "nan"),
    ('value = "0.05"', 'value = "1/0"', "not an exact number", "1/0"),
    ('value = "0.05"', 'vlaue = "0.05"', "lacks `value`", "it is absent"),
    ('value = "48"', 'value = "48.5"', "is not whole", "48.5"),
    ('type = "real"', 'type = "float"', 'cannot be "float"', "float"),
    ('kind = "mean"', 'kind = "maen"', 'cannot be "maen"', "maen"),
    ('lower = "0"\nupper = "8"', 'lower = "8"\nupper = "0"', "range of a mean is empty", "8"),
    ('lower = "0"\nupper = "8"', 'upper = "8"', "lacks `lower`", "absent"),
    ("[metric.gold_overlap]", "[metric.gold-overlap]", "can have the name", "gold-overlap"),
    ("[metric.gold_overlap]", "[metric.sandbox_level]", "can have the name", "sandbox_level"),
    ("[param.kl_n]", "[param.all]", "can have the name", "all"),
    ('on = "always"', 'on = "alway"', 'cannot be "alway"', "alway"),
    ('say = "An immutable', 'syas = "An immutable', "lacks `say`", "it is absent"),
    ('id = "P02-core-floor"', 'id = "P01-immutable-kept"', "have the same id", "P01"),
    ('id = "G1-ball"', 'id = "P01-immutable-kept"', "have the same id", "P01"),
    ("evidence.safety_pass.lo", "evidence.safty_pass.lo", "no field `safty_pass`", "line 2"),
    ('tier == "immutable":', 'tier == "imutable":', "no tier", "column"),
    ("[tier]", '[tier]\nprinciple_aded = "high"', "means nothing", "principle_aded"),
    ("[tier]", '[tier]\ncore_touched = "low"', "may raise the tier", "core_touched"),
    ("[tier]", '[tier]\nadapter = "never"', 'cannot be "never"', "never"),
    ("[[goal]]", "[goal]", "not well-formed TOML", "line"),
]


def amended(old: str, new: str) -> bytes:
    assert old in DEFAULT
    return DEFAULT.replace(old, new, 1).encode()


class TestAMalformedPolicy:
    @pytest.mark.parametrize(("old", "new", "what", "saw"), FAULTS)
    def test_is_refused_with_what_and_where(self, old, new, what, saw):
        with pytest.raises(UsageError) as refusal:
            load(amended(old, new))
        assert what in refusal.value.what
        assert saw in refusal.value.what + refusal.value.saw

    @pytest.mark.parametrize(
        ("old", "new", "near"),
        [
            ('vlaue = "0.05"', "value", "did you mean `vlaue`?"),
            ("expirse = 2027-01-01T00:00:00Z", "", "did you mean `expires`?"),
        ],
    )
    def test_gets_the_nearest_word_as_a_hint(self, old, new, near):
        place = 'value = "0.05"' if new else "version = 1"
        with pytest.raises(UsageError) as refusal:
            load(amended(place, old if new else place + "\n" + old))
        assert refusal.value.try_this == near

    @pytest.mark.parametrize(
        ("old", "new", "near"),
        [
            ("evidence.safety_pass.lo", "evidence.safty_pass.lo", "did you mean `safety_pass`?"),
            ('kind = "mean"', 'kind = "maen"', "did you mean `mean`?"),
            ("[tier]", '[tier]\nprinciple_aded = "high"', "did you mean `principle_added`?"),
        ],
    )
    def test_gets_the_nearest_name_as_a_hint(self, old, new, near):
        with pytest.raises(UsageError) as refusal:
            load(amended(old, new))
        assert refusal.value.try_this == near

    def test_names_the_rule_and_its_line(self):
        with pytest.raises(UsageError) as refusal:
            load(amended("evidence.safety_pass.lo", "evidence.safty_pass.lo"))
        line = DEFAULT[: DEFAULT.index('"P11-safety-floor"')].count("\n") + 1
        assert refusal.value.what.startswith(f"P11-safety-floor (line {line}): ")

    @pytest.mark.parametrize(
        "data", [b"", b"\xff\xfe", b"[" * 5000, b"x = 1\n" * 100_000, DEFAULT[:3000].encode()]
    )
    def test_never_ends_in_anything_but_a_refusal(self, data):
        with pytest.raises(PlimsollError):
            load(data)

    def test_without_rules_is_refused(self):
        with pytest.raises(UsageError, match="without rules"):
            load(b'format = "plimsoll-policy/1"\nid = "x"\nversion = 1\n')

    def test_that_cannot_be_read_is_refused(self, tmp_path):
        with pytest.raises(UsageError, match="cannot be read"):
            read(tmp_path / "policy.toml")


class TestAGoal:
    @pytest.mark.parametrize("root", ["old.facts.judges >= 0", "change.rolls_back"])
    def test_that_speaks_of_a_step_is_refused(self, root):
        with pytest.raises(UsageError, match="speaks of a state alone"):
            load((DEFAULT + f"\n[[goal]]\nid = 'G9'\nneed = '{root}'\nsay = 's'\n").encode())


class TestAGoodPolicy:
    def test_is_named_by_the_bytes_of_its_file(self, tmp_path):
        path = tmp_path / "policy.toml"
        path.write_bytes(default_bytes())
        assert read(path).digest == sha256(default_bytes())
        assert load(default_bytes() + b"\n").digest != read(path).digest

    def test_holds_exact_numbers(self):
        policy = load(default_bytes())
        assert policy.values["weight_floor"] == Fraction(1, 20)
        assert load(amended('"0.05"', '"1/20"')).values == policy.values

    def test_may_raise_tiers(self):
        policy = load(amended("[tier]", '[tier]\njudge_refit = "high"'))
        assert policy.raises == {Kind.JUDGE_REFIT: Tier.HIGH}

    def test_is_refused_from_the_instant_it_expires(self):
        data = amended("version = 1", "version = 1\nexpires = 2027-06-01T00:00:00Z")
        end = datetime(2027, 6, 1, tzinfo=UTC)
        assert load(data, now=end - timedelta(seconds=1)).expires == end
        assert load(data).expires == end
        with pytest.raises(Refused, match="expired"):
            load(data, now=end)

    def test_is_shown_whole_as_text_and_as_json(self):
        policy = load(default_bytes())
        text, data = show(policy), as_json(policy)
        for rule in policy.rules:
            assert rule.id in text and rule.say in text
        assert [r["id"] for r in data["invariants"]] == [r.id for r in policy.rules]
        assert data["params"]["weight_floor"]["value"] == "1/20"
        assert canonical(data)

    def test_says_that_nothing_was_proved_when_nothing_was(self):
        assert "Nothing was proved" in checked(load(default_bytes()))
