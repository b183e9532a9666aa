"""`plimsoll doctor`: one line per check, each that is not ok with the exact fix.

Nothing here imports torch: versions are read from what is installed, not asked of it.
"""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Literal

from agent.config_data import is_data, require_whole
from agent.finding import now
from agent.fitting import fitted
from agent.requirement import unmet
from agent.version import requirements
from agent.witness import verify_all
from agent.workspace import CONSTITUTION, POLICY, Workspace
from invariants import policy as policies
from logs.canonical import canonical
from logs.errors import PlimsollError
from logs.show import terminal_width
from logs.text import short
from logs.verify import LOG
from logs.vocabulary import Commit, Digest, EntryKind, State
from sandbox.accelerator import gpus

How = Literal["ok", "warn", "FAIL"]
OLDEST_PYTHON = (3, 11)
GIBIBYTE = 2**30
DISK_FAIL, DISK_WARN = 0.3, 2.0
"""Gibibytes: too little for one session of the micro-world, and for a few of them."""
NARROWEST = 40
SHOWN = ("torch", "transformers", "trl", "peft", "langgraph", "z3-solver", "pydantic")
"""The libraries whose versions are named; all that are required are compared."""


@dataclass(frozen=True, slots=True)
class Check:
    """One question to this machine."""

    name: str
    how: How
    says: str
    fix: str = ""

    def as_data(self) -> dict[str, str]:
        """For programs."""
        return {"name": self.name, "status": self.how, "says": self.says, "fix": self.fix}


def examine(folder: Path | None) -> tuple[Check, ...]:
    """Ask everything; a fault in one question does not hide the others."""
    workspace = Workspace(folder) if folder else None
    questions: tuple[tuple[str, Callable[[], Iterator[Check]]], ...] = (
        ("python", _python),
        ("packages", _packages),
        ("base model", lambda: _base(workspace)),
        ("sandbox", _sandbox),
        ("disk", lambda: _disk(folder or Path.cwd())),
        ("memory", lambda: _memory(workspace)),
        ("gpu", _gpus),
        ("z3", _solver),
        ("workspace", lambda: _files(workspace)),
        ("policy", lambda: _policy(workspace)),
        ("log", lambda: _log(workspace)),
        ("decider", lambda: _decider(workspace)),
        ("judges on servers", lambda: _judges(workspace)),
        ("terminal", _terminal),
    )
    return tuple(check for name, ask in questions for check in _asked(name, ask))


def rendered(checks: tuple[Check, ...]) -> str:
    """One line per check, the fix below what needs one."""
    width = terminal_width()
    lines = []
    for check in checks:
        lines.append(fitted(f"{check.how:<4}  {check.name}: {check.says}", width))
        if check.fix:
            lines.append(fitted(f"      fix: {check.fix}", width))
    return "\n".join(lines)


def worst(checks: tuple[Check, ...]) -> How:
    """The gravest answer."""
    return max((c.how for c in checks), key=("ok", "warn", "FAIL").index)


def _asked(name: str, ask: Callable[[], Iterator[Check]]) -> list[Check]:
    try:
        return list(ask())
    except PlimsollError as error:
        return [Check(name, "FAIL", f"{error.what} Saw {error.saw}.", error.try_this)]
    except Exception as error:
        says = f"the question itself failed: {type(error).__name__}: {error}"
        return [Check(name, "FAIL", says, "./run setup in a fresh checkout")]


def _python() -> Iterator[Check]:
    found = ".".join(map(str, sys.version_info[:3]))
    wanted = ".".join(map(str, OLDEST_PYTHON))
    if sys.version_info[:2] >= OLDEST_PYTHON:
        yield Check("python", "ok", f"{found}, {wanted} or newer is needed")
    else:
        yield Check("python", "FAIL", f"{found} is too old", f"PYTHON=python{wanted} ./run setup")


def _packages() -> Iterator[Check]:
    """The coherent set: these libraries move together or not at all."""
    faults = [fault for requirement in requirements() if (fault := unmet(requirement))]
    for name, says in faults:
        yield Check(f"package {name}", "FAIL", says, "./run setup, which installs the whole set")
    if not requirements():
        fix = "pip install plimsoll-line, or run from a checkout"
        yield Check("packages", "warn", "what is required is not known here", fix)
    elif not faults:
        versions = ", ".join(f"{name} {metadata.version(name)}" for name in SHOWN)
        yield Check("packages", "ok", f"{len(requirements())} as required: {versions}")


def _base(workspace: Workspace | None) -> Iterator[Check]:
    from agent.founding import READER, base_folder, shipped

    if workspace is not None and is_data(workspace.config):
        yield from _data(workspace)
        return
    named = workspace.config.world.base if workspace else "shipped"
    digest, founded = folder_digest(base_folder(named)), _founding(workspace)
    if founded and founded.base != digest:
        says = f"{short(digest)} here, but the log was founded on {short(founded.base)}"
        yield Check("base model", "warn", says, "none needed: the session goes on with its own")
    else:
        yield Check("base model", "ok", f"{named}, {digest}")
    yield Check("reader model", "ok", folder_digest(shipped(READER)))


def _data(workspace: Workspace) -> Iterator[Check]:
    """A user's own model and prompts."""
    from agent.base_models import model_folder
    from agent.tasks import made_of

    config = workspace.config
    require_whole(config)
    model_folder(config.world.base, "world.base")
    yield Check("base model", "ok", config.world.base)
    if _founding(workspace) is not None:
        yield Check("data", "ok", "as founded; the file is no longer read")
        return
    counts = ", ".join(f"{n} {pool}" for pool, n in made_of(config).counts().items() if n)
    yield Check("data", "ok", f"{config.data.train}: {counts}")


