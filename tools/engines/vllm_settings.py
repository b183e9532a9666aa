"""How a vLLM of ours is started: its settings, its environment, what it is shown."""

import json
from dataclasses import dataclass
from pathlib import Path

from logs.errors import UsageError
from sandbox.accelerator import chosen, device_files

WORKER = Path(__file__).with_name("vllm_worker.py")
RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""What vLLM can be told an adapter's rank is at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the engine is started."""

    python: Path
    """Of the environment that has vLLM."""
    threads: int
    rank: int
    """Of the adapters that are to come; a larger one starts the engine again."""
    max_num_seqs: int
    max_model_len: int
    """Tokens of a prompt and its answer; 0 is what the model itself can."""
    memory_gb: float
    """Of the key-value cache on a processor; on a GPU it is a share of its memory."""
    gpu_share: float
    dtype: str
    start_seconds: float
    worker: Path = WORKER
    """The program that draws, or starts a server that does; another one in tests."""


def rank_of(lora: Path | None, expected: int) -> int:
    """The rank that an engine must be told of, for an adapter and for those to come.

    Raises:
        UsageError: vLLM serves none as large.
    """
    rank = expected
    if lora is not None:
        told = json.loads((lora / "adapter_config.json").read_text(encoding="utf-8"))
        rank = max(rank, int(told["r"]))
    if rank > RANKS[-1]:
        raise UsageError(
            "The adapter's rank is larger than vLLM serves.",
            saw=f"rank {rank}",
            wanted=f"at most {RANKS[-1]}",
            try_this='lower recipe.rank, or [sampling] engine = "transformers"',
        )
    return next(known for known in RANKS if known >= rank)


def environment(python: Path) -> tuple[Path, ...]:
    """The folders of that Python: its environment, and what the environment was made from.

    Raises:
        UsageError: there is no such environment.
    """
    settings = python.parent.parent / "pyvenv.cfg"
    if not (python.is_file() and settings.is_file()):
        raise UsageError(
            "The environment of vLLM is not there.",
            saw=f"no Python environment at {python}",
            wanted="[sampling] python, or $PLIMSOLL_VLLM_PYTHON: an environment with vLLM",
            try_this="./run setup-vllm",
        )
    lines = settings.read_text(encoding="utf-8").splitlines()
    told = {key.strip(): value.strip() for key, _, value in (x.partition("=") for x in lines)}
    made_from = Path(told["home"]).parent
    found = {python.parent.parent.absolute(), made_from, made_from.resolve()}
    return tuple(p for p in sorted(found) if not p.is_relative_to("/usr") and p != Path("/"))


def variables(settings: Settings) -> dict[str, str]:
    """What vLLM finds in its environment besides the usual."""
    # A processor gains nothing from kernels that are compiled at each start, for half a minute.
    compiled = {} if device_files() else {"TORCH_COMPILE_DISABLE": "1", "TORCHDYNAMO_DISABLE": "1"}
    return {
        **compiled,
        # The wall shows every GPU; which of them are for this session is said here alone.
        **chosen(),
        "PYTHONPATH": "",
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
        "VLLM_CPU_KVCACHE_SPACE": f"{max(1, round(settings.memory_gb))}",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_HOST_IP": "127.0.0.1",
        "VLLM_LOGGING_LEVEL": "WARNING",
        "GLOO_SOCKET_IFNAME": "lo",
    }


def processors() -> tuple[Path, ...]:
    """Where the kernel tells of processors and memory nodes, which vLLM counts."""
    told = Path("/sys/devices/system")
    return tuple(path for path in (told / "cpu", told / "node") if path.is_dir())
