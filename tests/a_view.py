"""What a decider sees, made up for tests: calm unless a test plants something.

Measurements come from the instruments themselves, fed with counts, so that their intervals
and statuses are those of a real turn.
"""

from collections.abc import Mapping
from decimal import Decimal
from functools import cache

from agent.deciders import Past, View
from agent.diagnose import diagnose
from invariants import policy as policies
from logs.canonical import sha256
from logs.vocabulary import (
    Constitution,
    Diagnosis,
    Intervention,
    Judge,
    JudgeKind,
    Ledgers,
    Measurement,
    Observation,
    Panel,
    Principle,
    PrincipleTier,
    PromptPool,
    Recipe,
    State,
)
from tools import instruments as measure

SOME = sha256(b"some artefact")
KL_MAX = 2.0
PAIRS = 24
"""Audited pairs with different grades: enough to tell a good judge from a coin."""


def judge(name: str, family: str = "surface") -> Judge:
    """A judge of weight 1."""
    return Judge(
        id=name, kind=JudgeKind.FEATURE, family=family, version=1, artefact=SOME, weight=Decimal(1)
    )


BENCH = judge("clerk", "reader")


def state(**fields: object) -> State:
    """One judge in the panel, after enough updates that a judge may change."""
    principle = Principle(
        id="honest", text="Say what is so.", weight=Decimal(1), tier=PrincipleTier.CORE
    )
    founded = State(
        base=SOME,
        adapter=None,
        panel=Panel(judges=(judge("crowd"),)),
        constitution=Constitution(version=1, principles=(principle,)),
        prompts=PromptPool(seed=0, size=0),
        recipe=Recipe(),
        policy_updates=20,
    )
    return founded.model_copy(update=fields)


@cache
def calm() -> dict[str, Measurement]:
    """What a healthy turn measures, by `instrument[of]`."""
    found = (
        measure.mean("length", [4.0, 5.0, 6.0] * 16, units="words", lower=0.0),
        measure.mean("distinct_2", [0.8, 0.7, 0.9] * 16, units="share", lower=0.0, upper=1.0),
        measure.mean("entropy", [1.1, 1.2, 1.3] * 16, units="nats/token", lower=0.0),
        measure.divergence([0.1, 0.2, 0.3] * 16, of="anchor"),
        measure.judge_errors(0, 384),
        measure.score([0.1, 0.2, 0.3] * 16),
        measure.tie_rate([[0.0, 1.0]] * 40 + [[1.0, 1.0]] * 8),
        measure.ceiling_mass([[0.0, 1.0, 0.5, 0.2]] * 48),
        measure.flaw_pays(5, 64, flaw="padding"),
        measure.flaw_pays(9, 64, flaw="repeating"),
        accuracy(22),
        accuracy(22, of="crowd"),
        accuracy(22, of=BENCH.id),
        wins(5, 10),
        measure.judge_gap([0.8] * 20 + [0.6] * 20, [1.0, 0.5] * 20),
    )
    return {named(m): m for m in found}


def named(m: Measurement) -> str:
    """How predictions and evidence name a measurement."""
    return f"{m.instrument}[{m.of}]" if m.of else m.instrument


def accuracy(right: int, tried: int = PAIRS, of: str = "panel") -> Measurement:
    """Audited pairs that a judge orders as the grades do."""
    return measure.judge_accuracy(right, tried, judge=of)


def wins(right: int, tried: int, of: str = BENCH.id) -> Measurement:
    """Prompts on which favourites differ and just one of them is right."""
    return measure.proportion("favourite_wins", right, tried, units="share", of=of, null=0.5)


def observed(*planted: Measurement, without: tuple[str, ...] = (), turn: int = 5) -> Observation:
    """A calm observation, but for what is planted or left out."""
    found = calm() | {named(m): m for m in planted}
    return Observation(
        iteration=turn,
        head=SOME,
        measurements=tuple(m for name, m in found.items() if name not in without),
        samples=SOME,
        verdicts=SOME,
        audit_labels=2 * PAIRS,
    )


@cache
def limits() -> dict[str, Decimal]:
    """The numbers of the default policy."""
    values: Mapping[str, object] = policies.load(policies.default_bytes()).values
    return {k: Decimal(v.numerator) / Decimal(v.denominator) for k, v in values.items()}  # type: ignore[attr-defined]


def past(
    turn: int,
    intervention: Intervention = Intervention.TRAIN,
    outcome: str = "committed",
    refused_by: tuple[str, ...] = (),
) -> Past:
    """A turn that is over, and measured nothing out of the ordinary."""
    return Past(
        iteration=turn,
        intervention=intervention,
        outcome=outcome,
        refused_by=refused_by,
        head=sha256(f"head {turn}".encode()),
        observation=observed(turn=turn),
    )


def trained(turns: int) -> tuple[Past, ...]:
    """Turns that all trained."""
    return tuple(past(i) for i in range(1, turns + 1))


def view(*planted: Measurement, **fields: object) -> View:
    """A decider's view of turn 5 of a healthy session, but for what a test plants.

    Args:
        planted: Measurements that replace the calm ones of the same name.
        fields: Of the view; `observation` replaces everything measured.
    """
    given: dict[str, object] = {
        "iteration": 5,
        "head": SOME,
        "state": state(),
        "observation": observed(*planted),
        "past": trained(4),
        "ledgers": Ledgers(audit_labels=96),
        "limits": limits(),
        "labels_left": 400,
        "bench": (BENCH,),
        "graded_prompts": 60,
        "calibrated": True,
    }
    given |= fields
    given.setdefault("diagnosis", explained(given["observation"], given["past"]))  # type: ignore[arg-type]
    return View(**given)  # type: ignore[arg-type]


def explained(now: Observation, before: tuple[Past, ...] = ()) -> Diagnosis:
    """The project's own diagnosis."""
    return diagnose(now, [p.observation for p in before], kl_max=KL_MAX)
