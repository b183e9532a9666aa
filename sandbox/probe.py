"""How strong a wall this machine can build, found out by attacking it."""

import os
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from logs.errors import WallError
from sandbox.attacks import start_time
from sandbox.cell import Cell
from sandbox.limits import MEBIBYTE, Limits
from sandbox.plan import Kind, Plan
from sandbox.wire import JSON

PROBE_LIMITS = Limits(
    wall_seconds=20.0, memory_bytes=64 * MEBIBYTE, file_bytes=MEBIBYTE, cpu_threads=1
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """What the wall of this machine holds back; every field but `how` was tried."""

    number: int
    """2: bubblewrap, and every act below refused. 1: a process with limits. 0: nothing runs."""
    network_blocked: bool = False
    filesystem_read_only: bool = False
    pid_namespace: bool = False
    memory_limit: bool = False
    file_limit: bool = False
    how: str
    """What was built, what was missing, and the command that would mend it."""
    kind: Kind | None = None


@cache
def level() -> Level:
    """Build the strongest wall that this machine allows and attack it; once per process.

    Returns:
        Level 0 when not even a process with limits could be started.
    """
    reasons: list[str] = []
    for kind in Kind:
        try:
            return _measure(kind, reasons)
        except WallError as error:
            reasons.append(f"no {kind}: {_one_line(error)}")
    return Level(number=0, how="; ".join(reasons))


@cache
def measure(kind: Kind) -> Level:
    """Build this kind of wall and attack it; once per process.

    Raises:
        WallError: it cannot be built here.
    """
    return _measure(kind, [])


def _measure(kind: Kind, reasons: list[str]) -> Level:
    with tempfile.TemporaryDirectory(prefix="plimsoll-probe-") as folder:
        found = _attack(kind, Path(folder).resolve())
    landlock = found.pop("landlock")
    broken = [name for name, refused in found.items() if not refused]
    holds = f"failed at {', '.join(broken)}" if broken else "every forbidden act was refused"
    fence = f"Landlock {landlock}" if landlock else "no Landlock"
    how = "; ".join([f"{kind}, {fence}: {holds}", *reasons])
    number = 2 if kind is Kind.BUBBLEWRAP and not broken else 1
    return Level(number=number, how=how, kind=kind, **found)


def _attack(kind: Kind, folder: Path) -> dict[str, Any]:
    scratch_root, victim = folder / "scratch", folder / "victim"
    (scratch_root / "job").mkdir(parents=True)
    victim.touch()
    root = Path(__file__).resolve().parents[1]
    plan = Plan(
        kind=kind,
        root=root,
        scratch_root=scratch_root,
        read_only=(),
        preload=(),
        limits=PROBE_LIMITS,
        mark=folder.name,
    )
    with _listeners() as (tcp, udp):
        args: dict[str, JSON] = {
            "tcp": tcp,
            "udp": udp,
            "outside": [str(victim), __file__],
            "pid": os.getpid(),
            "started": start_time(os.getpid()),
            "memory_bytes": PROBE_LIMITS.memory_bytes,
            "file_bytes": PROBE_LIMITS.file_bytes,
        }
        cell = Cell(plan, start_seconds=30.0)
        try:
            request = cell.request(
                "sandbox.attacks:attack", args, scratch=scratch_root / "job", limits=PROBE_LIMITS
            )
            ended = cell.run(request, seconds=PROBE_LIMITS.wall_seconds)
        finally:
            cell.kill()
    if "value" not in ended.report:
        raise WallError(
            f"The attack on the wall ({kind}) did not finish.",
            saw=f"{dict(ended.report)} {ended.tail}".strip(),
            wanted="an answer for every act",
            try_this="plimsoll doctor",
        )
    return dict(ended.report["value"])


@contextmanager
def _listeners() -> Iterator[tuple[int, int]]:
    """A TCP port that accepts and a UDP port that answers, on the outer loopback."""
    with (
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
    ):
        udp.bind(("127.0.0.1", 0))
        udp.settimeout(0.05)
        stop = threading.Event()
        answering = threading.Thread(target=_answer, args=(udp, stop), daemon=True)
        answering.start()
        try:
            yield tcp.getsockname()[1], udp.getsockname()[1]
        finally:
            stop.set()
            answering.join()


def _answer(udp: socket.socket, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            _, sender = udp.recvfrom(16)
            udp.sendto(b"!", sender)
        except TimeoutError:
            continue


def _one_line(error: WallError) -> str:
    return " ".join(f"{error.saw} (try: {error.try_this})".split())
