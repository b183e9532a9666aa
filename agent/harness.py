"""The digest of the code that evaluates: a number counted by other code is another number."""

from functools import cache
from hashlib import sha256

from agent.home import HOME
from logs.vocabulary import Digest

EVALUATORS = ("tools", "sandbox", "invariants", "logs")


@cache
def harness_digest() -> Digest:
    """SHA-256 over the names and bytes of every source file below the evaluating folders."""
    state = sha256()
    for folder in EVALUATORS:
        for path in sorted((HOME / folder).rglob("*.py")):
            state.update(path.relative_to(HOME).as_posix().encode() + b"\0")
            state.update(sha256(path.read_bytes()).digest())
    return state.hexdigest()
