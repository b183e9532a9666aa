"""Bring back an earlier commit, if the vault says that it is certainly better than HEAD."""

from agent.made import Made, Making
from agent.past import spent_before
from agent.recall import MOST_QUESTIONS
from agent.vaulting import open_vault, plan_of
from invariants.gold_ledger import yes_given
from invariants.vault import Vault
from logs.errors import Halted
from logs.vocabulary import EntryKind, Ledgers, State


def make(making: Making) -> Made | str:
    """The newest candidate that the vault prefers to HEAD, or why there is none."""
    context = making.context
    vault = open_vault(context, making.turn)
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


def _ask(making: Making, vault: Vault, number: int, head: State, older: State) -> bool:
    """One question, asked once: an answer that is in the log is not bought again."""
    context, step = making.context, f"vault-{number}"
    known = context.entry(making.turn, f"{step}-answer")
    if known:
        return bool(known.body["better"])

    before = spent_before(context, making.turn, step)
    eps = plan_of(context).eps(before.gold_queries + 1)

    def spend(price: Ledgers) -> None:
        body = {
            "question": number,
            "asks": "is the older commit certainly better than HEAD?",
            "may_be_off_by": float(eps),
        }
        context.log(making.turn, step, EntryKind.ASKED, body, price)

    yes = yes_given(before, context.journal.entries(kind=EntryKind.ANSWERED))
    better = vault.promote(head, older, ledgers=before, spend=spend, yes=yes)
    context.log(making.turn, f"{step}-answer", EntryKind.ANSWERED, {"better": better})
    return better
