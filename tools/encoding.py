"""Between text and token ids, the way the chat template of the model says."""

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Ids = list[int]
_ANSWER = "Yes"


class Codec:
    """A tokenizer with its chat template; prompts are one user turn, answers one reply."""

    def __init__(self, tokenizer: "PreTrainedTokenizerBase") -> None:
        self.tokenizer = tokenizer
        self.eos: int = end_of_turn(tokenizer)
        pad = tokenizer.pad_token_id
        self.pad: int = int(self.eos if pad is None else pad)
        self.prompt = lru_cache(maxsize=65536)(self._prompt)

    def _prompt(self, text: str) -> Ids:
        """Token ids of a prompt, ready for the answer to follow."""
        turn = [{"role": "user", "content": text}]
        rendered = self.tokenizer.apply_chat_template(
            turn, add_generation_prompt=True, tokenize=False
        )
        return list(self.tokenizer(rendered, add_special_tokens=False)["input_ids"])

    def answer(self, ids: Iterable[int]) -> Ids:
        """Token ids of an answer with its end."""
        return [*ids, self.eos]

    def encode_answer(self, text: str) -> Ids:
        """Token ids of a written answer, without its end."""
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def text(self, ids: Iterable[int]) -> str:
        """The words of an answer."""
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=False)).strip()


def end_of_turn(tokenizer: "PreTrainedTokenizerBase") -> int:
    """The token that ends an answer: what the chat template puts behind it, else `eos_token`.

    Of many models these are two, as <end_of_turn> and <eos>; who waits for the other one
    reads on into a conversation that the model makes up.
    """
    eos = int(tokenizer.eos_token_id)
    turns = [{"role": "user", "content": "Is it?"}, {"role": "assistant", "content": _ANSWER}]
    rendered = str(tokenizer.apply_chat_template(turns, tokenize=False))
    behind = rendered.rpartition(_ANSWER)[2].lstrip()
    ids = list(tokenizer(behind, add_special_tokens=False)["input_ids"])
    token = tokenizer.added_tokens_decoder.get(ids[0]) if ids else None
    return ids[0] if token is not None and token.special else eos
