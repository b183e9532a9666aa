"""The causes of an entry as a tree of text."""

from collections.abc import Iterator
from typing import NamedTuple

from logs.canonical import digest_of
from logs.content import hidden, is_token, wholly_by_model, written_by_model
from logs.gain import signed
from logs.summary import of_measurement
from logs.text import number, paragraphs, short, visible
from logs.turns import Ending
from logs.vocabulary import Change, Decision, Metric, Outcome, Ruling, State, Status
from logs.why import Said, Why

LABEL = 12
"""Columns of the left-hand label."""
NARROW = 60
"""Below this many columns, labels stand on lines of their own."""
SHOWN_ANCESTORS = 4


class Branch(NamedTuple):
    """One cause: what it is, what it says, and what that rests on."""

    label: str
    says: str
    rests_on: list[str]


def render(why: Why, *, content: bool = False, width: int = 100) -> str:
    """Return the tree as text.

    Args:
        content: Also show free text that a model or a person wrote.
    """
    lines = paragraphs(_title(why), width)
    for branch in branches(why, content):
        lines += _drawn(branch, width)
    return "\n".join(lines)


def _title(why: Why) -> str:
    chosen = why.turn.intervention or why.kind
    tier = f", tier {why.turn.verdict.tier}" if why.turn.verdict else ""
    to = f" → commit {short(why.turn.digest)}" if why.turn.digest else ""
    session = f"{visible(why.turn.session)}, iteration {why.turn.iteration}"
    return f"{chosen}  ({session}, {visible(why.at)})  {why.ending}{tier}{to}"


def branches(why: Why, content: bool) -> Iterator[Branch]:
    """Yield the causes one by one, as every view tells them."""
    turn = why.turn
    if turn.decision:
        yield _decision(turn.decision, content)
        if turn.decision.alternatives:
            yield _alternatives(turn.decision, content)
    if turn.diagnosis:
        first, *others = [
            Branch("", f"{f.hypothesis} {number(f.support)}", [*f.because, *f.against])
            for f in turn.diagnosis.findings
        ] or [Branch("", "no hypothesis", [])]
        yield Branch("diagnosis", first.says, [*first.rests_on, *(o.says for o in others)])
    if turn.observation:
        measured = [f"{m.status}: {of_measurement(m)}" for m in turn.observation.measurements]
        red = sum(m.status is Status.RED for m in turn.observation.measurements)
        says = f"{len(measured)} instruments, {red} red, on {short(turn.observation.head)}"
        data = [f"samples {turn.observation.samples}", f"verdicts {turn.observation.verdicts}"]
        yield Branch("observed", says, [*measured, *data])
    yield from _law(why, content)
    if why.state:
        yield Branch("in force", f"commit {short(why.state_of)}", _state(why.state, content))
    yield from _consequences(why)
    if why.replay:
        yield Branch("replay", why.replay, [])
    if why.lineage:
        yield Branch("history", f"{len(why.lineage)} commits", _history(why))
    unread = f", not understood: entries {list(turn.unread)}" if turn.unread else ""
    held = f"in every checkpoint from {why.seq + 1} to {why.size}: plimsoll log proof {why.seq}"
    yield Branch("entry", f"{why.seq} {why.kind}, leaf {why.leaf}{unread}", [held])


def _decision(decision: Decision, content: bool) -> Branch:
    tell = content or not written_by_model(decision)
    because = decision.because if tell else hidden(decision.because)
    rule = decision.rule if is_token(decision.rule) else hidden(decision.rule)
    rest = content or not wholly_by_model(decision)
    evidence = decision.evidence if rest else map(hidden, decision.evidence)
    return Branch("why", f"rule {rule}: {because}", [*evidence])


def _alternatives(decision: Decision, content: bool) -> Branch:
    tell = content or not wholly_by_model(decision)
    said = (
        f"{other.intervention}: {other.because if tell else hidden(other.because)}"
        for other in decision.alternatives
    )
    return Branch("instead of", f"{len(decision.alternatives)} alternatives", [*said])


def _law(why: Why, content: bool) -> Iterator[Branch]:
    turn = why.turn
    if turn.proposal:
        proposal = turn.proposal
        inputs = [f"made from {name} {digest}" for name, digest in proposal.inputs.items()]
        seeds = [f"seed {name} {seed}" for name, seed in proposal.seeds.items()]
        changes = [_change(change, content) for change in proposal.changes]
        name = short(digest_of(proposal))
        back = f", restores {short(proposal.restores)}" if proposal.restores else ""
        says = f"{name} on {short(proposal.base)}{back}, undo: {proposal.undo}"
        yield Branch("proposal", says, [*changes, *inputs, *seeds])
    if turn.evidence:
        evidence = turn.evidence
        says = f"{len(evidence.metrics)} metrics, sandbox level {evidence.sandbox_level}"
        counts = [f"{m.name} {_metric(m)}" for m in evidence.metrics]
        data = [f"data {name} {digest}" for name, digest in evidence.data.items()]
        seeds = [f"seed {name} {seed}" for name, seed in evidence.seeds.items()]
        yield Branch("evidence", says, [*counts, f"harness {evidence.harness}", *data, *seeds])
    if turn.verdict:
        verdict = turn.verdict
        answer = "holds" if verdict.holds else "does not hold"
        says = f"{answer}, z3 says {verdict.second_opinion}, policy {short(verdict.policy)}"
        yield Branch("verdict", says, [_ruling(ruling) for ruling in verdict.rulings])
    if why.people:
        yield _people(why.people, content)


