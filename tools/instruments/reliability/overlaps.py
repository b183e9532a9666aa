"""The same answers, scored by two panels: how far the scores moved, and who is preferred now."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Measurement
from tools.instruments.estimates import mean, proportion, refuse_impossible
from tools.instruments.reliability.common import Floats, Ints

Scores = Mapping[str, Mapping[str, float | None]]
"""Prompt -> answer -> score; None where the panel failed."""
UNITS = "units of the scores"


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Answers with the scores of both panels."""

    old: Floats
    new: Floats
    groups: Ints
    """Which prompt each answer is to, as 0, 1, ..."""
    names: tuple[str, ...]
    """The prompt of each group."""
    rankings: tuple[tuple[dict[str, float], dict[str, float]], ...]
    """Per prompt (new, old), of answers that both scored."""
    whole: tuple[bool, ...]
    """Per prompt, whether both panels scored every answer."""
    asked: int
    failed: tuple[int, int]
    """Answers that the old panel failed on, and the new one."""

    @property
    def prompts(self) -> int:
        """Prompts with an answer that both scored."""
        return len(self.names)


def overlap(new: Scores, old: Scores) -> Overlap:
    """Join the scores of two panels; an answer that either failed on is counted and left out.

    Raises:
        UndefinedMeasurement: other prompts or answers in one than in the other, a score that is
            not finite, or no answer that both scored.
    """
    _refuse_other_ids(new, old)
    both = {p: {a: (old[p][a], s) for a, s in rows.items()} for p, rows in new.items()}
    every = [pair for rows in both.values() for pair in rows.values()]
    refuse_impossible("exchange", [s for pair in every for s in pair if s is not None])
    kept = {
        p: {a: (x, y) for a, (x, y) in rows.items() if x is not None and y is not None}
        for p, rows in both.items()
    }
    names = tuple(p for p, rows in kept.items() if rows)
    if not names:
        raise UndefinedMeasurement(
            "An exchange rate needs answers that both panels scored.",
            saw=f"none of {len(every)}",
            wanted="at least one",
            try_this="look at what the judges raised: plimsoll log why",
        )
    joined = [(g, x, y) for g, p in enumerate(names) for x, y in kept[p].values()]
    return Overlap(
        old=np.array([x for _, x, _ in joined], dtype=np.float64),
        new=np.array([y for _, _, y in joined], dtype=np.float64),
        groups=np.array([g for g, _, _ in joined], dtype=np.int64),
        names=names,
        rankings=tuple(
            ({a: y for a, (_, y) in kept[p].items()}, {a: x for a, (x, _) in kept[p].items()})
            for p in names
        ),
        whole=tuple(len(kept[p]) == len(both[p]) for p in names),
        asked=len(every),
        failed=(sum(x is None for x, _ in every), sum(y is None for _, y in every)),
    )


def _refuse_other_ids(new: Scores, old: Scores) -> None:
    odd = sorted(set(new) ^ set(old)) or sorted(
        f"{a} of {p}" for p in new for a in set(new[p]) ^ set(old[p])
    )
    if odd:
        raise UndefinedMeasurement(
            "An exchange rate is told from the same answers, scored by both panels.",
            saw=f"{odd[0]!r} and {len(odd) - 1} more in one of them only",
            wanted="the same prompts, and the same answers to each",
            try_this="score the stored answers again with both panels",
        )


# --- how far the scores moved ----------------------------------------------------
def exchange_shift(both: Overlap, *, of: str = "") -> Measurement:
    """Mean of new - old on the same answers: what a change of panel alone adds to the mean score.

    Mean over prompts of their means, with a t interval; 0 for the same panel.
    """
    return mean(
        "exchange_shift",
        (both.new - both.old).tolist(),
        units=UNITS,
        clusters=both.groups.tolist(),
        of=of,
        null=0.0,
        assumptions=(f"the same {len(both.new)} answers under both", *left_out(both)),
    )


def shifts_by(both: Overlap, domains: Mapping[str, str]) -> tuple[Measurement, ...]:
    """The shift of each domain (prompt -> domain); each interval holds alone.

    Raises:
        UndefinedMeasurement: a prompt without a domain.
    """
    lost = [p for p in both.names if p not in domains]
    if lost:
        raise UndefinedMeasurement(
            "A shift by domain needs the domain of every prompt.",
            saw=f"none for {lost[0]!r} and {len(lost) - 1} more",
            wanted="one domain per prompt",
            try_this="name the domain of each prompt that was scored",
        )
    of = np.array([domains[p] for p in both.names])[both.groups]
    found = sorted(set(of.tolist()))
    return tuple(
        mean(
            "exchange_shift",
            (both.new - both.old)[of == domain].tolist(),
            units=UNITS,
            clusters=both.groups[of == domain].tolist(),
            of=domain,
            null=0.0,
            assumptions=(f"one of {len(found)} domains; each interval holds alone",),
        )
        for domain in found
    )


# --- who is preferred ------------------------------------------------------------
def favourite_changes(both: Overlap, *, of: str = "") -> Measurement:
    """Share of prompts whose favourite under one panel is no favourite under the other.

    Several answers may share the top. Prompts on which a panel failed, or likes all alike, have
    no favourite and are left out.
    """
    tops = [
        (_top(new), _top(old))
        for whole, (new, old) in zip(both.whole, both.rankings, strict=True)
        if whole and len(new) > 1
    ]
    told = [(new, old) for new, old in tops if new and old]
    others = both.prompts - len(told)
    return proportion(
        "favourite_changes",
        sum(not new & old for new, old in told),
        len(told),
        units="share of prompts",
        of=of,
        null=0.0,
        assumptions=(f"{others} prompts without a favourite left out",),
    )


def _top(scores: Mapping[str, float]) -> set[str]:
    """The answers with the best score; none where all are alike."""
    best, worst = max(scores.values()), min(scores.values())
    return {a for a, s in scores.items() if s == best} if best > worst else set()


def overlap_errors(both: Overlap, panel: str) -> Measurement:
    """Share of answers that the `old` or the `new` panel failed on; an error is no number."""
    failed = dict(zip(("old", "new"), both.failed, strict=True))[panel]
    return proportion(
        "overlap_errors", failed, both.asked, units="share of answers", of=panel, null=0.0
    )


def left_out(both: Overlap) -> tuple[str, ...]:
    """What is said of answers that a panel failed on."""
    lost = both.asked - len(both.old)
    return (f"{lost} of {both.asked} answers left out: a panel failed on them",) if lost else ()
