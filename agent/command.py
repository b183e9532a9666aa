"""What a command is: a name, a summary, options, and the function that answers."""

from collections.abc import Callable
from dataclasses import dataclass

from agent.options import Parser, nothing_more


@dataclass(frozen=True, slots=True)
class Command:
    """One thing that can be asked for."""

    name: str
    summary: str
    run: str
    """`module:function`; imported when the command runs."""
    options: Callable[[Parser], None] = nothing_more
    moves: bool = False
    """Whether it runs the loop, so that an interrupt leaves something to resume."""
