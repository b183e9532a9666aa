"""The commands about plans."""

from agent.command import Command
from agent.options_plan import applying, planning

PLANS: tuple[Command, ...] = (
    Command(
        "plan",
        "what the agent would do next, tried and ruled on, and what it costs; commits nothing",
        "agent.commands_plan:plan",
        planning,
        moves=True,
    ),
    Command(
        "apply",
        "carry out exactly that plan, once; exit code 7 if it is stale",
        "agent.commands_plan:apply",
        applying,
        moves=True,
    ),
)
