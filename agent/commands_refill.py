"""`plimsoll refill`: people give the agent new budget; nothing else does, and rollback never."""

from argparse import Namespace as Options
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

from agent import finding, signing
from agent.adoption import PERSON, policies_of
from agent.commands_inbox import read_paper
from agent.envelope import Answer
from agent.finding import workspace_of
from agent.fitting import named
from agent.inbox import refusal
from agent.ruling import filed_refills
from agent.states import founding_of
from agent.workspace import Workspace
from invariants.papers import Paper
from invariants.refills import Filed, Refillable, Refilled, count, net, refill_for
from invariants.roles import Role
from invariants.sshsig import Namespace
from logs.canonical import digest_of
from logs.errors import UsageError
from logs.journal import Journal
from logs.lock import lock_workspace
from logs.show import terminal_width
from logs.vocabulary import EntryKind

VALID = timedelta(days=1)


def refill(options: Options) -> Answer:
    """Sign or hand in a refill; without a ledger, tell what was spent and refilled."""
    workspace = workspace_of(options)
    if options.signed:
        return _handed_in(workspace, read_paper(Path(options.signed)), dry=options.dry_run)
    if not options.ledger:
        return _told(workspace)
    text = _statement(workspace, options)
    if options.statement or options.dry_run or not options.key:
        how = f"{signing.line('KEY', Namespace.REFILL, 'refill.json')}; then plimsoll refill"
        note = f"keep this as refill.json; {how} --signed refill.json"
        return Answer({"statement": text, "next": note}, text, warnings=(note,))
    signature = signing.sign(Path(options.key).expanduser(), text.encode(), Namespace.REFILL)
    return _handed_in(workspace, Paper(statement=text, signature=signature), dry=False)


def _statement(workspace: Workspace, options: Options) -> str:
    if options.ledger not in list(Refillable) or options.amount is None or not options.reason:
        raise UsageError(
            "A refill names a ledger, an amount and a reason.",
            saw=f"{options.ledger} {options.amount or 'no amount'}, reason {options.reason!r}",
            wanted=f"one of {', '.join(Refillable)}; an amount; --reason TEXT",
            try_this='plimsoll refill weight_path 0.20 --key FILE --reason "..."',
        )
    with closing(workspace.journal()) as journal:
        return refill_for(
            Refillable(options.ledger),
            options.amount,
            options.reason,
            log=founding_of(journal).commit,
            policy=workspace.policy.digest,
            now=finding.now(),
            valid=VALID,
            refill=options.id,
        )


def _handed_in(workspace: Workspace, paper: Paper, *, dry: bool) -> Answer:
    """Take in a refill that counts for its key; it gives nothing before enough keys signed it."""
    role = workspace.policy.charter.approve
    with lock_workspace(workspace.root), workspace.journal(read_only=False) as journal:
        before = _count(journal, role)
        after = _count(journal, role, Filed(paper, finding.now()))
        new = after.faults[len(before.faults) :]
        if new:
            raise refusal(new[0])
        if not dry:
            name = digest_of(paper)
            body = {"refill": paper.model_dump(), "paper_digest": name}
            seq = journal.size()
            journal.append(
                EntryKind.ANSWERED, session=PERSON, iteration=seq, step="refill", body=body
            )
    return _answer(workspace, after, dry=dry)


def _told(workspace: Workspace) -> Answer:
    with closing(workspace.journal()) as journal:
        found = _count(journal, workspace.policy.charter.approve)
    return _answer(workspace, found, dry=True)


def _answer(workspace: Workspace, found: Refilled, *, dry: bool) -> Answer:
    role = workspace.policy.charter.approve
    with closing(workspace.journal()) as journal:
        spent = journal.ledgers()
    left = net(spent, found)
    needed = role.threshold if role else 0
    signed = {name: f"{len(keys)} of {needed}" for name, keys in found.signed.items()}
    data: dict[str, Any] = {
        "ledgers": {
            name: {
                "spent": str(getattr(spent, name)),
                "refilled": str(found.amounts.get(name, 0)),
                "counts": str(getattr(left, name)),
            }
            for name in Refillable
        },
        "signed": signed,
        "dry_run": dry,
    }
    lines = [
        (str(name), ", ".join(f"{key} {value}" for key, value in row.items()))
        for name, row in data["ledgers"].items()
    ]
    lines += [(f"refill {name}", f"signed by {said}") for name, said in signed.items()]
    return Answer(data, named(lines, terminal_width()))


def _count(journal: Journal, role: Role | None, *more: Filed) -> Refilled:
    papers = [*filed_refills(journal), *more]
    log = founding_of(journal).commit
    return count(role, papers, log=log, policies=policies_of(journal))
