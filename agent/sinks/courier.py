"""The house's end of a sink: its process, told one line at a time, ended where it is silent."""

import json
import os
import selectors
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

from agent.sinks.protocol import Event, Facts
from logs.errors import PlimsollError

PATIENCE = 300.0
"""Seconds until a sink must have answered: its libraries may take minutes to import at first."""
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "SSL_CERT_FILE")
"""All that a sink sees of the environment: no key and no address of a server is among them."""
QUIET = {
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "WANDB_ERROR_REPORTING": "false",
    "WANDB_MODE": "offline",
    "WANDB_SILENT": "true",
    "GIT_PYTHON_REFRESH": "quiet",
    "PYTHONDONTWRITEBYTECODE": "1",
}
HERE = Path(__file__).resolve().parents[2]
"""The folder that holds `agent/`."""


class SinkFault(PlimsollError):
    """A sink raised, died or was silent; what is in the log is safe."""


class Courier:
    """One sink at work."""

    def __init__(self, name: str, folder: Path, *, patience: float = PATIENCE) -> None:
        self.name = name
        self.patience = patience
        self._buffer = b""
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / f"{name}.log"
        """What the sink printed."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "agent.sinks.child", name, str(folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=_environment(folder),
                start_new_session=True,  # Ctrl-C is the session's, which then closes its sinks
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def open(self, facts: Facts) -> int:
        """Open the sink; the first entry that it wants."""
        return int(self._asked({"open": facts.model_dump(mode="json")})["since"])

    def event(self, event: Event) -> None:
        """Hand over one entry, and wait until it was taken."""
        self._asked({"event": event.model_dump(mode="json")})

    def close(self, checkpoint: str) -> None:
        """Close the sink, and wait until it has closed."""
        self._asked({"close": checkpoint})

    def end(self) -> None:
        """End the process, whatever it is doing."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            try:
                if pipe:
                    pipe.close()
            except OSError:
                pass

    def _asked(self, question: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin and self._process.stdout
        try:
            self._process.stdin.write(json.dumps(question).encode() + b"\n")
            self._process.stdin.flush()
            answer: dict[str, Any] = json.loads(self._line(self._process.stdout.fileno()))
        except (OSError, ValueError) as error:
            raise self._fault(f"its process ended: {error}") from error
        if "error" in answer:
            raise self._fault(str(answer["error"]))
        return answer

    def _line(self, pipe: int) -> bytes:
        until = time.monotonic() + self.patience
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, selectors.EVENT_READ)
            while b"\n" not in self._buffer:
                if not selector.select(max(0.0, until - time.monotonic())):
                    raise self._fault(f"it was silent for {self.patience:g} s")
                read = os.read(pipe, 65536)
                if not read:
                    raise self._fault("its process ended without an answer")
                self._buffer += read
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def _fault(self, saw: str) -> SinkFault:
        return SinkFault(
            f"The sink {self.name} failed; the session and its log are not touched.",
            saw=saw,
            wanted="a sink that takes what it is told",
            try_this=f"read {self.log}, then plimsoll session export --to {self.name}",
        )


def _environment(folder: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return kept | QUIET | {"PYTHONPATH": str(HERE), "TRACKIO_DIR": str(folder)}
