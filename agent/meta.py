"""The outer process watches how the agent trains: for people; no decision reads what it records.

Claims are filed when a decision is made, before its outcome exists. In every turn the evaluators
that are in force, or would be after this turn's proposal, score a sealed anchor, a degraded anchor
and a null, blind. Items with known truth go the way of the training data, and never into it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from agent.deciders import find
from agent.groups import Group, read_groups
from agent.interventions.train import MARGIN, teachable
from agent.seeds import seed_of
from agent.state import Context, Turn, ends_the_session, failure, once
from logs.errors import PlimsollError
from logs.vocabulary import (
    Diagnosis,
    EntryKind,
    Measurement,
    Metric,
    Observation,
    Proposal,
    State,
    Status,
)
from tools.instruments.estimates import proportion
from tools.instruments.meta import Claim, Filed, base_rate, honest_claims, sabotage_control, verdict
from tools.pairs import make_pairs

CONTROL, CLAIMS, META = "control", "claims", "meta"
"""Steps under which these are logged."""
SEALED, BATCHES = 128, 4
"""Sealed items per turn, in batches of which one is retired after each turn."""
PANEL, ORACLE = "panel", "oracle"
PLANTED = 20
HARD = 0.25
"""Share of right answers among siblings up to which a prompt counts as hard."""

_Known = tuple[Group, tuple[int, int]]
"""Siblings, and which of them are right and wrong."""

MENU = (
    Claim(name="gain > 0", instrument="gain", above=0.0),
    Claim(name="gain > 2 points", instrument="gain", above=0.02),
    Claim(name="judge accuracy >= .6", instrument="judge_accuracy", of=PANEL, above=0.6),
)
"""Claims about the policy after the turn, against the founding one, and about the next audit."""


# --- claims, filed before their outcome -------------------------------------------
def file_claims(turn: Turn, context: Context) -> None:
    """File P(true) of every claim, from the verdicts on turns that were diagnosed alike.

    Deciders file no probabilities of their own: this is what their diagnosis was worth so far.
    """
    found = context.word(turn, "diagnose", Diagnosis).findings
    hypothesis = str(found[0].hypothesis) if found else ""
    known = _known(context, turn)
    rows = []
    for claim in MENU:
        told = [(v, h) for name, v, h in known if name == claim.name]
        alike = base_rate(v for v, h in told if h == hypothesis)
        rows.append({"claim": claim.name, "q": alike, "base": base_rate(v for v, _ in told)})
    body = {"claims": rows, "hypothesis": hypothesis, "measurements": []}
    context.log(turn, CLAIMS, EntryKind.MEASURED, body)


def _filed(context: Context, turn: Turn, last: int) -> Iterator[tuple[Filed, str]]:
    """What was filed until a turn, with the verdicts that are known by now."""
    for iteration in range(1, last + 1):
        then = Turn(session=turn["session"], iteration=iteration, way="")
        entry = context.entry(then, CLAIMS)
        if entry is None:
            continue
        for row, claim in zip(entry.body["claims"], MENU, strict=True):
            said = verdict(claim, _outcome(context, then, claim))
            yield Filed(iteration=iteration, verdict=said, **row), entry.body["hypothesis"]


def _known(context: Context, turn: Turn) -> list[tuple[str, bool | None, str]]:
    earlier = _filed(context, turn, turn["iteration"] - 1)
    return [(filed.claim, filed.verdict, hypothesis) for filed, hypothesis in earlier]


def _outcome(context: Context, turn: Turn, claim: Claim) -> Measurement | None:
    """What decides a claim that was filed in this turn; None while it does not exist."""
    if claim.instrument == "gain":
        return _gain(context, turn)
    after = Turn(session=turn["session"], iteration=turn["iteration"] + 1, way="")
    if context.entry(after, "observe") is None:
        return None
    return find(context.word(after, "observe", Observation), claim.instrument, claim.of)


def _gain(context: Context, turn: Turn) -> Measurement | None:
    """Gold after this turn less gold of the founding policy, by the ends of both intervals."""
    then = Turn(session=turn["session"], iteration=0, way="")
    sides = [_gold(context, one) for one in (turn, then)]
    now, founding = sides
    if now is None or founding is None or None in (now.low, now.high, founding.low, founding.high):
        return None
    low, high = float(now.low or 0), float(now.high or 0)
    return Measurement(
        instrument="gain",
        estimate=None,
        units="share of gold prompts",
        low=low - float(founding.high or 0),
        high=high - float(founding.low or 0),
        n=now.n,
        status=Status.GREEN,
        assumptions=("ends of two exact intervals: at least 90 % together",),
    )


def _gold(context: Context, turn: Turn) -> Measurement | None:
    entry = context.entry(turn, "gold")
    if entry is None:
        return None
    told = (Measurement.model_validate(m) for m in entry.body["measurements"])
    return next((m for m in told if m.instrument == "gold"), None)


# --- the sabotage control ----------------------------------------------------------
def evaluator_ranks(turn: Turn, context: Context, state: State) -> Metric:
    """Whether the panel of a state ranks anchor > degraded > null, as a rule may ask for it: 1, 0.

    Only this leaves the records of the outer process, and only as evidence for the law.
    """

    def run() -> None:
        try:
            body = _controlled(turn, context, state)
        except PlimsollError as error:
            if ends_the_session(error):
                raise
            body = {"measurements": [], **failure(error)}
        context.log(turn, CONTROL, EntryKind.MEASURED, body)

    once(context, turn, CONTROL, run)
    entry = context.entry(turn, CONTROL)
    told = [Measurement.model_validate(m) for m in entry.body["measurements"]] if entry else []
    ranked = any(m.of == PANEL and m.status is Status.GREEN for m in told)
    return Metric(name="sabotage_control", exact=str(int(ranked)))


def _controlled(turn: Turn, context: Context, state: State) -> dict[str, Any]:
    prompts = _sealed(context, turn["iteration"])
    seed = seed_of(context.config, turn["iteration"], CONTROL)
    rows = context.hands.control(context.anchor, state, prompts, null=context.task.null, seed=seed)
    weights = {j.id: float(j.weight) for j in state.panel.judges}
    measured = []
    whole = [row for row in rows if all(None not in s["scores"].values() for s in row.values())]
    if len(whole) == len(rows):
        measured.append(
            sabotage_control(*(_panel(rows, side, weights) for side in _SIDES), of=PANEL)
        )
    grade = context.task.grade
    graded = [
        [float(grade(p, row[side]["text"])) for p, row in zip(prompts, rows, strict=True)]
        for side in _SIDES
    ]
    measured.append(sabotage_control(*graded, of=ORACLE))
    return {
        "items": len(prompts),
        "unscored": len(rows) - len(whole),
        "measurements": [m.model_dump(mode="json") for m in measured],
    }


_SIDES = ("anchor", "degraded", "null")


def _panel(rows: Sequence[Any], side: str, weights: dict[str, float]) -> list[float]:
    total = sum(weights.values())
    return [sum(w * row[side]["scores"][j] for j, w in weights.items()) / total for row in rows]


def _sealed(context: Context, iteration: int) -> list[str]:
    """Four batches, of which the oldest is retired after each turn; none ever comes back."""
    size = SEALED // BATCHES
    batches = (
        context.task.audit_prompts(size, seed=seed_of(context.config, k, "sealed"))
        for k in range(iteration, iteration + BATCHES)
    )
    return list(dict.fromkeys(prompt for batch in batches for prompt in batch))


# --- items with known truth --------------------------------------------------------
def measure_meta(turn: Turn, context: Context) -> None:
    """Record what the outer process saw of this turn."""
    proposal = context.entry(turn, "act")
    proposed = proposal is not None and proposal.kind is EntryKind.PROPOSED
    state = context.commit_at(context.word(turn, "observe", Observation).head).state
    if proposed:
        state = context.word(turn, "act", Proposal).new
    evaluator_ranks(turn, context, state)
    filed = [one for one, _ in _filed(context, turn, turn["iteration"])]
    found = [*_planted(turn, context), honest_claims(filed, of="session")]
    body = {
        "claims": [asdict(one) for one in filed if one.iteration == turn["iteration"]],
        "measurements": [m.model_dump(mode="json") for m in found],
    }
    context.log(turn, META, EntryKind.MEASURED, body)


def _planted(turn: Turn, context: Context) -> Iterator[Measurement]:
    """What becomes of exchanged preferences, repeated items and hard ones on their way to training.

    Each planted item is a right and a wrong answer to one prompt, alone; it passes through what
    makes training pairs, and is thrown away.
    """
    observed = context.word(turn, "observe", Observation)
    now = context.commit_at(observed.head).state
    store = context.hands.store
    groups = read_groups(store, observed.samples, observed.verdicts, now.panel)
    # Each prompt once: where practice prompts repeat, a repeat would not be a planted one.
    practised = {g.prompt: g for g in groups[: now.recipe.prompts]}.values()
    easy, hard = _told_apart(practised, context)
    repeated = [_only(g, p) for g, p in easy]
    kept = make_pairs(
        teachable([_only(g, p) for g, p in (*easy, *hard)], store, now.panel), margin=MARGIN
    )
    chosen = {pair.prompt: pair.chosen for pair in kept}
    flipped = [chosen.get(g.prompt) != g.texts[wrong] for g, (_, wrong) in easy]
    thrown = [chosen.get(g.prompt) != g.texts[right] for g, (right, _) in hard]
    twice = make_pairs(teachable([*repeated, *repeated], store, now.panel), margin=MARGIN)
    once_each = len({pair.prompt for pair in twice})
    yield _share("planted_flips_caught", sum(flipped), len(flipped))
    yield _share("planted_repeats_caught", 2 * once_each - len(twice), once_each)
    yield _share("planted_hard_rejected", sum(thrown), len(thrown))


def _told_apart(groups: Iterable[Group], context: Context) -> tuple[list[_Known], list[_Known]]:
    """Prompts with a right and a wrong answer: those at hand first, and hard ones apart.

    Siblings are graded only until there are enough: a turn has thousands.
    """
    easy: list[_Known] = []
    hard: list[_Known] = []
    for group in groups:
        if len(easy) == len(hard) == PLANTED:
            break
        known = _truth(group, context)
        if known is None:
            continue
        right, wrong, share = known
        kind = hard if share <= HARD and len(hard) < PLANTED else easy
        if len(kind) < PLANTED:
            kind.append((group, (right, wrong)))
    return easy, hard


def _share(instrument: str, k: int, n: int) -> Measurement:
    return proportion(instrument, k, n, units="share of planted items")


def _truth(group: Group, context: Context) -> tuple[int, int, float] | None:
    """(a right answer, a wrong one, share of right ones); None where all are alike."""
    right = [context.task.grade(group.prompt, text) for text in group.texts]
    if all(right) or not any(right):
        return None
    return right.index(True), right.index(False), sum(right) / len(right)


def _only(group: Group, kept: tuple[int, int]) -> Group:
    return Group(
        prompt=group.prompt,
        answers=tuple(group.answers[i] for i in kept),
        by_judge={judge: tuple(s[i] for i in kept) for judge, s in group.by_judge.items()},
        panel=tuple(group.panel[i] for i in kept),
    )
