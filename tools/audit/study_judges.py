"""Judges of the micro-world as a study asks them: by constitution, or by prompt text.

A fitted judge (feature, reward model, verifier) reads what its kind reads: a feature judge the
weights of the principles, never their words or their order. A log-prob judge is a frozen model
of the world that reads the prompt text itself: an answer is worth log p(answer, end | prompt).
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from logs.errors import JudgeError, UsageError
from logs.vocabulary import Constitution
from tools.audit.audit import Call, Judge, Place
from tools.audit.studies import PROMPT, RIVAL, Strategy
from tools.features import Answer
from tools.judges import Scorer, verdicts
from tools.world import language as w

LOG_PROB = "log_prob"
"""The kind of judge that reads prompt text."""
PAIRWISE = f"{w.CLAIM[0]} {w.CLAIM[1]} {RIVAL} {w.STOP_CLAIM} {PROMPT}"
"""How this world shows a rival: as what the user thinks."""
Logps = Mapping[tuple[str, str], float]
"""(prompt, answer) -> log p, nats."""


class Listening:
    """A judge that decides nothing and remembers what it was asked."""

    def __init__(self) -> None:
        self.calls: dict[Call, None] = {}

    def __call__(self, call: Call) -> Place:
        """A tie."""
        self.calls[call] = None
        return "tie"


def place(first: float, second: float) -> Place:
    """Which of two scores is the better one."""
    return "tie" if first == second else "first" if first > second else "second"


def fitted(
    name: str,
    scorer: Scorer,
    constitution: Constitution,
    strategy: Strategy,
    base: Logps,
    reader: Logps,
) -> Judge:
    """A fitted judge under one strategy; what it fails on is no verdict."""
    known: dict[tuple[str, str], float] = {}

    def answer(prompt: str, text: str) -> Answer:
        key = (prompt, text)
        return Answer(prompt=prompt, text=text, base_logp=base[key], reader_logp=reader[key])

    def scored(answers: Sequence[Answer]) -> list[float]:
        said = verdicts(name, scorer, answers, constitution)
        found = [v.score for v in said if v.score is not None]
        if len(found) < len(said):
            raise _failed(name, next(v.error for v in said if v.error))
        return found

    def alone(prompt: str, text: str) -> float:
        if (prompt, text) not in known:
            known[prompt, text] = scored([answer(prompt, text)])[0]
        return known[prompt, text]

    def judge(call: Call) -> Place:
        if strategy.mode == "pairwise":
            both = [answer(call.prompt, call.first), answer(call.prompt, call.second)]
            return place(*scored(both))
        return place(alone(call.prompt, call.first), alone(call.prompt, call.second))

    return judge


def asked(call: Call, strategy: Strategy) -> tuple[tuple[str, str], tuple[str, str]]:
    """What a log-prob judge reads for one call: (prompt text, answer), for both answers."""
    template = strategy.template
    if strategy.mode == "pairwise" and RIVAL not in template:
        template = template.replace(PROMPT, PAIRWISE)
    texts = (call.first, call.second), (call.second, call.first)
    one, other = (
        (template.replace(PROMPT, call.prompt).replace(RIVAL, rival), text) for text, rival in texts
    )
    return one, other


def by_log_prob(strategy: Strategy, known: Logps) -> Judge:
    """A log-prob judge under one strategy, from log-probabilities that were computed before."""

    def judge(call: Call) -> Place:
        one, other = asked(call, strategy)
        return place(known[one], known[other])

    return judge


def rows_of(calls: Iterable[Call], strategy: Strategy | None = None) -> list[tuple[str, str]]:
    """Everything that a model must read for these calls; without a strategy, answers alone."""
    if strategy is None:
        pairs = (((c.prompt, c.first), (c.prompt, c.second)) for c in calls)
    else:
        pairs = (asked(c, strategy) for c in calls)
    return list(dict.fromkeys(row for pair in pairs for row in pair))


def log_probs(model: Any, codec: Any, rows: Sequence[tuple[str, str]]) -> Logps:
    """log p(answer, end | prompt) of each row under a frozen model, nats."""
    from tools.scoring import answer_logps

    ids = [(codec.prompt(p), codec.answer(codec.encode_answer(a))) for p, a in rows]
    return dict(zip(rows, answer_logps(model, ids, pad=codec.pad), strict=True))


def demand_words(strategies: Iterable[Strategy], codec: Any) -> None:
    """Look at templates before a model reads them.

    Raises:
        UsageError: a template has a word that the tokenizer does not know.
    """
    for strategy in strategies:
        text = strategy.template.replace(PROMPT, " ").replace(RIVAL, " ")
        # A word-level tokenizer takes a strange word for another one, without a word.
        strange = [x for x in text.split() if codec.text(codec.encode_answer(x)) != x]
        if strange:
            raise UsageError(
                "A template has words that this judge cannot read.",
                saw=f"{', '.join(strange[:5])} (in strategy {strategy.id!r})",
                wanted=f"words of its {len(codec.tokenizer)}, for example please, kindly, boxed",
                try_this="tools/world/language.py lists them all",
            )


def reader_of(path: Path) -> tuple[Any, Any]:
    """A frozen model with its tokenizer."""
    from tools.models import load_policy, load_tokenizer

    return load_policy(path, None), load_tokenizer(path)


def _failed(name: str, why: str | None) -> JudgeError:
    return JudgeError(
        "A judge gave no score.",
        saw=f"{name}: {why}",
        wanted="a finite number per answer",
        try_this="plimsoll judge list",
    )
