"""What `plimsoll doctor` says of the decider: is everything there, and does the endpoint answer?"""

from agent.deciding.experience import LEARNS, own, read_file
from agent.deciding.ready import LANGUAGE, endpoint_of, require_ready
from agent.endpoints import Finding, served
from agent.workspace import Workspace


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
    settings = workspace.config.decider
    instead = "each turn goes by the table"
    return served(endpoint_of(settings), LANGUAGE, settings.api_key_env, "decider.", instead)


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
