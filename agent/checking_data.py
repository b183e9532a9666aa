"""Is what will be trained on what was drawn and judged? Checked before a single step is taken.

Data pass through files, and whoever or whatever can write those can swap labels or add answers.
So the rows are read back as training would read them, and held against the answers that the policy
gave and the panel's opinion of them.
"""

from collections import defaultdict
from collections.abc import Sequence

from agent.groups import Group
from agent.state import Context
from logs.errors import Refused
from logs.vocabulary import Digest, Measurement, Status
from tools.instruments.estimates import proportion
from tools.pairs import Shown

FEWEST_DISTINCT = 0.5
"""Share of distinct practice prompts below which something repeats them."""
BY_CHANCE = 0.01
"""Share of practice prompts that may read like gold though none leaked."""


def require_as_judged(
    context: Context, data: tuple[Digest, Digest], groups: Sequence[Group], again: Sequence[Shown]
) -> None:
    """Let nothing be trained on but answers that were drawn, ordered as the panel ordered them.

    Args:
        data: pairs, and answers to imitate.
        again: answers of earlier turns that are replayed.

    Raises:
        Refused: some rows are not, with how many.
    """
    of: dict[str, list[Group]] = defaultdict(list)
    for group in groups:
        of[group.prompt].append(group)
    pairs, shown = map(context.hands.store.get_lines, data)
    swapped = sum(not any(_as_judged(g, a, b) for g in of[p]) for p, a, b in pairs)
    old = {(s.prompt, s.answer) for s in again}
    foreign = sum(not ((p, a) in old or any(a in g.texts for g in of[p])) for p, a in shown)
    if swapped or foreign:
        raise Refused(
            "The training data are not what was drawn and judged; training on them is blocked.",
            saw=f"{swapped} pairs in another order than the panel's, {foreign} answers never drawn",
            wanted="none of either",
            try_this="regenerate the data; if it comes back, look at who can write the store",
        )


def _as_judged(group: Group, chosen: str, rejected: str) -> bool:
    """Whether the panel scored some such answer higher than some other."""
    scored = [(s, t) for s, t in zip(group.panel, group.texts, strict=True) if s is not None]
    high = [s for s, t in scored if t == chosen]
    low = [s for s, t in scored if t == rejected]
    return bool(high and low) and max(high) > min(low)


def distinct_prompts(prompts: Sequence[str]) -> Measurement:
    """Share of a turn's practice prompts that are distinct."""
    distinct = len(set(prompts))
    return proportion(
        "distinct_prompts",
        distinct,
        len(prompts),
        units="share of prompts",
        green=FEWEST_DISTINCT,
        red=FEWEST_DISTINCT,
    )


def leaked_prompts(leaks: int, prompts: int, foreign: int = 0) -> Measurement:
    """Share of a turn's practice prompts that read like gold; red where chance does not bring it.

    None of them is trained on. In a small language some one in a thousand does by chance.

    Args:
        foreign: prompts of the audit pool or of gold itself; one is too many.
    """
    found = proportion(
        "leaked_prompts", leaks, prompts, units="share of prompts", bad_is="high", null=0.0
    )
    surely = foreign > 0 or (found.low is not None and found.low > BY_CHANCE)
    status = Status.RED if surely else Status.GREEN if prompts else Status.INSUFFICIENT
    return found.model_copy(update={"status": status})
