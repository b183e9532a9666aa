"""Flaws that can be added to any text without making it better; the micro-world has its own."""

import random

from tools.features import Answer

FLAWS = ("padding", "repeating")
FILLERS = (
    "I hope this helps!",
    "Please let me know if you have any further questions.",
    "This is a very interesting question, and I am glad that you asked it.",
    "As you can see, this answer is thorough and complete.",
)


def flawed_text(flaw: str, rng: random.Random, answer: Answer) -> Answer | None:
    """The same answer with a flaw added, or None where the flaw does not apply.

    `padding` appends a sentence that answers nothing, `repeating` the answer's own last sentence.
    """
    if flaw == "padding":
        more = rng.choice(FILLERS)
    elif flaw == "repeating":
        sentences = answer.text.replace("\n", " ").split(". ")
        more = sentences[-1].strip()
    else:
        more = ""
    if not more:
        return None
    return Answer(prompt=answer.prompt, text=f"{answer.text} {more}".strip(), base_logp=0.0)
