"""The end-of-session story: is the model really better, and what was done on the way."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from logs.breaks import letters, notes
from logs.content import hidden, is_token
from logs.gain import said, sentence
from logs.model_rows import model_rows
from logs.reading import Reader
from logs.text import number, paragraphs, short, table
from logs.turns import Ending, Turn, turns
from logs.verify import LOG
from logs.vocabulary import Change, Intervention, Outcome, Ruling

REPAIRS = {
    Intervention.RECALIBRATE_JUDGE,
    Intervention.REFIT_JUDGE,
    Intervention.REINITIALISE_JUDGE,
    Intervention.SWAP_JUDGE,
    Intervention.ADD_JUDGE,
    Intervention.REWEIGHT_PANEL,
}
COLUMNS = ("iter", "decided", "outcome", "judge", "scale", "gold")
"""What a turn is told by; two scores under different letters cannot be compared."""
DONE = {Ending.COMMITTED, Ending.ROLLED_BACK}


def story(
    journal: Reader,
    session: str,
    *,
    workspace: Path | None = None,
    content: bool = False,
    width: int = 100,
) -> str:
    """Return the story of a session as plain text, the answer first.

    Args:
        workspace: Where the log lies, if the story should end with how to go on.
        content: Also show free text that a model or a person wrote.
    """
    told = turns(journal, session)
    blocks = [
        paragraphs(f"Session {session}: {counted(told)}.", width),
        paragraphs(sentence(told), width),
        table(COLUMNS, rows(told), width).split("\n"),
    ]
    for title, happened in chapters(told, content):
        blocks.append([title, *(line for said in happened for line in _item(said, width))])
    if models := model_rows(journal, session):
        blocks.append(["Where the money went", *table(models[0], models[1:], width).split("\n")])
    if workspace:
        blocks.append([line for said in _next(session, workspace) for line in _item(said, width)])
    return "\n\n".join("\n".join(block) for block in blocks)


def counted(told: Sequence[Turn]) -> str:
    """Return how many turns there were and how they ended."""
    endings: Counter[Ending] = Counter(turn.ending for turn in told)
    del endings[Ending.FOUNDED], endings[Ending.BEGUN]
    decided = sum(turn.decision is not None for turn in told)
    parts = [f"{endings[ending]} {ending}" for ending in Ending if endings[ending]]
    return ", ".join([f"{decided} iteration{'s'[: decided != 1]}", *parts])


def rows(told: Sequence[Turn]) -> list[tuple[str, ...]]:
    """Return iteration, decision, outcome, judge's score, its scale and gold of each turn."""
    named = letters(told)
    return [
        (
            str(turn.iteration),
            str(turn.intervention or "-"),
            str(turn.ending),
            number(judge.estimate) if (judge := turn.measured("judge_score")) else "-",
            named.get(judge.scale or "", "-") if judge else "-",
            said(turn),
        )
        for turn in told
    ]


def chapters(told: Sequence[Turn], content: bool) -> Iterator[tuple[str, list[str]]]:
    """Yield what a reader asks next: refusals, edits, repairs, rollbacks, questions."""
    found = (
        ("Refused", [refusal(turn) for turn in told if turn.ending is Ending.REFUSED]),
        ("Constitution edits", [*_edits(told, content)]),
        ("Judge's scales", notes(told)),
        ("Judge repairs", [_changed(t, content) for t in told if t.intervention in REPAIRS]),
        ("Rolled back", [_rollback(turn) for turn in told if turn.ending is Ending.ROLLED_BACK]),
        (
            "Parked, to be asked at the end",
            [f"iteration {t.iteration}" for t in told if t.ending is Ending.PARKED],
        ),
        (
            "Asked a person",
            [f"iteration {t.iteration}" for t in told if t.ending is Ending.ASKED],
        ),
        ("Failed", [f"iteration {t.iteration}" for t in told if t.ending is Ending.FAILED]),
    )
    yield from ((title, happened) for title, happened in found if happened)


def refusal(turn: Turn) -> str:
    """Return what was refused and by which invariant, with the values that decided it."""
    ruled = turn.rulings or (turn.verdict.rulings if turn.verdict else ())
    broken = [invariant(r) for r in ruled if r.outcome is not Outcome.HOLDS]
    because = "; ".join(broken) or "the second opinion differs"
    return f"iteration {turn.iteration}, {turn.intervention}: {because}"


def invariant(ruling: Ruling) -> str:
    """Return an invariant that did not hold, with its sentence and its numbers."""
    values = f" ({', '.join(ruling.values)})" if ruling.values else ""
    return f"{ruling.invariant} {ruling.outcome}{values}: {ruling.say}"


def change(change: Change, content: bool) -> str:
    """Return `path: old → new`; words that others wrote only if `content`."""
    old, new, path = (
        "nothing" if v is None else v if content or is_token(v) else hidden(v)
        for v in (change.old, change.new, change.path)
    )
    return f"{path}: {old} → {new}"


def _edits(told: Sequence[Turn], content: bool) -> Iterator[str]:
    for turn in told:
        edits = [c for c in turn.changes if c.path.startswith("constitution")]
        if edits and turn.ending is not Ending.ROLLED_BACK:
            yield _changed(turn, content)


def _changed(turn: Turn, content: bool) -> str:
    made = "; ".join(change(c, content) for c in turn.changes) or "nothing changed"
    return f"iteration {turn.iteration}, {turn.intervention}, {turn.ending}: {made}"


def _rollback(turn: Turn) -> str:
    restores = turn.commit.restores if turn.commit else None
    return f"iteration {turn.iteration} to {short(restores)}"


def _item(text: str, width: int) -> list[str]:
    first, *rest = paragraphs(text, width - 4)
    return [f"  {first}", *(f"    {line}" for line in rest)]


def _next(session: str, workspace: Path) -> list[str]:
    return [
        f"log     {workspace / LOG}",
        f"report  {workspace / 'sessions' / session / 'report.html'}",
        "why     plimsoll log why HEAD",
        "verify  plimsoll log verify",
    ]
