"""`plimsoll vault`: what gold was asked, what answers may be off by, and the claim at the end."""

from argparse import Namespace
from contextlib import closing
from typing import TYPE_CHECKING, Any

from agent.envelope import Answer
from agent.face import watching
from agent.finding import workspace_of
from agent.fitting import named
from agent.tasks import task_of
from agent.workspace import Workspace
from invariants.gold_ledger import GoldPlan, yes_given
from logs.errors import Refused, UsageError
from logs.journal import Journal
from logs.show import terminal_width
from logs.text import interval, short
from logs.vocabulary import EntryKind, LogEntry

if TYPE_CHECKING:
    from agent.state import Context

FINAL = "final"
"""The step under which the final vault is opened; its answer is `final-answer`."""


def show(options: Namespace) -> Answer:
    """Questions asked and left, and what their answers may be off by."""
    workspace = workspace_of(options)
    with closing(workspace.journal()) as journal:
        data = _standing(workspace, journal)
    return Answer(data, named(_lines(data), terminal_width()))


def open_final(options: Namespace) -> Answer:
    """Open the final vault on HEAD, once and for all."""
    workspace = workspace_of(options)
    with closing(workspace.journal()) as journal:
        standing = _standing(workspace, journal)
    _refuse_without(options, standing)
    if options.dry_run:
        said = f"HEAD {short(standing['head'])} would be graded on the final prompts, once"
        return Answer(standing | {"dry_run": True}, said)
    from agent.session import opened

    with watching(options, 1) as face, opened(workspace, face) as context:
        _open(context, options.reason)
    with closing(workspace.journal()) as journal:
        data = _standing(workspace, journal)
    return Answer(data, named(_lines(data), terminal_width()))


def _open(context: "Context", reason: str) -> None:
    """Spend what is left, then grade HEAD; killed between the two, the vault is open still."""
    from agent.state import Turn
    from agent.vaulting import open_vault

    journal, head = context.journal, context.head()
    turn = Turn(session=context.config.session.name, iteration=0, way=FINAL)

    def spend(price: Any) -> None:
        body = {"asks": "how many of the final prompts does HEAD get right?", "because": reason}
        context.log(turn, FINAL, EntryKind.ASKED, {**body, "head": head}, price)

    state = context.commit_at(head).state
    told = open_vault(context, turn).open_once(state, ledgers=journal.ledgers(), spend=spend)
    low, high, alpha = (float(x) for x in (told.low, told.high, told.alpha))
    body = {"head": head, "k": told.k, "n": told.n, "low": low, "high": high, "alpha": alpha}
    context.log(turn, f"{FINAL}-answer", EntryKind.ANSWERED, body)


def _refuse_without(options: Namespace, standing: dict[str, Any]) -> None:
    if standing["final"] or standing["opened"]:
        raise Refused(
            "The final vault was opened before; it opens once.",
            saw=f"an answer about HEAD {short(standing['final']['head'])}"
            if standing["final"]
            else "a question whose answer was lost",
            wanted="a vault that was never opened",
            try_this="plimsoll vault; a new claim needs new gold",
        )
    if not options.reason and not options.dry_run:
        raise UsageError(
            "The final vault opens once, and needs a reason.",
            saw="no --reason",
            wanted="--reason TEXT",
            try_this='plimsoll vault open --reason "the claim of the paper"; or --dry-run',
        )


def _standing(workspace: Workspace, journal: Journal) -> dict[str, Any]:
    budget = int(workspace.policy.values["gold_queries_max"])
    spent = journal.ledgers()
    prompts = task_of(workspace, journal).vault_prompts(workspace.config.world.vault_prompts)
    plan = GoldPlan(n=len(prompts), questions=max(1, budget))
    asked = _asked(journal)
    opened, final = _step(journal, FINAL), _step(journal, f"{FINAL}-answer")
    left = max(0, budget - 1 - spent.gold_queries)
    return {
        "head": journal.head(),
        "prompts": plan.n,
        "asked": len(asked),
        "yes": yes_given(spent, journal.entries(kind=EntryKind.ANSWERED)) if not opened else None,
        "yes_at_most": plan.yes,
        "left": left,
        "may_be_off_by": float(plan.eps(spent.gold_queries)) if asked and not opened else None,
        "next_may_be_off_by": float(plan.eps(spent.gold_queries + 1)) if left else None,
        "opened": opened is not None,
        "final": final.body if final else None,
    }


def _asked(journal: Journal) -> list[LogEntry]:
    entries = journal.entries(kind=EntryKind.ASKED)
    return [
        e for e in entries if e.spend and e.spend.gold_queries and not e.key.endswith(f"/{FINAL}")
    ]


def _step(journal: Journal, step: str) -> LogEntry | None:
    kind = EntryKind.ASKED if step == FINAL else EntryKind.ANSWERED
    return next((e for e in journal.entries(kind=kind) if e.key.endswith(f"/0/{step}")), None)


def _lines(data: dict[str, Any]) -> list[tuple[str, str]]:
    lines = [
        ("gold", f"{data['prompts']} prompts; each question is one bit"),
        ("asked", f"{data['asked']}, {data['left']} left"),
    ]
    if data["yes"] is not None:
        lines.append(("yes", f"{data['yes']} of at most {data['yes_at_most']}"))
    if data["may_be_off_by"] is not None:
        lines.append(("answers", f"within {data['may_be_off_by']:.3f}, all together (95 %)"))
    if data["next_may_be_off_by"] is not None:
        lines.append(("the next", f"within {data['next_may_be_off_by']:.3f}"))
    return [*lines, ("final vault", _final(data))]


def _final(data: dict[str, Any]) -> str:
    final = data["final"]
    if final:
        share = interval(final["k"] / final["n"], final["low"], final["high"])
        return f"HEAD {short(final['head'])} got {final['k']} of {final['n']} right: {share}"
    if data["opened"]:
        return "opened, and its answer was lost: a crash costs as much as an answer"
    return "never opened: plimsoll vault open --reason TEXT"
