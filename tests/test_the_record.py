"""The record of a proof: reused while it fits, made anew when anything changed, else refused."""

import json

import pytest

from invariants import record
from invariants.record import FILE, attest, law_digest
from logs.errors import IntegrityError
from tests.law_cases import FOUNDING, judge, with_judges
from tests.test_the_proof import FLOOR, policy_of

SMALL = policy_of({"floor": ("always", FLOOR)}, {"goal": FLOOR})
LARGER = policy_of(
    {"floor": ("always", FLOOR), "seated": ("always", "new.facts.judges >= 1")}, {"goal": FLOOR}
)


@pytest.fixture
def proved(tmp_path):
    attest(tmp_path, SMALL, FOUNDING)
    return tmp_path


def forbid_proving(monkeypatch):
    def fail(*_):
        raise AssertionError("proved anew")

    monkeypatch.setattr(record, "prove_policy", fail)


def test_a_record_says_what_was_asked_of_whom_about_what(proved):
    proof = json.loads((proved / FILE).read_text())["proof"]
    assert proof["policy"] == SMALL.digest
    assert proof["solver"].startswith("z3 5.")
    assert proof["law"] == law_digest()
    assert {"inductive/goal/low/alone", "open/roll back"} <= {q["name"] for q in proof["questions"]}
    assert all(len(question["smtlib"]) == 64 for question in proof["questions"])


def test_a_record_that_fits_is_not_proved_again(proved, monkeypatch):
    forbid_proving(monkeypatch)
    assert attest(proved, SMALL, FOUNDING).proof.report.sound


@pytest.mark.parametrize("changed", ["policy", "founding", "solver", "law"])
def test_a_change_of_what_it_rests_on_is_proved_anew(proved, monkeypatch, changed):
    policy, founding = SMALL, FOUNDING
    if changed == "policy":
        policy = LARGER
    elif changed == "founding":
        founding = with_judges(FOUNDING, judge("ann", "ann"))
    elif changed == "solver":
        monkeypatch.setattr("invariants.solver.z3_version", lambda: "0.0")
    else:
        monkeypatch.setattr(record, "law_digest", lambda: "0" * 64)
    forbid_proving(monkeypatch)
    with pytest.raises(AssertionError, match="proved anew"):
        attest(proved, policy, founding)


@pytest.mark.parametrize(
    ("said", "instead"),
    [('"sat"', '"unsat"'), ('"holds"', '"broken"'), ('"seconds": ', '"seconds": "soon", "s": ')],
)
def test_a_record_that_was_changed_is_refused(proved, said, instead):
    text = (proved / FILE).read_text()
    assert said in text
    (proved / FILE).write_text(text.replace(said, instead, 1))
    with pytest.raises(IntegrityError, match="record of the policy's proof is damaged"):
        attest(proved, SMALL, FOUNDING)
