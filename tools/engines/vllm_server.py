"""A vLLM server of our own: started behind a wall, asked over its loopback, stopped gracefully."""

import contextlib
from pathlib import Path

from logs.errors import PlimsollError
from sandbox.limits import Limits
from tools.engines.asked import Nature, tolerance_of
from tools.engines.vllm_offline import ROOT, OfflineVllm

SERVER_WORKER = Path(__file__).with_name("vllm_server_worker.py")
STOP_SECONDS = 25.0
"""For a graceful end; what is left then is ended by the wall."""


class ServedVllm(OfflineVllm):
    """The parent's side of `vllm_server_worker.py`; restarts and limits are those of `vllm`."""

    @property
    def nature(self) -> Nature:
        """A server batches whatever has come by then: the last digits follow from the clock."""
        return Nature(repeats=False, tolerance=tolerance_of(self.settings.dtype))

    def close(self) -> None:
        """Let the server end by itself, then end whatever is left."""
        try:
            if self._cell is not None and self._cell.alive:
                limits = Limits(wall_seconds=STOP_SECONDS, cpu_threads=self.settings.threads)
                with contextlib.suppress(PlimsollError):
                    self._called("close", {}, limits, lambda done, of, what: None)
        finally:
            self._end()

    def _variables(self) -> dict[str, str]:
        # Its worker is ours and imports a module or two of ours; the server itself sees none.
        return super()._variables() | {"PYTHONPATH": str(ROOT)}
