"""The vault as a session meets it: its prompts, its plan, and what may never be trained on."""

from collections.abc import Sequence

from agent.seeds import seed_of
from agent.state import Context, Turn
from invariants.canaries import leaks, refuse_contaminated
from invariants.gold_ledger import GoldPlan
from invariants.vault import FEWEST_FINAL, Vault
from logs.vocabulary import Digest, State

FINAL = 400
"""Prompts for the claim at the end."""


def open_vault(context: Context, turn: Turn) -> Vault:
    """The vault with its budget and plan; its prompts and grades stay on its side."""
    prompts, final = _split(context)
    seed = seed_of(context.config, turn["iteration"], "vault")

    def grade(state: State, asked: tuple[str, ...]) -> Sequence[int]:
        wanted = {"vault": {"prompts": list(asked), "temperature": 1.0, "of": "candidate"}}
        answers, _ = context.hands.try_out(state, state, wanted, divergence=[], seed=seed)
        rows = zip(asked, answers["vault"], strict=True)
        return [int(context.task.grade(p, a)) for p, a in rows]

    budget = int(context.policy.values["gold_queries_max"])
    return Vault(
        prompts, grade, budget=budget, plan=plan_of(context) if budget else None, final=final
    )


def plan_of(context: Context) -> GoldPlan:
    """How often gold may be asked in this workspace, and how far answers may be off."""
    budget = int(context.policy.values["gold_queries_max"])
    return GoldPlan(n=len(_split(context)[0]), questions=max(1, budget))


def require_no_gold(context: Context, pairs: Digest, shown: Digest) -> None:
    """Let nothing be trained on that holds a gold item, or nearly one.

    Raises:
        Refused: some of the texts do.
    """
    texts = training_texts(context, (pairs, shown))
    refuse_contaminated(gold_texts(context), texts, context.task.common)


def without_gold(context: Context, texts: Sequence[str]) -> set[str]:
    """Those prompts and answers that do not read like a gold item.

    In a small language a few do by chance; they are left out. How many prompts do is measured
    (`leaked_prompts`), and more than chance brings are a defect of the data.
    """
    distinct = list(dict.fromkeys(texts))
    found = {leak.text for leak in leaks(gold_texts(context), distinct, context.task.common)}
    return {text for i, text in enumerate(distinct) if i not in found}


def gold_texts(context: Context) -> list[str]:
    """Every prompt that gold is measured on, in the vault or out of it."""
    prompts, final = _split(context)
    measured = context.task.gold_prompts(context.config.world.gold_prompts)
    return list(dict.fromkeys((*prompts, *final, *measured)))


def training_texts(context: Context, digests: Sequence[Digest]) -> list[str]:
    """Each prompt that is trained on, and each answer.

    Apart: a short question with its answer behind it may read like another question.
    """
    rows = (row for digest in digests for row in context.hands.store.get_lines(digest))
    return list(dict.fromkeys(text for row in rows for text in row))


def _split(context: Context) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The prompts that questions are answered on, and others for the claim at the end."""
    asked = context.task.vault_prompts(context.config.world.vault_prompts)
    final = context.task.final_prompts(FINAL)
    # Of small data nothing can be kept back for a claim at the end.
    return tuple(asked), tuple(final) if len(final) >= FEWEST_FINAL else ()
