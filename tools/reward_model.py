"""A reward model as a judge: a sequence classifier with one output, in a `transformers` folder.

It learnt what its annotators preferred, and nothing else: a constitution does not reach it,
so an edit of the constitution is felt only through the other judges of the panel.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from logs.errors import IntegrityError
from logs.vocabulary import Constitution
from tools.encoding import Ids
from tools.features import Answer
from tools.memory import less, tried
from tools.models import readable

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class RewardModel:
    """Scores answers by the classifier's one output, larger is better.

    Equal texts get equal scores: each distinct answer of a call is scored once.
    """

    def __init__(self, model: "PreTrainedModel", tokenizer: Any, *, batch: int = 128) -> None:
        self.model, self.tokenizer, self.batch = model, tokenizer, batch
        self.pad = _padding(model, tokenizer)

    def __call__(self, answers: Sequence[Answer], constitution: Constitution) -> list[float]:
        """Scores in units of their spread over the choices it was trained on."""
        return self.score_texts([(a.prompt, a.text) for a in answers])

    def score_texts(self, rows: Sequence[tuple[str, str]]) -> list[float]:
        """One score per (prompt, answer), in batches of similar length."""
        encoded = {row: self._encode(*row) for row in dict.fromkeys(rows)}
        order = sorted(encoded, key=lambda row: len(encoded[row]))
        scores: dict[tuple[str, str], float] = {}
        start, batch = 0, self.batch
        while start < len(order):
            chunk = order[start : start + batch]
            found = tried(self._score, [encoded[row] for row in chunk])
            if found is None:
                batch = less(min(batch, len(chunk)), "answers at once while judging")
                continue
            scores |= zip(chunk, found, strict=True)
            start += batch
        return [scores[row] for row in rows]

    def _encode(self, prompt: str, answer: str) -> Ids:
        """The whole conversation, rendered as it was for training."""
        turns = [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]
        text = self.tokenizer.apply_chat_template(turns, tokenize=False)
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def _score(self, rows: Sequence[Ids]) -> list[float]:
        import torch

        width = max(map(len, rows))
        ids = torch.full((len(rows), width), self.pad)
        mask = torch.zeros_like(ids)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = torch.tensor(row)
            mask[i, : len(row)] = 1
        place = self.model.device
        with torch.inference_mode():
            out = self.model(input_ids=ids.to(place), attention_mask=mask.to(place))
        return [float(x) for x in out.logits.squeeze(-1)]


def _padding(model: "PreTrainedModel", tokenizer: Any) -> int:
    """The token of padding, on which model and batch must agree.

    The model reads its score at the last token that is none of padding: where nothing was said
    when it was trained, the end of a conversation must not pass for padding.
    """
    text, pad, eos = model.config.get_text_config(), tokenizer.pad_token_id, tokenizer.eos_token_id
    if text.pad_token_id is None:
        text.pad_token_id = int(eos == 0) if pad in (None, eos) else pad
    return int(text.pad_token_id)


def load_reward_model(path: Path) -> RewardModel:
    """A judge from its folder.

    Raises:
        IntegrityError: the folder cannot be read, or is not a whole reward model.
    """
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    def read(folder: Path) -> tuple["PreTrainedModel", dict[str, Any]]:
        loaded = AutoModelForSequenceClassification.from_pretrained(
            folder, dtype=torch.float32, output_loading_info=True
        )
        return cast("tuple[PreTrainedModel, dict[str, Any]]", loaded)

    with no_report_of_a_new_head():
        model, info = readable(path, read)
    missing = sorted(info["missing_keys"])
    if model.config.num_labels != 1 or missing:
        raise IntegrityError(
            "A reward model is a sequence classifier with one trained output.",
            saw=f"{path.name}: {model.config.num_labels} outputs, without {missing}",
            wanted="num_labels = 1 and every weight; a new head would score at random",
            try_this="plimsoll judge list",
        )
    place: torch.nn.Module = model
    try:
        place.to("cuda" if torch.cuda.is_available() else "cpu").eval()
    except torch.OutOfMemoryError:  # beside the policy there may be no room for it
        place.to("cpu").eval()
    return RewardModel(model, readable(path, AutoTokenizer.from_pretrained))


@contextmanager
def no_report_of_a_new_head() -> Iterator[None]:
    """`transformers` warns at length of a head without weights; here that is looked at by code."""
    logger = logging.getLogger("transformers")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
