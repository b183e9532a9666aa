"""How far a sink that writes files has come, in a file beside them."""

import json
from pathlib import Path

from agent.sinks.protocol import Facts
from logs.checkpoint import parse
from logs.files import write_whole


class Mark:
    """The first entry of a session that a folder lacks; another log begins at 0."""

    def __init__(self, folder: Path, facts: Facts) -> None:
        self._path = folder / f"{facts.run}.plimsoll.json"
        self._facts = facts

    def read(self) -> int:
        """Where to go on."""
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
            return int(found["next"]) if found["origin"] == self._facts.origin else 0
        except (OSError, ValueError, KeyError, TypeError):
            return 0

    def write(self, upto: int, checkpoint: str = "") -> None:
        """Everything before `upto` is safely there."""
        told: dict[str, object] = {"next": upto, **self._facts.model_dump(mode="json")}
        told |= checkpoint_tags(checkpoint) if checkpoint else {}
        write_whole(self._path, (json.dumps(told, indent=2) + "\n").encode())


def checkpoint_tags(checkpoint: str) -> dict[str, str]:
    """A checkpoint as three tags, so that a copy elsewhere anchors the log."""
    found = parse(checkpoint)
    root = checkpoint.splitlines()[2]
    return {
        "plimsoll.log.origin": found.origin,
        "plimsoll.log.size": str(found.size),
        "plimsoll.log.root": root,
    }
