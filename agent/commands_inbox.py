"""`plimsoll inbox`, `approve` and `reject`: what waits for people, and what they say of it."""

from argparse import Namespace as Options
from contextlib import closing
from pathlib import Path
from typing import Any

from agent import finding, inbox, signing
from agent.envelope import Answer
from agent.finding import workspace_of
from agent.fitting import named
from agent.inbox import Pending
from agent.overview import open_log
from agent.workspace import Workspace
from invariants.approvals import Choice, Tally, statement_for
from invariants.papers import Paper
from invariants.sshsig import Namespace
from logs.errors import UsageError, WaitsForPerson
from logs.journal import Journal
from logs.lock import lock_workspace
from logs.show import terminal_width
from logs.story import change as changed
from logs.text import short, table, visible

IF_NO = "HEAD stays; plimsoll resume records the no and goes on with the next turn"


def list_pending(options: Options) -> Answer:
    """What waits, oldest first; exit code 5 while anything does."""
    workspace = workspace_of(options)
    journal = open_log(workspace)
    if journal is None:
        return Answer(data=[], text="nothing waits")
    with closing(journal):
        found = [p for p in inbox.pending_in(journal) if p.open or options.all]
        rows = [_row(workspace, journal, p) for p in found]
    text = table(
        ("proposal", "session", "turn", "change", "approvals", "expires", "standing"),
        [tuple(visible(str(cell)) for cell in row.values()) for row in rows],
        terminal_width(),
    )
    waits = any(p.open for p in found)
    data = [row | {"digest": p.digest} for row, p in zip(rows, found, strict=True)]
    code = WaitsForPerson.exit_code if waits else 0
    return Answer(data=data, text=text if found else "nothing waits", exit_code=code)


def show(options: Options) -> Answer:
    """One proposal: what would change, what the law says, who said what."""
    workspace = workspace_of(options)
    with closing(workspace.journal()) as journal:
        pending = inbox.named(journal, options.proposal)
        tally = _tally(workspace, journal, pending)
        data = _shown(workspace, journal, pending, tally, content=options.content)
    return Answer(data=data, text=named(_lines(data), terminal_width()))


def approve(options: Options) -> Answer:
    """Say yes to one proposal, by signature."""
    return _say(options, Choice.APPROVE)


def reject(options: Options) -> Answer:
    """Say no to one proposal, by signature; one no is enough."""
    return _say(options, Choice.REJECT)


def _say(options: Options, choice: Choice) -> Answer:
    workspace = workspace_of(options)
    if sum(map(bool, (options.key, options.signed, options.statement))) != 1:
        raise UsageError(
            "A statement is signed in one way.",
            saw=f"plimsoll {choice} {options.proposal}, with none or several of the options",
            wanted="--key FILE, or --statement and later --signed FILE",
            try_this=f'plimsoll {choice} {options.proposal} --key ~/.ssh/id_ed25519 --reason "..."',
        )
    if options.signed:
        return _handed_in(workspace, options, read_paper(Path(options.signed)))
    text = _statement(workspace, options, choice)
    if options.statement:
        return _to_sign(text, choice, options.proposal)
    if options.dry_run:
        return Answer({"dry_run": True, "statement": text}, f"would sign and hand in\n{text}")
    signature = signing.sign(Path(options.key).expanduser(), text.encode(), Namespace.APPROVAL)
    return _handed_in(workspace, options, Paper(statement=text, signature=signature))


def _statement(workspace: Workspace, options: Options, choice: Choice) -> str:
    if not options.reason:
        raise UsageError(
            "An answer needs a reason; it is signed, and read a year from now.",
            saw="no --reason",
            wanted="--reason TEXT",
            try_this=f'plimsoll {choice} {options.proposal} --reason "..."',
        )
    with closing(workspace.journal()) as journal:
        pending, now = inbox.named(journal, options.proposal), finding.now()
        inbox.demand_waiting(journal, pending, now)
    # Valid as long as the proposal waits, so that an early yes still counts with a late one.
    valid = pending.expires - now
    return statement_for(pending.binding, choice, options.reason, now=now, valid=valid)


def _to_sign(text: str, choice: Choice, proposal: str) -> Answer:
    """The statement on stdout, and how to go on as a note on stderr."""
    how = (
        f"keep this as statement.json; {signing.line('KEY', Namespace.APPROVAL, 'statement.json')};"
        f" then plimsoll {choice} {proposal} --signed statement.json"
    )
    return Answer({"statement": text, "next": how}, text, warnings=(how,))


