"""Each forbidden act, tried from inside: the wall is believed only where the act fails."""

import mmap
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sandbox import landlock
from sandbox.child import Progress


def attack(args: dict[str, Any], scratch: Path, progress: Progress) -> dict[str, Any]:
    """Try every act once; an act counts as refused only when the kernel said no."""
    return {
        "network_blocked": _refused(lambda: _connect(args["tcp"])) and _silent(args["udp"]),
        "filesystem_read_only": all(_unwritable(Path(path)) for path in args["outside"]),
        "pid_namespace": _unseen(args["pid"], args["started"]),
        "memory_limit": _no_memory(args["memory_bytes"]),
        "file_limit": _refused(lambda: _large_file(scratch / "large", args["file_bytes"])),
        "landlock": landlock.version(),
    }


def _refused(act: Callable[[], object]) -> bool:
    try:
        act()
    except OSError:
        return True
    return False


def _connect(port: int) -> None:
    socket.create_connection(("127.0.0.1", port), timeout=0.5).close()


def _silent(port: int) -> bool:
    """Whether nobody answers a datagram that the parent would answer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mouth:
        mouth.settimeout(0.5)
        try:
            mouth.connect(("127.0.0.1", port))
            mouth.send(b"?")
            mouth.recv(1)
        except OSError:
            return True
    return False


def _unwritable(path: Path) -> bool:
    """Open for writing, without writing, and set the mode that it has."""
    mode = path.stat().st_mode if path.exists() else 0o600
    return _refused(lambda: os.close(os.open(path, os.O_WRONLY))) and _refused(
        lambda: path.chmod(mode)
    )


def _unseen(pid: int, started: str) -> bool:
    try:
        return start_time(pid) != started
    except OSError:
        return True


def start_time(pid: int) -> str:
    """When a process started, in clock ticks since boot: with the pid, its identity."""
    return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[19]


def _no_memory(limit: int) -> bool:
    for allocate in (bytearray, lambda size: mmap.mmap(-1, size)):
        try:
            allocate(2 * limit)
        except (MemoryError, OSError):
            continue
        return False
    return True


def _large_file(path: Path, limit: int) -> None:
    # By default the write that breaks the limit ends the process.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with path.open("wb") as file:
        for _ in range(3):
            file.write(bytes(limit // 2))
