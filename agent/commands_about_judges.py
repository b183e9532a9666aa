"""The commands about judges and about gold."""

from agent.command import Command
from agent.options import about_the_panel
from agent.options_judge import auditing, carding, probing
from agent.options_judge import comparing as comparing_judges
from agent.options_judging import studying, swapping
from agent.options_people import opening_the_vault
from agent.options_proof import proving_a_panel

JUDGES: tuple[Command, ...] = (
    Command(
        "vault show",
        "what gold was asked, and how far its answers may be off",
        "agent.commands_vault:show",
    ),
    Command(
        "vault open",
        "the claim at the end: HEAD on gold that no question was answered on, once",
        "agent.commands_vault:open_final",
        opening_the_vault,
    ),
    Command(
        "judge list",
        "the panel in force, and how right its judges were",
        "agent.commands_judge:list_judges",
        about_the_panel,
    ),
    Command(
        "judge probe",
        "is a judge on a server there, what can it, how long does it take; exit code 3 without"
        " a verdict",
        "agent.commands_judge_probe:probe",
        probing,
    ),
    Command(
        "judge audit",
        "what moves a judge that should not, and how right it is: its card",
        "agent.commands_judge_audit:audit",
        auditing,
    ),
    Command(
        "judge card",
        "the card of a judge; exit code 3 if this version has none, 7 if it expired",
        "agent.commands_judge_card:card",
        carding,
    ),
    Command(
        "judge compare",
        "two judges side by side, with the difference of every measurement",
        "agent.commands_judge_card:compare",
        comparing_judges,
    ),
    Command(
        "judge prove",
        "does a judge or a family of judges decide alone? as a theorem",
        "agent.commands_judge_proof:prove",
        proving_a_panel,
    ),
    Command(
        "judge swap",
        "what another leading judge would mean: --plan, and nothing is changed",
        "agent.commands_swap:swap",
        swapping,
    ),
    Command(
        "judge study",
        "one judge under several constitutions and prompt shapes: its bias profiles",
        "agent.commands_study:study",
        studying,
    ),
)
