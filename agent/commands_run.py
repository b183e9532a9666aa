"""`plimsoll run`, `resume` and `rollback`: what moves a workspace."""

import re
from argparse import Namespace
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Any

from agent.adoption import warnings_of
from agent.budget import warnings as budget_warnings
from agent.commands_session import story_data, told
from agent.deciding.ready import require_ready
from agent.envelope import Answer
from agent.face import watching
from agent.finding import workspace_of
from agent.listener import Listener
from agent.overview import Overview, Standing, open_log, overview
from agent.purse import Purse
from agent.workspace import Workspace
from logs.content import hidden, is_token
from logs.errors import Refused, UsageError
from logs.story import change as changed
from logs.text import short, visible

if TYPE_CHECKING:
    from agent.session import Ending, RollbackPlan

Move = Callable[[Workspace, Listener], "Ending"]


def run(options: Namespace) -> Answer:
    """A new session by the settings of the workspace."""
    workspace = workspace_of(options)
    if options.dry_run:
        return _would_run(workspace)
    from agent import session

    return watched(workspace, session.run, options)


def resume(options: Namespace) -> Answer:
    """Go on where the log ends."""
    workspace = workspace_of(options)
    if options.dry_run:
        return _would_resume(workspace)
    from agent import session

    return watched(workspace, session.resume, options)


def rollback(options: Namespace) -> Answer:
    """Bring back the state of an earlier commit, as a new commit that the gate must pass."""
    workspace = workspace_of(options)
    if not options.reason and not options.dry_run:
        raise UsageError(
            "A rollback needs a reason; it is read a year from now.",
            saw="no --reason",
            wanted="--reason TEXT",
            try_this=f'plimsoll rollback {options.ref} --reason "..."; or look first: --dry-run',
        )
    from agent import session

    plan = session.rollback(
        workspace, options.ref, reason=options.reason or "", dry_run=options.dry_run
    )
    allowed = plan.verdict is None or plan.verdict.holds
    return Answer(
        data=_plan_data(plan, options),
        text=_plan_text(plan, options),
        exit_code=0 if allowed and (plan.commit or options.dry_run) else Refused.exit_code,
    )


def watched(workspace: Workspace, move: Move, options: Namespace) -> Answer:
    """Run a session before the eyes of whoever asked, then tell its story."""
    planned = workspace.config.session.iterations
    with watching(options, planned, Purse.of(workspace)) as face:
        ending = move(workspace, face)
    name = workspace.config.session.name
    with closing(workspace.journal()) as journal:
        story = told(workspace, journal, name, content=options.content)
        told_as_data = story_data(journal, name, content=options.content)
    data = {
        "session": name,
        "reason": ending.reason,
        "head": ending.head,
        "report": str(ending.report),
        "workspace": str(workspace.root),
        "story": told_as_data,
    }
    text = f"{story.text}\n\nended   {visible(ending.reason)}"
    warned = (*warnings_of(workspace.policy), *budget_warnings(workspace.config))
    return Answer(data=data, text=text, exit_code=ending.exit_code, warnings=warned)


def _would_run(workspace: Workspace) -> Answer:
    found = _now(workspace)
    config = workspace.config
    if found.standing is not Standing.NOT_BEGUN and not _only_planned(found):
        raise UsageError(
            "This session has begun already.",
            saw=f"{found.session}, iteration {found.iteration}, {found.standing}",
            wanted="a session of another name, or one to go on with",
            try_this="plimsoll resume; or another session.name in plimsoll.toml",
        )
    require_ready(workspace)
    text = (
        f"would run session {found.session}: {config.session.iterations} iterations, seed"
        f" {config.session.seed}, decider {config.session.decider}, in {workspace.root}"
    )
    return Answer({"dry_run": True, "config": config.model_dump(mode="json")}, text)


def _only_planned(found: Overview) -> bool:
    """Whether nothing was done but a plan of the first turn, from which `run` goes on."""
    return found.standing is Standing.PLANNED and found.iteration == 1


def _would_resume(workspace: Workspace) -> Answer:
    found = _now(workspace)
    if found.standing in (Standing.NOT_BEGUN, Standing.RUNNING) or found.ended:
        raise UsageError(
            "There is nothing to resume.",
            saw=f"session {found.session}, {found.standing}",
            wanted="a session that was interrupted",
            try_this="plimsoll status",
        )
    text = f"would resume session {found.session} in iteration {found.iteration}"
    data = {"dry_run": True, "session": found.session, "iteration": found.iteration}
    return Answer(data, text)


def _now(workspace: Workspace) -> Overview:
    journal = open_log(workspace)
    found = overview(workspace, workspace.config.session.name, journal)
    if journal:
        journal.close()
    return found


def _plan_text(plan: "RollbackPlan", options: Namespace) -> str:
    from invariants.render import ruled

    verb = "would roll back" if options.dry_run else "rolled back" if plan.commit else "refused:"
    lines = [f"{verb} HEAD {short(plan.head)} -> {short(plan.target)}"]
    lines += [f"  {_short(changed(change, options.content))}" for change in plan.changes]
    if not plan.changes:
        lines.append("  nothing would change")
    if plan.verdict:
        lines.append(ruled(plan.verdict).rstrip())
    if plan.commit:
        lines.append(f"commit {short(plan.commit)}; the log is never shortened")
    return "\n".join(lines)


def _short(text: str) -> str:
    """Digests as people quote them; the JSON has them whole."""
    return re.sub(r"\b[0-9a-f]{64}\b", lambda found: short(found[0]), text)


def _plan_data(plan: "RollbackPlan", options: Namespace) -> dict[str, Any]:
    return {
        "head": plan.head,
        "target": plan.target,
        "changes": [
            {"path": c.path, "old": _told(c.old, options), "new": _told(c.new, options)}
            for c in plan.changes
        ],
        "verdict": plan.verdict.model_dump(mode="json") if plan.verdict else None,
        "commit": plan.commit,
        "dry_run": options.dry_run,
    }


def _told(value: str | None, options: Namespace) -> str | None:
    if value is None or options.content or is_token(value):
        return value
    return hidden(value)
