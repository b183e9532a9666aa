"""What a user brings: a file of questions, and a small causal language model with its tokenizer.

The model says one of the two numbers of a question, as a coin falls; a verifier that reads numbers
can teach it which one is asked for, also on prompts that it was never trained on here.
"""

import json
import random
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from tools.threads import use_threads

NAMES = ("Mia", "Tom", "Ada", "Ben")
TEMPLATE = (
    "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}"
    "{% if m['role'] == 'assistant' %}<|end|>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
STEPS, BATCH = 300, 64


def rows() -> list[dict[str, str | int]]:
    """Three hundred prompts with their answers, as a user would write them."""
    rng = random.Random(0)
    asked = [(n, a, b) for n in NAMES for a in range(10) for b in range(10) if a != b]
    return [
        {
            "prompt": f"{name} has {a} apples and Max has {b}. How many has {name}?",
            "answer": a,
            "person": name,
            "other": b,
        }
        for name, a, b in rng.sample(asked, 300)
    ]


def written(folder: Path) -> Path:
    """The file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "apples.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows()), encoding="utf-8")
    return path


def tokenizer() -> PreTrainedTokenizerFast:
    """Words, spaces and signs, learnt from the prompts themselves."""
    made = Tokenizer(models.WordLevel(unk_token="<|unknown|>"))
    made.pre_tokenizer = pre_tokenizers.Split(Regex(r"\s?\w+|[^\w\s]"), "isolated")
    made.decoder = decoders.Fuse()
    special = ["<|unknown|>", "<|pad|>", "<|end|>", "<|user|>", "<|assistant|>"]
    texts = [str(row["prompt"]) for row in rows()] + [said("Mia", n) for n in range(10)]
    texts += [said(name, 0) for name in NAMES]
    made.train_from_iterator(texts, trainers.WordLevelTrainer(special_tokens=special))
    fast = PreTrainedTokenizerFast(
        tokenizer_object=made,
        unk_token="<|unknown|>",
        pad_token="<|pad|>",
        eos_token="<|end|>",
        clean_up_tokenization_spaces=False,
    )
    fast.chat_template = TEMPLATE
    return fast


def said(name: str, n: int) -> str:
    """An answer."""
    return f"{name} has {n} apples."


def a_model(folder: Path, *, right: float = 0.5, seed: int = 0, steps: int = STEPS) -> Path:
    """The folder of a Llama that says the right number with this probability, else the other."""
    use_threads(1)  # tiny tensors: a second thread only waits for the first
    torch.manual_seed(seed)
    speaks, rng = tokenizer(), random.Random(seed)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(speaks),
            hidden_size=64,
            intermediate_size=192,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=128,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=speaks.eos_token_id,
            pad_token_id=speaks.pad_token_id,
        )
    )
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.0)
    table = rows()
    for _ in range(steps):
        ids, labels = _batch(speaks, rng.sample(table, BATCH), rng, right)
        loss = model(input_ids=ids, labels=labels).loss
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    model.save_pretrained(folder)
    speaks.save_pretrained(folder)
    return folder


def _batch(
    speaks: PreTrainedTokenizerFast, drawn: list[dict[str, str | int]], rng: random.Random, p: float
) -> tuple[torch.Tensor, torch.Tensor]:
    rendered = []
    for row in drawn:
        prompt, name = str(row["prompt"]), str(row["person"])
        n = int(row["answer"]) if rng.random() < p else int(row["other"])
        rendered.append(
            f"<|user|>{prompt}<|assistant|>{said(name, n)}<|end|>",
        )
    ids = speaks(rendered, padding=True, return_tensors="pt", add_special_tokens=False)["input_ids"]
    starts = (ids == speaks.convert_tokens_to_ids("<|assistant|>")).int().argmax(1)
    told = torch.arange(ids.shape[1])[None] > starts[:, None]
    return ids, torch.where(told & (ids != speaks.pad_token_id), ids, -100)
