"""A log as it was when it had fewer entries: what came later cannot be asked for."""

from pathlib import Path

from logs import ledgers
from logs.errors import UsageError
from logs.reading import Reader
from logs.vocabulary import Ledgers

# Names of the schema `temp` win over those of the file, so every statement of `Reader` sees these.
VIEWS = """
CREATE TEMP VIEW log AS SELECT * FROM main.log WHERE seq < {size};
CREATE TEMP VIEW tree AS SELECT * FROM main.tree WHERE size <= {size};
CREATE TEMP VIEW head AS SELECT 1 AS id, word AS digest FROM main.log
    WHERE seq < {size} AND kind = 'committed' ORDER BY seq DESC LIMIT 1;
"""


class Earlier(Reader):
    """The first `size` entries of a log."""

    def __init__(self, path: Path, size: int) -> None:
        super().__init__(path)
        self._following = False
        if size > self.size():
            raise UsageError(
                "The log is shorter.",
                saw=f"{size} entries asked for",
                wanted=f"at most {self.size()}",
                try_this="plimsoll log list",
            )
        self._db.executescript(VIEWS.format(size=int(size)))

    def ledgers(self) -> Ledgers:
        """Return what those entries together spent."""
        return Ledgers.model_validate(ledgers.total(entry.spend for entry in self.entries()))
