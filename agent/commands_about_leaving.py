"""The commands by which something leaves the house: cards, and exports of sessions."""

from agent.command import Command
from agent.options_card import carding_a_model
from agent.options_export import exporting

LEAVING: tuple[Command, ...] = (
    Command(
        "card",
        "the model card of a commit, and the cards of its judges",
        "agent.commands_card:card",
        carding_a_model,
    ),
    Command(
        "session export",
        "tell a session to MLflow, trackio, TensorBoard, ..., from the log",
        "agent.commands_export:export",
        exporting,
    ),
)
