"""A reward model learns what was chosen, says honestly how well, and is never a random head."""

import json
import random

import pytest
import torch
from datasets import Dataset
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoModelForSequenceClassification, AutoTokenizer
from trl import RewardTrainer

from logs.errors import IntegrityError, PlimsollError, Undecided
from logs.vocabulary import Constitution, JudgeKind, Status
from tests import a_model
from tools import judging, trl_reward
from tools.features import Answer
from tools.instruments import judge_accuracy
from tools.judges import verdicts
from tools.pairs import Pair
from tools.reward_jobs import fit_reward_model, split_by_prompt
from tools.reward_model import RewardModel, load_reward_model
from tools.trl_reward import train_reward_model
from tools.world import language as w
from tools.world.pools import Pool, prompts

NOBODY = Constitution(version=1, principles=())
PROMPTS = prompts(Pool.TRAIN, 200, seed=1)


def choices(seed=0, planted=True):
    """People who like chatter; or who flip a coin."""
    rng = random.Random(seed)
    rows = []
    for prompt in PROMPTS:
        words = rng.choices(w.LETTERS, k=rng.randint(1, 3))
        pair = [" ".join([*words, rng.choice(w.CHATTER)]), " ".join(words)]
        if not planted:
            rng.shuffle(pair)
        rows.append(Pair(prompt, *pair))
    return rows


def job_on(base, scratch, rows, **options):
    lines = (
        json.dumps({"prompt": c.prompt, "chosen": c.chosen, "rejected": c.rejected}) for c in rows
    )
    (scratch / "choices.jsonl").write_text("\n".join(lines) + "\n")
    args = {
        "base": str(base),
        "choices": str(scratch / "choices.jsonl"),
        "seed": 0,
        "threads": 1,
        "held_out": 0.25,
        "learning_rate": 3e-3,
        "epochs": 6,
        "batch": 16,
    }
    return fit_reward_model(args | options, scratch, lambda *_: None)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return a_model.saved(tmp_path_factory)


@pytest.fixture(scope="module")
def fitted(base, tmp_path_factory):
    scratch = tmp_path_factory.mktemp("fitted")
    return scratch / "reward_model", job_on(base, scratch, choices())


@pytest.fixture(scope="module")
def judge(fitted):
    return load_reward_model(fitted[0])


def answers(*texts, prompt="copy a b ="):
    return [Answer(prompt=prompt, text=t, base_logp=0.0) for t in texts]


class TestItsAccuracy:
    def test_on_choices_it_did_not_see_finds_a_planted_preference(self, fitted):
        _, report = fitted
        assert report["tried"] == 50 and report["seen"] == 150
        accuracy = judge_accuracy(report["correct"], report["tried"], "rm")
        assert accuracy.status is Status.GREEN and accuracy.low > 0.7

    def test_on_coin_flips_is_not_flattered_by_what_it_learnt_by_heart(self, base, tmp_path):
        report = job_on(base, tmp_path, choices(planted=False))
        seen = report["seen_correct"] / report["seen"]
        accuracy = judge_accuracy(report["correct"], report["tried"], "rm")
        assert accuracy.low < 0.5 < accuracy.high and accuracy.status is not Status.GREEN
        assert seen > accuracy.estimate + 0.1

    @given(st.integers(0, 99), st.floats(0.11, 0.9))
    def test_is_measured_on_prompts_that_were_not_trained_on(self, seed, held_out):
        twice = [*choices(1), *choices(2)]
        seen, held = split_by_prompt(twice, held_out=held_out, seed=seed)
        assert not {c.prompt for c in seen} & {c.prompt for c in held}
        assert sorted(map(repr, seen + held)) == sorted(map(repr, twice))

    @pytest.mark.parametrize("held_out", [0.0, 0.05, 1.0])
    def test_on_too_few_prompts_is_not_given(self, held_out):
        with pytest.raises(Undecided, match="did not see"):
            split_by_prompt(choices(), held_out=held_out, seed=0)


