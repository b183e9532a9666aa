"""vLLM in its own environment: a resident process that draws answers when it is asked.

    python -s -P -B tools/engines/vllm_worker.py      with a socket as standard input

Nothing of this project is in that environment, so the file stands alone. It speaks as the fork
server of the wall does (`sandbox/zygote.py`): JSON, one object a line, its first letter saying
who speaks. Prompts and answers are files of JSON lines.
"""

import contextlib
import ctypes
import fcntl
import json
import os
import resource
import signal
import socket
import struct
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

Args = dict[str, Any]
BEAT_SECONDS = 0.5
"""How often progress is told at most."""
OUT_OF_MEMORY = ("OutOfMemory", "out of memory", "t allocate memory", "No available memory")
"""How torch and vLLM say that there is too little of it."""


class Refusal(Exception):
    """A request that cannot be served: class of the refusal, what, saw, wanted, try."""


class Sampler:
    """The model in memory, and the adapters that it was given."""

    def __init__(self, say: Callable[[int, int, str], None]) -> None:
        self.say = say
        self.llm: Any = None
        self.adapters: dict[str, int] = {}

    def open(self, args: Args) -> dict[str, Any]:
        """Load a model; the settings are vLLM's own engine arguments."""
        from vllm import LLM

        began = time.monotonic()
        try:
            self.llm = LLM(
                **args["settings"],
                skip_tokenizer_init=True,  # token ids come and go, so nothing is tokenised twice
                generation_config="vllm",  # else the model's folder could change how is sampled
                logprobs_mode="raw_logprobs",  # of the model itself: temperature 1, nothing cut off
                disable_log_stats=True,
                seed=0,
            )
        except ValueError as error:
            raise _not_served(error) from None
        return {
            "seconds": time.monotonic() - began,
            "max_model_len": self.llm.model_config.max_model_len,
        }

    def draw(self, args: Args) -> dict[str, Any]:
        """Draw `samples` answers to each prompt of a file; write them to another."""
        prompts = read_lines(args["prompts"])
        self._require_room(prompts, args["max_new_tokens"])
        adapter = self._adapter(args["adapter"])
        # What was cached by an earlier call must not change the batches of this one: a draw is a
        # function of its arguments.
        self.llm.reset_prefix_cache()
        began = time.monotonic()
        rows = self._run(prompts, args, adapter)
        write_lines(args["out"], rows)
        tokens = sum(len(logps) for row in rows for _, logps, _ in row)
        return {"tokens": tokens, "seconds": time.monotonic() - began}

    def _run(self, prompts: list[list[int]], args: Args, adapter: Any) -> list[list[Any]]:
        engine = self.llm.llm_engine
        for i, prompt in enumerate(prompts):
            params = _parameters(args, seed_of(args["seed"], i))
            engine.add_request(str(i), {"prompt_token_ids": prompt}, params, lora_request=adapter)
        rows: dict[int, list[Any]] = {}
        told = 0.0
        while engine.has_unfinished_requests():
            for output in engine.step():
                if output.finished:
                    rows[int(output.request_id)] = _row(output, args["eos"])
            if time.monotonic() - told > BEAT_SECONDS:
                told = time.monotonic()
                self.say(len(rows), len(prompts), "sampling")
        return [rows[i] for i in range(len(prompts))]

    def _adapter(self, folder: str | None) -> Any:
        """Its folder is named by its content, so one that was loaded once is the same again."""
        if folder is None:
            return None
        from vllm.lora.request import LoRARequest

        number = self.adapters.get(folder, len(self.adapters) + 1)
        request = LoRARequest(f"adapter-{number}", number, folder)
        if folder not in self.adapters:
            try:
                self.llm.llm_engine.add_lora(request)
            except (ValueError, RuntimeError, KeyError, OSError) as error:
                raise Refusal(
                    "UsageError",
                    "The adapter does not fit the model that the engine serves.",
                    f"{Path(folder).name}: {type(error).__name__}: {error}",
                    "a LoRA adapter of this base: its layers, its vocabulary, a rank in reach",
                    "compare adapter_config.json with the config.json of the base",
                ) from error
            self.adapters[folder] = number
        return request

    def _require_room(self, prompts: list[list[int]], new: int) -> None:
        most, longest = self.llm.model_config.max_model_len, max(map(len, prompts), default=0)
        if longest + new > most:
            raise Refusal(
                "UsageError",
                "A prompt and its answer are longer than the engine's context.",
                f"{longest} tokens and up to {new} new ones",
                f"at most {most} together",
                "lower sampling.max_new_tokens, or raise sampling.max_model_len",
            )


def _not_served(error: ValueError) -> Exception:
    if any(sign in str(error) for sign in OUT_OF_MEMORY):
        return error
    return Refusal(
        "UsageError",
        "vLLM does not start with this model and these settings.",
        str(error)[:2000],
        "a model that vLLM serves, with its context, in the memory that [sampling] allows",
        "change what it names under [sampling]: max_model_len, max_num_seqs, gpu_share, dtype",
    )


