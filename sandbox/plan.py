"""What each kind of wall is made of: its command line, its mounts, its environment."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from pathlib import Path

from logs.errors import WallError
from sandbox.limits import MEBIBYTE, Limits

PRIVATE_TMP_BYTES = 256 * MEBIBYTE
"""Size of the wall's own /tmp and /dev/shm; both are memory."""

MARK = "PLIMSOLL_WALL"
"""Environment variable that names the wall a process belongs to."""


class Kind(StrEnum):
    """How a wall is built, strongest first."""

    BUBBLEWRAP = "bubblewrap"
    """Own users, processes, network and mounts; sees only what a job needs."""
    NAMESPACES = "namespaces"
    """Own users, processes and network, by unshare; the outer files are in sight."""
    NETWORK = "network namespace"
    """Own users and network, by unshare."""
    PROCESS = "process"
    """A process with limits and nothing else."""

    @property
    def own_processes(self) -> bool:
        """Whether the kernel ends all that is inside when its first process ends."""
        return self in (Kind.BUBBLEWRAP, Kind.NAMESPACES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One wall, before it is built."""

    kind: Kind
    root: Path
    """The folder that holds agent/, tools/ and so on; only its code is mounted."""
    scratch_root: Path
    """The one place that can be written to; each job has a folder of its own in it."""
    read_only: tuple[Path, ...]
    preload: tuple[str, ...]
    limits: Limits
    mark: str
    program: tuple[str, ...] = ()
    """What runs inside and speaks as the fork server does; empty is the fork server itself."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """What that program finds in its environment besides, or instead of, the usual."""
    devices: tuple[Path, ...] = ()
    """Device files that are shown besides the usual ones."""

    def __post_init__(self) -> None:
        for path in (self.root, self.scratch_root, *self.read_only):
            if not (path.is_absolute() and path.exists()):
                raise WallError(
                    "The wall can only show paths that exist.",
                    saw=str(path),
                    wanted="an absolute path of something that is there",
                    try_this="make it before the first job, and pass path.resolve()",
                )
        for path in (self.root, *self.read_only):
            if path.resolve().is_relative_to(self.scratch_root.resolve()):
                raise WallError(
                    "What is read-only may not lie inside what is writable.",
                    saw=f"{path} inside {self.scratch_root}",
                    wanted="scratch_root apart from root and from every read_only path",
                    try_this="give the jobs a scratch_root of their own",
                )

    @property
    def private_tmp(self) -> bool:
        """Whether /tmp belongs to this wall alone."""
        return self.kind is Kind.BUBBLEWRAP

    @property
    def home(self) -> Path:
        """Where libraries keep caches while they are preloaded; every job may write there."""
        # A folder of its own: the scratch folder may itself lie below /tmp.
        return Path("/tmp/plimsoll") if self.private_tmp else self.scratch_root / ".home"

    @property
    def writable(self) -> tuple[Path, ...]:
        """What a job may write to besides its own scratch folder."""
        own = (self.home, Path("/dev/shm")) if self.private_tmp else (self.home,)
        return (*own, *self.devices)

    @property
    def counts_tasks(self) -> bool:
        """Whether RLIMIT_NPROC counts this wall's tasks and not all of the user's.

        The kernel counts per user namespace since Linux 5.14.
        """
        major, minor = (int(part) for part in re.findall(r"\d+", os.uname().release)[:2])
        return self.kind is not Kind.PROCESS and (major, minor) >= (5, 14)


def command(plan: Plan) -> list[str]:
    """The command that builds the wall and runs the fork server inside.

    Raises:
        WallError: the tool for this kind of wall is not installed.
    """
    server = (sys.executable, "-s", "-P", "-B", "-m", "sandbox.zygote", *plan.preload)
    python = list(plan.program or server)
    match plan.kind:
        case Kind.BUBBLEWRAP:
            return [*_bubblewrap(plan), "--", *python]
        case Kind.NAMESPACES:
            unshare = [_tool("unshare"), "--map-root-user", "--net", "--ipc", "--pid"]
            return [*unshare, "--fork", "--mount-proc", "--kill-child", *python]
        case Kind.NETWORK:
            return [_tool("unshare"), "--map-root-user", "--net", "--ipc", *python]
        case Kind.PROCESS:
            return python


def environment(plan: Plan) -> dict[str, str]:
    """Everything the wall and the jobs find in their environment; nothing is inherited.

    The builder itself starts with it: `bwrap --clearenv` leaves the caller's environment
    readable in /proc/1/environ.
    """
    return {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(plan.root),
        "HOME": str(plan.home),
        "TMPDIR": str(plan.home),
        "USER": "plimsoll",
        "LANG": "C.UTF-8",
        # The order of a set is part of what a seed should repeat.
        "PYTHONHASHSEED": "0",
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "DO_NOT_TRACK": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "OMP_NUM_THREADS": str(plan.limits.cpu_threads),
        # Threads that wait by spinning cost a busy machine several times the work itself.
        "OMP_WAIT_POLICY": "passive",
        # These pools start on import, and a pool does not survive a fork.
        "OPENBLAS_NUM_THREADS": "1",
        "JE_ARROW_MALLOC_CONF": "background_thread:false",
        **plan.variables,
        MARK: plan.mark,
    }


def _bubblewrap(plan: Plan) -> Iterator[str]:
    tool = _tool("bwrap")
    knows = _options(tool)
    yield from (tool, "--unshare-all", "--unshare-user", "--die-with-parent", "--new-session")
    yield from ("--as-pid-1", "--cap-drop", "ALL", "--hostname", "plimsoll")
    if "--disable-userns" in knows:
        yield "--disable-userns"
    size = ("--size", str(PRIVATE_TMP_BYTES)) if "--size" in knows else ()
    yield from ("--proc", "/proc", "--dev", "/dev", *size, "--tmpfs", "/dev/shm")
    for device in plan.devices:
        yield from ("--dev-bind", str(device), str(device))
    yield from (*size, "--tmpfs", "/tmp", "--dir", str(plan.home))
    yield from _system()
    for path in sorted({*_interpreter(), *_code(plan.root), *plan.read_only}):
        yield from ("--ro-bind", str(path.resolve()), str(path))
    scratch = str(plan.scratch_root)
    yield from ("--bind", scratch, scratch, "--chdir", scratch)
    # Both are memory without a size; no job needs to write there.
    yield from ("--remount-ro", "/dev", "--remount-ro", "/")


def _system() -> Iterator[str]:
    yield from ("--ro-bind", "/usr", "/usr")
    for name in ("/lib", "/lib32", "/lib64", "/bin", "/sbin"):
        path = Path(name)
        if path.is_symlink():
            yield from ("--symlink", os.readlink(path), name)
        elif path.is_dir():
            yield from ("--ro-bind", name, name)
    for name in ("/etc/ld.so.cache", "/etc/localtime", "/etc/alternatives"):
        yield from ("--ro-bind-try", name, name)


def _interpreter() -> Iterator[Path]:
    """The folders of Python and of its environment, under each name they go by."""
    found = {Path(sys.prefix), Path(sys.base_prefix), Path(sys.base_exec_prefix)}
    found |= {path.resolve() for path in found}
    found.add(Path(sys.executable).resolve().parent.parent)
    for path in found:
        # /usr is mounted already; the root of everything never is.
        if path != Path("/") and not path.is_relative_to("/usr"):
            yield path


def _code(root: Path) -> Iterator[Path]:
    """The folders of the root that hold code: no workspace, no log, no git history."""
    for path in root.iterdir():
        if path.is_dir() and not path.name.startswith(".") and any(path.glob("*.py")):
            yield path


def _tool(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise WallError(
            f"{name} is not installed.",
            saw=f"no {name} on PATH",
            wanted=f"{name}, to build the wall",
            try_this=install_hint(name),
        )
    return path


def install_hint(name: str) -> str:
    """The command that installs a tool on this machine."""
    package = {"bwrap": "bubblewrap", "unshare": "util-linux"}[name]
    managers = {
        "apt-get": "apt-get install -y",
        "dnf": "dnf install -y",
        "pacman": "pacman -S --noconfirm",
        "zypper": "zypper install -y",
        "apk": "apk add",
    }
    for manager, install in managers.items():
        if shutil.which(manager):
            sudo = "" if os.geteuid() == 0 else "sudo "
            return f"{sudo}{install} {package}"
    return f"install the package {package}"


@cache
def _options(tool: str) -> str:
    """What this version of bubblewrap can do, in its own words."""
    told = subprocess.run([tool, "--help"], capture_output=True, text=True, timeout=10, check=False)
    return told.stdout + told.stderr
