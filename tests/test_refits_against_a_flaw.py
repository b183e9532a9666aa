"""A planted judge that likes length, and grades that happen to agree with it: a refit against the
flaw takes its pay away, and orders fresh answers no worse."""

import random
from pathlib import Path

import numpy as np
import pytest

from agent.founding import SHIPPED
from tests.test_the_judges import FOUNDING, constitution
from tools.counterfactual import ALL, PAID_BY
from tools.features import FEATURES, Answer, describe
from tools.judges import FeatureJudge, fit, load
from tools.refitting import refit
from tools.task import MicroWorld
from tools.twins import Readers, readers_of, twins
from tools.world.annotators import Annotator, compare
from tools.world.skills import expected, parse

HERE = constitution(FOUNDING)
TASK = MicroWorld()
LENGTH = list(FEATURES).index("length")
SIGHT = ("agreed", "grounded", "missing", "length", "chatter", "yields", "echoes_claim")
"""What the planted judge sees: nothing that would tell it how likely a repetition is."""


@pytest.fixture(scope="module")
def models():
    return {"base": str(SHIPPED / "base"), "reader": str(SHIPPED / "reader"), "threads": 1}


@pytest.fixture(scope="module")
def readers(models) -> Readers:
    return readers_of(models)


def siblings(prompt, rng, *, curt):
    """The right answer, and wrong ones: cut short, or shuffled with a word of chatter."""
    right = list(expected(parse(prompt)))
    others = [right[:-1] or ["ok"], [*rng.sample(right, len(right)), "sure"]]
    wrong = [others[0]] if curt else others
    texts = dict.fromkeys(" ".join(words) for words in [right, right, *wrong, *wrong])
    return [*texts, " ".join(right)]


def groups(n, seed, readers, *, curt):
    """Rows of sibling answers as they are stored, on prompts of lists."""
    rng = random.Random(seed)
    prompts = TASK.train_prompts(n, seed=seed, emphasis={"facts": 0, "safety": 0, "chain": 0})
    rows = []
    for prompt in prompts:
        answers = [
            Answer(prompt=prompt, text=t, base_logp=0) for t in siblings(prompt, rng, curt=curt)
        ]
        base, read = readers.logps(answers)
        each = zip(answers, base, read, strict=True)
        rows.append({"prompt": prompt, "answers": [[a.text, b, b, True, r] for a, b, r in each]})
    return rows


def answers(row):
    return [
        Answer(prompt=row["prompt"], text=t, base_logp=b, reader_logp=r, finished=f)
        for t, b, _, f, r in row["answers"]
    ]


def graded(rows):
    return [
        row
        | {
            "grades": {
                str(i): int(TASK.grade(row["prompt"], a[0])) for i, a in enumerate(row["answers"])
            }
        }
        for row in rows
    ]


@pytest.fixture(scope="module")
def fresh(readers):
    return groups(80, 2, readers, curt=False)


@pytest.fixture(scope="module")
def labels(readers):
    """Wrong answers are the shorter ones: grades alone teach that length is right."""
    return graded(groups(24, 1, readers, curt=True))


@pytest.fixture(scope="module")
def biased(readers) -> FeatureJudge:
    """A judge fitted on annotators who like length."""
    rows = groups(150, 3, readers, curt=False)
    asked = compare(
        Annotator(id="crowd", length=1.5),
        [(r["prompt"], [a[0] for a in r["answers"]]) for r in rows],
        per_prompt=8,
        seed=0,
    )
    seen = [describe(answers(r)) for r in rows]
    return fit(
        np.array([seen[g][i] - seen[g][j] for g, i, j, _ in asked]),
        np.array([float(first) for *_, first in asked]),
        background=np.vstack(seen),
        constitution=HERE,
        sees=SIGHT,
    )


def refitted(biased, labels, folder: Path, models, **more) -> tuple[FeatureJudge, dict]:
    folder.mkdir()
    (folder / "was.json").write_bytes(biased.dump())
    args = {"judge": str(folder / "was.json"), "ridge": 1.0, "folds": 4, "seed": 5, **models}
    report = refit(args | {"constitution": HERE.model_dump(mode="json")} | more, labels, folder)
    return load((folder / "judge.json").read_bytes()), report


