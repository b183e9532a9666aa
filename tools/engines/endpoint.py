"""An endpoint that runs already and speaks as OpenAI's completions do: asked for answers.

What it cannot do is done here or refused: without token ids its text is put into our tokens;
without log-probabilities the job scores the answers; without dynamic LoRA no adapter is drawn from.
"""

import json
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from logs.errors import EngineFailed, EngineUnfit, JobFailed
from logs.vocabulary import Digest
from sandbox import probe
from sandbox.limits import Limits
from sandbox.worker import JobResult
from tools.engines.adapters import require_fits
from tools.engines.asked import TOLERANCE_OF_HALF, Ask, Drawn, Nature, OnProgress, require_whole
from tools.engines.completions import Answer, Gone, Said, Server, Unreadable, answers_of, asked
from tools.engines.crew import Crew
from tools.engines.vllm_worker import seed_of, write_lines
from tools.models import is_adapter
from tools.store import Store

BEAT_SECONDS = 0.5
TRY_AGAIN = frozenset({408, 425, 429, *range(500, 600)})
NOT_UNDERSTOOD = frozenset({400, 422})
FIRST_WAIT = 0.5
"""Seconds before the first further try; doubled for each that follows."""
LONGEST_WAIT = 30.0
MOST_SEED = 2**31 - 1
FURTHER = (
    "return_token_ids",
    "return_tokens_as_token_ids",
    "skip_special_tokens",
    "top_k",
    "min_p",
    "repetition_penalty",
    "presence_penalty",
    "frequency_penalty",
    "stop_token_ids",
)
"""What is vLLM's own, or rarely else than this; a server that refuses them is asked without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Which endpoint is asked, and how patiently."""

    url: str
    model: str
    key: str = field(default="", repr=False)
    concurrency: int = 16
    """Requests that are open at once; each has all siblings of a prompt."""
    timeout_seconds: float = 120.0
    """Of one try; `Limits.wall_seconds` is the time of all together."""


@dataclass(frozen=True, slots=True)
class _Patience:
    """How long a draw goes on asking."""

    until: float
    over: threading.Event = field(default_factory=threading.Event)
    """Set when the draw has ended, however it did."""

    @property
    def left(self) -> float:
        """Seconds."""
        return 0.0 if self.over.is_set() else self.until - time.monotonic()


