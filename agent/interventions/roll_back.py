"""Bring back an earlier commit, if the vault says that it is certainly better than HEAD."""

from collections.abc import Sequence
from fractions import Fraction

from agent.made import Made, Making
from agent.past import spent_before
from agent.seeds import seed_of
from invariants.vault import Vault
from logs.errors import Halted
from logs.vocabulary import EntryKind, Ledgers, State

MOST_QUESTIONS = 3


def make(making: Making) -> Made | str:
    """The newest candidate that the vault prefers to HEAD, or why there is none."""
    context = making.context
    vault = open_vault(making)
    candidates = [c for c in making.decision.arguments["candidates"].split(",") if c]
    asked: list[str] = []
    for digest in candidates[:MOST_QUESTIONS]:
        older = context.commit_at(digest).state
        try:
            better = _ask(making, vault, len(asked), making.state, older)
        except Halted as halted:
            return f"the vault is closed: {halted.saw}"
        asked.append(f"{digest[:8]} {'yes' if better else 'no'}")
        if better:
            return Made(new=older, restores=digest, undo=f"plimsoll rollback {context.head()[:8]}")
    return f"the vault prefers none of them to HEAD: {', '.join(asked) or 'none is left'}"


def open_vault(making: Making) -> Vault:
    """The vault with its budget; its prompts and grades stay on its side."""
    context = making.context
    prompts = tuple(context.task.gold_prompts(context.config.world.gold_prompts))
    seed = seed_of(context.config, making.turn["iteration"], "vault")

    def grade(state: State, asked: tuple[str, ...]) -> Sequence[int]:
        wanted = {"vault": {"prompts": list(asked), "temperature": 1.0, "of": "candidate"}}
        answers, _ = context.hands.try_out(state, making.state, wanted, divergence=[], seed=seed)
        rows = zip(asked, answers["vault"], strict=True)
        return [int(context.task.grade(p, a)) for p, a in rows]

    budget = int(context.policy.values["gold_queries_max"])
    return Vault(prompts, grade, budget=budget, margin=Fraction(0))


def _ask(making: Making, vault: Vault, number: int, head: State, older: State) -> bool:
    """One question, asked once: an answer that is in the log is not bought again."""
    context, step = making.context, f"vault-{number}"
    known = context.entry(making.turn, f"{step}-answer")
    if known:
        return bool(known.body["better"])

    def spend(price: Ledgers) -> None:
        body = {"question": number, "asks": "is the older commit certainly better than HEAD?"}
        context.log(making.turn, step, EntryKind.ASKED, body, price)

    before = spent_before(context, making.turn, step)
    better = vault.promote(head, older, ledgers=before, spend=spend)
    context.log(making.turn, f"{step}-answer", EntryKind.ANSWERED, {"better": better})
    return better
