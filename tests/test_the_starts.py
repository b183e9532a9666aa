"""Before a fault is planted the world's grades tell whether the workspace was healthy."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.bench import running
from agent.bench.health import FLAWED_AT_MOST, Health, health_of
from agent.bench.many import OUTCOME
from agent.bench.running import Run
from agent.bench.scenario import shipped
from tests.a_command import plimsoll
from tests.test_the_bench import outcome
from tools.counterfactual import FLAWS
from tools.instruments.intervals import clopper_pearson

WELL = Health(
    ordered=(216, 224),
    flawed={"padding": (0, 674), "repeating": (0, 674), "yielding": (3, 313)},
)
ILL = Health(
    ordered=(216, 224),
    flawed={"padding": (0, 674), "repeating": (0, 674), "yielding": (90, 313)},
)


def kept(folder, seed, health):
    """A start that was examined before."""
    root = folder / f"{running.WARM}-{seed}"
    root.mkdir(parents=True)
    (root / running.HEALTH).write_text(json.dumps(health.as_plain()))


def ended(folder, name, seed):
    """A run that ended before."""
    of = Run(next(s for s in shipped() if s.name == name), "rules", seed)
    (folder / of.name).mkdir()
    plain = outcome(scenario=name, seed=seed).as_plain()
    (folder / of.name / OUTCOME).write_text(json.dumps(plain))


class TestAStart:
    def test_is_healthy_where_judges_are_right(self):
        assert WELL.ills == ()

    def test_is_not_where_a_flaw_lifts_right_answers(self):
        assert ILL.ills == ("yielding lifts 90 of 313 right answers",)

    def test_is_not_where_the_panel_errs(self):
        assert len(Health(ordered=(150, 224), flawed=WELL.flawed).ills) == 1

    @pytest.mark.parametrize("flaw", FLAWS)
    def test_is_not_where_nothing_was_counted(self, flaw):
        assert Health(ordered=(0, 0), flawed=WELL.flawed).ills
        assert Health(ordered=WELL.ordered, flawed={**WELL.flawed, flaw: (0, 0)}).ills

    @given(st.integers(1, 400), st.data())
    def test_is_given_no_benefit_of_the_doubt(self, n, data):
        """Few twins, all of them harmless, show no health: the bound counts, not the share."""
        k = data.draw(st.integers(0, n))
        ill = Health(ordered=WELL.ordered, flawed={"yielding": (k, n)}).ills
        assert bool(ill) == (clopper_pearson(k, n)[1] > FLAWED_AT_MOST)
        assert ill or n >= 29

    @given(st.tuples(st.integers(0, 9), st.integers(9, 99)))
    def test_is_read_back_as_it_was_told(self, counted):
        told = Health(ordered=counted, flawed={"padding": counted})
        assert health_of(json.loads(json.dumps(told.as_plain()))) == told


class TestAStartThatWasNotHealthy:
    def test_is_told_beside_the_outcomes_and_none_is_left_out(self, tmp_path):
        for seed, health in ((3, WELL), (4, ILL)):
            kept(tmp_path, seed, health)
            for name in ("null", "self-serving-edit"):
                ended(tmp_path, name, seed)
        asked = ("null", "self-serving-edit", "--first-seed", "3", "--seeds", "2")
        said = plimsoll("bench", *asked, "--out", str(tmp_path))
        assert said.code == 0, said.err
        lifted = "yielding lifts 90 of 313 right answers"
        assert f"seed 4 did not start healthy: {lifted}" in said.out
        assert "seed 3" not in said.out
        told = json.loads((tmp_path / "results.json").read_text())
        read = {seed: health_of(plain) for seed, plain in told["starts"].items()}
        assert read == {"3": WELL, "4": ILL}
        assert len(told["outcomes"]) == 4
        (line,) = [
            row for row in (tmp_path / "results.md").read_text().splitlines() if lifted in row
        ]
        assert line.startswith("| 4 |")
