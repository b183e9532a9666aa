"""The commands as one table: names, summaries, options, and the function that answers."""

from agent.command import Command
from agent.commands_about_judges import JUDGES
from agent.commands_about_leaving import LEAVING
from agent.commands_about_plans import PLANS
from agent.commands_of_decider import DECIDERS
from agent.commands_of_log import LOG, SESSIONS
from agent.options import (
    about_a_policy,
    about_a_session,
    about_constitutions,
    demo,
    init,
    resuming,
    rolling_back,
    running,
    showing_a_policy,
)
from agent.options_bench import benching
from agent.options_drift import showing_drift
from agent.options_experience import telling
from agent.options_people import (
    about_a_proposal,
    answering,
    listing,
    refilling,
    signing_a_policy,
)
from agent.options_policy import beginning, explaining, formatting, testing
from agent.options_proof import comparing, proving
from agent.options_view import viewing

__all__ = ["COMMANDS", "EXIT_CODES", "NOUNS", "Command"]

COMMANDS: tuple[Command, ...] = (
    Command(
        "demo",
        "a short session in the micro-world, from nothing to a report",
        "agent.commands_start:demo",
        demo,
        moves=True,
    ),
    Command(
        "init", "a workspace: settings, constitution, policy", "agent.commands_start:init", init
    ),
    Command(
        "doctor",
        "what this machine has and lacks, each with the fix",
        "agent.commands_start:doctor",
    ),
    Command("run", "an autonomous session", "agent.commands_run:run", running, moves=True),
    Command(
        "resume",
        "go on after an interruption, to the same history",
        "agent.commands_run:resume",
        resuming,
        moves=True,
    ),
    *PLANS,
    Command(
        "status",
        "where the session is, and what waits for a person",
        "agent.commands_session:status",
    ),
    Command(
        "rollback",
        "bring back the state of an earlier commit, as a new commit",
        "agent.commands_run:rollback",
        rolling_back,
    ),
    Command(
        "approve",
        "say yes to a proposal that waits, by signature",
        "agent.commands_inbox:approve",
        answering,
    ),
    Command(
        "reject",
        "say no to a proposal that waits, by signature",
        "agent.commands_inbox:reject",
        answering,
    ),
    Command(
        "refill",
        "give the agent new budget in a ledger, by signature",
        "agent.commands_refill:refill",
        refilling,
    ),
    Command(
        "report",
        "one self-contained page about a session",
        "agent.commands_session:report",
        about_a_session(writes=True),
    ),
    *LEAVING,
    Command(
        "view",
        "the pages of this workspace on loopback, live; read-only unless told otherwise",
        "agent.commands_view:view",
        viewing,
    ),
    Command(
        "session list", "the sessions of this workspace", "agent.commands_session:list_sessions"
    ),
    Command(
        "session show",
        "the story of a session, the answer first",
        "agent.commands_session:show",
        about_a_session(writes=False),
    ),
    Command(
        "session experience",
        "what turns taught, for a decider that learns",
        "agent.commands_experience:experience",
        telling,
    ),
    *SESSIONS,
    *LOG,
    Command(
        "policy show",
        "parameters, invariants and goals, with their reasons",
        "agent.commands_policy:show",
        showing_a_policy,
    ),
    Command(
        "policy check",
        "does it load, can it be kept, are its goals proved?",
        "agent.commands_policy:check",
        about_a_policy,
    ),
    Command(
        "policy prove",
        "every question to z3, with the shortest attack where one is open",
        "agent.commands_policy_proof:prove",
        proving,
    ),
    Command(
        "policy diff",
        "what a policy permits that another forbids, with a witness each",
        "agent.commands_policy_proof:diff",
        comparing,
    ),
    Command(
        "policy init",
        "a policy to start from, annotated, with its unit cases",
        "agent.commands_policy_write:init",
        beginning,
    ),
    Command(
        "policy fmt",
        "the one layout; comments stay",
        "agent.commands_policy_write:fmt",
        formatting,
    ),
    Command(
        "policy test",
        "unit cases: what is allowed, and what refuses the rest",
        "agent.commands_policy_try:test",
        testing,
    ),
    Command(
        "policy explain",
        "one proposal of the log: each rule, the values, why",
        "agent.commands_policy_try:explain",
        explaining,
    ),
    Command(
        "policy schema", "the JSON Schema of a policy file", "agent.commands_policy_write:schema"
    ),
    Command(
        "policy reference",
        "every root, field, metric, type and operator",
        "agent.commands_policy_write:page",
    ),
    Command(
        "policy sign",
        "sign the policy or the constitution, with ssh-keygen",
        "agent.commands_policy_sign:sign",
        signing_a_policy,
    ),
    Command(
        "policy verify",
        "who signed the policy; exit code 3 if too few did",
        "agent.commands_policy_sign:verify",
    ),
    Command(
        "inbox list",
        "what waits for people; exit code 5 while anything does",
        "agent.commands_inbox:list_pending",
        listing,
    ),
    Command(
        "inbox show",
        "one proposal: what would change, what the law says, who said what",
        "agent.commands_inbox:show",
        about_a_proposal,
    ),
    Command(
        "constitution show",
        "the principles in force, with weights and tiers",
        "agent.commands_constitution:show",
        about_constitutions(most=1),
    ),
    Command(
        "constitution diff",
        "what changed between two commits, word by word",
        "agent.commands_constitution:diff",
        about_constitutions(most=2),
    ),
    Command(
        "drift show",
        "how far the policy went, in which respect, and what that warns of",
        "agent.commands_drift:show",
        showing_drift,
    ),
    *JUDGES,
    Command(
        "bench",
        "planted faults in real sessions: who notices, names and mends them",
        "agent.commands_bench:bench",
        benching,
    ),
    *DECIDERS,
)

NOUNS = {
    "session": "list",
    "log": "list",
    "policy": "show",
    "constitution": "show",
    "judge": "list",
    "drift": "show",
    "inbox": "list",
    "vault": "show",
    "decider": "table",
}
"""Each noun, and the verb that is meant when it stands alone."""

EXIT_CODES = (
    (0, "yes"),
    (1, "failure"),
    (2, "wrong usage"),
    (3, "the answer is no"),
    (4, "integrity: log, store or HEAD does not verify"),
    (5, "waits for a person"),
    (6, "undecided; never yes"),
    (7, "stale: what was planned is no longer what is there"),
    (8, "stopped by a safety rule or a budget"),
    (130, "interrupted; plimsoll resume goes on"),
)
