"""`plimsoll policy test` and `explain`: what the law says of made-up and of real proposals."""

import json
from argparse import Namespace
from collections import deque
from contextlib import closing
from pathlib import Path
from typing import Any

from agent.commands_policy import FILE
from agent.envelope import Answer
from agent.finding import folder_of, from_here, workspace_of
from agent.fitting import fitted
from agent.options_policy import FORMATS
from invariants import cases, render, results
from invariants import policy as policies
from invariants.lexer import suggest
from invariants.policy import Policy
from logs.errors import PlimsollError, Refused, UsageError
from logs.journal import Journal
from logs.refs import find_entry
from logs.show import terminal_width
from logs.text import short
from logs.vocabulary import EntryKind, LogEntry, Outcome, Proposal, Verdict

SHIPPED = "the shipped cases of the default policy"


def test(options: Namespace) -> Answer:
    """Unit cases of a policy; exit code 3 if one is not as it expects."""
    if options.baselines:
        known = {name: str(told.get("about", "")) for name, told in cases.built_in().items()}
        text = "\n".join(f"{name:<14}{about}" for name, about in known.items())
        return Answer({"baselines": known}, text)
    if options.format not in FORMATS:
        raise UsageError(
            "There is no such format.",
            saw=f"--format {options.format[:80]}",
            wanted=f"one of {', '.join(FORMATS)}",
            try_this=suggest(options.format[:80], FORMATS),
        )
    policy_file, file = _files(options)
    policy = policies.read(policy_file) if policy_file else policies.load(policies.default_bytes())
    data = cases.raw(file) if file else cases.default_cases()
    second = cases.by_z3 if options.second_opinion else None
    found = cases.examine(policy, cases.load_cases(data), second)
    place = str(from_here(file)) if file else "invariants/default_policy.cases.toml"
    bad = any(result.faults for result in found)
    return Answer(
        data={
            "policy": {"id": policy.id, "version": policy.version, "digest": policy.digest},
            "cases": results.as_data(found),
            "passed": not bad,
        },
        text=_as_wanted(options.format, policy, found, place),
        exit_code=Refused.exit_code if bad else 0,
        warnings=() if file else (f"tested: {SHIPPED}",),
    )


def explain(options: Namespace) -> Answer:
    """What each rule said of one proposal of the log, with the values that it saw."""
    workspace = workspace_of(options)
    with closing(workspace.journal()) as journal:
        ruled = _ruling(journal, options.ref)
        proposed = _proposed(journal, ruled)
    verdict = Verdict.model_validate(ruled.body)
    needs = _needs(workspace.root / FILE, verdict)
    failed = sum(r.outcome is not Outcome.HOLDS for r in verdict.rulings)
    head = (
        f"{ruled.session}, iteration {ruled.iteration}: {proposed.intervention}, "
        f"proposal {short(verdict.proposal)}, tier {verdict.tier}\n"
        f"{'allowed' if verdict.holds else 'REFUSED'}: {len(verdict.rulings) - failed} of "
        f"{len(verdict.rulings)} rules hold, z3 says {verdict.second_opinion}"
    )
    rulings = [r for r in verdict.rulings if not options.failed or r.outcome is not Outcome.HOLDS]
    text = "\n".join([head, *(render.explained(r, needs.get(r.invariant)) for r in rulings)])
    return Answer(
        data={
            "seq": ruled.seq,
            "session": ruled.session,
            "iteration": ruled.iteration,
            "intervention": proposed.intervention,
            "changes": [change.path for change in proposed.changes],
            "verdict": verdict.model_dump(mode="json"),
            "holds": verdict.holds,
            "needs": needs,
        },
        text=fitted(text, terminal_width()),
        warnings=() if needs else ("policy.toml is not the policy of this verdict: no formulas",),
    )


def _as_wanted(form: str, policy: Policy, found: list[cases.Result], place: str) -> str:
    match form:
        case "junit":
            return results.as_junit(policy, found, place)
        case "sarif":
            return json.dumps(results.as_sarif(policy, found, place), indent=2)
        case _:
            return fitted(results.as_text(policy, found), terminal_width())


def _files(options: Namespace) -> tuple[Path | None, Path | None]:
    """The policy and the cases that are meant; None for the shipped ones."""
    folder = folder_of(options)
    policy = Path(options.policy) if options.policy else folder / FILE if folder else None
    if options.file:
        return policy, Path(options.file)
    beside = policy.with_suffix(".cases.toml") if policy else None
    if beside is not None and beside.exists():
        return policy, beside
    if options.policy:
        raise UsageError(
            "No cases are named, and none stand beside the policy.",
            saw=f"no {beside}",
            wanted="a file of cases",
            try_this=f"plimsoll policy test CASES.toml --policy {options.policy}",
        )
    return policy, None


def _ruling(journal: Journal, ref: str) -> LogEntry:
    """The verdict on the proposal that is named."""
    if ref == "last":
        found = next(iter(deque(journal.entries(kind=EntryKind.RULED), maxlen=1)), None)
    else:
        named = find_entry(journal, ref)
        turn = journal.entries_of(named.session, named.iteration)
        found = next((entry for entry in turn if entry.kind is EntryKind.RULED), None)
    if found is None:
        raise UsageError(
            "The law did not rule there.",
            saw=ref[:80],
            wanted="a proposal that came before the gate",
            try_this="plimsoll log list --kind ruled",
        )
    return found


def _proposed(journal: Journal, ruled: LogEntry) -> Proposal:
    for entry in journal.entries_of(ruled.session, ruled.iteration):
        if entry.kind is EntryKind.PROPOSED:
            return Proposal.model_validate(entry.body)
    raise UsageError(
        "The log holds a verdict without its proposal.",
        saw=f"entry {ruled.seq}",
        wanted="a proposal in the same turn",
        try_this="plimsoll log verify",
    )


def _needs(path: Path, verdict: Verdict) -> dict[str, Any]:
    """The formulas, if the policy beside the log is the one that ruled."""
    try:
        policy = policies.read(path)
    except PlimsollError:
        return {}
    same = policy.digest == verdict.policy
    return {rule.id: rule.need for rule in policy.rules} if same else {}
