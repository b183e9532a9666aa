"""Training does what the recipe says: from the weights that it names, against the reference
that it names, and into a folder that others can load."""

import math
from hashlib import sha256

import pytest
import torch
from peft import PeftModel
from trl import SFTTrainer

from logs.errors import PlimsollError, UsageError
from logs.vocabulary import Recipe, Reference
from tests import a_model
from tools.models import load_policy
from tools.pairs import Pair, Shown
from tools.trl_trainer import train

PROMPTS = ("copy a b =", "reverse a b c =", "sort d a =", "chain 1 2 =", "city ann =")
PAIRS = [
    Pair(p, chosen, rejected)
    for p, chosen, rejected in zip(
        PROMPTS,
        ("a b", "c b a", "a d", "1 3", "lima"),
        ("b", "c b sure", "d a yes", "1 3 5 friend", "oslo well"),
        strict=True,
    )
]
SHOWN = [Shown(p.prompt, p.chosen) for p in PAIRS]
PREFERENCES = Recipe(rank=4, batch=64, epochs=1, beta=0.1, nll=0.0)
BOTH = PREFERENCES.model_copy(update={"nll": 1.0})
FULL = {"adapter": "full"}
STILL = {"learning_rate": 0.0}


def of(recipe, **changes):
    return recipe.model_copy(update=changes)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return a_model.saved(tmp_path_factory)


@pytest.fixture(scope="module")
def codec(base):
    return a_model.codec(base)


@pytest.fixture(scope="module")
def trained(base, tmp_path_factory):
    """An adapter, and a whole model, that are clearly no longer the base."""
    folder = tmp_path_factory.mktemp("trained")
    for kind, rate in (("lora", 2e-2), ("full", 5e-3)):
        recipe = of(BOTH, adapter=kind, learning_rate=rate, batch=2)
        run(recipe, base, None, folder / kind)
    return folder


def run(recipe, base, adapter, out, pairs=PAIRS, shown=SHOWN, seed=1, **options):
    return train(
        recipe, base=base, adapter=adapter, pairs=pairs, shown=shown, seed=seed, out=out, **options
    )


def answer_logp(model, codec, prompt, answer):
    ids = codec.answer(codec.encode_answer(answer))
    return sum(a_model.forward_logps(model, codec.prompt(prompt), ids))


def bare_dpo(policy, reference, codec, beta):
    """Rafailov et al. 2023, eq. 7, one pair at a time, without TRL."""
    losses = []
    for pair in PAIRS:
        gain = {
            text: answer_logp(policy, codec, pair.prompt, text)
            - answer_logp(reference, codec, pair.prompt, text)
            for text in (pair.chosen, pair.rejected)
        }
        margin = beta * (gain[pair.chosen] - gain[pair.rejected])
        losses.append(math.log1p(math.exp(-margin)))
    return sum(losses) / len(losses)


def logits(model):
    with torch.no_grad():
        return model(torch.tensor([[1, 20, 4, 5, 3], [1, 21, 6, 7, 3]])).logits


def weights(folder):
    return {p.name: sha256(p.read_bytes()).hexdigest() for p in folder.glob("*.safetensors")}


class TestTheReference:
    @pytest.mark.parametrize("kind", ["lora", "full"])
    @pytest.mark.parametrize("reference", list(Reference))
    def test_is_the_one_that_the_recipe_names(
        self, base, codec, trained, tmp_path, kind, reference
    ):
        recipe = of(PREFERENCES, adapter=kind, reference=reference, **STILL)
        report = run(recipe, base, trained / kind, tmp_path / "out")
        policy, anchor = load_policy(base, trained / kind), load_policy(base, None)
        named = {Reference.PREVIOUS: policy, Reference.ANCHOR: anchor}
        assert report["dpo_steps"] == 1
        losses = {r: bare_dpo(policy, named[r], codec, recipe.beta) for r in Reference}
        assert report["dpo_loss"] == pytest.approx(losses[reference], abs=1e-4)
        assert abs(losses[Reference.PREVIOUS] - losses[Reference.ANCHOR]) > 1e-2

    def test_of_the_first_iteration_is_the_founding_model(self, base, tmp_path):
        report = run(of(PREFERENCES, **STILL), base, None, tmp_path / "out")
        assert report["dpo_loss"] == pytest.approx(math.log(2), abs=1e-5)


class TestTheImitation:
    @pytest.mark.parametrize("recipe", [of(BOTH, beta=0.0), BOTH], ids=["alone", "after DPO"])
    def test_loss_is_the_mean_over_the_words_of_the_answers(
        self, base, codec, trained, tmp_path, recipe
    ):
        report = run(of(recipe, **STILL), base, trained / "lora", tmp_path / "out")
        policy = load_policy(base, trained / "lora")
        words = sum(len(s.answer.split()) + 1 for s in SHOWN)
        total = sum(answer_logp(policy, codec, s.prompt, s.answer) for s in SHOWN)
        assert report["nll_loss"] == pytest.approx(-total / words, abs=1e-4)


