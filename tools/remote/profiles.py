"""What kinds of OpenAI-compatible servers can do: nothing is asked that they do not know."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What a server understands beside messages, temperature and a limit of tokens."""

    schema: bool = False
    """`response_format` with a JSON schema; else the answer is only told its form."""
    logprobs: bool = False
    """`logprobs` and `top_logprobs` of the answer's tokens."""
    seed: bool = False
    limit: str = "max_tokens"
    """What the limit of tokens is called."""


PROFILES: Mapping[str, Profile] = {
    "vllm": Profile(schema=True, logprobs=True, seed=True),
    "llama.cpp": Profile(schema=True, logprobs=True, seed=True),
    "ollama": Profile(schema=True, seed=True),
    "openai": Profile(schema=True, logprobs=True, seed=True, limit="max_completion_tokens"),
    "generic": Profile(),
}
"""By the name that a configuration gives."""
