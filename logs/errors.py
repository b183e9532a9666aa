"""Every refusal of the project, in one tree: what, saw, wanted, try.

    PlimsollError            exit 1   anything that stops a command
    ├── UsageError           exit 2   wrong words on the command line or in a file
    │   ├── EngineUnfit               what draws answers refuses what every turn asks of it
    │   └── NoLog                     nothing was written yet
    ├── Refused              exit 3   the answer is no
    ├── IntegrityError       exit 4   log, store or HEAD does not verify
    ├── WaitsForPerson       exit 5   an approval is needed
    ├── Undecided            exit 6   too little data, or a solver that gave up; never yes
    │   └── UndefinedMeasurement      0/0: undefined is not zero
    ├── Stale                exit 7   what was planned is no longer what is there
    ├── Halted               exit 8   stopped by a safety rule or a budget
    ├── JudgeError           exit 1   a judge raised, timed out or gave no number
    ├── JobFailed            exit 1   a job behind the wall raised, or died
    ├── WallError            exit 1   the sandbox could not be built, or ended a job
    └── EngineFailed         exit 1   what draws answers failed twice, or drew from other weights

A new error goes under the class whose exit code its reader should act on.
"""

from typing import ClassVar


class PlimsollError(Exception):
    """What happened, what was seen, what was wanted, and what to try next."""

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, saw: str, wanted: str, try_this: str) -> None:
        super().__init__(what)
        self.what = what
        self.saw = saw
        self.wanted = wanted
        self.try_this = try_this

    def __str__(self) -> str:
        return (
            f"{self.what}\n  saw:    {self.saw}\n  wanted: {self.wanted}\n  try:    {self.try_this}"
        )

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.what, self.saw, self.wanted, self.try_this))


def _rebuild(
    kind: type[PlimsollError], what: str, saw: str, wanted: str, try_this: str
) -> PlimsollError:
    """Unpickle: keyword-only arguments do not survive `Exception.__reduce__`."""
    return kind(what, saw=saw, wanted=wanted, try_this=try_this)


class UsageError(PlimsollError):
    """Wrong words on the command line or in a file."""

    exit_code = 2


class EngineUnfit(UsageError):
    """What draws answers refuses what every turn would ask of it; another turn changes nothing."""


class NoLog(UsageError):
    """Nothing was written here yet: there is no log, or it is being made at this moment."""


class Refused(PlimsollError):
    """The answer is no: an invariant, a floor or a policy says so."""

    exit_code = 3


class IntegrityError(PlimsollError):
    """The log, the store or HEAD does not verify; nothing is repaired silently."""

    exit_code = 4


class WaitsForPerson(PlimsollError):
    """Only a person may decide this."""

    exit_code = 5


class Undecided(PlimsollError):
    """Too little data, or a solver that gave up; never read as yes."""

    exit_code = 6


class UndefinedMeasurement(Undecided):
    """The measurement is 0/0 on this data."""


class Stale(PlimsollError):
    """What was planned or approved is no longer what is there."""

    exit_code = 7


class Halted(PlimsollError):
    """A safety rule or a budget stopped the session."""

    exit_code = 8


class JudgeError(PlimsollError):
    """A judge raised, timed out, or gave something that is not a finite number."""


class JobFailed(PlimsollError):
    """A job behind the wall raised an error of its own, or died without an answer."""


class WallError(PlimsollError):
    """The sandbox could not be built, or it ended a job at a limit."""


class EngineFailed(PlimsollError):
    """What draws answers failed and so did its second try, or it drew from other weights."""
