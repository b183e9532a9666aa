"""What an audit asks, before anybody is asked: pairs, conditions, calls; and what came back.

    made = of_the_world(200, seed=0)          # or of_published(load(path))
    asked = made.calls()                      # every call, with how often it is wanted
    kept = made.answered(told, names)         # told: Call -> its answers, None where none came

The calls are collected first and answered together, so that a judge that consults models does
so in batches, and a judge that is a function is asked the same only once.
"""

import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NamedTuple

from logs.errors import JudgeError, UsageError
from tools.audit import world
from tools.audit.audit import ITEMS, Call, Judge, Place, cases, faults, run
from tools.audit.items import AuditSet, Pair, Twin
from tools.audit.records import Verdict
from tools.audit.treatments import NULLS, Case, Shown, Treatment, attacks, english

ATTACKS = 300
"""Empty answers that are tried: with none successful the rate is below 1 % (rule of three)."""
ONE, MANY = 1, 2
"""Repeats of a judge that is a function, and of one that is not."""
EXPECTED = ("length", "sycophancy", "self_preference", "format")
"""Biases that must have been audited before a judge from elsewhere may train or promote."""
Said = Place | float | None
Told = Mapping[Call, Sequence[Said]]


class Version(NamedTuple):
    """What is audited, and when."""

    judge_hash: str
    prompt_hash: str
    iteration: int = 0


class Kept(NamedTuple):
    """The verdicts of an audit: under its conditions, and on empty answers."""

    verdicts: list[Verdict]
    attacked: list[Verdict]


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """One audit: what is judged, in which conditions, how often, in which random order."""

    pairs: tuple[Pair, ...]
    cases: tuple[Case, ...] = ()
    attacked: tuple[Pair, ...] = ()
    faults: Mapping[str, str] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    repeats: int = MANY
    seed: int = 0
    sources: tuple[str, ...] = ()

    @property
    def items(self) -> str:
        """The digest of what is judged: audits of the same items can be paired."""
        said = [[p.id, p.prompt, p.a, p.b, p.gold, p.cluster, p.domain] for p in self.pairs]
        return sha256(json.dumps(said, ensure_ascii=False).encode()).hexdigest()

    def calls(self) -> Counter[Call]:
        """Every call with the number of times that it is wanted."""
        asked: Counter[Call] = Counter()

        def roll(call: Call) -> Place:
            asked[call] += 1
            return "tie"

        self._run(roll, Version("", ""))
        return asked

    def answered(self, told: Told, version: Version) -> Kept:
        """The verdicts, read from a table of answers; what is not in it is missing.

        A call with one answer has it each time; one with several gives them in turn.
        """
        turn: dict[Call, Iterator[Said]] = {}

        def judge(call: Call) -> Place | float:
            answers = told.get(call, ())
            at = turn.setdefault(call, iter(answers))
            said = answers[0] if len(answers) == 1 else next(at, None)
            if said is None:
                raise JudgeError(
                    "The judge gave no verdict on this call.",
                    saw="no answer in the table",
                    wanted="one",
                    try_this="ask again",
                )
            return said

        return self._run(judge, version)

    def _run(self, judge: Judge, version: Version) -> Kept:
        names = version._asdict() | {"seed": self.seed}
        verdicts = run(judge, self.pairs, self.cases, repeats=self.repeats, **names)
        return Kept(verdicts, run(judge, self.attacked, (), repeats=1, **names))


def of_the_world(n: int = ITEMS, *, seed: int = 0, repeats: int = ONE) -> Design:
    """The micro-world's own audit: every treatment it can say, and empty answers."""
    treatments = world.treatments()
    pairs = world.pairs(n, seed=2 * seed)
    return Design(
        pairs=pairs,
        cases=tuple(cases(pairs, treatments)),
        attacked=attacks(world.pairs(ATTACKS, seed=2 * seed + 1), world.NULLS),
        faults=faults(treatments),
        required=tuple(t.bias for t in treatments),
        repeats=repeats,
        seed=seed,
        sources=(f"micro-world, audit pool, {n} pairs, seed {seed}",),
    )


def of_published(
    found: AuditSet,
    *,
    subset: str = "",
    treated: bool = False,
    repeats: int = MANY,
    seed: int = 0,
    most: int | None = None,
) -> Design:
    """An audit on published pairs and twins, as they are or also under English treatments.

    Args:
        subset: one domain, or one bias of twins; empty means all.
        most: at most so many pairs, drawn by the seed; None means all.

    Raises:
        UsageError: no pair is there, or none in the subset.
    """
    pairs = tuple(of_subset(found.pairs, subset))
    if most is not None and most < len(pairs):
        pairs = tuple(random.Random(seed).sample(pairs, most))
    twins = [t for t in found.twins if not subset or subset in (t.base.domain, t.bias)]
    if not pairs and not twins:
        raise _nothing(found, subset)
    treatments: Sequence[Treatment] = english() if treated else ()
    bases = tuple({t.base.id: t.base for t in twins}.values())
    return Design(
        pairs=(*pairs, *bases),
        cases=(*cases(pairs, treatments), *map(_twin, twins)),
        attacked=attacks(pairs, NULLS)[:ATTACKS] if treated else (),
        faults=faults(treatments),
        required=EXPECTED,
        repeats=repeats,
        seed=seed,
        sources=sources_of(found),
    )


def of_subset(pairs: Iterable[Pair], subset: str) -> list[Pair]:
    """The pairs of one domain; all of them where none is named."""
    return [pair for pair in pairs if not subset or pair.domain == subset]


def sources_of(found: AuditSet) -> tuple[str, ...]:
    """Format, licence, permission and files of a published set, a line each."""
    s = found.source
    may = "yes" if s.publish else "ask first: no licence that allows it is known"
    lines = [
        f"{s.format}, {s.repository}, licence {s.licence or 'not given'}; may be published: {may}"
    ]
    lines += [f"{name} sha256:{digest[:16]}" for name, digest in s.files]
    return (*lines, *s.notes)


def _twin(twin: Twin) -> Case:
    return Case(
        bias=twin.bias,
        control=Shown(pair=twin.base),
        treated=Shown(pair=twin.treated),
        base=True,
    )


def _nothing(found: AuditSet, subset: str) -> UsageError:
    kinds = {"questions": found.questions, "prompts without answers": found.prompts}
    other = [f"{len(items)} {kind}" for kind, items in kinds.items() if items]
    known = sorted({p.domain for p in found.pairs} | {t.bias for t in found.twins})
    return UsageError(
        "There is no pair of answers to judge.",
        saw=f"subset {subset!r}" if subset and known else ", ".join(other) or "an empty set",
        wanted=f"one of: {', '.join(known)}" if subset and known else "pairs of answers",
        try_this="leave --subset out" if subset else "another data set",
    )