class Endpoint:
    """Draws by asking; nothing is started, so nothing is left behind."""

    def __init__(
        self,
        where: Where,
        store: Store,
        scratch: Path,
        note: Callable[[str], None] = lambda said: None,
    ) -> None:
        self.where, self.store, self.scratch, self.note = where, store, scratch, note
        self._server = Server(url=where.url.rstrip("/"), key=where.key)
        self._loaded: set[Digest] = set()
        self._without: tuple[str, ...] = ()
        self._count = 0

    @property
    def nature(self) -> Nature:
        """Nobody here knows its precision, or what it batches together."""
        return Nature(repeats=False, tolerance=TOLERANCE_OF_HALF)

    def close(self) -> None:
        """Nothing runs."""

    def draw(self, ask: Ask, *, limits: Limits, on_progress: OnProgress) -> Drawn:
        """Draw within the limits, a request for each prompt; each is tried until time is up.

        Raises:
            EngineFailed: the endpoint was gone or overloaded until then.
            EngineUnfit: it lacks the model, the key, or dynamic adapters.
            JobFailed: what it answers is no completion.
        """
        began, used = time.monotonic(), time.process_time()
        patience = _Patience(began + limits.wall_seconds)
        model = self._model(ask, patience)
        self._count += 1
        out = self.scratch / f"draw-{self._count}" / "drawn.jsonl"
        out.parent.mkdir(parents=True)
        try:
            rows = self._rows(ask, model, patience, on_progress)
            write_lines(str(out), [rows[place] for place in range(len(ask.prompts))])
            require_whole(out, ask, scored=False)
        except BaseException:
            shutil.rmtree(out.parent, ignore_errors=True)
            raise
        return Drawn(out, _used(time.monotonic() - began, time.process_time() - used))

    def _rows(
        self, ask: Ask, model: str, patience: _Patience, on_progress: OnProgress
    ) -> dict[int, list[Answer]]:
        rows: dict[int, list[Answer]] = {}
        work, of = partial(self._answers, ask, model, patience), len(ask.prompts)
        crew = Crew(work, of, self.where.concurrency)
        try:
            while len(rows) < of:
                rows |= crew.done(BEAT_SECONDS)
                on_progress(len(rows), of, "sampling")
        finally:
            # Whoever stopped this does not wait for answers that nobody wants any more.
            patience.over.set()
            crew.stop()
        return rows

    def _answers(self, ask: Ask, model: str, patience: _Patience, place: int) -> list[Answer]:
        body = {
            "model": model,
            "prompt": list(ask.prompts[place]),
            "n": ask.samples,
            "temperature": ask.temperature,
            "top_p": 1.0,
            "max_tokens": ask.max_new_tokens,
            "seed": seed_of(ask.seed, place) & MOST_SEED,
            "logprobs": 0,
            "return_token_ids": True,
            "return_tokens_as_token_ids": True,
            "skip_special_tokens": False,
            # A server may have others by default, of the model's own folder; the numbers that it
            # tells would not show them.
            "top_k": 0,
            "min_p": 0.0,
            "repetition_penalty": 1.0,
            "presence_penalty": 0.0,
            "frequency_penalty": 0.0,
            "stop_token_ids": [ask.eos],
        }
        said = self._told({k: v for k, v in body.items() if k not in self._without}, patience)
        try:
            return answers_of(said.body, ask.eos)
        except Unreadable as error:
            raise _no_completion(f"prompt {place}: {error}") from error

    def _told(self, body: dict[str, Any], patience: _Patience) -> Said:
        """A completion; asked with less, once, where the server knows less."""
        said = self._until(body, patience)
        for less in (FURTHER, (*FURTHER, "logprobs"), (*FURTHER, "logprobs", "seed")):
            if said.status not in NOT_UNDERSTOOD or not set(less) & set(body):
                break
            body = {k: v for k, v in body.items() if k not in less}
            said = self._until(body, patience)
            if said.status == 200:
                self._without = less
        if said.status != 200:
            raise self._refused(said, body["model"], patience)
        return said

    def _until(self, body: Mapping[str, Any], patience: _Patience) -> Said:
        """Try until an answer comes that trying again would not change.

        Raises:
            EngineFailed: none came in time.
        """
        pause, how = FIRST_WAIT, "nothing"
        while (left := patience.left) > 0:
            wanted = 0.0
            try:
                seconds = min(self.where.timeout_seconds, left)
                said = asked(self._server, "POST", "/completions", body, seconds=seconds)
            except Gone as error:
                how = str(error)
            else:
                if said.status not in TRY_AGAIN:
                    return said
                how, wanted = f"HTTP {said.status}: {said.message}", _asked_to_wait(said)
            pause = max(pause, wanted)
            if pause >= patience.left:
                break
            patience.over.wait(pause)
            pause = min(2 * pause, LONGEST_WAIT)
        raise EngineFailed(
            "The endpoint that draws answers gave none in time.",
            saw=f"{self.where.url}: {how}",
            wanted="completions within [limits] seconds",
            try_this="start it, or free it, or raise [limits] seconds; then: plimsoll resume",
        )

    def _refused(self, said: Said, model: str, patience: _Patience) -> EngineUnfit:
        saw = f"{self.where.url}: HTTP {said.status}: {said.message}"
        if said.status in (401, 403):
            return EngineUnfit(
                "The endpoint that draws answers wants a key.",
                saw=saw,
                wanted="its key in the environment variable that sampling.api_key_env names",
                try_this="set it in this shell; then: plimsoll resume",
            )
        if said.status == 404:
            return EngineUnfit(
                "The endpoint that draws answers does not know the model, or what is asked of it.",
                saw=f"{saw}; it serves {self._served(patience)}",
                wanted=f"{model} at POST {self.where.url}/completions",
                try_this="correct sampling.model or sampling.url; then: plimsoll resume",
            )
        return EngineUnfit(
            "The endpoint that draws answers cannot do what is asked of it.",
            saw=saw,
            wanted="completions of prompts that are token ids, several to a prompt (n)",
            try_this='serve the model by vLLM, or [sampling] engine = "vllm-server"',
        )

    def _served(self, patience: _Patience) -> str:
        try:
            seconds = max(1.0, min(10.0, patience.left))
            told = json.loads(asked(self._server, "GET", "/models", seconds=seconds).body)
            return ", ".join(str(model["id"]) for model in told["data"])[:300] or "none"
        except (Gone, ValueError, KeyError, TypeError):
            return "what it does not tell"

    def _model(self, ask: Ask, patience: _Patience) -> str:
        """The name to ask for: the base, or an adapter that was loaded by the name of its content.

        Raises:
            EngineUnfit: the endpoint loads no adapters, or what was trained is a whole model.
        """
        if ask.adapter is None:
            return self.where.model
        folder = self.store.checkout(ask.adapter)
        if not is_adapter(folder):
            raise _no_adapter("a whole model was trained, which no endpoint can be given")
        if ask.adapter not in self._loaded:
            require_fits(folder, self.store.checkout(ask.base))
            body = {"lora_name": str(ask.adapter), "lora_path": str(folder)}
            seconds = max(1.0, min(self.where.timeout_seconds, patience.left))
            try:
                said = asked(self._server, "POST", "/load_lora_adapter", body, seconds=seconds)
            except Gone as error:
                raise _no_adapter(f"{self.where.url}/load_lora_adapter: {error}") from error
            if said.status != 200 and "already" not in said.message:
                raise _no_adapter(
                    f"{self.where.url}/load_lora_adapter: HTTP {said.status}: {said.message}"
                )
            self._loaded.add(ask.adapter)
        return str(ask.adapter)


def _asked_to_wait(said: Said) -> float:
    """Seconds by Retry-After; a date or a longest wait is cut."""
    value = next((v for k, v in said.headers.items() if k.lower() == "retry-after"), "")
    return min(float(value[:6]), LONGEST_WAIT) if value.isascii() and value.isdigit() else 0.0


def _used(wall: float, cpu: float) -> JobResult:
    # Nothing ran here but questions: evidence hangs on the wall of the jobs that read the answers.
    level = probe.level().number
    return JobResult(value={}, wall_seconds=wall, cpu_seconds=cpu, peak_rss_bytes=0, level=level)


def _no_adapter(saw: str) -> EngineUnfit:
    return EngineUnfit(
        "The endpoint cannot draw from what was trained here.",
        saw=saw,
        wanted="a server on this machine that loads this base's LoRA adapters while it runs, from "
        "the folders of this workspace",
        try_this="vLLM with --enable-lora and VLLM_ALLOW_RUNTIME_LORA_UPDATING=1 beside this "
        'workspace, or [sampling] engine = "vllm-server"; then: plimsoll resume',
    )


def _no_completion(saw: str) -> JobFailed:
    return JobFailed(
        "What the endpoint answered is no completion; none of it was used.",
        saw=saw,
        wanted="choices with text or token ids, and finite log-probabilities where there are any",
        try_this="look at what sampling.url serves; then: plimsoll resume",
    )
