"""The commands about the decision table."""

from agent.command import Command
from agent.options_decider import proving_a_table

DECIDERS: tuple[Command, ...] = (
    Command(
        "decider table",
        "the decision table: each line, when it applies, what it does",
        "agent.commands_decider:show",
    ),
    Command(
        "decider prove",
        "no line takes more authority or budget than the law leaves to the agent",
        "agent.commands_decider:prove",
        proving_a_table,
    ),
)
