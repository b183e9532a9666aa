"""A judge as a program, in forty lines: it prefers what shares words with the question.

    plimsoll judge audit overlap --data biasbench.json \\
        --judge-command "python examples/judge_program.py"

It is a bad judge on purpose: its card shows what an audit finds. Replace `better` and `chosen`
by a call to any model. Every line that it writes is flushed, and what it cannot judge is said
as an error instead of guessed.
"""

import json
import re
import sys


def words(text: str) -> set[str]:
    """The distinct words of a text, in small letters."""
    return set(re.findall(r"\w+", text.lower()))


def better(prompt: str, first: str, second: str) -> str:
    """The answer with the larger share of the prompt's words; equal shares are a tie."""
    asked = words(prompt)
    one, other = len(asked & words(first)), len(asked & words(second))
    return "tie" if one == other else "first" if one > other else "second"


def chosen(context: str, options: list[str]) -> int:
    """The option whose words stand latest in the context; the first one where none does."""
    text = context.lower()
    places = [max((text.rfind(w) for w in words(o) if len(w) > 3), default=-1) for o in options]
    return places.index(max(places))


def answer(call: dict) -> dict:
    """The verdict on one call."""
    if call["kind"] == "pair":
        return {"verdict": better(call["prompt"], call["first"], call["second"])}
    if call["kind"] == "question":
        return {"choice": chosen(call["context"], call["options"])}
    return {"error": f"cannot judge a {call['kind']}"}


if __name__ == "__main__":
    for line in sys.stdin:
        call = json.loads(line)
        print(json.dumps({"id": call["id"], **answer(call)}), flush=True)
