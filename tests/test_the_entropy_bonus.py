"""The entropy bonus is the one of its formula, and a policy trained with it stays less certain."""

from functools import partial

import pytest
import torch

from logs.canonical import digest_of, plain
from logs.vocabulary import Recipe, State
from tests import a_model
from tests.a_view import state
from tests.test_the_training import BOTH, FULL, PAIRS, SHOWN, STILL, of, run
from tools.models import load_policy
from tools.trl_settings import quiet
from tools.trl_trainer import imitation_trainer, preference_trainer

WEIGHT = 0.3


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return a_model.saved(tmp_path_factory)


@pytest.fixture(scope="module")
def codec(base):
    return a_model.codec(base)


def token_entropies(model, codec, prompt, answer):
    """One forward pass without padding, and the definition of entropy; no TRL."""
    before, after = codec.prompt(prompt), codec.answer(codec.encode_answer(answer))
    logits = model(torch.tensor([before + after])).logits[0]
    p = logits[len(before) - 1 : -1].softmax(-1)
    return -(p * p.log()).sum(-1)


def token_nll(model, codec, prompt, answer):
    before, after = codec.prompt(prompt), codec.answer(codec.encode_answer(answer))
    logits = model(torch.tensor([before + after])).logits[0]
    logp = logits[len(before) - 1 : -1].log_softmax(-1)
    return -logp[torch.arange(len(after)), torch.tensor(after)]


def by_hand(model, codec):
    """Mean over all tokens of the chosen answers of -log p - weight * entropy."""
    nll = torch.cat([token_nll(model, codec, s.prompt, s.answer) for s in SHOWN])
    entropy = torch.cat([token_entropies(model, codec, s.prompt, s.answer) for s in SHOWN])
    return nll.mean() - WEIGHT * entropy.mean()


def gradients(model):
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


def stage(base, tmp_path, recipe, kind):
    """(trainer, its whole data as one batch), before the first step."""
    quiet()
    model, tokenizer = load_policy(base, None).requires_grad_(True), a_model.codec(base)
    make = {"nll": partial(imitation_trainer, shown=SHOWN)}.get(kind) or partial(
        preference_trainer, pairs=PAIRS, reference=load_policy(base, None).requires_grad_(False)
    )
    trainer = make(
        recipe,
        model=model,
        tokenizer=tokenizer.tokenizer,
        seed=1,
        out=tmp_path / kind,
        on_step=lambda *_: None,
    )
    (batch,) = trainer.get_train_dataloader()
    return trainer, batch


class TestTheBonus:
    def test_and_its_gradient_are_those_of_the_formula(self, base, codec, tmp_path):
        trainer, batch = stage(base, tmp_path, of(BOTH, **FULL, entropy=WEIGHT), "nll")
        loss = trainer.compute_loss(trainer.model, batch)
        loss.backward()
        ours = load_policy(base, None).requires_grad_(True)
        expected = by_hand(ours, codec)
        expected.backward()
        assert loss.item() == pytest.approx(expected.item(), abs=1e-5)
        assert torch.allclose(gradients(trainer.model), gradients(ours), atol=1e-5)

    def test_of_preferences_is_for_the_chosen_answers_alone(self, base, codec, tmp_path):
        losses = {}
        for weight in (0.0, WEIGHT):
            recipe = of(BOTH, **FULL, entropy=weight)
            trainer, batch = stage(base, tmp_path, recipe, "dpo")
            losses[weight] = trainer.compute_loss(trainer.model, batch).item()
        with torch.no_grad():
            model = load_policy(base, None)
            each = [token_entropies(model, codec, p.prompt, p.chosen) for p in PAIRS]
        bonus = WEIGHT * float(torch.cat(each).mean())
        assert losses[0.0] - losses[WEIGHT] == pytest.approx(bonus, abs=1e-4)

    def test_is_in_the_loss_that_a_training_reports(self, base, codec, tmp_path):
        recipe = of(BOTH, beta=0.0, entropy=WEIGHT, **STILL)
        report = run(recipe, base, None, tmp_path / "out")
        with torch.no_grad():
            expected = float(by_hand(load_policy(base, None), codec))
        assert report["nll_loss"] == pytest.approx(expected, abs=1e-4)

    @pytest.mark.parametrize("kind", ["nll", "dpo"])
    def test_of_weight_0_changes_nothing(self, base, tmp_path, kind):
        trainer, batch = stage(base, tmp_path, of(BOTH, **FULL), kind)
        assert "compute_loss" not in vars(trainer)
        assert torch.isfinite(trainer.compute_loss(trainer.model, batch))


class TestAPolicyTrainedWithIt:
    @pytest.mark.parametrize("recipe", [of(BOTH, beta=0.0), of(BOTH, nll=0.0)], ids=["nll", "dpo"])
    def test_is_less_certain_than_without_at_the_same_seed(self, base, codec, tmp_path, recipe):
        seen = {}
        for weight in (0.0, 1.0):
            out = tmp_path / str(weight)
            given = of(recipe, entropy=weight, learning_rate=2e-2, batch=2, epochs=6)
            run(given, base, None, out, seed=3)
            with torch.no_grad():
                model = load_policy(base, out)
                each = [token_entropies(model, codec, s.prompt, s.answer) for s in SHOWN]
                seen[weight] = float(torch.cat(each).mean())
        assert seen[1.0] > seen[0.0] + 0.05


class TestTheWeightOfImitation:
    def test_scales_its_steps(self, base, tmp_path):
        alone = of(BOTH, beta=0.0, batch=2)
        for name, given in {
            "half": of(alone, nll=0.5, learning_rate=2e-2),
            "slow": of(alone, nll=1.0, learning_rate=1e-2),
            "fast": of(alone, nll=1.0, learning_rate=2e-2),
        }.items():
            run(given, base, None, tmp_path / name)
        half, slow, fast = (
            torch.cat([p.flatten() for p in load_policy(base, tmp_path / name).parameters()])
            for name in ("half", "slow", "fast")
        )
        assert torch.equal(half, slow)
        assert not torch.allclose(half, fast)


class TestAStateFromBeforeTheBonus:
    OLD = "265a7c82e5caaafe8764505ecc281b78eb52ec42a81924c5e8726ab812427771"
    """The digest of the default recipe before it had the field."""

    def test_keeps_its_name(self):
        assert digest_of(Recipe()) == digest_of(Recipe(entropy=0.0)) == self.OLD

    def test_is_read_back_as_the_same_state(self):
        assert "entropy" not in plain(state())["recipe"]
        assert State.model_validate(plain(state())) == state()

    def test_has_another_name_with_the_bonus(self):
        given = state(recipe=Recipe(entropy=0.05))
        assert plain(given)["recipe"]["entropy"] == 0.05
        assert digest_of(given) != digest_of(state())
        assert State.model_validate(plain(given)) == given
