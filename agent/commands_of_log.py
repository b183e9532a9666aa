"""The commands about the log."""

from agent.command import Command
from agent.options import about_an_entry, about_many_entries
from agent.options_log import (
    anchoring,
    comparing_sessions,
    comparing_states,
    drawing,
    exporting,
    making_a_key,
    proving_an_entry,
    replaying,
    searching,
    verifying,
    witnessing,
)

LOG: tuple[Command, ...] = (
    Command(
        "log list",
        "the entries of the log, one line each",
        "agent.commands_log_list:list_entries",
        about_many_entries,
    ),
    Command("log show", "one entry, whole", "agent.commands_log:show", about_an_entry),
    Command(
        "log why",
        "from a commit or an entry back to everything it rests on",
        "agent.commands_log:why",
        about_an_entry,
    ),
    Command(
        "log graph",
        "the commits as a graph: what HEAD builds on, what was rolled back",
        "agent.commands_history:graph",
        drawing,
    ),
    Command(
        "log diff",
        "two states: recipe, panel, constitution, data, what differs clearly",
        "agent.commands_diff:diff",
        comparing_states,
    ),
    Command(
        "log bisect",
        "the first iteration of which a predicate is true, or a command says no",
        "agent.commands_bisect:bisect",
        searching,
    ),
    Command(
        "log replay",
        "decide again from what was recorded; exit code 3 if the answer differs",
        "agent.commands_replay:run",
        replaying,
    ),
    Command(
        "log verify",
        "is this the history that was written? exit code 4 if not",
        "agent.commands_log_verify:verify",
        verifying,
    ),
    Command(
        "log anchor",
        "the checkpoint that pins the log; keep it elsewhere",
        "agent.commands_log_proof:anchor",
        anchoring,
    ),
    Command(
        "log key",
        "a key to sign checkpoints with, or to cosign those of others",
        "agent.commands_log_proof:key",
        making_a_key,
    ),
    Command(
        "log proof",
        "that an entry is in the log, or that the log only grew; or check one",
        "agent.commands_log_proof:proof",
        proving_an_entry,
    ),
    Command(
        "log export",
        "the log as files that anybody can verify offline",
        "agent.commands_log_export:export",
        exporting,
    ),
    Command(
        "log witness",
        "cosign a checkpoint if its log only grew; needs no workspace",
        "agent.commands_log_export:witness",
        witnessing,
    ),
)

SESSIONS: tuple[Command, ...] = (
    Command(
        "session compare",
        "two sessions, of one or two workspaces: what differs, and clearly or not",
        "agent.commands_compare:compare",
        comparing_sessions,
    ),
)
