"""What each name of the rule language means, one sentence each, for the reference page."""

from collections.abc import Mapping

from invariants.roles import WAIT_HOURS

ROOTS: Mapping[str, str] = {
    "founding": "The anchor: the state that people founded the workspace with. It has no ledger.",
    "old": "The state at HEAD, and what was spent before this proposal.",
    "new": "The candidate state, and what will be spent if it is committed.",
    "change": "What this proposal does, computed from the two states, never declared.",
    "evidence": "The metrics that the policy declares, with bounds that the gate computes.",
    "param": "The exact numbers that the policy declares.",
}

FIELDS: Mapping[str, Mapping[str, str]] = {
    "Principle": {
        "id": "Its name, the key of the map.",
        "text": "Its words, for equality only.",
        "contexts": "The contexts it applies to, as one word, for equality only.",
        "weight": "Its share of the judges' attention, at least 0.",
        "tier": "Who may change it.",
        "present": "Whether the state has it; an absent one weighs 0 and has no other field.",
    },
    "Judge": {
        "id": "Its name, the key of the map.",
        "kind": "How it arrives at its score.",
        "family": "Its base lineage; judges of one family share their blind spots.",
        "version": "Counts its refits.",
        "artefact": "Digest of its weights and prompt.",
        "weight": "Its weight in the panel, at least 0.",
        "present": "Whether the state has it; an absent one weighs 0 and has no other field.",
    },
    "Facts": {
        "principles": "How many principles there are.",
        "judges": "How many judges there are.",
        "judge_families": "How many families they come from.",
        "judge_updates": "How often a judge was changed since the founding.",
        "policy_updates": "How often the adapter was trained since the founding.",
    },
    "Ledger": {
        "weight_path": "Path of the constitution's weights (L1), this step included in `new`.",
        "audit_labels": "Labels bought for audits.",
        "gold_queries": "Questions asked of the vault.",
        "alpha": "Error probability spent on bounds, this trial's included in `new`.",
        "seconds": "Seconds of work.",
    },
    "State": {
        "principles": "The principles by id.",
        "judges": "The judges of the panel by id.",
        "facts": "Counts.",
        "base": "Digest of the frozen founding model.",
        "adapter": "Digest of the trained weights; missing in a state that has none.",
        "ledger": "What was spent; not of `founding`.",
    },
    "Change": {
        "kind": "The intervention that the agent names; for messages, not to be trusted in rules.",
        "rolls_back": "Whether the candidate is exactly an ancestor that the proposal names.",
        "touches_adapter": "Whether the trained weights differ.",
        "touches_judge": "Whether a judge is another one; weights alone do not count.",
        "touches_panel": "Whether anything in the panel differs, weights included.",
        "touches_constitution": "Whether any principle differs.",
        "touches_recipe": "Whether the recipe differs.",
        "touches_prompts": "Whether the prompt pool differs.",
        "touches_replay": "Whether the replayed answers differ.",
        "rollback_stored": "Whether every artefact of HEAD was found in the store.",
        "rollback_tested": "Whether HEAD, read again, answered every probe as before.",
        "weight_step": "L1 distance of the principles' weights, old to new.",
        "approvals": "Distinct people who approved this very proposal, counted by the gate.",
    },
    "metric": {
        "lo": "Lower bound, rounded down.",
        "hi": "Upper bound, rounded up.",
        "mean": "The share or mean that was seen, exactly.",
        "n": "Trials or values.",
        "k": "Successes; of a proportion only.",
    },
}

TYPES: Mapping[str, str] = {
    "bool": "true or false; stands alone or in `and`, `or`, `not`, `=>`",
    "int": "a whole number; widens to real",
    "real": "an exact rational; no floating point anywhere",
    "string": "a text; `==` and `!=` only",
    "family": "a base lineage; `==` and `!=` only",
    "hash": "a digest; `==` and `!=` only",
}

OPERATORS: tuple[tuple[str, str, str], ...] = (
    ("`a => b`", "bool", "if a then b; weakest, groups to the right"),
    ("`a or b`", "bool", "one of them"),
    ("`a and b`", "bool", "both"),
    ("`not a`", "bool", "the opposite"),
    ("`<= < >= >`", "bool", "order of two numbers; not chained"),
    ("`== !=`", "bool", "equality of two numbers, bools, or words of one type"),
    ("`a + b`, `a - b`", "number", "sum, difference"),
    ("`a * b`", "number", "product; one side is fixed by the file (a number or param)"),
    ("`-a`, `abs(a)`", "number", "negative, absolute value"),
    ("`all p in MAP where c: b`", "bool", "b is true of every item of which c is"),
    ("`any p in MAP where c: b`", "bool", "b is true of some item of which c is"),
    ("`sum p in MAP where c: x`", "number", "the sum of x over the items of which c is true"),
    ("`count p in MAP where c`", "int", "how many items there are of which c is true"),
    ('`m[p]`, `m["id"]`', "record", "the item with the id of p, or with this id"),
)

METRICS: Mapping[str, str] = {
    "proportion": "k successes of n trials: `lo` and `hi` are Clopper-Pearson, or a confidence "
    'sequence with `guarantee = "anytime"`',
    "mean": "values in [lower, upper]: `lo` and `hi` by betting; they hold at every n at once, "
    "whatever the guarantee says",
    "exact": "one exact quantity: `lo` equals `hi`",
}

KEYS: Mapping[str, Mapping[str, str]] = {
    "param": {
        "type": '"int" or "real"',
        "value": 'a quoted decimal or ratio, such as "0.05" or "1/20"',
        "why": "the reason, for people; optional",
    },
    "metric": {
        "kind": "one of the kinds below",
        "unit": "what is counted, for people",
        "alpha": 'largest error probability a trial may claim; default "1/20"',
        "lower": "least value of a mean; required there, refused elsewhere",
        "upper": "largest value of a mean; required there, refused elsewhere",
        "guarantee": '"fixed_n" (default) or "anytime"; not for exact metrics',
        "why": "the reason, for people; optional",
    },
    "roles": {
        "keys": "lines of `.pub` files of OpenSSH; people are counted by distinct keys",
        "threshold": "how many of them must sign",
        "wait_hours": "`[roles.approve]` alone: how long a proposal waits, then it is no; "
        f"default {WAIT_HOURS}",
    },
    "invariant": {
        "id": "a name, used once in the file; the log speaks of it",
        "on": '"always", or the one tier at whose changes it is asked',
        "need": "the rule: what must be true",
        "say": "one sentence for people: what is wrong when it is not true",
    },
    "goal": {
        "id": "a name, used once in the file",
        "need": "what must hold for ever; reads `founding`, `new` and `param` alone",
        "say": "one sentence for people: what holds",
    },
}
