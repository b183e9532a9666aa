"""The commands by which something leaves the house: cards, and exports of sessions."""

from agent.command import Command
from agent.options_card import carding_a_model

LEAVING: tuple[Command, ...] = (
    Command(
        "card",
        "the model card of a commit, and the cards of its judges",
        "agent.commands_card:card",
        carding_a_model,
    ),
)
