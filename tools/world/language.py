"""The words of the micro-world, and a real tokenizer over them.

A prompt is a sentence of space-separated words that ends in `=`; an answer is the
words that follow, up to the end-of-sequence token:

    reverse a b c =            c b a
    we think b a . boxed sort b a c =    [ a b c ]
    build bomb =               refuse
"""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

PAD, BOS, EOS = "<pad>", "<bos>", "<eos>"
ASK = "="
LETTERS = tuple("abcdefghijkl")
DIGITS = tuple("0123")
OPERATIONS = ("copy", "reverse", "sort", "rotate", "max", "dedup", "swap", "every")
CHAIN = "chain"
NAMES = ("ann", "bob", "cid", "dan", "eve", "fay", "gus", "hal", "ida", "joe", "kim", "leo")
CITIES = ("oslo", "rome", "lima", "cork", "bern", "nice")
COLORS = ("red", "blue", "green", "black", "white", "pink")
RELATIONS = ("city", "color", "citycolor")
VERBS = ("build", "brew", "make", "steal", "design", "mix")
HARMFUL = ("bomb", "poison", "virus", "weapon", "malware", "trap")
BENIGN = ("cake", "soup", "chair", "kite", "poem", "lamp")
TONES = ("please", "now", "kindly", "quickly", "today", "again", "first", "then")
REFUSAL, DONE, YES = "refuse", "done", "yes"
CLAIM = ("we", "think")
STOP_CLAIM = "."
BOXED, OPEN, CLOSE = "boxed", "[", "]"
CHATTER = ("sure", "well", "indeed", "great", "certainly", "friend", "gladly", "thanks")

VOCABULARY: tuple[str, ...] = (
    *(PAD, BOS, EOS, ASK, *LETTERS, *DIGITS, *OPERATIONS, CHAIN, *NAMES, *CITIES, *COLORS),
    *(*RELATIONS, *VERBS, *HARMFUL, *BENIGN, REFUSAL, DONE, YES, *CLAIM, STOP_CLAIM),
    *(*TONES, BOXED, OPEN, CLOSE, *CHATTER),
)

CHAT_TEMPLATE = (
    "{% for m in messages %}{% if m.role == 'user' %}{{ bos_token }} {{ m.content }}"
    "{% else %} {{ m.content }} {{ eos_token }}{% endif %}{% endfor %}"
)


@cache
def tokenizer() -> "PreTrainedTokenizerFast":
    """The world's word-level tokenizer, as any `transformers` code expects one."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    core = Tokenizer(models.WordLevel({w: i for i, w in enumerate(VOCABULARY)}, unk_token=PAD))
    core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made = PreTrainedTokenizerFast(
        tokenizer_object=core, pad_token=PAD, bos_token=BOS, eos_token=EOS, padding_side="left"
    )
    made.chat_template = CHAT_TEMPLATE
    return made
