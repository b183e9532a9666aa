"""`plimsoll policy`: show and check. `check --no-proof` needs neither z3 nor torch."""

from argparse import Namespace
from contextlib import closing
from pathlib import Path

from agent.envelope import Answer, error_data, said
from agent.finding import folder_of, now
from agent.fitting import fitted
from invariants import policy as policies
from invariants import render
from invariants.policy import Policy
from logs.errors import PlimsollError
from logs.journal import Journal
from logs.show import terminal_width
from logs.vocabulary import State

FILE, LOG = "policy.toml", "plimsoll.sqlite"
COMES_ALONG = "no workspace here: this is the policy that comes with plimsoll"
GENERIC = "nothing was founded here yet: proved about a generic founding state"


def show(options: Namespace) -> Answer:
    """The policy as people read it."""
    policy, warnings = _read(options, expiring=False)
    text = fitted(render.show(policy), terminal_width())
    return Answer(data=render.as_json(policy), text=text, warnings=warnings)


def check(options: Namespace) -> Answer:
    """Whether the policy may be activated; exit code 3 if not, 6 if z3 gave up."""
    policy, warnings = _read(options, expiring=True)
    about = {"id": policy.id, "version": policy.version, "digest": policy.digest}
    if options.no_proof:
        text = fitted(render.checked(policy), terminal_width())
        return Answer(data={"policy": about, "proof": None}, text=text, warnings=warnings)
    from invariants.proof import check_policy, require_sound

    founding = _founding(options) if options.prove else None
    if options.prove and founding is None:
        warnings = (*warnings, GENERIC)
    report = check_policy(policy, founding)
    text = fitted(render.checked(policy, report), terminal_width())
    data = {"policy": about, "proof": report.model_dump(mode="json"), "sound": report.sound}
    try:
        require_sound(report)
    except PlimsollError as error:
        data["because"] = error_data(error)
        return Answer(data, f"{text}\n\n{said(error)}", error.exit_code, warnings)
    return Answer(data=data, text=text, warnings=warnings)


def _read(options: Namespace, *, expiring: bool) -> tuple[Policy, tuple[str, ...]]:
    """The policy that is meant, and what must be said about which one that is."""
    time = now() if expiring else None
    if options.file:
        return policies.read(Path(options.file), now=time), ()
    folder = folder_of(options)
    if folder is None:
        return policies.load(policies.default_bytes(), now=time), (COMES_ALONG,)
    return policies.read(folder / FILE, now=time), ()


def _founding(options: Namespace) -> State | None:
    """The state of the founding commit; None before there is one."""
    from logs.vocabulary import Commit, EntryKind

    folder = folder_of(options)
    if folder is None or not (folder / LOG).exists():
        return None
    with closing(Journal(folder / LOG, read_only=True)) as journal:
        first = next(journal.entries(kind=EntryKind.COMMITTED, limit=1), None)
    return Commit.model_validate(first.body).state if first else None
