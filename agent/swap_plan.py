"""What a swap of the leading judge would mean: counted on stored answers, and nothing changed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from agent.auditing import ordered
from agent.desk import Desk
from agent.groups import Group, group_of
from agent.harness import harness_digest
from agent.interventions.swap_judge import shown_by, swapped
from agent.past import leader_of
from agent.rescoring import scores_of
from agent.states import Named
from invariants import gate as law
from invariants.diff import diff
from invariants.policy import Policy
from logs.breaks import pieces
from logs.canonical import digest_of
from logs.errors import UsageError
from logs.reading import Reader
from logs.scales import scale_of
from logs.turns import turns
from logs.vocabulary import (
    Digest,
    EntryKind,
    Evidence,
    Guarantee,
    Intervention,
    Judge,
    Ledgers,
    LogEntry,
    Measurement,
    Metric,
    Observation,
    Panel,
    Proposal,
    State,
    Status,
    Verdict,
)
from tools.instruments import judge_accuracy
from tools.instruments.audit import cross, mcnemar, newcombe
from tools.instruments.reliability import exchange, overlap, shifts_by
from tools.task import Task


@dataclass(frozen=True, slots=True)
class Subject:
    """What is planned: from which state, to which, seen on which answers."""

    base: Named
    leader: Judge
    chosen: Judge
    new: State
    seen: LogEntry
    """The observation whose answers both panels score."""

    @property
    def observed(self) -> Observation:
        """What was observed there."""
        return Observation.model_validate(self.seen.body)


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that people are told before a swap."""

    subject: Subject
    exchange: tuple[Measurement, ...]
    by_skill: tuple[Measurement, ...]
    audited: tuple[Measurement, ...]
    """Accuracy of both judges and both panels on shared graded pairs, and the difference."""
    verdict: Verdict
    curves: tuple[tuple[str, Digest, int, int], ...]
    """(session, scale, first, last) of every stretch of the judge's curve so far."""


def subject_of(journal: Reader, base: Named, name: str) -> Subject:
    """The swap that is meant.

    Raises:
        UsageError: no such judge sits on the bench, or nothing was observed yet.
    """
    founded = next(journal.entries(kind=EntryKind.FOUNDED))
    known = [Judge.model_validate(j) for j in founded.body.get("judges", ())]
    seated = {j.id for j in base.state.panel.judges}
    bench = {j.id: j for j in known if j.id not in seated}
    if name not in bench:
        raise UsageError(
            "This judge sits in the panel already." if name in seated else "No such judge.",
            saw=repr(name[:80]),
            wanted=f"a judge of the bench: {', '.join(bench) or 'none is left on it'}",
            try_this="plimsoll judge list shows the panel; --at iter:N asks of an earlier commit",
        )
    seen = list(journal.entries(kind=EntryKind.OBSERVED))
    there = [e for e in seen if e.body["head"] == base.commit]
    if not seen:
        raise UsageError(
            "No answers were drawn here yet.",
            saw="a log without an observation",
            wanted="one observation, whose answers both panels can score",
            try_this="plimsoll run",
        )
    leader = leader_of(base.state.panel)
    new = swapped(base.state, bench[name])
    return Subject(base, leader, bench[name], new, there[-1] if there else seen[-1])


def plan(
    journal: Reader, desk: Desk, policy: Policy, subject: Subject, ledgers: Ledgers, task: Task
) -> Plan:
    """Score stored answers and graded pairs with both panels, and ask the law as things stand."""
    now, new = subject.base.state, subject.new
    judges = {j.id: j for j in (*now.panel.judges, *new.panel.judges)}
    samples = desk.store.get_lines(subject.observed.samples)
    rows = desk.judge(samples, list(judges.values()), now.constitution)
    before, after = (scores_of(_groups(samples, rows, s.panel)) for s in (now, new))
    return Plan(
        subject=subject,
        exchange=exchange(after, before),
        by_skill=shifts_by(overlap(after, before), {p: task.skill(p) for p in before}),
        audited=tuple(_audited(journal, desk, subject, list(judges.values()))),
        verdict=_ruled(journal, policy, subject, ledgers, desk.level or 0),
        curves=tuple(curves(journal)),
    )


def _groups(
    samples: Iterable[dict[str, Any]], rows: Iterable[dict[str, Any]], panel: Panel
) -> list[Group]:
    weights = {j.id: float(j.weight) for j in panel.judges}
    return [group_of(s, r["scores"], weights) for s, r in zip(samples, rows, strict=True)]


def curves(journal: Reader) -> Iterable[tuple[str, Digest, int, int]]:
    """Every stretch of the judge's curve, of all sessions of the log."""
    for session in dict.fromkeys(e.session for e in journal.entries(kind=EntryKind.OBSERVED)):
        for scale, first, last in pieces(turns(journal, session)):
            yield session, scale, first, last


