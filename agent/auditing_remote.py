"""The calls of an audit to a judge on a server: asked by this process, each as often as wanted."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from agent.arm import Arm
from agent.judge_audits import Subject
from agent.remote_judges import parted, unscored
from logs.errors import UsageError
from tools.audit.audit import Call
from tools.audit.design import MANY, Design, Said

NO_FUNCTION = "a model on a server: equal calls were asked anew each time"
BOTH_ORDERS = "it is shown each pair in both orders, as in a session, so that no place can win"


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of the calls."""

    told: Mapping[Call, tuple[Said, ...]]
    reasons: tuple[str, ...]
    """Why verdicts are missing."""
    made: int


def is_remote(subject: Subject) -> bool:
    """Whether the one judge of a subject is asked over HTTP.

    Raises:
        UsageError: a panel has judges here and there, which no one place can ask.
    """
    near, far = parted(subject.judges)
    if far and (near or len(far) > 1):
        raise UsageError(
            "A panel with judges on servers is not audited as a whole.",
            saw=f"{subject.name}: {', '.join(j.id for j in subject.judges)}",
            wanted="one judge",
            try_this=f"plimsoll judge audit {far[0].id}",
        )
    return bool(far)


def repeated(design: Design) -> Design:
    """The design for a judge that may answer otherwise when it is asked again."""
    return replace(design, repeats=max(design.repeats, MANY))


def heard(hands: Arm, subject: Subject, design: Design, *, past: int) -> Heard:
    """Ask every call as often as the design wants it.

    Args:
        past: audits of this judge before; another number asks everything anew.
    """
    told: dict[Call, tuple[Said, ...]] = {}
    reasons: list[str] = []
    wanted = design.calls()
    for i in range(max(wanted.values())):
        calls = [call for call, times in wanted.items() if times > i]
        for call, (said, why) in zip(
            calls, _said(hands, subject, calls, f"audit {past} {i}"), strict=True
        ):
            told[call] = (*told.get(call, ()), said)
            reasons += [why] if why else []
    return Heard(told, tuple(reasons), sum(wanted.values()))


def _said(hands: Arm, subject: Subject, calls: Sequence[Call], salt: str) -> list[tuple[Said, str]]:
    """P(first is better) of each call, or None and why; as judges behind the wall claim it."""
    (judge,) = subject.judges
    groups = [{"prompt": c.prompt, "answers": [[c.first], [c.second]]} for c in calls]
    rows = hands.ask(subject.judges, groups, unscored(groups), subject.state.constitution, salt)
    found: list[tuple[Said, str]] = []
    for row in rows:
        first, second = row["scores"][judge.id]
        if first is None or second is None:
            found.append((None, row["errors"][judge.id][0]))
        else:
            found.append(((1 + math.tanh((first - second) / 2)) / 2, ""))
    return found
