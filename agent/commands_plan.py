"""`plimsoll plan` and `plimsoll apply`: look first, then carry out exactly what was seen."""

from argparse import Namespace
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent import budget
from agent.adoption import warnings_of
from agent.budget import Line
from agent.costs import as_data, estimate_of_rest, turn_costs
from agent.deciding.ready import require_ready
from agent.envelope import Answer
from agent.face import watching
from agent.finding import workspace_of
from agent.overview import Standing, open_log, overview
from agent.plan_text import cost_of_rest, facts_of, told, verdict_line
from agent.plans import Outlook, Plan, read, write
from agent.purse import Purse, budgets_of
from agent.states import state_of
from agent.workspace import Workspace
from logs.errors import IntegrityError, Refused, UsageError, WaitsForPerson
from logs.show import terminal_width
from logs.text import short

if TYPE_CHECKING:
    from agent.planning import Applied

EXITS = {
    Outlook.ASK: WaitsForPerson.exit_code,
    Outlook.REFUSED: Refused.exit_code,
    Outlook.FAILED: Refused.exit_code,
}
"""Exit code of a plan whose answer is not yes."""


def plan(options: Namespace) -> Answer:
    """Take the next turn up to the law's word, and show what applying it would do."""
    workspace, out = workspace_of(options), _out(options)
    if options.dry_run:
        return _would_plan(workspace, out)
    from agent import planning

    with watching(options, workspace.config.session.iterations, Purse.of(workspace)) as face:
        found = planning.plan(workspace, face)
    if out:
        write(found, out)
    return _shown(workspace, found, options, saved=str(out) if out else "")


def apply(options: Namespace) -> Answer:
    """Carry out a plan, or say that it was."""
    workspace = workspace_of(options)
    found = read(Path(options.file))
    _demand_session(workspace, found)
    from agent import planning

    if options.dry_run:
        place = planning.demand_applicable(workspace, found)
        if place.outcome:
            return _applied(workspace, found, planning.Applied(place, True, waits=False), options)
        shown = _shown(workspace, found, options, saved=options.file)
        data = {**shown.data, "dry_run": True, "applied": False}
        return Answer(data, f"would apply\n\n{shown.text}", shown.exit_code, shown.warnings)
    with watching(options, workspace.config.session.iterations, Purse.of(workspace)) as face:
        applied = planning.apply(workspace, found, face)
    return _applied(workspace, found, applied, options)


def _out(options: Namespace) -> Path | None:
    """Where the plan will be written; looked at before any work is done."""
    if options.out is None:
        return None
    path = Path(options.out)
    if path.is_dir() or not path.parent.is_dir() or not _may_be_replaced(path):
        raise UsageError(
            "The plan cannot be written there.",
            saw=f"--out {options.out}" + (", another file" if path.is_file() else ""),
            wanted="a new file in a folder that exists, or an earlier plan",
            try_this="plimsoll plan --out next.plan",
        )
    return path


def _may_be_replaced(path: Path) -> bool:
    """Whether no file is there that is something else than a plan."""
    if not path.exists():
        return True
    try:
        read(path)
    except IntegrityError:
        return True  # a plan that somebody edited
    except UsageError:
        return False
    return True


def _demand_session(workspace: Workspace, found: Plan) -> None:
    name = workspace.config.session.name
    if found.session != name:
        raise UsageError(
            "This plan is of another session.",
            saw=f"a plan of {found.session}, settings of {name}",
            wanted="the session that plimsoll.toml names",
            try_this=f'[session] name = "{found.session}" in plimsoll.toml; or plimsoll plan',
        )


def _shown(workspace: Workspace, found: Plan, options: Namespace, *, saved: str) -> Answer:
    with closing(workspace.journal()) as journal:
        facts = facts_of(journal, found, workspace.policy, content=options.content)
        budgets = budgets_of(workspace, journal)
    data = _data(found, facts, budgets) | {"file": saved or None, "dry_run": False}
    return Answer(
        data=data,
        text=told(found, facts, budgets, saved=saved, width=terminal_width()),
        exit_code=EXITS.get(found.outlook, 0),
        warnings=_warnings(workspace),
    )


def _data(found: Plan, facts: dict[str, Any], budgets: Sequence[Line]) -> dict[str, Any]:
    return {
        "digest": found.digest,
        "plan": found.model_dump(mode="json"),
        "verdict": verdict_line(found, facts),
        **facts,
        "budgets": [line.row() for line in budgets],
    }


def _warnings(workspace: Workspace) -> tuple[str, ...]:
    return (*warnings_of(workspace.policy), *budget.warnings(workspace.config))


def _would_plan(workspace: Workspace, out: Path | None) -> Answer:
    """Where the session is and what the rest of it will cost, with nothing done."""
    require_ready(workspace)
    config, journal = workspace.config, open_log(workspace)
    seen = overview(workspace, config.session.name, journal)
    if seen.ended:
        raise UsageError(
            "There is nothing to plan.",
            saw=f"session {seen.session} has ended",
            wanted="a session with turns left",
            try_this="a new session.name in plimsoll.toml",
        )
    recipe, known = config.recipe, turn_costs(journal) if journal else []
    if journal:
        if journal.head():
            recipe = state_of(journal, "HEAD").state.recipe
        budgets = budgets_of(workspace, journal)
        journal.close()
    else:
        budgets = budgets_of(workspace, None)
    done = sum(cost.session == config.session.name for cost in known)
    left = max(0, config.session.iterations - done)
    rest = as_data(estimate_of_rest(known, config, recipe, left))
    turn = seen.iteration if seen.standing is Standing.PLANNED else done + 1
    lines = [f"would plan turn {turn} of session {seen.session}, {seen.standing}"]
    lines += [f"  whole rest  {cost_of_rest(rest, left)}"]
    lines += [f"  budget      {one.name} {one.said()}" for one in budgets if one.limit]
    data = {
        "dry_run": True,
        "session": seen.session,
        "iteration": turn,
        "rest": rest,
        "turns_left": left,
        "budgets": [line.row() for line in budgets],
        "file": str(out) if out else None,
    }
    return Answer(data, "\n".join(lines), warnings=_warnings(workspace))


def _applied(workspace: Workspace, found: Plan, applied: "Applied", options: Namespace) -> Answer:
    place = applied.place
    outcome = "waits" if applied.waits else place.outcome
    before = "applied before; nothing was done: " if applied.already else ""
    said = {
        "committed": f"turn {found.iteration} is committed as {short(place.commit)}",
        "refused": f"the law refuses turn {found.iteration}; that is recorded, HEAD stays",
        "waits": "it waits for people: plimsoll inbox list",
        "parked": f"turn {found.iteration} is parked; people are asked once the turns are used up",
        "stopped": "the agent stops here; the session has ended",
        "kept": f"turn {found.iteration} is recorded; there was nothing to propose",
    }.get(outcome, f"turn {found.iteration} failed; that is recorded, HEAD stays")
    code = {"committed": 0, "kept": 0, "stopped": 0, "parked": 0, "waits": WaitsForPerson.exit_code}
    data = {
        "digest": found.digest,
        "session": found.session,
        "iteration": found.iteration,
        "outcome": outcome,
        "commit": place.commit,
        "applied": not applied.already,
        "already": applied.already,
        "dry_run": options.dry_run,
    }
    text = f"{before}{said}\nplan sha256:{found.digest}\nnext: plimsoll plan, or plimsoll resume"
    return Answer(data, text, code.get(outcome, Refused.exit_code), _warnings(workspace))
