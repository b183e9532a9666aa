"""`plimsoll decider`: the decision table with its conditions, and what is proved of it."""

from argparse import Namespace
from pathlib import Path

from agent.commands_policy import COMES_ALONG, FILE
from agent.envelope import Answer, error_data, said
from agent.finding import folder_of
from agent.fitting import fitted
from invariants import policy as policies
from invariants.policy import Policy
from logs.errors import PlimsollError, Refused, Undecided
from logs.show import terminal_width
from logs.vocabulary import Outcome


def show(_: Namespace) -> Answer:
    """The table as people read it."""
    from agent.rules import TABLE
    from agent.table.told import as_json, table_text

    return Answer(data=as_json(TABLE), text=fitted(table_text(TABLE), terminal_width()))


def prove(options: Namespace) -> Answer:
    """Whether the theorem holds; exit code 3 if not, 6 if a solver gave up."""
    from agent.rules import TABLE
    from agent.table.theorem import prove as prove_table
    from agent.table.told import proved_text
    from invariants.solver import Desk, crosscheck

    policy, warnings = _policy(options)
    if options.cross_check:
        crosscheck.version()  # refuses before the long part
    desk = Desk(options.seconds * 1000)
    report = prove_table(TABLE, policy, desk=desk)
    crossed = crosscheck.disagreements(desk.asked) if options.cross_check else None
    text = proved_text(report, policy, whole=options.all)
    if crossed is not None:
        agreed = len(desk.asked) - len(crossed)
        text += f"cvc5 agrees with z3 on {agreed} of {len(desk.asked)} questions\n"
        text += "".join(f"  {line}\n" for line in crossed)
    data = {
        "policy": {"id": policy.id, "version": policy.version, "digest": policy.digest},
        "proof": report.model_dump(mode="json"),
        "sound": report.sound,
        "questions": len(desk.asked),
        "cross_check": list(crossed) if crossed is not None else None,
    }
    try:
        _require(report.sound, [c.proved for c in report.claims] + [w.alive for w in report.ways])
        _require_agreement(crossed)
    except PlimsollError as error:
        data["because"] = error_data(error)
        shown = f"{fitted(text, terminal_width())}\n\n{said(error)}"
        return Answer(data, shown, error.exit_code, warnings)
    return Answer(data, fitted(text, terminal_width()), warnings=warnings)


def _require(sound: bool, answers: list[Outcome]) -> None:
    if Outcome.BROKEN in answers:
        raise Refused(
            "The decision table could choose what is not the agent's to choose.",
            saw="a claim that is false, or a line that never decides; see above",
            wanted="every claim proved, and every line of some use",
            try_this="mend the condition of that line in agent/rules.py",
        )
    if not sound:
        raise Undecided(
            "z3 gave up on a question about the decision table.",
            saw="an answer `undecided`, see above",
            wanted="every question answered",
            try_this="allow more time with --seconds",
        )


def _require_agreement(crossed: tuple[str, ...] | None) -> None:
    if crossed:
        raise Undecided(
            "The two solvers do not agree.",
            saw="; ".join(crossed[:3]),
            wanted="the same answer to every question",
            try_this="do not rely on the proof, and report the question",
        )


def _policy(options: Namespace) -> tuple[Policy, tuple[str, ...]]:
    """The policy that is meant; an expired one can still be proved about."""
    if options.file:
        return policies.read(Path(options.file), now=None), ()
    folder = folder_of(options)
    if folder is None:
        return policies.load(policies.default_bytes(), now=None), (COMES_ALONG,)
    return policies.read(folder / FILE, now=None), ()
