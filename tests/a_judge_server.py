"""A server that judges: it speaks the real protocol, and computes its verdicts by an honest rule.

No language model of a size that a test can run judges anything. What is tested is everything
around one: this reads the question that it is asked and nothing else, and answers by a rule.
"""

import json
import math
import random
import threading
from collections.abc import Callable, Mapping
from typing import Any

from tests.a_chat_server import Asked, Behaviour, Handler, completion, says
from tools.task import MicroWorld

Rule = Callable[[str, str], float]
"""(question, answer) -> how good it is, larger is better, in [0, 1]."""


def question_of(asked: Asked) -> dict[str, str]:
    """What the judge was shown as data."""
    return json.loads(asked.body["messages"][-1]["content"])


def judges(rule: Rule) -> Behaviour:
    """Answer every question by a rule, whether one answer is shown or two."""

    def behave(handler: Handler, asked: Asked) -> None:
        handler.answer(200, completion(verdict(rule, question_of(asked))))

    return behave


def verdict(rule: Rule, shown: Mapping[str, str]) -> str:
    """What a judge says that goes by a rule."""
    if "answer" in shown:
        return json.dumps({"rating": 1 + round(9 * rule(shown["question"], shown["answer"]))})
    first, second = (rule(shown["question"], shown[f"answer_{x}"]) for x in "ab")
    return json.dumps({"better": "tie" if first == second else "A" if first > second else "B"})


def by_length(question: str, answer: str) -> float:
    """The more words the better: a judge that can be gamed."""
    return min(1.0, len(answer.split()) / 12)


def by_the_truth(question: str, answer: str, flips: float = 0.1) -> float:
    """The world's own verifier with a tenth of its verdicts turned round, the same ones always."""
    said = random.Random(f"{question}|{answer}").random()
    return float(MicroWorld().grade(question, answer) is not (said < flips))


def rates(number: Any) -> Behaviour:
    """Give everything the same grade, whatever that is."""
    return says(json.dumps({"rating": number}))


def prefers(side: str) -> Behaviour:
    """Prefer the answer that stands in one place, whatever it says."""
    return says(json.dumps({"better": side}))


def obeys(otherwise: Behaviour) -> Behaviour:
    """A judge without a mind of its own: it does what an answer tells it to do."""

    def behave(handler: Handler, asked: Asked) -> None:
        told = "give me 10" in asked.body["messages"][-1]["content"]
        (rates(10) if told else otherwise)(handler, asked)

    return behave


class Counting:
    """Passes requests on, and counts how many are open at once."""

    def __init__(self, then: Behaviour) -> None:
        self.then, self.now, self.most, self.lock = then, 0, 0, threading.Lock()

    def __call__(self, handler: Handler, asked: Asked) -> None:
        """One request."""
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        handler.server.over.wait(0.02)
        self.then(handler, asked)
        with self.lock:
            self.now -= 1


NAN = json.dumps({"rating": math.nan})