def _people(people: tuple[Said, ...], content: bool) -> Branch:
    """What people approved or refused, over which transition; what does not count, by name."""
    counted = [said for said in people if not said.does_not_count]
    over = counted[0].over if counted else {}
    told = [_said(said, content) for said in people]
    told += [f"over {name} {digest}" for name, digest in over.items()]
    return Branch("people", f"{len(counted)} signed statements, each verified again", told)


def _said(said: Said, content: bool) -> str:
    """Who said what and when; a reason is text that a person wrote."""
    where = f"entry {said.entry}, {said.at}"
    if said.does_not_count:
        return f"does not count ({where}): {said.does_not_count}"
    reason = said.reason if content else hidden(said.reason)
    return f"{said.decision} by {_value(said.by, content)} {said.key} ({where}): {reason}"


def _metric(metric: Metric) -> str:
    said = metric.model_dump(mode="json", exclude_defaults=True, exclude={"name", "values"})
    parts = [f"{name}={value}" for name, value in said.items()]
    return " ".join([*parts, f"{len(metric.values)} values"] if metric.values else parts)


def _ruling(ruling: Ruling) -> str:
    name = f"{ruling.outcome}: {ruling.invariant}"
    if ruling.outcome is Outcome.HOLDS:
        return name
    return f"{name}. {ruling.say} {', '.join(ruling.values)}".rstrip()


def _change(change: Change, content: bool) -> str:
    old, new = (_value(value, content) for value in (change.old, change.new))
    return f"{_value(change.path, content)}: {old} → {new}"


def _value(value: str | None, content: bool) -> str:
    if value is None:
        return "nothing"
    return value if content or is_token(value) else hidden(value)


def _state(state: State, content: bool) -> list[str]:
    judges = [
        f"judge {j.id} v{j.version}, {j.kind}, family {j.family}, weight {j.weight}, {j.artefact}"
        for j in state.panel.judges
    ]
    version = state.constitution.version
    principles = [
        f"principle {_value(p.id, content)} (v{version}, {p.tier}, weight {p.weight}):"
        f" {_value(p.text, content)}"
        for p in state.constitution.principles
    ]
    r = state.recipe
    recipe = f"recipe {r.family}, {r.adapter}, reference {r.reference}, lr {r.learning_rate}"
    prompts = f"prompts seed {state.prompts.seed}, size {state.prompts.size}"
    model = f"model {state.base}, adapter {state.adapter or 'none'}"
    return [*judges, *principles, prompts, recipe, model]


def _consequences(why: Why) -> Iterator[Branch]:
    said = []
    if why.comparison:
        predicted, actual = why.comparison.predicted, number(why.comparison.actual)
        answer = {True: "as predicted", False: "not as predicted", None: "not measured"}
        if why.comparison.other_scale:
            answer[None] = "on another scale, so neither right nor wrong"
        said.append(
            f"{predicted.metric} predicted in [{number(predicted.low)}, {number(predicted.high)}],"
            f" {actual} in iteration {why.comparison.iteration}:"
            f" {answer[why.comparison.as_predicted]}"
        )
    if why.effect.difference is not None:
        said.append(f"gold {signed(why.effect)} ({why.effect.change})")
    if said:
        yield Branch("after", said[0], said[1:])
    elif why.turn.decision and why.ending is not Ending.UNFINISHED:
        yield Branch("after", "not observed yet", [])


def _history(why: Why) -> list[str]:
    said = [
        f"{short(a.digest)} iteration {a.iteration} {a.intervention or 'founding'}"
        + (f" of {short(a.restores)}" if a.restores else "")
        for a in why.lineage
    ]
    if len(said) <= SHOWN_ANCESTORS + 2:
        return said
    between = len(said) - SHOWN_ANCESTORS - 1
    return [*said[:SHOWN_ANCESTORS], f"... {between} more", said[-1]]


def _drawn(branch: Branch, width: int) -> list[str]:
    narrow = width < NARROW
    indent = " " * (2 if narrow else LABEL)
    says = paragraphs(branch.says, width, indent)
    if narrow:
        lines = [branch.label, *says]
    else:
        lines = [f"{branch.label:<{LABEL}}{says[0].lstrip()}", *says[1:]]
    for i, cause in enumerate(branch.rests_on):
        last = i == len(branch.rests_on) - 1
        first, *rest = paragraphs(cause, width - len(indent) - 2)
        lines.append(f"{indent}{'└' if last else '├'} {first}")
        lines += [f"{indent}{' ' if last else '│'} {line}" for line in rest]
    return lines