def read_lines(path: str) -> list[Any]:
    """A file of JSON lines."""
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


def write_lines(path: str, rows: list[Any]) -> None:
    """Write one."""
    with Path(path).open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, separators=(",", ":")) + "\n")


def seed_of(seed: int, place: int) -> int:
    """Of one prompt: vLLM adds the number of a sibling, so those of two prompts lie far apart."""
    return int.from_bytes(sha256(f"{seed}:{place}".encode()).digest()[:7])


def _parameters(args: Args, seed: int) -> Any:
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    return SamplingParams(
        n=args["samples"],
        temperature=args["temperature"],
        max_tokens=args["max_new_tokens"],
        seed=seed if args["temperature"] else None,
        logprobs=0,
        detokenize=False,
        ignore_eos=True,
        stop_token_ids=[args["eos"]],
        output_kind=RequestOutputKind.FINAL_ONLY,
    )


def _row(output: Any, eos: int) -> list[Any]:
    """[ids without the end, log p of each and of the end, finished] for each sibling."""
    row = []
    for said in sorted(output.outputs, key=lambda one: one.index):
        ids = list(said.token_ids)
        logps = [place[token].logprob for place, token in zip(said.logprobs, ids, strict=True)]
        finished = said.finish_reason == "stop" and ids[-1] == eos
        row.append([ids[:-1] if finished else ids, logps, finished])
    return row


# --- speaking as the fork server does ------------------------------------------------


def import_vllm() -> None:
    """What takes longest of a start."""
    import vllm  # noqa: F401


def main(
    make: Callable[..., Any] = Sampler,
    prepare: Callable[[], None] = import_vllm,
    gauge: Callable[[], tuple[float, int]] | None = None,
) -> None:
    """Import vLLM, say so, then serve one request at a time until the parent hangs up.

    Args:
        gauge: CPU seconds and peak resident bytes so far; this process alone if there is none.
    """
    gauge = gauge or own_use
    parent = _settle()
    raise_loopback()

    def speak(first: bytes, message: dict[str, Any]) -> None:
        parent.sendall(first + json.dumps(message).encode() + b"\n")

    def progress(done: int, of: int, what: str) -> None:
        speak(b"J", {"progress": [done, of, what]})

    began = time.monotonic()
    try:
        prepare()
    except BaseException:
        speak(b"Z", {"ready": False, "saw": traceback.format_exc(limit=-3)})
        return
    seconds = time.monotonic() - began
    speak(b"Z", {"ready": True, "seconds": seconds, "threads": threading.active_count()})
    sampler = make(progress)
    used = 0.0  # the start is part of the first request
    for request in _requests(parent):
        speak(b"J", _answer(sampler, request))
        now, peak = gauge()
        speak(b"Z", _account(now - used, peak))
        used = now


def _answer(sampler: Any, request: Args) -> dict[str, Any]:
    try:
        return {"value": getattr(sampler, request["job"])(request["args"])}
    except Refusal as error:
        return {"refused": list(error.args)}
    except BaseException as error:
        message = f"{error}"[:2000]
        if isinstance(error, MemoryError) or any(sign in repr(error) for sign in OUT_OF_MEMORY):
            return {"out_of_memory": f"{type(error).__name__}: {message}"}
        frames = "".join(traceback.format_exception(error))[-8000:]
        return {"raised": [type(error).__name__, message, frames]}


def _requests(parent: socket.socket) -> Iterator[Args]:
    with parent.makefile("rb") as lines:
        for line in lines:
            yield json.loads(line)


def _account(cpu_seconds: float, peak_rss_bytes: int) -> dict[str, Any]:
    """What the fork server tells of a job that ended, in its words."""
    return {
        "exit": 0,
        "signal": None,
        "cpu_seconds": cpu_seconds,
        "peak_rss_bytes": peak_rss_bytes,
        "breach": None,
        "tail": "",
        "clean": True,
    }


def own_use() -> tuple[float, int]:
    """CPU seconds of this process and those it waited for; its peak of resident bytes."""
    seconds = sum(sum(resource.getrusage(who)[:2]) for who in _WHO)
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


_WHO = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
_PR_SET_PDEATHSIG = 1


def _settle() -> socket.socket:
    """Take the socket out of standard input's place, and what is printed into the complaints."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    parent = socket.socket(fileno=os.dup(0))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    sys.stdout = os.fdopen(1, "w", buffering=1, errors="replace", closefd=False)
    return parent


_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1


def raise_loopback() -> None:
    """A new network has it down, unless who made it raised it; torch wants it for any group."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_one:
        asked_for = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(any_one, _SIOCGIFFLAGS, asked_for))[1]
        if not flags & _IFF_UP:
            fcntl.ioctl(any_one, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | _IFF_UP))


if __name__ == "__main__":
    main()
