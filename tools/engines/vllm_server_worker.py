"""vLLM as a server of its own, behind the wall: started, asked over loopback, and stopped again.

    python -s -P -B tools/engines/vllm_server_worker.py      with a socket as standard input

Runs in vLLM's environment and speaks to its parent as `vllm_worker.py` does. Inside the wall the
server has a loopback interface of its own, so nobody else on this machine can reach it.
"""

import atexit
import contextlib
import ctypes
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from tools.engines.completions import Answer, Gone, Said, Server, Unreadable, answers_of, asked
from tools.engines.vllm_worker import (
    BEAT_SECONDS,
    OUT_OF_MEMORY,
    Args,
    Refusal,
    main,
    own_use,
    read_lines,
    seed_of,
    write_lines,
)

MODULE = "vllm.entrypoints.launchers.api_server.entry"
BASE = "base"
AT_ONCE = 64
"""Requests that are open at once; each has all siblings of a prompt."""
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
GRACE_SECONDS = 15.0
"""For the server to end by itself, before it is made to."""
LOG = Path("server.log")
MOST_LOG = 1 << 20
"""Bytes of it, from its end, that are looked at when the server failed."""
CAUSE = re.compile(r"\b\w*(Error|Exception)\b: ")


class ServedSampler:
    """A server, the adapters that it was given, and how it is asked."""

    def __init__(self, say: Any) -> None:
        self.say = say
        self.process: subprocess.Popen[bytes] | None = None
        self.server, self.count = Server(url=""), 0
        self.adapters: set[str] = set()

    def open(self, args: Args) -> dict[str, Any]:
        """Start the server on a model; the settings are vLLM's own engine arguments."""
        began = time.monotonic()
        end_with_the_parent()
        port, key = free_port(), secrets.token_hex(16)
        self.server = Server(url=f"http://127.0.0.1:{port}/v1", key=key)
        changed = {"VLLM_API_KEY": key, "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "1"}
        changed |= {"VLLM_ENABLE_V1_MULTIPROCESSING": "1", "PYTHONPATH": ""}
        with LOG.open("wb") as log:
            self.process = subprocess.Popen(
                self.command(args["settings"], port),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | changed,
                start_new_session=True,
            )
        self._await_health()
        # The first answer takes by far the longest, and belongs to the start.
        warm = {"model": BASE, "prompt": [0], "n": 1, "max_tokens": 2}
        said = self._asked("/completions", warm)
        if said.status in (401, 403, 404):
            # Without a network of its own another server may have taken the port just then.
            self._died(f"another server answers in its place: HTTP {said.status}: {said.message}")
        return {"seconds": time.monotonic() - began}

    def command(self, settings: Args, port: int) -> list[str]:
        """What starts the server."""
        words = [sys.executable, "-s", "-P", "-B", "-m", MODULE, *options(settings)]
        return [*words, "--host", "127.0.0.1", "--port", str(port), "--served-model-name", BASE]

    def draw(self, args: Args) -> dict[str, Any]:
        """Draw `samples` answers to each prompt of a file; write them to another."""
        prompts = read_lines(args["prompts"])
        model = self._adapter(args["adapter"])
        self.count += 1
        began = time.monotonic()
        rows: dict[int, list[Answer]] = {}
        pool = ThreadPoolExecutor(AT_ONCE)
        try:
            bodies = [self._body(args, model, place, ids) for place, ids in enumerate(prompts)]
            open_ones = {
                pool.submit(self._completed, body, args["eos"]): place
                for place, body in enumerate(bodies)
            }
            left = set(open_ones)
            while left:
                done, left = wait(left, BEAT_SECONDS, return_when=FIRST_COMPLETED)
                rows |= {open_ones[one]: one.result() for one in done}
                self.say(len(rows), len(prompts), "sampling")
        finally:
            pool.shutdown(cancel_futures=True)
        write_lines(args["out"], [rows[place] for place in range(len(prompts))])
        tokens = sum(len(logps) for row in rows.values() for _, logps, _ in row)
        return {"tokens": tokens, "seconds": time.monotonic() - began}

    def close(self, args: Args) -> dict[str, Any]:
        """Ask the server to end, then end it with its whole session."""
        process, asked_nicely = self.process, False
        if process is not None:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(GRACE_SECONDS)
                asked_nicely = True
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        return {"graceful": asked_nicely}

    def _await_health(self) -> None:
        """Until it is healthy; the parent's deadline ends a wait without an end."""
        root = Server(url=self.server.url.removesuffix("/v1"))
        while self.process is not None and self.process.poll() is None:
            with contextlib.suppress(Gone):
                if asked(root, "GET", "/health", seconds=5.0).status == 200:
                    return
            time.sleep(0.1)
        self._died("it ended before it was healthy")

    def _body(self, args: Args, model: str, place: int, ids: list[int]) -> dict[str, Any]:
        body = {
            "model": model,
            "prompt": ids,
            "n": args["samples"],
            "temperature": args["temperature"],
            "max_tokens": args["max_new_tokens"],
            "logprobs": 0,
            "return_token_ids": True,
            "return_tokens_as_token_ids": True,
            "skip_special_tokens": False,
            "ignore_eos": True,
            "stop_token_ids": [args["eos"]],
            # What an earlier draw left in the cache must not change this one.
            "cache_salt": f"draw-{self.count}",
        }
        return body | ({"seed": seed_of(args["seed"], place)} if args["temperature"] else {})

    def _completed(self, body: dict[str, Any], eos: int) -> list[Answer]:
        said = self._asked("/completions", body)
        if said.status != 200:
            raise Refusal(
                "UsageError",
                "The server of vLLM refused to draw.",
                f"HTTP {said.status}: {said.message}",
                "a prompt and its answer within its context, and a model that it serves",
                "lower sampling.max_new_tokens, or raise sampling.max_model_len",
            )
        try:
            return answers_of(said.body, eos)
        except Unreadable as error:
            raise Refusal(
                "JobFailed",
                "What the server of vLLM drew cannot be used; none of it was.",
                str(error),
                "a completion with token ids and finite log-probabilities",
                'run it again; if it stays so, [sampling] engine = "vllm"',
            ) from error

    def _adapter(self, folder: str | None) -> str:
        """Its folder is named by its content, and so is what is loaded from it."""
        if folder is None:
            return BASE
        name = Path(folder).name
        if name not in self.adapters:
            said = self._asked("/load_lora_adapter", {"lora_name": name, "lora_path": folder})
            if said.status != 200:
                raise Refusal(
                    "UsageError",
                    "The adapter does not fit the model that the engine serves.",
                    f"{name}: HTTP {said.status}: {said.message}",
                    "a LoRA adapter of this base: its layers, its vocabulary, a rank in reach",
                    "compare adapter_config.json with the config.json of the base",
                )
            self.adapters.add(name)
        return name

    def _asked(self, path: str, body: dict[str, Any]) -> Said:
        """The parent's deadline is the one that counts; a server that fails ends this engine."""
        try:
            said = asked(self.server, "POST", path, body, seconds=86_400.0)
        except Gone as error:
            self._died(str(error))
        # An adapter that cannot be read is told as an error of the server, which goes on.
        if said.status >= 500 and path == "/completions":
            self._died(f"HTTP {said.status}: {said.message}")
        return said

    def _died(self, how: str) -> Any:
        """Tell the parent by ending, as an engine that was killed would."""
        told = LOG.read_bytes()[-MOST_LOG:].decode("utf-8", "replace") if LOG.exists() else ""
        # Its processes complain one after the other, the last one only that another has failed.
        causes = [line[-300:] for line in told.splitlines() if CAUSE.search(line)]
        if short := [line for line in causes if any(sign in line for sign in OUT_OF_MEMORY)]:
            raise MemoryError(short[0])
        words = "\n".join([*dict.fromkeys(causes[:5]), told[-1500:]])
        end_all_below()
        os.write(2, f"{words}\nthe server of vLLM failed: {how}\n".encode())
        os._exit(1)


def options(settings: Args) -> list[str]:
    """Engine arguments as words of the command line."""
    words = ["--generation-config", "vllm", "--logprobs-mode", "raw_logprobs", "--seed", "0"]
    for name, value in settings.items():
        if value is None or value is False:
            continue
        words.append(f"--{name.replace('_', '-')}")
        words += [] if value is True else [str(value)]
    return words


def free_port() -> int:
    """One that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def use_of_all() -> tuple[float, int]:
    """CPU seconds and peak resident bytes of this process and of the server's, which live on."""
    seconds, peak = own_use()
    tick = os.sysconf("SC_CLK_TCK")
    for place in _below():
        with contextlib.suppress(OSError, ValueError, IndexError):
            told = (place / "stat").read_text().rpartition(")")[2].split()
            seconds += sum(map(int, told[11:15])) / tick
            for line in (place / "status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    peak += int(line.split()[1]) * 1024
    return seconds, peak


def end_with_the_parent() -> None:
    """Where no namespace ends the server's processes, this one takes them along however it ends."""
    prctl = ctypes.CDLL(None).prctl
    prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.signal(signal.SIGTERM, _parent_died)
    prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    atexit.register(end_all_below)


def _parent_died(*_: object) -> None:
    end_all_below()
    os._exit(1)


def end_all_below() -> None:
    """Kill and collect all that this process started, for five seconds at most."""
    until = time.monotonic() + 5.0
    while (left := list(_below())) and time.monotonic() < until:
        for place in left:
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                os.kill(int(place.name), signal.SIGKILL)
                os.waitpid(-1, os.WNOHANG)
        time.sleep(0.01)


def _below() -> Iterator[Path]:
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            if int(place.name) != os.getpid() and _is_ours(place):
                yield place


def _is_ours(place: Path) -> bool:
    """Whether a process descends from this one."""
    mine, pid = os.getpid(), int(place.name)
    while pid > 1:
        told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        pid = int(told[1])
        if pid == mine:
            return True
    return False


def import_nothing() -> None:
    """The server imports vLLM, when it is started."""


if __name__ == "__main__":
    main(ServedSampler, import_nothing, use_of_all)
