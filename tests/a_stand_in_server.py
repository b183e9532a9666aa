"""The worker that starts a vLLM server, but the server is `a_completion_server`."""

import sys
from pathlib import Path

from tools.engines.vllm_server_worker import ServedSampler, import_nothing, main, use_of_all

SERVER = Path(__file__).with_name("a_completion_server.py")


class StandIn(ServedSampler):
    """All of it is real but for the program that is started."""

    def command(self, settings, port):
        """It ends at once where the file `fault` says so."""
        fault = Path("fault")
        if fault.exists() and fault.read_text() == "unhealthy":
            return [sys.executable, "-c", "raise SystemExit('no such model')"]
        return [sys.executable, str(SERVER), str(port)]


if __name__ == "__main__":
    main(StandIn, import_nothing, use_of_all)
