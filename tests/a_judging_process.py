"""A server in a process of its own, which judges, and decides for a session that asks it to.

    python -m tests.a_judging_process PORT [--at N --then kill|stop]

At its N-th question it kills itself without a word, or stops as a hung process does until somebody
lets it go on. Its verdicts are the world's own verifier with a tenth of them turned round: the same
question has the same answer in every process.
"""

import argparse
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psutil

from tests.a_chat_server import Asked, Handler, Server, chooses, says
from tests.a_judge_server import by_the_truth, question_of, verdict
from tests.house import ROOT

SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}


class Both:
    """Judges who asks about answers, and tells everybody else to train."""

    def __init__(self, at: int, then: str) -> None:
        self.at, self.then, self.lock = at, then, threading.Lock()

    def __call__(self, handler: Handler, asked: Asked) -> None:
        """One question; the one at which it falls is not answered before."""
        with self.lock:
            self.at -= 1
            if self.at == 0:
                os.kill(os.getpid(), SIGNALS[self.then])
        shown = question_of(asked)
        if "question" in shown:
            says(verdict(by_the_truth, shown))(handler, asked)
        else:
            chooses("train", prediction=None)(handler, asked)


@contextmanager
def a_process(port: int, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """The server, from when it listens to the end of the test."""
    words = [sys.executable, "-m", "tests.a_judging_process", str(port), *options]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(words, cwd=ROOT, env=environment) as process:
        try:
            _until(lambda: _listens(port) or process.poll() is not None)
            yield process
        finally:
            process.kill()


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return int(opened.getsockname()[1])


def fell(process: subprocess.Popen[bytes], seconds: float = 300) -> bool:
    """Wait until it killed or stopped itself; False if it does not."""
    return _until(lambda: process.poll() is not None or _stopped(process), seconds)


def _stopped(process: subprocess.Popen[bytes]) -> bool:
    with suppress(psutil.NoSuchProcess):
        return bool(psutil.Process(process.pid).status() == psutil.STATUS_STOPPED)
    return False


def _listens(port: int) -> bool:
    with socket.socket() as opened:
        return opened.connect_ex(("127.0.0.1", port)) == 0


def _until(true: Callable[[], bool], seconds: float = 60) -> bool:
    until = time.monotonic() + seconds
    while not (found := true()) and time.monotonic() < until:
        time.sleep(0.05)
    return found


def main() -> None:
    """Serve until it is ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--at", type=int, default=0)
    parser.add_argument("--then", choices=SIGNALS, default="kill")
    given = parser.parse_args()
    Server([Both(given.at, given.then)], port=given.port).serve_forever(0.05)


if __name__ == "__main__":
    main()
