"""`plimsoll demo`, `init` and `doctor`: how one begins."""

import shlex
import sys
from argparse import Namespace
from itertools import count
from pathlib import Path

from agent import config as configuration
from agent.commands_run import watched
from agent.config import Config, SessionSection
from agent.config_data import is_data, require_whole
from agent.envelope import Answer, put
from agent.face import silent
from agent.finding import MARK, folder_of
from agent.overview import Overview, Standing, open_log, overview
from agent.workspace import CONFIG, CONSTITUTION, DEFAULT_CONSTITUTION, POLICY, Workspace
from invariants import policy as policies
from invariants.data_policy import data_bytes
from logs.errors import PlimsollError, UsageError
from logs.vocabulary import Recipe

DEMO = "plimsoll-demo"
"""Folder of the first demo; the next ones are numbered."""
SESSION = "demo"
ITERATIONS = 12
SHORTER = Recipe(prompts=768, epochs=2, replay=512)
"""The default recipe with half the data and one pass less: twelve turns in a few minutes."""
UNBOUNDED = (
    "no harmful requests were given ([data] safety): this policy has no floor on harm, and says so"
)
SAME = (
    "the judge that teaches is the verifier, which is gold too: what it gets wrong no number shows"
)
GO_ON = {
    Standing.NOT_BEGUN: "run",
    Standing.RUNNING: "status",
    Standing.INTERRUPTED: "resume",
    Standing.PLANNED: "resume",
    Standing.HALTED: "resume",
}


def demo(options: Namespace) -> Answer:
    """A workspace of its own in this folder, a short session in it, and its story."""
    section = SessionSection(
        name=SESSION,
        iterations=ITERATIONS if options.iterations is None else options.iterations,
        seed=options.seed or 0,
    )
    folder = _chosen(Path(options.workspace)) if options.workspace else _next_place(Path())
    if options.dry_run:
        text = f"would run a demo of {section.iterations} iterations in {folder}"
        data = {"dry_run": True, "workspace": str(folder), "iterations": section.iterations}
        return Answer(data, text)
    workspace = _created(folder, Config(session=section, recipe=SHORTER), policies.default_bytes())
    if not silent(options):
        put(f"demo: {section.iterations} iterations in {folder}", sys.stderr)
    from agent import session

    answer = watched(workspace, session.run, options)
    here = f"inside  cd {shlex.quote(str(folder))}  (there the commands above find the workspace)"
    return Answer(answer.data, f"{answer.text}\n{here}", answer.exit_code, answer.warnings)


def init(options: Namespace) -> Answer:
    """The three files that people own: settings, constitution, policy."""
    named = options.workspace if options.folder == "." and options.workspace else options.folder
    folder = Path(named)
    config = _given(Path(options.config)) if options.config else Config()
    policy = _policy_for(config)
    files = {
        CONFIG: configuration.dump(config),
        CONSTITUTION: DEFAULT_CONSTITUTION.read_text(encoding="utf-8"),
        POLICY: policy.decode("utf-8"),
    }
    warnings = _told(config)
    if options.dry_run:
        text = "\n".join(f"# --- {folder / name}\n{content}" for name, content in files.items())
        data = {"workspace": str(folder), "files": files, "dry_run": True}
        return Answer(data, text, warnings=warnings)
    _created(folder, config, policy)
    text = "\n".join(
        [*(f"wrote {folder / name}" for name in files), "next: plimsoll doctor, then plimsoll run"]
    )
    data = {"workspace": str(folder), "files": list(files), "dry_run": False}
    return Answer(data, text, warnings=warnings)


def _given(path: Path) -> Config:
    """Settings that somebody wrote, as a workspace elsewhere can read them.

    Raises:
        UsageError: they cannot be read, or what they name cannot be founded.
    """
    if not path.is_file():
        raise UsageError(
            "The settings to begin with are not there.",
            saw=f"no file {path}",
            wanted="a TOML file with the tables of plimsoll.toml, as many as differ",
            try_this="plimsoll init --dry-run shows all of them",
        )
    config = configuration.read(path)
    if is_data(config):
        from agent.tasks import made_of

        require_whole(config)
        made_of(config)
    return config


def _told(config: Config) -> tuple[str, ...]:
    """What somebody should know before a session on data of their own."""
    if not is_data(config):
        return ()
    bare, same = not config.data.safety, config.judges.founding == "verifier"
    return (*((UNBOUNDED,) if bare else ()), *((SAME,) if same else ()))


def _policy_for(config: Config) -> bytes:
    if is_data(config):
        return data_bytes(safety=bool(config.data.safety))
    return policies.default_bytes()


def doctor(options: Namespace) -> Answer:
    """What this machine has and lacks, each with the fix; exit code 1 if something must be."""
    from agent.doctor import examine, rendered, worst

    found = examine(folder_of(options))
    return Answer(
        data={"checks": [check.as_data() for check in found]},
        text=rendered(found),
        exit_code=PlimsollError.exit_code if worst(found) == "FAIL" else 0,
    )


def _created(folder: Path, config: Config, policy: bytes) -> Workspace:
    """A new workspace; nothing that people wrote is written over."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(
            "A workspace is a folder.",
            saw=f"a file, {folder}",
            wanted="a new or empty folder",
            try_this="name another one",
        )
    there = [name for name in (CONSTITUTION, POLICY) if (folder / name).exists()]
    if there and not (folder / CONFIG).exists():
        raise UsageError(
            "This folder holds files that would be written over.",
            saw=", ".join(str(folder / name) for name in there),
            wanted="a folder without them",
            try_this="name another folder, or move them away",
        )
    return Workspace.create(folder.resolve(), config, policy)


def _next_place(here: Path) -> Path:
    """`plimsoll-demo`, or the next free name behind demos that are over."""
    for number in count(1):
        folder = here / (DEMO if number == 1 else f"{DEMO}-{number}")
        if not folder.exists():
            return folder
        _demand_over(folder)
    raise AssertionError("numbers do not end")


def _chosen(folder: Path) -> Path:
    if folder.is_dir():
        _demand_over(folder)
    return folder


def _demand_over(folder: Path) -> None:
    """Refuse while a demo in that folder could go on."""
    found = _overview(folder)
    if found is None or found.ended or found.standing not in GO_ON:
        return
    raise UsageError(
        "A demo here is not over.",
        saw=f"{folder}: iteration {found.iteration} of {found.iterations}, {found.standing}",
        wanted="one demo at a time",
        try_this=f"plimsoll {GO_ON[found.standing]} --workspace {shlex.quote(str(folder))};"
        " or another folder: plimsoll demo --workspace DIR",
    )


def _overview(folder: Path) -> Overview | None:
    """Where the demo in a folder stands; None where there is none, or none that can be read."""
    if not (folder / MARK).is_file():
        return None
    workspace = Workspace(folder)
    try:
        journal = open_log(workspace)
        return overview(workspace, workspace.config.session.name, journal)
    except PlimsollError:
        return None
