"""`plimsoll log bisect`: the first iteration of which something is true.

A predicate is read off the log, so every iteration is asked and the first is the first. A command
costs time, so it is asked by halves: right if what is bad stays bad, and that is said.
"""

import os
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable
from contextlib import closing
from typing import Any

from agent.envelope import Answer
from agent.finding import workspace_of
from agent.fitting import named
from agent.overview import session_of
from logs.bisecting import Found, Verdict, by_halves, one_by_one
from logs.errors import PlimsollError, Refused, Undecided, UsageError
from logs.predicates import Predicate, parse
from logs.show import terminal_width
from logs.summary import of_measurement
from logs.turns import Turn, turns

CANNOT_JUDGE = 125
"""What a command answers of an iteration that it cannot judge; as for `git bisect run`."""
LAST_VERDICT = 127
"""A command that ends with more was killed, or not started."""
STDERR = 2
"""Where the output of the command goes: stdout is for the answer."""
HALVES = "found by halves, which is right if what is bad stays bad; --every asks each iteration"


def bisect(options: Namespace) -> Answer:
    """The first iteration where a predicate became true, or where a command says no."""
    if bool(options.where) is bool(options.program):
        raise UsageError(
            "What makes an iteration bad is said by a predicate, or by a command.",
            saw=f"--where {options.where!r}, run {' '.join(options.program)!r}",
            wanted="--where PREDICATE, or run COMMAND",
            try_this="plimsoll log bisect --where 'gold < 0.5'",
        )
    workspace = workspace_of(options)
    with closing(workspace.journal()) as journal:
        name = session_of(workspace, journal, options.session)
        told = [t for t in turns(journal, name) if _within(t, options)]
    if options.where:
        return _by_predicate(name, told, parse(options.where))
    return _by_command(workspace.root, name, told, options.program, every=options.every)


def _within(turn: Turn, options: Namespace) -> bool:
    after = options.good is None or turn.iteration > options.good
    return after and (options.bad is None or turn.iteration <= options.bad)


def _by_predicate(session: str, told: list[Turn], wanted: Predicate) -> Answer:
    values = wanted.values(told)
    if not values:
        raise wanted.unknown(told)
    verdicts = {i: wanted.holds(m) for i, m in values.items()}
    found = one_by_one(list(verdicts), lambda i: Verdict.of(verdicts[i]))
    back = [i for i, v in verdicts.items() if v is False and found.first and i > found.first]
    notes = ("iterations where it is false again: " + ", ".join(map(str, back)),) if back else ()
    says = {i: of_measurement(m) for i, m in values.items()}
    return _answer(session, found, notes, says, str(wanted), monotone=not back)


def _by_command(
    root: Any, session: str, told: list[Turn], command: list[str], *, every: bool
) -> Answer:
    by_iteration = {turn.iteration: turn for turn in told}
    ask = _asking(root, session, by_iteration, command)
    search = one_by_one if every else by_halves
    found = search(list(by_iteration), ask)
    notes = () if every else (HALVES,)
    return _answer(session, found, notes, {}, " ".join(command), monotone=None)


def _asking(
    root: Any, session: str, told: dict[int, Turn], command: list[str]
) -> Callable[[int], Verdict]:
    def ask(iteration: int) -> Verdict:
        turn = told[iteration]
        head = turn.digest or (turn.observation.head if turn.observation else "")
        place = {
            "PLIMSOLL_WORKSPACE": str(root),
            "PLIMSOLL_SESSION": session,
            "PLIMSOLL_ITERATION": str(iteration),
            "PLIMSOLL_COMMIT": head,
        }
        try:
            done = subprocess.run(command, env=os.environ | place, stdout=STDERR, check=False)
        except OSError as error:
            raise UsageError(
                "The command cannot be run.",
                saw=f"{command[0]}: {error.strerror or error}",
                wanted="a program; its exit code says good (0), bad (1 to 124), cannot tell (125)",
                try_this="plimsoll log bisect run ./is-it-good.sh",
            ) from error
        if done.returncode < 0 or done.returncode > LAST_VERDICT:
            raise PlimsollError(
                "The command was ended before it answered.",
                saw=f"exit code {done.returncode} at iteration {iteration}",
                wanted="0 for good, 1 to 127 for bad, 125 for neither",
                try_this="run it by hand with PLIMSOLL_ITERATION and PLIMSOLL_COMMIT set",
            )
        print(f"iteration {iteration}: exit code {done.returncode}", file=sys.stderr)
        skip = done.returncode == CANNOT_JUDGE
        return Verdict.SKIP if skip else Verdict.of(done.returncode != 0)

    return ask


def _answer(
    session: str,
    found: Found,
    notes: tuple[str, ...],
    says: dict[int, str],
    what: str,
    *,
    monotone: bool | None,
) -> Answer:
    data = {
        "session": session,
        "what": what,
        "first": found.first,
        "candidates": list(found.candidates),
        "last_good": found.last_good,
        "asked": {str(i): str(v) for i, v in found.asked.items()},
        "monotone": monotone,
    }
    if found.first is None and not found.candidates:
        skipped = [i for i, v in found.asked.items() if v is Verdict.SKIP]
        judged = len(found.asked) - len(skipped)
        text = f"never, in {judged} iterations that were judged"
        if skipped:
            text += f"; not to be judged: {', '.join(map(str, sorted(skipped)))}"
        code = Undecided.exit_code if skipped or not judged else Refused.exit_code
        return Answer(data=data, text=text, exit_code=code, warnings=notes)
    if found.first is None:
        which = ", ".join(map(str, found.candidates))
        text = f"one of iterations {which}; all but the last of them cannot be judged"
        return Answer(data=data, text=text, exit_code=Undecided.exit_code, warnings=notes)
    rows = [("first", f"iteration {found.first} of {session}: {what}")]
    rows += [("there", says[found.first])] if found.first in says else []
    if found.last_good is not None:
        before = says.get(found.last_good, "")
        rows.append(("before", f"iteration {found.last_good}{': ' * bool(before)}{before}"))
    rows.append(("why", f"plimsoll log why iter:{found.first}"))
    return Answer(data=data, text=named(rows, terminal_width()), warnings=notes)
