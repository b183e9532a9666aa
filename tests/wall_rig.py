"""A worker for the tests, walls of every kind, and eyes to see what they leave behind."""

import contextlib
import time
from pathlib import Path

import psutil

from logs.errors import WallError
from sandbox import probe
from sandbox.limits import Limits
from sandbox.plan import Kind
from sandbox.worker import Worker

ROOT = Path(__file__).resolve().parents[1]
LIMITS = Limits(
    wall_seconds=20, memory_bytes=256 << 20, file_bytes=4 << 20, processes=40, cpu_threads=2
)
BUILT = probe.level()
AT_2 = BUILT.number == 2


def buildable():
    """Every kind of wall that this machine can build."""
    for kind in Kind:
        with contextlib.suppress(WallError):
            probe.measure(kind)
            yield kind


KINDS = tuple(buildable())


class Rig:
    """A worker, and the tools to see what it leaves behind."""

    def __init__(self, folder, kind=None, **options):
        self.scratch_root = folder
        self.before = set(psutil.Process().children(recursive=True))
        options = {"limits": LIMITS} | options
        self.worker = Worker(ROOT, scratch_root=folder, kind=kind, **options)

    def __call__(self, job, scratch="job", limits=None, on_progress=None, **args):
        return self.worker.call(
            f"tests.wall_jobs:{job}",
            args,
            scratch=self.scratch_root / scratch,
            limits=limits,
            on_progress=on_progress,
        )

    def inside(self):
        """Living processes of the wall, as seen from outside."""
        family = set(psutil.Process().children(recursive=True)) - self.before
        return [p for p in family if status(p) not in (None, psutil.STATUS_ZOMBIE)]


def status(process):
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.status()


def sleepers(seconds):
    """Processes anywhere on this machine that run `sleep SECONDS`."""
    sought = ["/bin/sleep", seconds]
    return [p for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"] == sought]


def soon(condition, seconds=5.0):
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


@contextlib.contextmanager
def a_rig(folder, kind=None, **options):
    """A worker that is closed at the end, and must leave nothing."""
    rig = Rig(folder, kind, **options)
    with rig.worker:
        yield rig
    assert soon(lambda: rig.inside() == [])
