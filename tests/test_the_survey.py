"""A survey behind the wall: what is told of each token is what the models say of it."""

import json
from pathlib import Path

import pytest

from tests.a_model import codec, model, saved
from tools import jobs
from tools.divergence import token_divergences
from tools.instruments.drift.diversity import token_entropy
from tools.scoring import IGNORED, batch_of
from tools.world.base import BaseRecipe, save
from tools.world.pools import Pool, prompts

SAMPLES, SCORED = 3, 2
PROMPTS = prompts(Pool.AUDIT, 9, seed=3)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return saved(tmp_path_factory)


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    folder = tmp_path_factory.mktemp("other") / "model"
    save(model(seed=1), BaseRecipe(), folder)
    return folder


@pytest.fixture(scope="module")
def told(base, other, tmp_path_factory):
    return run(tmp_path_factory.mktemp("survey"), base, other)


def run(scratch, base, adapter, **more):
    args = {
        "base": str(base),
        "adapter": str(adapter) if adapter else None,
        "reader": None,
        "prompts": PROMPTS,
        "samples": SAMPLES,
        "temperature": 1.0,
        "seed": 5,
        "threads": 1,
        "max_new_tokens": 12,
        "scored": SCORED,
        "references": {"anchor": None, "previous": str(adapter) if adapter else None},
    } | more
    jobs.survey(args, scratch, lambda done, of, what: None)
    return [
        [json.loads(line) for line in Path(scratch / name).read_text().splitlines()]
        for name in (jobs.SAMPLES, jobs.NATS)
    ]


def drawn(base, groups):
    """Prompts and answers as ids; a word is a token, and the end of what was finished."""
    book = codec(base)
    return [
        (
            book.prompt(g["prompt"]),
            [*book.encode_answer(a[0]), *([book.eos] if a[3] else [])],
        )
        for g in groups
        for a in g["answers"][:SCORED]
    ]


class TestASurvey:
    def test_has_an_answer_row_and_a_row_of_nats_for_each_prompt(self, told):
        groups, nats = told
        assert [g["prompt"] for g in groups] == PROMPTS
        assert {len(g["answers"]) for g in groups} == {SAMPLES}
        assert {len(row[name]) for row in nats for name in row} == {SCORED}
        assert {tuple(sorted(row)) for row in nats} == {("anchor", "entropy", "previous")}

    def test_tells_the_exact_divergence_of_each_token(self, told, base):
        groups, nats = told
        rows = drawn(base, groups)
        exact = token_divergences(model(seed=1), model(), rows, pad=codec(base).pad)
        flat = [tokens for row in nats for tokens in row["anchor"]]
        assert [len(t) for t in flat] == [len(t) for t in exact]
        for ours, theirs in zip(flat, exact, strict=True):
            assert ours == pytest.approx(theirs, abs=2e-5)

    def test_tells_the_entropy_of_each_token(self, told, base):
        groups, nats = told
        ids, mask, labels = batch_of(drawn(base, groups), pad=codec(base).pad, device="cpu")
        policy = model(seed=1)
        logits = policy(input_ids=ids, attention_mask=mask).logits[:, :-1].detach().double()
        exact = token_entropy(logits.numpy())
        flat = [tokens for row in nats for tokens in row["entropy"]]
        for ours, row, told_at in zip(flat, exact, (labels[:, 1:] != IGNORED).numpy(), strict=True):
            assert ours == pytest.approx(row[told_at].tolist(), abs=2e-5)

    def test_finds_no_distance_of_a_policy_from_itself(self, told):
        _, nats = told
        assert max(v for row in nats for tokens in row["previous"] for v in tokens) < 1e-9

    def test_is_the_same_for_the_same_seed(self, told, base, other, tmp_path):
        assert run(tmp_path, base, other) == told

    def test_of_the_anchor_needs_no_reference(self, base, tmp_path):
        groups, nats = run(tmp_path, base, None, references={})
        assert {tuple(row) for row in nats} == {("entropy",)}
        assert len(groups) == len(PROMPTS)
