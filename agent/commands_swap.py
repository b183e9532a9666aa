"""`plimsoll judge swap NAME --plan`: what another leading judge would mean. It changes nothing."""

from argparse import Namespace
from collections.abc import Iterable, Sequence
from contextlib import closing
from typing import Any

from agent.desk import desk, heartbeat
from agent.envelope import Answer
from agent.finding import workspace_of
from agent.fitting import fitted
from agent.states import founding_of, state_of
from agent.swap_plan import Plan, Subject, plan, scales, subject_of
from agent.tasks import task_of
from logs.errors import UsageError
from logs.journal import Journal
from logs.show import terminal_width
from logs.text import interval, short, table
from logs.vocabulary import Ledgers, Measurement, Outcome, Ruling

FLOORS = (
    "judge_floor",
    "judge_n",
    "judge_share",
    "judge_ratio",
    "judge_slack",
    "min_families",
)
"""Parameters of the policy that speak of judges, where it has them."""
HOW = (
    "The agent: plimsoll run, or resume. It proposes the swap when its table says so (R1, R3, R4),"
    " re-scores this turn's answers with both panels, and the gate rules on it.",
    "People: no command swaps a judge by hand. What waits for people is answered with plimsoll"
    " approve; who founds a workspace seats its first judge (judges.founding in plimsoll.toml).",
    "Afterwards: the judge's curve begins anew under another letter, with the shift at the break.",
)


def swap(options: Namespace) -> Answer:
    """Exchange rate, accuracy on shared pairs, floors, tier, invariants, and broken curves."""
    if not options.plan:
        raise UsageError(
            "A judge is swapped by the agent, through the gate; this command only plans.",
            saw=f"plimsoll judge swap {options.name[:80]}, without --plan",
            wanted="--plan",
            try_this=f"plimsoll judge swap {options.name[:80]} --plan",
        )
    workspace = workspace_of(options)
    with closing(workspace.journal()) as journal:
        subject = subject_of(journal, state_of(journal, options.at), options.name)
        with desk(workspace, heartbeat(options)) as table_:
            spent, task = _ledgers(workspace, journal), task_of(workspace, journal)
            found = plan(journal, table_, workspace.policy, subject, spent, task)
    values = {n: str(v) for n, v in workspace.policy.values.items() if n in FLOORS}
    moved = subject.observed.head != subject.base.commit
    return Answer(
        data=_data(found, values),
        text=_text(found, values, terminal_width()),
        warnings=("the answers were drawn from an earlier commit",) if moved else (),
    )


def _ledgers(workspace: Any, journal: Journal) -> Ledgers:
    """What was spent less what people refilled, as the gate would read it."""
    from agent.adoption import policies_of
    from agent.ruling import filed_refills
    from invariants.refills import count, net

    found = count(
        workspace.policy.charter.approve,
        filed_refills(journal),
        log=founding_of(journal).commit,
        policies=policies_of(journal),
    )
    return net(journal.ledgers(), found)


def _text(found: Plan, floors: dict[str, str], width: int) -> str:
    subject = found.subject
    old, new = scales(subject)
    head = (
        f"{subject.chosen.id} v{subject.chosen.version} ({subject.chosen.family}) would lead"
        f" instead of {subject.leader.id} v{subject.leader.version} ({subject.leader.family}), at"
        f" commit {short(subject.base.commit)}, iteration {subject.base.iteration}. Nothing is"
        f" changed by this plan."
    )
    rows = found.exchange[0]
    blocks = [
        [fitted(head, width), fitted(f"panel then: {_panel(subject)}", width)],
        [
            fitted(
                f"Scores: scale {short(old)} to {short(new)}, on {rows.n} stored answers", width
            ),
            _measured(found.exchange, width),
            *_assumed(found.exchange, width),
        ],
        ["Shift by skill (each interval holds alone)", _measured(found.by_skill, width)],
        [
            "Accuracy on shared graded pairs, on which neither was fitted",
            _measured(found.audited, width),
            *_assumed(found.audited[-1:], width),
        ],
        [f"The law: tier {found.verdict.tier}", *_law(found.verdict.rulings, width)],
        [fitted(f"floors: {', '.join(f'{n} {v}' for n, v in floors.items()) or 'none'}", width)],
        ["Curves so far", _curves(found, width)],
        ["How it is done", *(fitted(f"  {line}", width) for line in HOW)],
    ]
    return "\n\n".join("\n".join(line for line in block if line) for block in blocks)