# --- graded pairs ------------------------------------------------------------------
def _audited(
    journal: Reader, desk: Desk, subject: Subject, judges: Sequence[Judge]
) -> Iterable[Measurement]:
    """Both judges and both panels on the same pairs, none of which any of them was fitted on."""
    rows = _fresh(journal, desk, subject, judges)
    now, new = subject.base.state, subject.new
    said = desk.judge(rows, judges, now.constitution) if rows else []
    before, after = (_groups(rows, said, s.panel) for s in (now, new))
    for name, groups, judge in (
        (subject.leader.id, before, subject.leader.id),
        (subject.chosen.id, before, subject.chosen.id),
        ("panel now", before, None),
        ("panel then", after, None),
    ):
        yield judge_accuracy(*ordered(rows, groups, judge), judge=name)
    each = [(ordered([r], before, None), ordered([r], after, None)) for r in rows]
    yield _change([(was[0], then[0]) for was, then in each if was[1]])


def _fresh(
    journal: Reader, desk: Desk, subject: Subject, judges: Sequence[Judge]
) -> list[dict[str, Any]]:
    """Graded pairs up to the observation, without prompts that a judge was refitted on."""
    of = _fitted_on(journal, desk)
    fitted = set[str]().union(*(of.get(j.artefact, set()) for j in judges))
    graded = [
        row
        for e in journal.entries(kind=EntryKind.OBSERVED)
        if e.seq <= subject.seen.seq and e.body["labels"]
        for row in desk.store.get_lines(e.body["labels"])
    ]
    return [row for row in graded if "ends" in row and row["prompt"] not in fitted]


def _fitted_on(journal: Reader, desk: Desk) -> dict[Digest, set[str]]:
    """Prompts by judge's artefact that it was fitted on; one recalibrated keeps those it had."""
    found: dict[Digest, set[str]] = {}
    for entry in journal.entries(kind=EntryKind.PROPOSED):
        made = Proposal.model_validate(entry.body)
        before = {j.id: j.artefact for j in journal.commit_of(made.base).state.panel.judges}
        changed = [j for j in made.new.panel.judges if before.get(j.id) != j.artefact]
        for judge in changed:
            if "fits" in made.inputs:
                rows = desk.store.get_lines(made.inputs["labels"])
                found[judge.artefact] = {row["prompt"] for row in rows}
            elif made.intervention is Intervention.RECALIBRATE_JUDGE:
                found[judge.artefact] = found.get(before.get(judge.id, ""), set())
    return found


def _change(each: Sequence[tuple[int, int]]) -> Measurement:
    """Accuracy of the panel then less that of the panel now, paired by pair of answers."""
    told: dict[str, Any] = {"estimate": None, "status": Status.INSUFFICIENT}
    said: tuple[str, ...] = ("no graded pair tells right from wrong",)
    if each:
        table = cross([was for was, _ in each], [then for _, then in each])
        low, high = newcombe(table)
        p = float(mcnemar(table.gained, table.lost))
        status = Status.RED if high < 0 else Status.GREEN if low > 0 else Status.YELLOW
        told = {"estimate": table.difference, "low": low, "high": high, "status": status}
        said = (
            f"{table.gained} gained, {table.lost} lost, McNemar mid-p {p:.2g}, score interval",
            "each pair holds the favourite of the panel that was in force",
        )
    return Measurement(
        instrument="accuracy_change",
        units="share of pairs",
        guarantee=Guarantee.FIXED_N,
        n=len(each),
        null=0.0,
        assumptions=said,
        of="panel",
        **told,
    )


# --- the law -----------------------------------------------------------------------
def _ruled(
    journal: Reader, policy: Policy, subject: Subject, ledgers: Ledgers, level: int
) -> Verdict:
    """What the law says with what is counted already; what a trial would count is missing."""
    founding = next(journal.entries(kind=EntryKind.COMMITTED))
    anchor = journal.commit_of(digest_of(founding.body)).state
    shown = shown_by(subject.observed, subject.chosen.id)
    proposal = Proposal(
        iteration=subject.seen.iteration,
        base=subject.base.commit,
        intervention=Intervention.SWAP_JUDGE,
        new=subject.new,
        changes=diff(subject.base.state, subject.new),
        undo="plimsoll rollback HEAD~1",
        validation=shown,
    )
    counted = (Metric(name="new_judge_accuracy", k=shown[0], n=shown[1]),) if shown else ()
    evidence = Evidence(
        proposal=digest_of(proposal),
        metrics=counted,
        harness=harness_digest(),
        sandbox_level=level,
    )
    return law.rule(
        policy,
        anchor,
        subject.base.state,
        subject.base.commit,
        proposal,
        evidence,
        ledgers,
    )


def scales(subject: Subject) -> tuple[Digest, Digest]:
    """The scale in force and the one that the swap would bring."""
    return scale_of(subject.base.state), scale_of(subject.new)