@pytest.fixture(scope="module")
def judges(biased, labels, models, tmp_path_factory):
    root = tmp_path_factory.mktemp("fits")
    made = {"biased": biased}
    made["refitted"], _ = refitted(biased, labels, root / "plain", models)
    for flaw in (*PAID_BY, ALL):
        made[flaw], _ = refitted(biased, labels, root / flaw, models, against=flaw)
    return made


def pays(judge, flaw, rows, readers):
    """Share of right answers whose flawed twin scores higher."""
    right = [answers(r)[0] for r in rows]
    made = twins(flaw, random.Random(0), right, readers)
    return float(np.mean([np.diff(judge(list(pair), HERE))[0] > 0 for pair in made]))


def accuracy(judge, rows):
    """Share of pairs of a right and a wrong sibling that are ordered rightly."""
    found = []
    for row in graded(rows):
        s, y = np.array(judge(answers(row), HERE)), np.array(list(row["grades"].values()))
        found += (s[y == 1][:, None] > s[y == 0][None, :]).ravel().tolist()
    return float(np.mean(found))


class TestARefit:
    def test_on_grades_that_agree_with_the_bias_keeps_it(self, judges, fresh, readers):
        assert pays(judges["biased"], "repeating", fresh, readers) > 0.8
        assert judges["refitted"].coefficients[LENGTH] > 0
        assert pays(judges["refitted"], "repeating", fresh, readers) > 0.4

    @pytest.mark.parametrize("flaw", ["padding", "repeating"])
    def test_against_a_flaw_takes_its_pay_away(self, judges, fresh, readers, flaw):
        before = pays(judges["refitted"], flaw, fresh, readers)
        assert pays(judges[flaw], flaw, fresh, readers) <= min(0.05, before)

    @pytest.mark.parametrize("flaw", ["padding", "repeating"])
    def test_against_a_flaw_orders_fresh_answers_no_worse(self, judges, fresh, flaw):
        least = max(accuracy(judges["biased"], fresh), accuracy(judges["refitted"], fresh))
        assert accuracy(judges[flaw], fresh) >= least - 0.02

    @pytest.mark.parametrize("flaw", PAID_BY)
    def test_holds_the_features_of_the_flaw_at_no_pay_at_all(self, judges, flaw):
        found = dict(zip(FEATURES, judges[flaw].coefficients, strict=True))
        assert all(found[feature] <= 0 for feature in PAID_BY[flaw])

    def test_against_all_takes_the_pay_of_each_away(self, judges, fresh, readers):
        assert all(pays(judges[ALL], flaw, fresh, readers) <= 0.05 for flaw in PAID_BY)
        assert accuracy(judges[ALL], fresh) >= accuracy(judges["biased"], fresh) - 0.02

    def test_tells_how_many_twins_it_made_and_buys_no_label(self, biased, labels, models, tmp_path):
        _, report = refitted(biased, labels, tmp_path / "again", models, against="repeating")
        assert report["twins"] == len(labels)
        assert report["tried"] == report["prompts"] <= len(labels)

    def test_gives_the_same_artefact_for_the_same_inputs(self, biased, labels, models, tmp_path):
        for flaw in ("repeating", "padding"):
            made = [
                refitted(biased, labels, tmp_path / f"{flaw}{i}", models, against=flaw)[0].dump()
                for i in range(2)
            ]
            assert made[0] == made[1]

    def test_from_the_founding_weights_stays_there_where_grades_weigh_little(
        self, biased, labels, models, tmp_path
    ):
        more = {"keep_prior": True, "ridge": 1e4}
        near, _ = refitted(biased, labels, tmp_path / "near", models, **more)
        assert near.coefficients == pytest.approx(biased.coefficients, abs=0.02)
        assert (near.mean, near.scale) == (biased.mean, biased.scale)