def _panel(subject: Subject) -> str:
    return ", ".join(f"{j.id} v{j.version} {j.weight}" for j in subject.new.panel.judges)


def _measured(found: Iterable[Measurement], width: int) -> str:
    rows = [
        (
            f"{m.instrument} {m.of}".strip(),
            interval(m.estimate, m.low, m.high),
            f"{m.n}" + (f" in {m.clusters}" if m.clusters else ""),
            str(m.status),
        )
        for m in found
    ]
    return table(("what", "estimate [95 %]", "n", "status"), rows, width)


def _assumed(found: Iterable[Measurement], width: int) -> list[str]:
    """What the numbers rest on, where it is not obvious."""
    shown = ("exchange_rate", "accuracy_change")
    said = [s for m in found if m.instrument in shown for s in m.assumptions]
    return [fitted(f"  {line}", width) for line in said]


def _law(rulings: Sequence[Ruling], width: int) -> list[str]:
    """Every rule that does not hold yet; what is missing is counted by the trial."""
    words = {
        Outcome.MISSING: "would be counted by the trial",
        Outcome.BROKEN: "would refuse it now",
        Outcome.UNDECIDED: "undecided",
    }
    open_ = [r for r in rulings if r.outcome is not Outcome.HOLDS]
    lines = [f"  {len(rulings) - len(open_)} of {len(rulings)} rules hold already"]
    for r in open_:
        values = f" ({', '.join(r.values)})" if r.values else ""
        lines.append(f"  {r.invariant} {words[r.outcome]}: {r.say}{values}")
    return [fitted(line, width) for line in lines]


def _curves(found: Plan, width: int) -> str:
    old, new = scales(found.subject)
    says = {old: "the scale in force: ends at the swap", new: "the scale that the swap would bring"}
    rows = [
        (
            session,
            f"{first}-{last}" if first != last else str(first),
            short(scale),
            says.get(scale, "another scale already"),
        )
        for session, scale, first, last in found.curves
    ]
    if new not in {scale for _, scale, _, _ in found.curves}:
        rows.append(("-", "from then", short(new), "new: nothing so far may be compared with it"))
    return table(("session", "iterations", "scale", "with a swap"), rows, width)


def _data(found: Plan, floors: dict[str, str]) -> dict[str, Any]:
    subject = found.subject
    old, new = scales(subject)
    return {
        "commit": subject.base.commit,
        "iteration": subject.base.iteration,
        "leads": subject.leader.model_dump(mode="json"),
        "would_lead": subject.chosen.model_dump(mode="json"),
        "panel_then": subject.new.panel.model_dump(mode="json"),
        "answers": {
            "entry": subject.seen.seq,
            "samples": subject.observed.samples,
            "drawn_from": subject.observed.head,
        },
        "scale": {"now": old, "then": new},
        "exchange": _dumped(found.exchange),
        "by_skill": _dumped(found.by_skill),
        "audited": _dumped(found.audited),
        "law": {
            "tier": found.verdict.tier,
            "rulings": [r.model_dump(mode="json") for r in found.verdict.rulings],
            "floors": floors,
        },
        "curves": [
            {"session": s, "scale": scale, "first": first, "last": last, "broken": scale != new}
            for s, scale, first, last in found.curves
        ],
        "how": list(HOW),
    }


def _dumped(found: Iterable[Measurement]) -> list[dict[str, Any]]:
    return [m.model_dump(mode="json") for m in found]
