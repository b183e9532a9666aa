"""`plimsoll judge audit`: the bias audit of a judge of this workspace, or of any other."""

from argparse import Namespace
from contextlib import AbstractContextManager, closing
from typing import Any

from agent import auditor, outside
from agent.card_views import card_data, name_of, told, written
from agent.config_data import is_data
from agent.envelope import Answer
from agent.face import shown, silent
from agent.finding import workspace_of
from agent.fitting import fitted
from agent.judge_audits import is_of, kept_of, latest, subject_of
from agent.listener import Listener
from agent.options_judge import refuse_without
from agent.pace import Pace, spoken
from agent.workspace import Workspace
from logs.errors import Undecided, UsageError
from logs.show import terminal_width
from logs.text import short, table
from tools.audit.audit import ITEMS
from tools.audit.design import ONE, of_the_world
from tools.audit.next_audit import Needed, needed

_OF_DATA = ("format", "verdicts", "subset", "prompt", "judge_command", "silence", "treatments")


def audit(options: Namespace) -> Answer:
    """Audit a judge of the workspace, or with --data one from elsewhere."""
    name_of(options)
    refuse_without(options.data, **{key: getattr(options, key) for key in _OF_DATA})
    if options.data:
        return _elsewhere(options)
    if options.plan:
        return _planned(options)
    return _foreseen(options) if options.dry_run else _here(options)


def _here(options: Namespace) -> Answer:
    workspace = workspace_of(options)
    with _watched(options) as listener:
        done = auditor.audit(workspace, options.name, _design(options, workspace), listener)
    kept = kept_of(workspace.store, done.audited)
    files = written(options, done.card, kept, ())
    where = [f"entry {done.seq} of the log, card {short(done.audited.card)}"]
    where += [f"wrote {name}" for name in files]
    where.append(f"the page: plimsoll judge card {options.name}")
    data = card_data(done.card) | {
        "entry": done.seq,
        "audit": done.audited.model_dump(mode="json"),
        "files": files,
    }
    return Answer(data, "\n".join([told(done.card, kept), "", *where]))


def _foreseen(options: Namespace) -> Answer:
    """What would be asked, and about how long it would take."""
    workspace = workspace_of(options)
    found = auditor.foresee(workspace, options.name, _design(options, workspace))
    pairs = options.pairs or ITEMS
    text = (
        f"would audit {options.name} ({', '.join(j.id for j in found.subject.judges)}), version"
        f" {short(found.subject.version.judge_hash)}, on {pairs} pairs: {found.verdicts} verdicts"
        f" from {found.calls} different calls, about {spoken(found.seconds)}"
        f" (told from {found.told_by}); nothing was written"
    )
    data = {
        "dry_run": True,
        "judge": options.name,
        "judge_hash": found.subject.version.judge_hash,
        "prompt_hash": found.subject.version.prompt_hash,
        "pairs": pairs,
        "verdicts": found.verdicts,
        "calls": found.calls,
        "seconds": round(found.seconds, 1),
    }
    return Answer(data, fitted(text, terminal_width()))


def _planned(options: Namespace) -> Answer:
    """How many pairs decide every bias, from the discordance that the last audit measured."""
    workspace = workspace_of(options)
    with closing(workspace.journal()) as journal:
        subject = subject_of(journal, options.name)
        past = latest(journal, workspace.store, options.name, subject.version)
    if past is None:
        raise Undecided(
            "No audit has measured yet how often this judge changes its mind.",
            saw=f"no audit of {options.name} in the log",
            wanted="one, of any size",
            try_this=f"plimsoll judge audit {options.name} --pairs 50",
        )
    plans = needed(kept_of(workspace.store, past.audited), _design(options, workspace).faults)
    notes = () if is_of(past.audited, subject.version) else ("it was of another version",)
    return Answer(_plan_data(plans), _plan_text(options.name, past.seq, plans), warnings=notes)


def _plan_text(name: str, seq: int, plans: Needed) -> str:
    rows = [
        (bias, str(p.clusters), f"{p.psi:.3f}", str(p.enlarge_to), p.because)
        for bias, p in plans.plans.items()
    ]
    headers = ("bias", "had", "discordant", "needs", "because")
    head = f"from the audit in entry {seq}"
    last = "all biases are decided: no larger audit is needed"
    if plans.undecided:
        last = f"{plans.pairs} pairs decide: plimsoll judge audit {name} --pairs {plans.pairs}"
    return "\n".join([head, table(headers, rows, terminal_width()), last])


def _plan_data(plans: Needed) -> dict[str, Any]:
    each = {
        name: {"had": p.clusters, "psi": p.psi, "needs": p.enlarge_to, "because": p.because}
        for name, p in plans.plans.items()
    }
    return {"plan": each, "pairs": plans.pairs, "undecided": list(plans.undecided)}


def _elsewhere(options: Namespace) -> Answer:
    """Published verdicts again, or a program asked about published data."""
    _refuse_both(options)
    found = outside.read(options)
    if options.dry_run:
        return _would_ask(options, outside.wanted(options, found))
    with _watched(options) as listener:
        made = (
            outside.asked(options, listener, found)
            if options.judge_command
            else outside.re_analysed(options, options.name, found)
        )
    files = written(options, made.card, made.kept, ())
    text = [told(made.card, made.kept), "", *(f"source: {line}" for line in made.card.sources[:1])]
    text += [f"note: {made.card.audit.statement[-1]}", *(f"wrote {name}" for name in files)]
    return Answer(card_data(made.card) | {"files": files}, "\n".join(text))


def _would_ask(options: Namespace, wanted: outside.Wanted) -> Answer:
    source = "; ".join(wanted.source[:1])
    calls = (
        f"{wanted.calls} calls to {wanted.judge}" if wanted.calls else f"no call, {wanted.judge}"
    )
    text = f"would judge {wanted.items} items of {source}: {calls}; nothing was written"
    data = {
        "dry_run": True,
        "judge": options.name,
        "items": wanted.items,
        "calls": wanted.calls,
        "sources": list(wanted.source),
    }
    return Answer(data, fitted(text, terminal_width()))


def _refuse_both(options: Namespace) -> None:
    asks = bool(options.judge_command)
    stray = ["--plan"] if options.plan else []
    if asks:
        stray += [f"--{key}" for key in ("verdicts", "prompt") if getattr(options, key)]
    else:
        only = ("pairs", "repeats", "seed", "silence", "treatments")
        stray += [f"--{key}" for key in only if getattr(options, key)]
    if stray:
        raise UsageError(
            "These options do not go together.",
            saw=f"--data {'with' if asks else 'without'} --judge-command, and {', '.join(stray)}",
            wanted="published verdicts (--verdicts, --prompt), or a program that is asked",
            try_this="plimsoll judge audit --help",
        )


def _design(options: Namespace, workspace: Workspace) -> Any:
    if is_data(workspace.config):
        raise UsageError(
            "The audit that comes along asks about the micro-world, which this workspace is not.",
            saw="a workspace on data of its own",
            wanted="pairs of answers that the judge can read",
            try_this="plimsoll judge audit NAME --data FILE",
        )
    return of_the_world(
        options.pairs or ITEMS, seed=options.seed or 0, repeats=options.repeats or ONE
    )


def _watched(options: Namespace) -> AbstractContextManager[Listener]:
    """Progress on stderr, as in a session."""
    return shown(Pace(0, before=f"auditing {options.name}"), quiet=silent(options))
