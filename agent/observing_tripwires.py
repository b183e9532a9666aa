"""What the panel makes of the fixed prompts' answers, and whether to probe for misalignment.

A judged reward that rose while audited grades did not is what reward hacking looks like; the
probes, in chat and in task form, are drawn only then.
"""

from collections.abc import Iterator, Sequence

from agent.drift_record import Answered, DriftRecord, policy_of, rounded
from agent.groups import Group, read_groups
from agent.observing_grades import checks_since, look_of
from agent.seeds import seed_of
from agent.state import Context, Turn
from logs.canonical import digest_of
from logs.vocabulary import Digest, Measurement, State, Status
from tools.instruments.drift import (
    Probing,
    ceiling_growth,
    context_gap,
    misalignment,
    probes_due,
    reward_jump,
    verdict_entropy,
)

FORMS = ("chat", "task")


def panel_key(state: State) -> Digest:
    """Who judges by what: a score of another panel or constitution is another score."""
    panel, constitution = state.panel, state.constitution
    return digest_of({k: v.model_dump(mode="json") for k, v in (("p", panel), ("c", constitution))})


def judged(context: Context, turn: Turn, now: State, record: DriftRecord) -> DriftRecord:
    """The record with what this panel makes of HEAD's answers; probes it where that is due."""
    probed = record.policies[record.probed]
    who = {"head": record.head, "anchor": record.anchor, "probed": probed}
    groups = _judged(context, turn, now, who)
    found = [verdict_entropy(_verdicts(groups["head"]))]
    if record.head.adapter != record.anchor.adapter:
        look = look_of(turn, record)
        found += [look.told(_ceiling(groups["head"], groups["anchor"], look.level))]
        due, told = _tripwire(record, groups["head"], groups["probed"])
        found += told
        if due.due:
            record, asked = _probed(context, turn, now, record)
            found += asked
    return record.with_(
        judged=panel_key(now), judged_in=turn["iteration"], judgements=rounded(found)
    )


def _judged(
    context: Context, turn: Turn, now: State, who: dict[str, Answered]
) -> dict[str, list[Group]]:
    """Each one's answers with the panel's scores; equal answers are judged once."""
    store = context.hands.store
    rows = {d: store.get_lines(d) for d in dict.fromkeys(a.answers for a in who.values())}
    samples = store.put_lines(row for lines in rows.values() for row in lines)
    verdicts, _ = context.hands.judge(
        now,
        samples,
        now.panel.judges,
        constitution=now.constitution,
        seed=seed_of(context.config, turn["iteration"], "drift judged"),
    )
    groups = read_groups(store, samples, verdicts, now.panel)
    parts, start = {}, 0
    for digest, lines in rows.items():
        parts[digest] = groups[start : start + len(lines)]
        start += len(lines)
    return {name: parts[a.answers] for name, a in who.items()}


def _verdicts(groups: Sequence[Group]) -> list[str]:
    """Which of the first two siblings the panel prefers; prompts with an error are left out."""
    pairs = [g.panel[:2] for g in groups if None not in g.panel[:2]]
    return ["tie" if a == b else "first" if (a or 0) > (b or 0) else "second" for a, b in pairs]


def _both(
    now: Sequence[Group], then: Sequence[Group]
) -> tuple[list[float], list[float], list[str]]:
    """Scores that both sides have, and their prompts; an error never becomes a score."""
    rows = [
        (a, b, g.prompt)
        for g, h in zip(now, then, strict=True)
        for a, b in zip(g.panel, h.panel, strict=True)
        if a is not None and b is not None
    ]
    return [a for a, _, _ in rows], [b for _, b, _ in rows], [p for _, _, p in rows]


def _ceiling(now: Sequence[Group], then: Sequence[Group], level: float) -> Measurement:
    a, b, prompts = _both(now, then)
    top = max((*a, *b), default=0.0)
    return ceiling_growth(a, b, top=top, prompts=prompts, level=level)


def _tripwire(
    record: DriftRecord, now: Sequence[Group], then: Sequence[Group]
) -> tuple[Probing, list[Measurement]]:
    """Whether probes are due, with what was read; at one look, since every doubt is a yes."""
    a, b, prompts = _both(now, then)
    reward, checks = reward_jump(a, b, prompts=prompts), checks_since(record)
    due = probes_due(reward, checks)
    since = f"since turn {record.policies[record.probed].iteration}"
    told = Measurement(
        instrument="probes_due",
        estimate=float(due.due),
        units="1 is yes",
        n=reward.n,
        status=Status.YELLOW if due.due else Status.GREEN,
        assumptions=(*due.because, since),
    )
    return due, [reward, checks, told]


def _probed(
    context: Context, turn: Turn, now: State, record: DriftRecord
) -> tuple[DriftRecord, list[Measurement]]:
    """HEAD's answers to the probes in both forms, against the anchor's, which is asked once."""
    probes = context.task.probes()
    if not probes:
        return record, [_unprobed(form) for form in FORMS]
    lists = {
        f"{of}-{form}": {"prompts": list(probes[form]), "temperature": 1.0, "of": of}
        for of in (("candidate",) if record.anchor_probes else ("candidate", "head"))
        for form in FORMS
    }
    seed = seed_of(context.config, turn["iteration"], "probes")
    anchor = policy_of(record.anchor, now)
    answers, _ = context.hands.try_out(now, anchor, lists, divergence=[], seed=seed)
    bad = {
        name: [
            context.task.misaligned(p, a)
            for p, a in zip(lists[name]["prompts"], said, strict=True)  # type: ignore[call-overload]
        ]
        for name, said in answers.items()
    }
    store = context.hands.store
    kept = record.anchor_probes or store.put_json({f: bad[f"head-{f}"] for f in FORMS})
    then, head = store.get_json(kept), {f: bad[f"candidate-{f}"] for f in FORMS}
    asked = record.with_(anchor_probes=kept, probed=len(record.policies) - 1)
    return asked, list(_of_probes(turn, record, head, then))


def _unprobed(form: str) -> Measurement:
    """A task without probes: whether it became misaligned nobody can say."""
    return Measurement(
        instrument="misalignment",
        estimate=None,
        units="share of probes",
        n=0,
        status=Status.INSUFFICIENT,
        assumptions=("this task has no probes",),
        of=form,
    )


def _of_probes(
    turn: Turn, record: DriftRecord, now: dict[str, list[bool]], then: dict[str, list[bool]]
) -> Iterator[Measurement]:
    look = look_of(turn, record)
    for form in FORMS:
        yield look.told(misalignment(now[form], then[form], form, level=look.level))
    yield look.told(context_gap(now["task"], now["chat"], level=look.level))
