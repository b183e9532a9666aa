"""How judges order and score answers that were graded, and that no judge in force was fitted on.

The judges are asked anew, as they are now: what they had said under an older version or another
constitution is not what they say.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent.auditing import Graded, ordered
from agent.groups import Group, joined
from agent.made import Making
from agent.past import LABELS, founding_entry
from agent.seeds import seed_of
from logs.vocabulary import Decision, EntryKind, Intervention, Judge

FITS = (Intervention.REFIT_JUDGE, Intervention.REINITIALISE_JUDGE)
"""What fits judges on grades: all that was graded before is known to them afterwards."""
FEWEST_PAIRS = 12
"""Audited pairs below which shares would be a coin's."""


@dataclass(frozen=True, slots=True)
class Audited:
    """Graded rows with the answers as the judges see them now."""

    rows: tuple[Graded, ...]
    groups: tuple[Group, ...]

    def counts(self, judge: str) -> tuple[int, int]:
        """(right, tried) of the audited pairs."""
        return ordered(self.rows, self.groups, judge)

    def outcomes(self, judges: Sequence[str]) -> dict[str, list[int]]:
        """Judge -> 1 or 0 per audited pair that tells right from wrong; an error is wrong."""
        pairs = list(zip(self.rows, self.groups, strict=True))
        each = {j: [ordered([row], [group], j) for row, group in pairs] for j in judges}
        return {j: [right for right, tried in row if tried] for j, row in each.items()}

    def said(self, judge: str) -> tuple[list[float], list[int], list[str]]:
        """(score, grade, prompt) of every graded answer that the judge could score."""
        scores, grades, prompts = [], [], []
        for row, group in zip(self.rows, self.groups, strict=True):
            for i, grade in row["grades"].items():
                score = group.by_judge[judge][int(i)]
                if score is not None:
                    scores.append(score)
                    grades.append(int(grade))
                    prompts.append(row["prompt"])
        return scores, grades, prompts


def asked(making: Making, judges: Sequence[Judge], *, founded: bool = False) -> Audited:
    """The grades of this session as these judges see the answers now.

    Args:
        founded: the judges are as they were founded, so that no grade was ever used on them.
    """
    rows = _rows(making, since_fit=not founded)
    if not rows:
        return Audited((), ())
    context = making.context
    at = context.hands.store.put_lines(rows)
    verdicts, _ = context.hands.judge(
        making.state,
        at,
        judges,
        constitution=making.state.constitution,
        seed=seed_of(context.config, making.turn["iteration"], "audited"),
    )
    panel = making.state.panel.model_copy(update={"judges": tuple(judges)})
    said = context.hands.store.get_lines(verdicts)
    return Audited(tuple(rows), tuple(joined(zip(rows, said, strict=True), panel)))


def _rows(making: Making, *, since_fit: bool) -> list[dict[str, Any]]:
    """Graded answers of the session: all, or those since judges were fitted on grades."""
    context, turn, store = making.context, making.turn, making.context.hands.store
    found: list[dict[str, Any]] = []
    for i in range(1, turn["iteration"] + 1):
        observed = context.journal.find(turn["session"], i, "observe")
        if observed and observed.body["labels"]:
            found += store.get_lines(observed.body["labels"])
        bought = context.journal.find(turn["session"], i, LABELS)
        if bought:
            found += store.get_lines(bought.body["labels"])
        if since_fit and _fitted(making, i):
            found = []
    return found


def _fitted(making: Making, iteration: int) -> bool:
    """Whether judges were fitted on grades in that turn."""
    find, session = making.context.journal.find, making.turn["session"]
    decided, done = (find(session, iteration, step) for step in ("decide", "commit"))
    if decided is None or done is None or done.kind is not EntryKind.COMMITTED:
        return False
    return Decision.model_validate(decided.body).intervention in FITS


def founding_judges(making: Making) -> Mapping[str, Judge]:
    """Judges as they were founded, by id."""
    known = (Judge.model_validate(j) for j in founding_entry(making.context).body["judges"])
    return {judge.id: judge for judge in known}
