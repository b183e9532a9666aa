"""Which decider the settings of a session name."""

from collections.abc import Mapping

from agent.deciders import Decider
from agent.deciding.bandit import bandit
from agent.deciding.dice import RULE, dice
from agent.deciding.experience import LEARNS
from agent.deciding.ready import LANGUAGE
from agent.listener import Listener
from agent.workspace import Workspace
from logs.journal import Journal


def chosen(
    simple: Mapping[str, Decider], workspace: Workspace, journal: Journal, listener: Listener
) -> Decider:
    """The decider of a session.

    Args:
        simple: those that are functions of a view alone, by name.
        workspace: settings and store.
        journal: where a decider that asks somebody keeps what it asked and heard.
        listener: told of those entries.
    """
    name = workspace.config.session.decider
    if name == RULE:
        return dice(workspace.config)
    if name == LEARNS:
        return bandit(workspace.config)
    if name == LANGUAGE:
        from agent.deciding.language import Language

        return Language(workspace, journal, listener)
    return simple[name]