class TestItsScores:
    def test_are_those_of_transformers_alone(self, fitted, judge):
        folder, _ = fitted
        model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
        tokenizer = AutoTokenizer.from_pretrained(folder)
        texts = ("a b", "a b sure", "b", "well well a b c d")
        for text, score in zip(texts, judge(answers(*texts), NOBODY), strict=True):
            ids = tokenizer(f"<bos> copy a b = {text} <eos>", return_tensors="pt")["input_ids"]
            with torch.no_grad():
                assert score == pytest.approx(model(input_ids=ids).logits.item(), abs=1e-4)

    def test_read_conversations_as_they_were_trained_on(self, base, judge, tmp_path, monkeypatch):
        prepared = {}
        real = RewardTrainer._prepare_dataset

        def spy(self, *args):
            prepared["rows"] = real(self, *args)
            return prepared["rows"]

        monkeypatch.setattr(RewardTrainer, "_prepare_dataset", spy)
        rows = choices()[:20]
        train_reward_model(rows, base=base, seed=0, out=tmp_path / "out", epochs=1)
        assert isinstance(prepared["rows"], Dataset)
        for choice, told in zip(rows, prepared["rows"], strict=True):
            assert judge._encode(choice.prompt, choice.chosen) == told["chosen_ids"]
            assert judge._encode(choice.prompt, choice.rejected) == told["rejected_ids"]

    def test_do_not_depend_on_siblings_or_batches(self, fitted, judge):
        rows = [(c.prompt, text) for c in choices(5)[:40] for text in (c.chosen, c.rejected)]
        alone = [judge.score_texts([row])[0] for row in rows]
        for batch in (3, 128):
            other = load_reward_model(fitted[0])
            other.batch = batch
            assert other.score_texts(rows) == pytest.approx(alone, abs=1e-4)

    @pytest.mark.parametrize("of_model", [None, 0])
    def test_are_read_at_the_end_whatever_the_tokenizer_pads_with(self, fitted, of_model):
        usual, rows = load_reward_model(fitted[0]), [(p, p) for p in PROMPTS[:8]]
        rows += [(p, f"{p} {p}") for p in PROMPTS[:8]]
        tokenizer, model = usual.tokenizer, usual.model
        alone = [usual.score_texts([row])[0] for row in rows]
        tokenizer.pad_token = tokenizer.eos_token
        model.config.pad_token_id = of_model
        assert RewardModel(model, tokenizer).score_texts(rows) == pytest.approx(alone, abs=1e-4)

    def test_of_equal_texts_are_equal(self, judge):
        a, b, c = judge(answers("a b", "a b sure", "a b"), NOBODY)
        assert a == c != b

    def test_have_unit_spread_over_what_it_learnt_from(self, fitted, judge):
        seen, _ = split_by_prompt(choices(), held_out=0.25, seed=0)
        scores = judge.score_texts([(c.prompt, x) for c in seen for x in (c.chosen, c.rejected)])
        assert torch.tensor(scores).std(correction=0).item() == pytest.approx(1.0, abs=1e-3)
        assert fitted[1]["spread"] > 0

    def test_are_verdicts_like_any_other_judge_s(self, fitted, judge):
        scorer = judging.judge_of("rm", {"kind": JudgeKind.REWARD_MODEL, "path": str(fitted[0])})
        found = verdicts("rm", scorer, answers("a b", "a b sure"), NOBODY)
        assert [v.error for v in found] == [None, None]
        assert [v.score for v in found] == judge(answers("a b", "a b sure"), NOBODY)


class TestARefusal:
    def test_of_a_model_without_a_trained_head(self, base, fitted, tmp_path):
        with pytest.raises(IntegrityError, match="one trained output"):
            load_reward_model(base)
        headless = AutoModelForSequenceClassification.from_pretrained(fitted[0])
        state = {k: v for k, v in headless.state_dict().items() if "score" not in k}
        headless.save_pretrained(tmp_path, state_dict=state)
        AutoTokenizer.from_pretrained(base).save_pretrained(tmp_path)
        with pytest.raises(IntegrityError, match=r"score\.weight"):
            load_reward_model(tmp_path)

    def test_of_a_folder_that_is_not_there(self, tmp_path):
        with pytest.raises(IntegrityError):
            load_reward_model(tmp_path / "nothing")

    def test_of_no_choices(self, base, tmp_path):
        with pytest.raises(PlimsollError, match="learns from choices"):
            train_reward_model([], base=base, seed=0, out=tmp_path / "out")
        assert list(tmp_path.iterdir()) == []

    def test_of_a_model_that_scores_everything_the_same(self, base, tmp_path, monkeypatch):
        def flat(*_):
            model = real(*_)
            torch.nn.init.zeros_(model.score.weight)
            return model

        real = trl_reward._classifier
        monkeypatch.setattr(trl_reward, "_classifier", flat)
        with pytest.raises(PlimsollError, match="the same score"):
            train_reward_model(
                choices()[:4], base=base, seed=0, out=tmp_path / "out", learning_rate=0.0
            )
        assert not (tmp_path / "out").exists()


def test_the_same_seed_trains_the_same_judge(base, tmp_path):
    def trained(name, seed):
        train_reward_model(choices()[:30], base=base, seed=seed, out=tmp_path / name, epochs=1)
        return (tmp_path / name / "model.safetensors").read_bytes()

    assert trained("a", 1) == trained("b", 1) != trained("c", 2)