class TestWhatIsLearnt:
    @pytest.mark.parametrize("kind", ["lora", "full"])
    def test_is_what_was_preferred(self, base, codec, tmp_path, kind):
        recipe = of(BOTH, adapter=kind, learning_rate=5e-3, batch=2)
        report = run(recipe, base, None, tmp_path / "out")
        assert report["dpo_steps"] == report["nll_steps"] == 3
        before, after = load_policy(base, None), load_policy(base, tmp_path / "out")

        def totals(model):
            return [
                sum(
                    answer_logp(model, codec, p.prompt, text)
                    for p, text in zip(PAIRS, texts, strict=True)
                )
                for texts in ([p.chosen for p in PAIRS], [p.rejected for p in PAIRS])
            ]

        (chosen, rejected), (chosen_now, rejected_now) = totals(before), totals(after)
        assert chosen_now > chosen + 1
        assert chosen_now - rejected_now > chosen - rejected

    @pytest.mark.parametrize("kind", ["lora", "full"])
    def test_starts_from_the_weights_that_are_named(self, base, trained, tmp_path, kind):
        run(of(BOTH, adapter=kind, **STILL), base, trained / kind, tmp_path / "out")
        again = logits(load_policy(base, tmp_path / "out"))
        assert torch.allclose(again, logits(load_policy(base, trained / kind)), atol=1e-5)
        assert not torch.allclose(again, logits(load_policy(base, None)), atol=1e-1)

    def test_in_full_goes_on_from_an_adapter(self, base, trained, tmp_path):
        run(of(BOTH, **FULL, **STILL), base, trained / "lora", tmp_path / "out")
        adapted = load_policy(base, trained / "lora")
        assert torch.allclose(logits(a_model.plain(tmp_path / "out")), logits(adapted), atol=1e-5)

    def test_depends_on_the_seed_alone(self, base, tmp_path):
        recipe = of(BOTH, learning_rate=1e-3, batch=2)
        for name, seed in (("a", 1), ("b", 1), ("c", 2)):
            run(recipe, base, None, tmp_path / name, seed=seed)
        a, b, c = (weights(tmp_path / name) for name in "abc")
        assert a == b != c

    @pytest.mark.parametrize("recipe", [of(BOTH, beta=0.0), PREFERENCES], ids=["nll", "dpo"])
    def test_of_a_single_step_is_not_nothing(self, base, tmp_path, recipe):
        report = run(of(recipe, learning_rate=1e-2), base, None, tmp_path / "out")
        assert report.get("dpo_steps", 0) + report.get("nll_steps", 0) == 1
        ours = logits(load_policy(base, tmp_path / "out"))
        assert not torch.allclose(ours, logits(a_model.plain(base)), atol=1e-2)

    def test_leaves_the_founding_model_as_it_was(self, base, tmp_path):
        before = weights(base)
        run(of(BOTH, **FULL, learning_rate=1e-2), base, None, tmp_path / "out")
        assert weights(base) == before != weights(tmp_path / "out")


class TestTheFolder:
    def test_of_an_adapter_is_read_by_peft_alone(self, base, trained):
        model = PeftModel.from_pretrained(a_model.plain(base), trained / "lora").eval()
        ours = logits(load_policy(base, trained / "lora"))
        assert torch.allclose(logits(model), ours, atol=1e-4)
        assert not torch.allclose(ours, logits(a_model.plain(base)), atol=1e-1)

    def test_of_a_whole_model_is_read_by_transformers_alone(self, base, trained):
        ours = logits(load_policy(base, trained / "full"))
        assert torch.equal(logits(a_model.plain(trained / "full")), ours)
        assert a_model.codec(trained / "full").prompt("copy a =") == a_model.codec(base).prompt(
            "copy a ="
        )


class TestARefusal:
    @pytest.mark.parametrize(
        ("recipe", "pairs", "shown"),
        [
            (BOTH, [], []),
            (of(BOTH, beta=0.0), PAIRS, []),
            (of(BOTH, nll=0.0), [], SHOWN),
        ],
    )
    def test_of_nothing_to_learn_from_writes_nothing(self, base, tmp_path, recipe, pairs, shown):
        with pytest.raises(PlimsollError, match="nothing to learn"):
            run(recipe, base, None, tmp_path / "out", pairs=pairs, shown=shown)
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("kind", ["lora", "full"])
    def test_of_a_training_that_diverged_keeps_nothing(self, base, tmp_path, kind):
        recipe = of(BOTH, adapter=kind, learning_rate=1e30, batch=2)
        with pytest.raises(PlimsollError, match="diverged"):
            run(recipe, base, None, tmp_path / "out")
        assert not (tmp_path / "out").exists()

    def test_of_a_loss_that_is_not_finite_though_the_weights_are(self, base, tmp_path, monkeypatch):
        real = SFTTrainer.compute_loss
        monkeypatch.setattr(SFTTrainer, "compute_loss", lambda *a, **k: real(*a, **k) + math.inf)
        with pytest.raises(PlimsollError, match=r"saw: +nll_loss = (inf|nan)\n"):
            run(of(BOTH, beta=0.0), base, None, tmp_path / "out")
        assert not (tmp_path / "out").exists()

    def test_of_weights_that_the_last_step_broke(self, base, tmp_path):
        recipe = of(BOTH, beta=0.0, adapter="full", learning_rate=1e39)
        with pytest.raises(PlimsollError, match=r"saw: +model\..*weight"):
            run(recipe, base, None, tmp_path / "out")
        assert not (tmp_path / "out").exists()

    def test_of_an_adapter_on_a_fully_trained_model(self, base, trained, tmp_path):
        with pytest.raises(UsageError, match="goes on as it began"):
            run(BOTH, base, trained / "full", tmp_path / "out")

    def test_of_an_unknown_kind(self, base, tmp_path):
        with pytest.raises(UsageError, match="'prefix'"):
            run(of(BOTH, adapter="prefix"), base, None, tmp_path / "out")


def test_progress_tells_every_step_of_both_stages_and_nothing_is_printed(base, tmp_path, capsys):
    told = []
    run(of(BOTH, batch=2), base, None, tmp_path / "out", on_step=lambda *x: told.append(x))
    assert told == [(i, 3, stage) for stage in ("preferences", "imitation") for i in (1, 2, 3)]
    assert capsys.readouterr().out == ""
