"""Guidance: a file in which the user of a session says what they wish; read anew in each turn.

It is a person's text: a wish to be weighed by a model, quoted, never a rule. What may be chosen
is computed without it.
"""

from dataclasses import dataclass
from pathlib import Path

from logs.canonical import sha256
from logs.errors import UsageError
from logs.vocabulary import Digest

MOST_BYTES = 8192


@dataclass(frozen=True, slots=True)
class Guidance:
    """What the file said, and the name of those bytes."""

    digest: Digest
    text: str


def read(root: Path, name: str) -> Guidance | None:
    """The guidance of a workspace, or None where the settings name no file.

    Raises:
        UsageError: the file is missing, too long or not text.
    """
    if not name:
        return None
    path = root / Path(name).expanduser()
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise ValueError(f"more than {MOST_BYTES} bytes")
        return Guidance(sha256(data), data.decode("utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(
            "The guidance for the decider cannot be read.",
            saw=f"{name}: {getattr(error, 'strerror', None) or error}",
            wanted=f"UTF-8 text of at most {MOST_BYTES} bytes",
            try_this="write it, or set decider.guidance in plimsoll.toml to an empty text",
        ) from error
