"""A policy is that of the people whose keys it names: m of n, version by version."""

import tomllib
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from invariants import reference
from invariants.cases import examine, load_cases
from invariants.formatter import formatted
from invariants.policy import Policy, default_bytes, load
from invariants.roles import Role, Seal
from invariants.seals import (
    counted,
    enough,
    faults_of,
    read_sealed,
    require_signed,
    require_signed_constitution,
    require_successor,
    sealed,
    standing,
)
from invariants.sshsig import Flaw, Namespace
from logs.errors import Refused, UsageError
from tests.keys import ANA, BEN, CAT, EVE, Person

DAN = Person("dan")
BARE = default_bytes()


def role(name: str, *people: Person, threshold: int = 2) -> str:
    keys = ", ".join(f'"{person.line}"' for person in people)
    return f"\n[roles.{name}]\nkeys = [{keys}]\nthreshold = {threshold}\n"


SIGNED = BARE + role("policy", ANA, BEN, CAT).encode()


def by(*people: Person, data: bytes = SIGNED, namespace: str = Namespace.POLICY) -> Policy:
    return sealed(load(data), data, [person.sign(data, namespace) for person in people])


class TestAPolicy:
    def test_without_roles_is_unsigned_and_works(self):
        policy = load(BARE)
        require_signed(policy)
        assert standing(policy) == "unsigned"

    def test_signed_by_two_of_three_is_in_order(self):
        policy = by(ANA, BEN)
        require_signed(policy)
        assert standing(policy) == "signed by 2 of 3, 2 needed: ana, ben"

    @pytest.mark.parametrize(
        ("people", "flaw"),
        [
            ((ANA, ANA), "same key twice"),
            ((ANA, EVE), "unknown key"),
            ((ANA,), "by 1"),
            ((), "by 0"),
        ],
        ids=["one person twice", "a stranger", "one", "nobody"],
    )
    def test_signed_by_too_few_is_refused(self, people, flaw):
        with pytest.raises(Refused, match=flaw) as refused:
            require_signed(by(*people))
        assert f"signed by {len({p.name for p in people} & {'ana'})} of 3, 2 needed" in str(
            refused.value
        )

    def test_signed_for_another_purpose_is_refused_by_name(self):
        with pytest.raises(Refused, match=Flaw.WRONG_NAMESPACE):
            require_signed(by(ANA, BEN, namespace=Namespace.APPROVAL))

    def test_with_one_byte_changed_after_it_was_signed_is_refused(self):
        signatures = [person.sign(SIGNED, Namespace.POLICY) for person in (ANA, BEN, CAT)]
        other = SIGNED.replace(b'value = "0.05"', b'value = "0.01"')
        with pytest.raises(Refused, match="over other bytes"):
            require_signed(sealed(load(other), other, signatures))

    def test_with_a_bad_signature_of_a_known_key_is_refused_although_others_suffice(self):
        good = [person.sign(SIGNED, Namespace.POLICY) for person in (ANA, BEN)]
        bad = CAT.sign(SIGNED + b"\n", Namespace.POLICY)
        with pytest.raises(Refused, match="over other bytes"):
            require_signed(sealed(load(SIGNED), SIGNED, [*good, bad]))

    def test_is_read_with_the_signatures_beside_its_file(self, tmp_path):
        path = tmp_path / "policy.toml"
        path.write_bytes(SIGNED)
        (tmp_path / "policy.toml.sig").write_text(ANA.sign(SIGNED, Namespace.POLICY))
        (tmp_path / "policy.toml.ben.sig").write_text(BEN.sign(SIGNED, Namespace.POLICY))
        (tmp_path / "other.toml.sig").write_text(CAT.sign(SIGNED, Namespace.POLICY))
        assert read_sealed(path).seal.keys == {ANA.key, BEN.key}


class TestRoles:
    @pytest.mark.parametrize(
        ("text", "says"),
        [
            (role("policy", ANA, Person("ana")), "listed twice"),
            (role("policy", ANA, BEN).replace(" ben", " someone").replace(
                BEN.line.rsplit(" ", 1)[0], ANA.line.rsplit(" ", 1)[0]), "listed twice"),
            (role("policy", ANA, BEN, threshold=3), "out of reach"),
            (role("policy", ANA, BEN, threshold=0), "whole number"),
            (role("polcy", ANA, BEN), "did you mean `policy`"),
            (role("policy", ANA, BEN).replace("ssh-ed25519 ", "ssh-rsa "), "no public key"),
            ("\n[roles.policy]\nkeys = []\nthreshold = 1\n", "must be a list"),
            (role("approve", ANA, BEN) + "wait_hours = 9000\n", "longer than a year"),
        ],
        ids=["same key", "two names", "high", "zero", "unknown", "kind", "empty", "for ever"],
    )  # fmt: skip
    def test_that_cannot_be_kept_are_refused_at_load(self, text, says):
        with pytest.raises(UsageError, match=says):
            load(BARE + text.encode())

    def test_count_keys_and_not_names(self):
        two = Role({ANA.key: "x", BEN.key: "x"}, threshold=2)
        assert enough(two, Seal(frozenset({ANA.key, BEN.key})))
        assert not enough(two, Seal(frozenset({ANA.key, EVE.key})))
        assert faults_of(two, Seal(frozenset({EVE.key}))) == (
            f"unknown key: {EVE.key.fingerprint}",
        )
        assert counted(two, Seal()) == "signed by 0 of 2, 2 needed"


