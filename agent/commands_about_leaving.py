"""The commands by which something leaves the house: cards, and exports of sessions."""

from agent.command import Command
from agent.options_card import carding_a_model
from agent.options_export import exporting, exporting_an_audit, exporting_weights

LEAVING: tuple[Command, ...] = (
    Command(
        "export",
        "the weights of a commit as a folder that others load, adapter or merged",
        "agent.commands_weights:export",
        exporting_weights,
    ),
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
    Command(
        "judge export",
        "its latest audit as an .eval log of inspect_ai, item by item",
        "agent.commands_judge_export:export",
        exporting_an_audit,
    ),
)