def read_paper(path: Path) -> Paper:
    """A statement and the signature beside it, as files.

    Raises:
        UsageError: one of them cannot be read.
    """
    try:
        statement = path.read_bytes().decode("utf-8")
        signature = Path(f"{path}.sig").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            "The signed statement cannot be read.",
            saw=str(error),
            wanted=f"{path.name} and, beside it, {path.name}.sig",
            try_this=signing.line("KEY", Namespace.APPROVAL, str(path)),
        ) from error
    return Paper(statement=statement, signature=signature)


def _handed_in(workspace: Workspace, options: Options, paper: Paper) -> Answer:
    role, now = workspace.policy.charter.approve, finding.now()
    if options.dry_run:
        return Answer({"dry_run": True, "paper": paper.model_dump()}, "would hand in the statement")
    with lock_workspace(workspace.root), workspace.journal(read_only=False) as journal:
        pending = inbox.named(journal, options.proposal)
        entry = inbox.hand_in(journal, pending, paper, role, now)
        after = inbox.named(journal, options.proposal)
        tally = inbox.tally_of(journal, after, role, now)
    threshold = role.threshold if role else 0
    said = f"{entry.body['decision']} by {entry.body['by']} {entry.body['key']}"
    if tally.reject:
        then = "rejected; plimsoll resume records it and goes on"
    elif tally.approvals >= threshold:
        then = f"{tally.approvals} of {threshold}; plimsoll resume applies it"
    else:
        then = f"{tally.approvals} of {threshold}; it still waits"
    data = {
        "proposal": pending.digest,
        "entry": entry.seq,
        "approvals": tally.approvals,
        "needed": threshold,
        "rejected": bool(tally.reject),
    }
    return Answer(data, f"{visible(said)}\nlog entry {entry.seq}\n{then}")


def _tally(workspace: Workspace, journal: Journal, pending: Pending) -> Tally:
    role = workspace.policy.charter.approve
    return inbox.tally_of(journal, pending, role, finding.now())


def _row(workspace: Workspace, journal: Journal, pending: Pending) -> dict[str, Any]:
    tally = _tally(workspace, journal, pending)
    return {
        "proposal": short(pending.digest),
        "session": pending.asked.session,
        "iteration": pending.asked.iteration,
        "change": str(pending.proposal.intervention),
        "approvals": f"{tally.approvals} of {pending.asked.body['needed']}",
        "expires": pending.expires.isoformat(timespec="minutes"),
        "standing": _standing(journal, pending),
    }


def _standing(journal: Journal, pending: Pending) -> str:
    if pending.answer:
        return str(pending.answer.body["decision"])
    if finding.now() >= pending.expires:
        return "expired"
    return "waits" if journal.head() == pending.binding.head else "stale HEAD"


def _shown(
    workspace: Workspace, journal: Journal, pending: Pending, tally: Tally, *, content: bool
) -> dict[str, Any]:
    role = workspace.policy.charter.approve
    names = {key: role.name_of(key) for key in (*tally.approve, *tally.reject)} if role else {}
    return {
        **_row(workspace, journal, pending),
        "digest": pending.digest,
        "tier": str(pending.verdict.tier),
        **pending.binding.model_dump(),
        "changes": [changed(c, content) for c in pending.proposal.changes],
        "evidence_counted": [m.name for m in pending.evidence.metrics],
        "broken": [
            f"{r.invariant}: {'; '.join(r.values)}"
            for r in pending.verdict.rulings
            if r.outcome != "holds"
        ],
        "approved_by": [names[key] for key in tally.approve],
        "rejected_by": [names[key] for key in tally.reject],
        "not_counted": [str(fault) for fault in tally.faults],
        "undo": pending.proposal.undo,
        "if_no": IF_NO,
        "at_expiry": f"no, at {pending.expires.isoformat(timespec='minutes')}: {IF_NO}",
    }


def _lines(data: dict[str, Any]) -> list[tuple[str, str]]:
    """Everything, a list as several lines; digests as people quote them."""
    found: list[tuple[str, str]] = []
    for key, value in data.items():
        values = value if isinstance(value, list) else [value]
        name = key.replace("_", " ")
        found += [(name if i == 0 else "", visible(str(v))) for i, v in enumerate(values)]
    return found
