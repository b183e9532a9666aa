"""What `plimsoll doctor` says of the decider: is everything there, and does the endpoint answer?"""

from dataclasses import replace
from typing import Literal
from urllib.parse import urlsplit

from agent.deciding.experience import LEARNS, own, read_file
from agent.deciding.ready import LANGUAGE, endpoint_of, require_ready
from agent.workspace import Workspace

Finding = tuple[Literal["ok", "warn", "FAIL"], str, str]
"""How it is, what it says, and the fix."""
SECONDS = 5.0
REFUSES = ("http-401", "http-403")
LISTS_NOTHING = ("http-404", "http-405", "http-501", "not-a-list")


def examined(workspace: Workspace) -> Finding:
    """Ask the endpoint which models it serves; no decision is asked for, and no key is shown.

    Raises:
        UsageError: settings, key, guidance or experience are missing.
    """
    named = workspace.config.session.decider
    if named == LEARNS:
        return _learning(workspace)
    if named != LANGUAGE:
        return "ok", f"{named}, which asks nobody", ""
    require_ready(workspace)
    from tools.chat import is_loopback, models_of

    settings = workspace.config.decider
    endpoint = endpoint_of(settings)
    how, models = models_of(replace(endpoint, timeout_seconds=SECONDS))
    key = f"with the key in {settings.api_key_env}" if settings.api_key_env else "without a key"
    plain = urlsplit(endpoint.url).scheme == "http" and not is_loopback(endpoint.url)
    if how == "200" and settings.model in models:
        says = f"{LANGUAGE}: {endpoint.url} serves {settings.model}, {key}"
        if not plain:
            return "ok", says, ""
        return "warn", f"{says}, unencrypted", "use https beyond this machine"
    if how == "200":
        says = f"{endpoint.url} answers, but does not list the model {settings.model}"
        return "warn", says, "set decider.model to one that it serves"
    if how in REFUSES:
        fix = "put another key into that variable" if endpoint.key else "set decider.api_key_env"
        return "FAIL", f"{endpoint.url} refuses to be asked {key} ({how})", fix
    if how in LISTS_NOTHING:
        says = f"{endpoint.url} answers, but lists no models ({how}), so the model is not known"
        return "warn", says, "none needed if the server has no such list; else mend the endpoint"
    fix = "start the server, or mend decider.endpoint; until then each turn goes by the table"
    return "FAIL", f"{endpoint.url} does not answer: {how}", fix


def _learning(workspace: Workspace) -> Finding:
    """How many turns it can learn from: those of this workspace, and those it is brought."""
    name = workspace.config.decider.experience
    brought = read_file(workspace.root, name)
    here = own(workspace)
    says = f"{LEARNS}, which asks nobody; learns from {len(here)} turns of this workspace"
    if brought:
        says += f" and {len(brought.lessons)} from {name}"
    if here or (brought and brought.lessons):
        return "ok", says, ""
    return "ok", f"{says}, so at first it does nearly always what the table would", ""
