"""Is everything there that a decider needs? What is missing is said before a session begins."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from agent.api_keys import key_of as api_key_of
from agent.config import Config, DeciderSection
from agent.deciding.experience import LEARNS, require_experience
from agent.deciding.guidance import read as read_guidance
from agent.remote_judges import endpoint_of as endpoint_of_judge
from agent.workspace import Workspace
from logs.errors import UsageError

if TYPE_CHECKING:
    from tools.chat import Endpoint

LANGUAGE = "llm"


def key_of(settings: DeciderSection, environment: Mapping[str, str] = os.environ) -> str:
    """The key, from the variable that the settings name; empty if they name none.

    Raises:
        UsageError: the variable is not set, or holds no key.
    """
    whose, setting = "the decider's endpoint", "decider.api_key_env"
    return api_key_of(whose, settings.api_key_env, setting, environment)


def endpoint_of(settings: DeciderSection) -> "Endpoint":
    """Where the model is asked.

    Raises:
        UsageError: the key is not there.
    """
    from tools.chat import Endpoint

    return Endpoint(
        url=settings.endpoint.rstrip("/"),
        model=settings.model,
        key=key_of(settings),
        timeout_seconds=settings.timeout_seconds,
        deadline_seconds=settings.deadline_seconds,
        retries=settings.retries,
    )


def require_ready(workspace: Workspace) -> None:
    """Refuse to begin a session whose decider lacks something.

    Raises:
        UsageError: no endpoint, no model, no key (of a judge neither); guidance or experience that
            cannot be read.
    """
    config: Config = workspace.config
    settings = config.decider
    for judge in config.judges.remote:
        endpoint_of_judge(judge)
    if config.session.decider == LEARNS:
        require_experience(workspace)
    if config.session.decider != LANGUAGE:
        return
    missing = [name for name in ("endpoint", "model") if not getattr(settings, name)]
    if missing:
        raise UsageError(
            'decider = "llm" needs to know whom to ask.',
            saw=f"no {' and no '.join(missing)} under [decider] in plimsoll.toml",
            wanted='endpoint = "http://127.0.0.1:8000/v1" and model = "NAME"',
            try_this='set them, or [session] decider = "rules"; plimsoll doctor asks the endpoint',
        )
    key_of(settings)
    read_guidance(workspace.root, settings.guidance)
