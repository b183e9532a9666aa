"""A session that runs in a process of its own, a turn for each line that it is told.

    python -m tests.a_running_session WORKSPACE

holds the lock of the workspace, says `ready`, then writes turn after turn of the made-up session.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from logs.journal import Journal
from logs.lock import lock_workspace
from logs.vocabulary import Guarantee
from tests.a_journal import Writer
from tests.a_workspace import PLAN, SESSION
from tests.house import ROOT


class Running:
    """The process, as a test sees it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def turn(self) -> int:
        """Let it write one turn; the iteration that it wrote."""
        assert self._process.stdin is not None
        self._process.stdin.write("turn\n")
        self._process.stdin.flush()
        return int(self.said())

    def said(self) -> str:
        """The next line that it says."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the session ended"
        return line.strip()


@contextmanager
def running(workspace: Path) -> Iterator[Running]:
    """A process at work in this workspace until the block ends."""
    command = [sys.executable, "-m", "tests.a_running_session", str(workspace)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            found = Running(process)
            assert found.said() == "ready"
            yield found
        finally:
            process.kill()


def main(workspace: Path) -> None:
    """Work until nobody asks for more."""
    with lock_workspace(workspace), Journal(workspace / "plimsoll.sqlite") as journal:
        writer = Writer(workspace, journal, "As it was planned.", Guarantee.ANYTIME)
        last = journal.latest(SESSION, limit=1)[0].iteration
        print("ready", flush=True)
        for iteration, _ in enumerate(sys.stdin, last + 1):
            writer.turn(iteration, *PLAN[iteration - 1])
            print(iteration, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