class TestWhatReadsAPolicyWithRoles:
    def test_the_schema_knows_them(self):
        valid = jsonschema.Draft202012Validator(reference.schema())
        text = (SIGNED + role("approve", ANA, BEN).encode() + b"wait_hours = 48\n").decode()
        named = text.replace("version = 1\n", f'version = 2\nprevious = "sha256:{"0" * 64}"\n', 1)
        assert list(valid.iter_errors(tomllib.loads(named))) == []
        for old, new in (("wait_hours = 48", "wait_hours = 9000"), ("roles.policy", "roles.polcy")):
            assert list(valid.iter_errors(tomllib.loads(text.replace(old, new, 1))))

    def test_the_formatter_leaves_them_as_they_are(self):
        assert load(formatted(SIGNED)).charter == load(SIGNED).charter

    @pytest.mark.parametrize("approvals", [1, 2])
    def test_its_unit_cases_are_held_to_the_threshold(self, approvals):
        policy = load(BARE + role("approve", ANA, BEN, CAT).encode())
        text = f"""format = "plimsoll-cases/1"
[[case]]
name = "a core principle for one context alone"
baseline = "nothing"
approvals = {approvals}
new.principles.helpful.contexts = ["code"]
tier = "high"
allowed = true"""
        (found,) = examine(policy, load_cases(text.encode()))
        refused = ("law-approvals",) if approvals < 2 else ()
        assert found.refused_by == refused

    def test_its_unit_cases_are_not_about_signatures_which_come_later(self):
        text = b"""format = "plimsoll-cases/1"
[[case]]
name = "unsigned"
baseline = "nothing"
refused_by = ["law-signatures"]"""
        with pytest.raises(UsageError, match="does not have"):
            examine(load(SIGNED), load_cases(text))


class TestTheNextVersion:
    old = by(ANA, BEN)
    body = SIGNED.replace(b"version = 1\n", b"version = 2\n", 1)

    def following(self, *people: Person, roles: str = "", data: bytes = b"") -> Policy:
        text = data or self.body
        if roles:
            text = text.replace(role("policy", ANA, BEN, CAT).encode(), roles.encode())
        named = f'previous = "sha256:{self.old.digest}"\n'
        text = text.replace(b"version = 2\n", b"version = 2\n" + named.encode(), 1)
        return by(*people, data=text)

    def test_that_two_of_the_three_signed_is_taken(self):
        require_successor(self.old, self.following(ANA, CAT))

    def test_with_new_people_needs_the_old_threshold_and_the_new_one(self):
        root = role("policy", ANA, DAN, EVE)
        with pytest.raises(Refused, match="Too few of the people who signed the policy in force"):
            require_successor(self.old, self.following(ANA, DAN, EVE, roles=root))
        with pytest.raises(Refused, match="not signed by enough of its keys"):
            require_successor(self.old, self.following(ANA, BEN, roles=root))
        require_successor(self.old, self.following(ANA, BEN, DAN, roles=root))

    @pytest.mark.parametrize("version", [b"version = 1\n", b"version = 3\n"])
    def test_that_is_not_the_next_one_is_refused(self, version):
        text = SIGNED.replace(b"version = 1\n", version + b"# changed\n", 1)
        with pytest.raises(Refused, match="not the next version"):
            require_successor(self.old, by(ANA, BEN, data=text))

    def test_that_names_another_previous_is_refused(self):
        other = replace(self.old, digest="0" * 64)
        with pytest.raises(Refused, match="does not name the one in force"):
            require_successor(other, self.following(ANA, BEN))

    def test_that_nobody_need_sign_is_refused(self):
        text = BARE.replace(b"version = 1\n", b"version = 2\n", 1)
        with pytest.raises(Refused, match="not followed by an unsigned one"):
            require_successor(self.old, self.following(ANA, BEN, data=text))

    def test_of_an_unsigned_policy_does_not_exist(self):
        with pytest.raises(Refused, match="names nobody who could sign"):
            require_successor(load(BARE), self.following(ANA, BEN))


class TestTheFoundingConstitution:
    def test_needs_signatures_of_its_own_purpose(self, tmp_path: Path):
        path, text = tmp_path / "constitution.toml", b"some principles"
        path.write_bytes(text)
        keys = by(ANA, BEN).charter.policy
        for person, space in ((ANA, Namespace.CONSTITUTION), (BEN, Namespace.POLICY)):
            signature = person.sign(text, space)
            (tmp_path / f"constitution.toml.{person.name}.sig").write_text(signature)
        with pytest.raises(Refused, match=Flaw.WRONG_NAMESPACE):
            require_signed_constitution(path, keys)
        again = BEN.sign(text, Namespace.CONSTITUTION)
        (tmp_path / "constitution.toml.ben.sig").write_text(again)
        assert require_signed_constitution(path, keys).keys == {ANA.key, BEN.key}
