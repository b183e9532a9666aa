"""trackio: local SQLite, looked at with `trackio show`; one row per entry that has numbers."""

from pathlib import Path
from typing import Any

import trackio

from agent.sinks.marks import checkpoint_tags
from agent.sinks.protocol import Event, Facts

PROJECT = "plimsoll"
SEQ = "plimsoll.entry"
"""The entry that a row is about: where to go on is read from the rows themselves."""


class ToTrackio:
    """Rows of numbers and tags by turn; the folder is what TRACKIO_DIR names."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self, facts: Facts) -> int:
        """Go on behind the last row."""
        rows = trackio.SQLiteStorage.get_logs(PROJECT, facts.run)
        self._run = trackio.init(
            project=PROJECT,
            name=facts.run,
            config=facts.model_dump(mode="json"),
            resume="allow",
            embed=False,
            auto_log_gpu=False,
            auto_log_cpu=False,
        )
        since = max((int(row[SEQ]) + 1 for row in rows if SEQ in row), default=0)
        self._sized = {str(row["plimsoll.log.size"]) for row in rows if "plimsoll.log.size" in row}
        return since

    def event(self, event: Event) -> None:
        """One row, unless the entry has nothing to show."""
        row: dict[str, Any] = {**event.numbers, **event.tags}
        if row:
            self._run.log({**row, SEQ: event.entry.seq}, step=event.step)
            self._step = event.step

    def close(self, checkpoint: str) -> None:
        """The checkpoint as a last row, once."""
        tags = checkpoint_tags(checkpoint)
        size = int(tags["plimsoll.log.size"])
        if str(size) not in self._sized:
            self._run.log({**tags, SEQ: size - 1})
        self._run.finish()
