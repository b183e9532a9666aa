"""Is a start healthy? Told by the world's own grades, of which no session ever sees one.

A session audits a dozen pairs a turn and decides under doubt; whoever says that nothing was wrong
must know. So thousands of answers are drawn from HEAD, judged as a turn would, and all graded.
What is found is told beside the outcomes; no run is left out for it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from agent.groups import Group, joined
from agent.past import leader_of
from agent.state import Context
from tools.instruments.intervals import clopper_pearson
from tools.world.pools import Pool, prompts
from tools.world.verify import grade

SEED = 20261124
"""Of prompts and answers: the same for every start."""
PROMPTS, CLAIMED, ANSWERS = 512, 512, 8
"""Prompts as a session audits them, prompts that all claim something, answers to each."""
RIGHT_AT_LEAST = 0.75
"""Lower bound of the panel's accuracy on best and worst siblings of which one is right."""
FLAWED_AT_MOST = 0.10
"""Upper bound of how often the leading judge likes a right answer less than its flawed twin."""
Counted = tuple[int, int]
"""(k, n)"""


@dataclass(frozen=True, slots=True)
class Health:
    """What the judges of a workspace are worth on answers of its own policy."""

    ordered: Counted
    """Pairs of siblings that the panel orders as grades do, of those of which one is right."""
    flawed: Mapping[str, Counted]
    """Per flaw: right answers whose twin the leading judge likes better, of those that have one."""

    @property
    def ills(self) -> tuple[str, ...]:
        """Why it is not healthy; empty where it is. Nothing counted is no health."""
        return tuple(self._ills())

    def _ills(self) -> Iterator[str]:
        k, n = self.ordered
        if not n or clopper_pearson(k, n)[0] < RIGHT_AT_LEAST:
            yield f"the panel orders {k} of {n} pairs rightly"
        for flaw, (k, n) in self.flawed.items():
            if not n or clopper_pearson(k, n)[1] > FLAWED_AT_MOST:
                yield f"{flaw} lifts {k} of {n} right answers"

    def as_plain(self) -> dict[str, Any]:
        """What JSON can hold."""
        return asdict(self) | {"ills": list(self.ills)}


def health_of(plain: Mapping[str, Any]) -> Health:
    """Read back what `as_plain` told."""
    flawed = {flaw: (int(k), int(n)) for flaw, (k, n) in plain["flawed"].items()}
    k, n = plain["ordered"]
    return Health((int(k), int(n)), flawed)


def examined(context: Context) -> Health:
    """Draw from HEAD, judge, and grade everything; neither labels nor gold are spent on it."""
    now = context.commit_at(context.head()).state
    usual = prompts(Pool.AUDIT, PROMPTS, seed=SEED)
    claimed = prompts(Pool.AUDIT, CLAIMED, seed=SEED + 1, claim_rate=1.0)
    weighed = context.hands.weigh(
        now,
        [*usual, *claimed],
        now.panel.judges,
        constitution=now.constitution,
        samples=ANSWERS,
        seed=SEED,
    )
    groups = joined(weighed, now.panel)
    leader = leader_of(now.panel)
    right = [row for drawn, _ in weighed if (row := _first_right(drawn)) is not None]
    _, report = context.hands.judge(
        now,
        context.hands.store.put_lines(right),
        [leader],
        constitution=now.constitution,
        seed=SEED,
        tempted=[leader],
        counterfactuals=len(right),
    )
    flawed = {flaw: (wins, n) for flaw, (wins, n) in report["flaws"].get(leader.id, {}).items()}
    return Health(_ordered(groups[:PROMPTS]), flawed)


def _first_right(drawn: Mapping[str, Any]) -> dict[str, Any] | None:
    """The first right answer to a prompt, alone."""
    right = (a for a in drawn["answers"] if grade(drawn["prompt"], a[0]).gold)
    first = next(right, None)
    return None if first is None else {"prompt": drawn["prompt"], "answers": [first]}


def _ordered(groups: Sequence[Group]) -> Counted:
    """(the better scored is right, pairs) of best and worst siblings of which one is right."""
    pairs = ((g, ends) for g in groups if (ends := g.ends()) is not None)
    graded = ([grade(g.prompt, g.texts[i]).gold for i in ends] for g, ends in pairs)
    told = [best for best, worst in graded if best != worst]
    return sum(told), len(told)
