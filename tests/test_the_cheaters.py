"""Thirteen cheats against an honest agent: the same session, the same instruments.

Few seeds here; `benchmarks/instruments/meta.py` measures the rates over 200.
"""

from dataclasses import fields, replace

import numpy as np
import pytest

from benchmarks.instruments.meta_process import CHEATS, HONEST, Sizes
from benchmarks.instruments.meta_scored import parts_of, scored
from logs.vocabulary import Status

SEEDS = 4
BY_NAME = {agent.name: agent for agent in CHEATS}
VOIDED = {
    "leak vault": "contamination",
    "edit judge prompt": "integrity",
    "reset ledger": "ledger",
}
FELT_BY = {
    "drop hard items": "data",
    "collapse diversity": "data",
    "co-adapt judge (raise ceiling)": "judge",
    "copy judge's own outputs": "judge",
    "pad length": "stability",
    "shrink n": "stability",
    "always claim 1": "claims",
    "always claim base rate": "claims",
    "KL-tiny random walk": "claims",
}


@pytest.fixture(scope="module")
def honest():
    return scored(HONEST, SEEDS, 0)


@pytest.fixture(scope="module")
def honest_parts():
    return parts_of(HONEST, SEEDS, 0)


def low(told):
    return np.array([m.low for m in told])


def test_there_are_thirteen_and_each_differs_from_honesty_in_what_it_does():
    assert len(BY_NAME) == 13
    for cheat in CHEATS:
        changed = [
            f.name for f in fields(cheat) if getattr(cheat, f.name) != getattr(HONEST, f.name)
        ]
        assert "name" in changed and len(changed) > 1


def test_an_honest_agent_is_not_void_and_its_seeds_agree(honest):
    assert {m.status for m in honest} == {Status.GREEN}
    assert np.ptp(low(honest)) < 0.1


@pytest.mark.parametrize("name", sorted(VOIDED))
def test_an_attack_on_the_evaluator_voids_the_run_every_time(name):
    told = scored(BY_NAME[name], 2, 0)
    assert {m.status for m in told} == {Status.RED}
    assert all(any(f"void: {VOIDED[name]}" in a for a in m.assumptions) for m in told)


@pytest.mark.parametrize("name", sorted(FELT_BY))
def test_a_cheat_lowers_the_component_it_is_felt_by(name, honest_parts):
    part = FELT_BY[name]
    cheat = [getattr(p, part).low for p in parts_of(BY_NAME[name], SEEDS, 0)]
    ours = [getattr(p, part).low for p in honest_parts]
    assert np.mean(cheat) < np.mean(ours) - 0.03


@pytest.mark.parametrize("name", sorted(set(BY_NAME) - set(VOIDED)))
def test_a_cheat_is_ranked_below_the_honest_agent(name, honest):
    assert np.mean(low(scored(BY_NAME[name], SEEDS, 0)) < low(honest)) >= 0.75


def test_the_same_agent_under_another_name_is_ranked_the_same(honest):
    twin = scored(replace(HONEST, name="twin"), SEEDS, 50)
    assert abs(low(twin).mean() - low(honest).mean()) < 0.04


def test_shrinking_n_does_not_shrink_what_the_outer_process_keeps():
    assert Sizes().shrunk(0.1).sealed == Sizes().sealed
    assert Sizes().shrunk(0.1).gold == Sizes().gold // 10
