"""`plimsoll policy prove` and `policy diff`: what z3 can say of policies, in words."""

from argparse import Namespace
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from agent.commands_policy import COMES_ALONG, FILE, GENERIC, LOG
from agent.envelope import Answer, error_data, said
from agent.finding import folder_of, now
from agent.fitting import fitted
from invariants import policy as policies
from invariants.policy import Policy
from logs.errors import PlimsollError, Refused, Undecided, UsageError
from logs.show import terminal_width
from logs.vocabulary import State

if TYPE_CHECKING:
    from invariants.solver import Desk


def prove(options: Namespace) -> Answer:
    """Whether the policy may be activated; exit code 3 if not, 6 if a solver gave up."""
    from invariants.proof import check_policy, require_sound
    from invariants.render_proof import proved
    from invariants.solver import Desk, crosscheck

    policy, warnings = _policy(options, options.file)
    founding = _founding(options)
    if founding is None:
        warnings = (*warnings, GENERIC)
    if options.cross_check:
        crosscheck.version()  # refuses before the long part
    desk = Desk(options.seconds * 1000)
    report = check_policy(policy, founding, desk=desk)
    if options.smt_lib:
        _export(Path(options.smt_lib), desk)
    crossed = crosscheck.disagreements(desk.asked) if options.cross_check else None
    text = fitted(proved(policy, report, desk.asked, crossed), terminal_width())
    data = {
        "policy": {"id": policy.id, "version": policy.version, "digest": policy.digest},
        "proof": report.model_dump(mode="json"),
        "sound": report.sound,
        "questions": [
            {"name": one.name, "found": one.found, "smtlib": one.digest, "ms": round(one.ms, 1)}
            for one in desk.asked
        ],
        "cross_check": list(crossed) if crossed is not None else None,
    }
    try:
        require_sound(report)
        _require_agreement(crossed)
    except PlimsollError as error:
        data["because"] = error_data(error)
        return Answer(data, f"{text}\n\n{said(error)}", error.exit_code, warnings)
    return Answer(data=data, text=text, warnings=warnings)


def _require_agreement(crossed: tuple[str, ...] | None) -> None:
    if crossed:
        raise Undecided(
            "The two solvers do not agree.",
            saw="; ".join(crossed[:3]),
            wanted="the same answer to every question",
            try_this="export the question with --smt-lib and report it; do not activate the policy",
        )


def _export(folder: Path, desk: "Desk") -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number, one in enumerate(desk.asked, 1):
            name = f"{number:03}-{one.name.replace('/', '-').replace(' ', '-')}.smt2"
            (folder / name).write_text(f"; {one.name}: z3 says {one.found}\n{one.text}")
    except OSError as error:
        raise UsageError(
            "The questions cannot be written.",
            saw=f"{folder}: {error.strerror}",
            wanted="a folder that can be made, or is there",
            try_this="name another folder behind --smt-lib",
        ) from error


def diff(options: Namespace) -> Answer:
    """What B permits that A forbids, and the reverse; exit code 3 if it permits anything new."""
    from invariants.compare import compare, told

    old = policies.read(Path(options.old))
    new, warnings = _policy(options, options.new)
    found = compare(old, new, _founding(options))
    text = fitted(told(old, new, found), terminal_width())
    code = {
        "looser": Refused.exit_code,
        "incomparable": Refused.exit_code,
        "unknown": Undecided.exit_code,
    }.get(found.verdict, 0)
    return Answer(found.model_dump(mode="json"), text, code, warnings)


def _policy(options: Namespace, file: str | None) -> tuple[Policy, tuple[str, ...]]:
    """The policy that is meant; an expired one can still be proved about."""
    if file:
        return policies.read(Path(file), now=None), ()
    folder = folder_of(options)
    if folder is None:
        return policies.load(policies.default_bytes(), now=now()), (COMES_ALONG,)
    return policies.read(folder / FILE, now=None), ()


def _founding(options: Namespace) -> State | None:
    """The state of the founding commit; None before there is one."""
    from logs.journal import Journal
    from logs.vocabulary import Commit, EntryKind

    folder = folder_of(options)
    if folder is None or not (folder / LOG).exists():
        return None
    with closing(Journal(folder / LOG, read_only=True)) as journal:
        first = next(journal.entries(kind=EntryKind.COMMITTED, limit=1), None)
    return Commit.model_validate(first.body).state if first else None