def folder_digest(folder: Path) -> Digest:
    """The name that the store would give to a folder; nothing is stored."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink())
    named = {p.relative_to(folder).as_posix(): sha256(p.read_bytes()).hexdigest() for p in files}
    return sha256(canonical({"files": named})).hexdigest()


def _sandbox() -> Iterator[Check]:
    from sandbox.probe import level

    found = level()
    how: dict[int, How] = {0: "FAIL", 1: "warn"}
    weak = "install bubblewrap (package bubblewrap), and allow user namespaces"
    fix = "" if found.number >= 2 else weak
    yield Check("sandbox", how.get(found.number, "ok"), f"level {found.number}, {found.how}", fix)


def _disk(folder: Path) -> Iterator[Check]:
    free = shutil.disk_usage(folder).free / GIBIBYTE
    how: How = "FAIL" if free < DISK_FAIL else "warn" if free < DISK_WARN else "ok"
    fix = "" if how == "ok" else f"free some of the disk that holds {folder}"
    yield Check("disk", how, f"{free:.1f} GiB free, {DISK_WARN:.0f} GiB are comfortable", fix)


def _memory(workspace: Workspace | None) -> Iterator[Check]:
    wanted = (workspace.config.limits.memory_mb if workspace else 3000) / 1024
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / GIBIBYTE
    cached = _available() or free
    how: How = "ok" if cached >= wanted else "warn"
    fix = "" if how == "ok" else "end other programs, or lower memory_mb under [limits]"
    yield Check("memory", how, f"{cached:.1f} GiB available, a job may use {wanted:.1f} GiB", fix)


def _available() -> float | None:
    """What Linux says a new program could use, in GiB."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    kilobytes = (line.split()[1] for line in lines if line.startswith("MemAvailable:"))
    found = next(kilobytes, None)
    return int(found) * 1024 / GIBIBYTE if found else None


def _gpus() -> Iterator[Check]:
    says = (
        "; ".join(gpu.said() for gpu in gpus()) or "none that a driver tells of: jobs use the CPU"
    )
    yield Check("gpu", "ok", says)


def _solver() -> Iterator[Check]:
    from invariants import solver

    answer = solver.satisfiable([], {}, timeout_ms=1000)
    says = f"{metadata.version('z3-solver')} answers: {answer.outcome} of no demand at all"
    how: How = "ok" if answer.outcome == "holds" else "FAIL"
    yield Check("z3", how, says, "" if how == "ok" else "pip install z3-solver again")


def _files(workspace: Workspace | None) -> Iterator[Check]:
    if workspace is None:
        yield Check("workspace", "ok", "none here; plimsoll init or plimsoll demo makes one")
        return
    config = workspace.config
    yield Check("settings", "ok", f"session {config.session.name} in {workspace.root}")
    yield from _asked(CONSTITUTION, lambda: _constitution(workspace))


def _constitution(workspace: Workspace) -> Iterator[Check]:
    found = workspace.constitution
    yield Check(CONSTITUTION, "ok", f"{len(found.principles)} principles")


def _policy(workspace: Workspace | None) -> Iterator[Check]:
    from invariants.proof import check_policy, require_sound

    if workspace is None:
        policy = policies.load(policies.default_bytes(), now=now())
    else:
        policy = policies.read(workspace.root / POLICY, now=now())
    require_sound(check_policy(policy, _founding(workspace)))
    says = f"{policy.id} version {policy.version}, {len(policy.rules)} invariants, goals proved"
    yield Check("policy", "ok", says)


def _founding(workspace: Workspace | None) -> State | None:
    if workspace is None or not (workspace.root / LOG).is_file():
        return None
    with workspace.journal() as journal:
        first = next(journal.entries(kind=EntryKind.COMMITTED, limit=1), None)
    return Commit.model_validate(first.body).state if first else None


def _log(workspace: Workspace | None) -> Iterator[Check]:
    if workspace is None or not (workspace.root / LOG).is_file():
        yield Check("log", "ok", "none yet")
        return
    answers = verify_all(workspace)
    for answer in answers:
        if answer.ok is False:
            fix = "do not resume; keep the file, and restore the log from a copy"
            yield Check("log", "FAIL", f"{answer.name}: {answer.detail}", fix)
    if all(answer.ok is not False for answer in answers):
        yield Check("log", "ok", f"verifies: {answers[1].detail}")


def _decider(workspace: Workspace | None) -> Iterator[Check]:
    from agent.deciding.examined import examined

    if workspace is not None:
        yield Check("decider", *examined(workspace))


def _judges(workspace: Workspace | None) -> Iterator[Check]:
    from agent.endpoints import judges_served

    if workspace is not None:
        for judge, found in judges_served(workspace):
            yield Check(f"judge {judge}", *found)


def _terminal() -> Iterator[Check]:
    if not sys.stdout.isatty():
        yield Check("terminal", "ok", "none: plain text, one line per event")
        return
    columns = shutil.get_terminal_size().columns
    how: How = "ok" if columns >= NARROWEST else "warn"
    fix = "" if how == "ok" else f"make it at least {NARROWEST} columns wide"
    yield Check("terminal", how, f"{columns} columns", fix)
