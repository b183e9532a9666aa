"""`plimsoll judge card` and `judge compare`: what audits said of judges, read from the log."""

from argparse import Namespace
from contextlib import closing

from agent import outside
from agent.card_views import card_data, name_of, whole_page, written
from agent.envelope import Answer
from agent.finding import workspace_of
from agent.fitting import fitted
from agent.judge_audits import (
    OnRecord,
    Subject,
    is_of,
    kept_of,
    latest,
    names_on_record,
    subject_of,
    turns_of,
)
from agent.options_judge import refuse_without
from logs.errors import Refused, Stale
from logs.journal import Journal
from logs.show import terminal_width
from logs.text import number, table
from logs.vocabulary import Measurement
from tools.audit.card import JudgeCard, Purpose
from tools.audit.comparing import PAIRED, SAYS, differences
from tools.store import Store


def card(options: Namespace) -> Answer:
    """The latest card of a judge: of the version in force, or an old one and exit code 3."""
    name = name_of(options)
    workspace = workspace_of(options)
    with closing(workspace.journal()) as journal:
        subject = subject_of(journal, name)
        found = _demanded(journal, workspace.store, name, subject)
        code, notes = _standing(found, subject, turns_of(journal))
    kept = kept_of(workspace.store, found.audited)
    files = written(options, found.card, kept, notes)
    text = whole_page(found.card, kept, notes=notes)
    if files:
        verb = "would write" if options.dry_run else "wrote"
        text = "\n".join(f"{verb} {file}" for file in files)
    data = card_data(found.card, notes) | {"entry": found.seq, "files": files}
    return Answer(data, text, code, warnings=notes)


def compare(options: Namespace) -> Answer:
    """Two cards side by side, with the difference of every measurement."""
    refuse_without(
        options.data, **{k: getattr(options, k) for k in ("format", "verdicts", "subset", "prompt")}
    )
    a, b, notes = _published(options) if options.data else _of_the_log(options)
    same = a.items == b.items
    found = differences(a.card, b.card, (a.kept, b.kept) if same and a.kept.verdicts else None)
    how = "the same items, compared item by item" if same else "other items: independent audits"
    data = {
        "a": a.card.model_dump(mode="json"),
        "b": b.card.model_dump(mode="json"),
        "paired": same,
        "differences": [m.model_dump(mode="json") | {"says": SAYS[m.status]} for m in found],
    }
    return Answer(data, _side_by_side(a.card, b.card, found, how), warnings=notes)


def _demanded(journal: Journal, store: Store, name: str, subject: Subject) -> OnRecord:
    found = latest(journal, store, name, subject.version)
    if found:
        return found
    known = names_on_record(journal)
    raise Refused(
        "This judge was never audited.",
        saw=f"no audit of {name} in the log" + (f"; of {', '.join(known)}" if known else ""),
        wanted="one",
        try_this=f"plimsoll judge audit {name}",
    )


def _standing(found: OnRecord, subject: Subject, now: int) -> tuple[int, tuple[str, ...]]:
    """Exit code and notes: does this card speak for the judge as it is now?"""
    if not is_of(found.audited, subject.version):
        changed = [
            what
            for what, then, is_now in (
                ("the judge", found.audited.judge_hash, subject.version.judge_hash),
                ("its prompt, the constitution", found.audited.prompt_hash, subject.version[1]),
            )
            if then != is_now
        ]
        says = f"STALE: {' and '.join(changed)} changed since; there is no card of this version"
        return Refused.exit_code, (f"{says}: plimsoll judge audit {subject.name}",)
    if not found.card.audited <= now < found.card.expires:
        says = f"EXPIRED: it counts in turns {found.card.audited} to {found.card.expires - 1}"
        return Stale.exit_code, (f"{says}, and this is {now}: plimsoll judge audit {subject.name}",)
    return 0, ()


Two = tuple[outside.Outside, outside.Outside, tuple[str, ...]]


def _published(options: Namespace) -> Two:
    found = outside.read(options)
    a, b = (outside.re_analysed(options, name, found) for name in (options.a, options.b))
    return a, b, ()


def _of_the_log(options: Namespace) -> Two:
    workspace = workspace_of(options)
    notes: list[str] = []
    both = []
    with closing(workspace.journal()) as journal:
        for name in (options.a, options.b):
            subject = subject_of(journal, name)
            found = _demanded(journal, workspace.store, name, subject)
            notes += [f"{name}: {n}" for n in _standing(found, subject, turns_of(journal))[1]]
            kept = kept_of(workspace.store, found.audited)
            both.append(outside.Outside(found.card, kept, found.audited.items))
    return both[0], both[1], tuple(notes)


def _side_by_side(a: JudgeCard, b: JudgeCard, found: tuple[Measurement, ...], how: str) -> str:
    width = terminal_width()
    uses = [
        (str(p), *("yes" if c.use(p).allowed else f"no ({len(c.use(p).against)})" for c in (a, b)))
        for p in Purpose
    ]
    values = tuple({(m.instrument, m.of): m for m in c.audit.measurements()} for c in (a, b))
    rows = [
        (
            _named(m),
            *(number(v[m.instrument, m.of].estimate) for v in values),
            _difference(m),
            SAYS[m.status],
        )
        for m in found
    ]
    head = f"{a.judge} and {b.judge}: {how}; the difference is {b.judge} minus {a.judge}"
    names = (a.judge, b.judge)
    apart = any(PAIRED not in m.assumptions for m in found)
    under = ["* as if by two independent audits: not a number per item"] if apart else []
    return "\n".join(
        [
            fitted(head, width),
            "",
            table(("may be used to", *names), uses, width),
            "",
            table(("measurement", *names, "difference", "says"), rows, width),
            *under,
        ]
    )


def _named(m: Measurement) -> str:
    name = m.of if m.instrument == "net_shift" else f"{m.instrument} {m.of}".strip()
    return f"bias: {name}" if m.instrument == "net_shift" else name


def _difference(m: Measurement) -> str:
    if m.low is None or m.high is None or m.estimate is None:
        return "unknown"
    star = "" if PAIRED in m.assumptions else " *"
    return f"{m.estimate:+.3f} [{m.low:+.3f}, {m.high:+.3f}]{star}"
