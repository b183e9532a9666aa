"""What is kept of an audit: its verdicts as rows, its card, and the word that names them."""

from collections.abc import Iterator, Sequence
from typing import Any

from logs.errors import IntegrityError
from logs.vocabulary import Digest, Finite, Word
from tools.audit.design import Kept, Version
from tools.audit.records import Verdict

FIELD = "judge_audit"
"""Field of a log entry of the kind `measured` that holds an `Audited`."""
_NAMED = (
    "item_id",
    "cluster_id",
    "order",
    "repeat",
    "treatment",
    "verdict",
    "score",
    "gold",
    "side",
    "domain",
    "control",
)
"""What differs between verdicts of one audit; its version and iteration are said once."""


class Audited(Word):
    """One audit in the log: whose, of what, and the artefacts that hold it."""

    judge: str
    judge_hash: Digest
    prompt_hash: Digest
    iteration: int
    card: Digest
    verdicts: Digest
    """Every verdict, as rows."""
    calls: Digest
    """Every call that was made, once each."""
    items: Digest
    """Of the pairs that were judged: equal where two audits can be paired."""
    deterministic: bool
    """Whether the judge is a function, so that equal calls were made once."""
    made: int
    """Calls that were really made."""
    seconds: Finite


def rows_of(kept: Kept) -> Iterator[list[Any]]:
    """The verdicts as rows; the first cell says whether the loser was an empty answer."""
    for empty, verdicts in ((0, kept.verdicts), (1, kept.attacked)):
        for verdict in verdicts:
            yield [empty, *(getattr(verdict, name) for name in _NAMED)]


def verdicts_of(rows: Sequence[Any], version: Version) -> Kept:
    """The verdicts, read back from rows.

    Raises:
        IntegrityError: they are not rows of verdicts.
    """
    kept = Kept([], [])
    for row in rows:
        if not isinstance(row, list) or len(row) != len(_NAMED) + 1 or row[0] not in (0, 1):
            raise IntegrityError(
                "The stored verdicts of an audit cannot be read.",
                saw=str(row)[:80],
                wanted=f"{len(_NAMED) + 1} cells a row",
                try_this="audit the judge again with this version",
            )
        values: dict[str, Any] = dict(zip(_NAMED, row[1:], strict=True))
        kept[row[0]].append(Verdict(**values, **version._asdict()))
    return kept
