"""What `plimsoll doctor` says of an endpoint: does it answer, and does it serve the model?"""

from dataclasses import replace
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from agent.remote_judges import endpoint_of, spec_of
from agent.workspace import Workspace

if TYPE_CHECKING:
    from tools.chat import Endpoint

Finding = tuple[Literal["ok", "warn", "FAIL"], str, str]
"""How it is, what it says, and the fix."""
SECONDS = 5.0
REFUSES = ("http-401", "http-403")
LISTS_NOTHING = ("http-404", "http-405", "http-501", "not-a-list")


def served(endpoint: "Endpoint", who: str, key_env: str, table: str, instead: str) -> Finding:
    """Ask an endpoint which models it serves; no answer is asked for, and no key is shown.

    Args:
        who: asks, for people.
        key_env: variable of its key.
        table: of plimsoll.toml that names the endpoint, with a dot where keys follow one.
        instead: what happens while it does not answer.
    """
    from tools.chat import is_loopback, models_of

    how, models = models_of(replace(endpoint, timeout_seconds=SECONDS))
    key = f"with the key in {key_env}" if key_env else "without a key"
    plain = urlsplit(endpoint.url).scheme == "http" and not is_loopback(endpoint.url)
    if how == "200" and endpoint.model in models:
        says = f"{who}: {endpoint.url} serves {endpoint.model}, {key}"
        if not plain:
            return "ok", says, ""
        return "warn", f"{says}, unencrypted", "use https beyond this machine"
    if how == "200":
        says = f"{endpoint.url} answers, but does not list the model {endpoint.model}"
        return "warn", says, f"set {table}model to one that it serves"
    if how in REFUSES:
        fix = "put another key into that variable" if endpoint.key else f"set {table}api_key_env"
        return "FAIL", f"{endpoint.url} refuses to be asked {key} ({how})", fix
    if how in LISTS_NOTHING:
        says = f"{endpoint.url} answers, but lists no models ({how}), so the model is not known"
        return "warn", says, "none needed if the server has no such list; else mend the endpoint"
    fix = f"start the server, or mend its address; until then {instead}"
    return "FAIL", f"{endpoint.url} does not answer: {how}", fix


def judges_served(workspace: Workspace) -> list[tuple[str, Finding]]:
    """(id, finding) for each remote judge.

    Raises:
        UsageError: a key is not there, or a template cannot be read.
    """
    found = []
    for named in workspace.config.judges.remote:
        spec_of(named, workspace.root)
        where = (named.id, named.api_key_env, "[[judges.remote]] ", "its verdicts are errors")
        found.append((named.id, served(endpoint_of(named), *where)))
    return found
