"""Lines of the decision table that are about data and recipe; pure functions of a view.

    frontier    most siblings tie, and some level is not tied   -> practise what is learnable
    weakness    audited accuracy differs between skills         -> practise what is weak
    narrowing   answers to different prompts grow alike         -> draw at temperature 1, else a
                                                                   bonus for staying unsure
    shrink      drift nears its limit, or the law refused a     -> smaller steps; where that was
                training for it                                    done, back to a nearer commit

None repeats what was done in the last 3 turns, nor what came to nothing in the last 8.
"""

from collections.abc import Iterator
from dataclasses import replace

from agent.deciders import Past, View, find
from agent.diagnose import say
from agent.lines import Line, finding
from agent.recall import trains
from agent.recipe_moves import SLOWER, moves, said
from agent.switches import MODE, switched_off
from logs.vocabulary import (
    Hypothesis,
    Intervention,
    Measurement,
    Observation,
    Prediction,
)
from tools.instruments.drift.between import newcombe_between

LATELY, PATIENCE = 3, 8
"""Turns in which nothing is repeated, and in which nothing is that came to nothing."""
MOSTLY = 0.5
"""Siblings that tie on most prompts teach on the others alone."""
LEVEL = 0.95
"""Of all comparisons between skills together."""
NEAR_ANCHOR = "P10-near-anchor"
CANDIDATES = 3
LIKELIER = 0.5
"""Support from which on a hypothesis is likelier than not."""
_REFRESH, _CHANGE, _BACK = (
    Intervention.REFRESH_PROMPTS,
    Intervention.CHANGE_RECIPE,
    Intervention.ROLL_BACK,
)


def frontier(view: View) -> Line | str:
    """Practise the levels at which siblings still differ in being right."""
    ties = view.measured("tie_rate")
    if ties is None or ties.estimate is None or ties.low is None or ties.low <= MOSTLY:
        return "siblings differ on many prompts"
    best = _most_learnable(view)
    if best is None:
        return f"{say(ties)}, but no level is clearly more learnable than the others"
    return barred(view, _REFRESH, {MODE: "level"}) or Line(
        _REFRESH,
        f"little is left to learn from most prompts: {say(ties)}; more is from {say(best)}",
        {MODE: "level"},
        Prediction(metric="tie_rate", low=0.0, high=ties.estimate),
    )


def weakness(view: View) -> Line | str:
    """Practise the skills in which audits find the policy wrong more often than elsewhere."""
    each = [m for m in _named(view, "audited_right") if m.n]
    if len(each) < 2:
        return "too little was audited to compare skills"
    level = 1 - (1 - LEVEL) / len(each)
    worse = [m for m in each if _against_others(m, each, level) < 0]
    if not worse:
        return "audits do not tell the skills apart"
    worst = min(worse, key=lambda m: m.estimate or 0.0)
    return barred(view, _REFRESH, {MODE: "weak"}) or Line(
        _REFRESH,
        f"audits find the policy wrong more often than elsewhere: {say(worst)}",
        {MODE: "weak"},
    )


def narrowing(view: View) -> Line | str:
    """Widen what is drawn, or reward staying unsure, where different prompts get like answers."""
    why = _narrowed(view)
    if why is None:
        return "answers to different prompts stay different"
    tried = []
    for arguments, because in _wider(view):
        found = barred(view, _CHANGE, arguments)
        if found is None:
            return Line(_CHANGE, f"{why}; {because}", arguments)
        tried.append(found)
    return f"{why}, but {'; '.join(tried) or 'the recipe leaves nothing to widen'}"


def smaller_steps(view: View) -> Line | str:
    """What `shrink` says of the recipe."""
    line = shrink(view)
    if isinstance(line, str) or line.intervention is _CHANGE:
        return line
    return f"steps are small already: {line.because}"


def one_back(view: View) -> Line | str:
    """What `shrink` says of going back: to the newest commit that is nearer, by one question."""
    line = shrink(view)
    if isinstance(line, str) or line.intervention is not _BACK:
        return "smaller steps come first" if isinstance(line, Line) else line
    newest = line.arguments["candidates"].partition(",")[0]
    return replace(line, arguments={"candidates": newest})


def shrink(view: View) -> Line | str:
    """Smaller steps where training leads too far from the anchor; then a step back."""
    why = _too_far(view)
    if why is None:
        return "drift is far from its limit"
    smaller, done = _smaller(view), _rate_set(view)
    if smaller and done is None and barred(view, _CHANGE, smaller) is None:
        return Line(_CHANGE, f"{why}; steps of {SLOWER} times the size", smaller)
    if done and view.iteration - done.iteration <= LATELY and not _refused(view, done.iteration):
        return f"{why}, but the size of steps was set in iteration {done.iteration}"
    nearer = _nearer(view)
    if not nearer:
        return f"{why}, but no earlier commit of this session is measured to be nearer"
    if view.limits["gold_queries_max"] <= view.ledgers.gold_queries:
        return f"{why}, but the vault answers no more"
    return barred(view, _BACK, {}) or Line(
        _BACK, f"{why}; back to where it was nearer", {"candidates": nearer}
    )


# --- what was done before --------------------------------------------------------


def barred(view: View, intervention: Intervention, arguments: dict[str, str]) -> str | None:
    """Why a line does not choose this: it is switched off, was just done, or came to nothing."""
    switch = switched_off(view.without, intervention, arguments)
    if switch:
        return f"{switch} is switched off for this session"
    last = _last(view, intervention, arguments)
    if last is None or (ago := view.iteration - last.iteration) > PATIENCE:
        return None
    if ago <= LATELY:
        return f"that was done in iteration {last.iteration}"
    if _came_to_nothing(view, last):
        return f"that came to nothing in iteration {last.iteration}"
    return None


def _last(view: View, intervention: Intervention, arguments: dict[str, str]) -> Past | None:
    """The last turn that did the same: the same mode, or a change of the same field."""
    return next(
        (
            p
            for p in reversed(view.past)
            if p.intervention is intervention and _alike(intervention, p, arguments)
        ),
        None,
    )


def _alike(intervention: Intervention, past: Past, arguments: dict[str, str]) -> bool:
    if intervention is _CHANGE:
        return not arguments.keys().isdisjoint(past.arguments)
    return past.arguments.get(MODE) == arguments.get(MODE)


def _came_to_nothing(view: View, last: Past) -> bool:
    """It was not committed, or the next turn did not see what it predicted."""
    if last.outcome != "committed":
        return True
    if last.predicted is None:
        return False
    after = next((p.observation for p in view.past if p.iteration > last.iteration), None)
    name, _, of = last.predicted.metric.removesuffix("]").partition("[")
    seen = find(after or view.observation, name, of)
    if seen is None or seen.estimate is None:
        return True
    return not last.predicted.low <= seen.estimate <= last.predicted.high


def _rate_set(view: View) -> Past | None:
    """The last turn of late that set the size of steps, and was not undone by a rollback."""
    back = _last(view, _BACK, {})
    undone = back.iteration if back and back.outcome == "committed" else 0
    last = _last(view, _CHANGE, {"learning_rate": ""})
    if last is None or last.outcome != "committed" or last.iteration < undone:
        return None
    return last if view.iteration - last.iteration <= PATIENCE else None


# --- what was measured -----------------------------------------------------------


def _named(view: View, instrument: str) -> list[Measurement]:
    return [m for m in view.observation.measurements if m.instrument == instrument]


def _most_learnable(view: View) -> Measurement | None:
    """The level that is certainly more learnable than prompts are on the whole."""
    each = [m for m in _named(view, "learnable") if m.estimate is not None and m.n]
    if not each:
        return None
    mean = sum((m.estimate or 0.0) * m.n for m in each) / sum(m.n for m in each)
    above = [m for m in each if m.low is not None and m.low > mean]
    return max(above, key=lambda m: m.estimate or 0.0, default=None)


def _against_others(one: Measurement, each: list[Measurement], level: float) -> float:
    """Upper end of how much more often one skill is right than all others together."""
    others = [m for m in each if m is not one]
    there = (sum(m.count or 0 for m in others), sum(m.n for m in others))
    return newcombe_between((one.count or 0, one.n), there, level=level)[1]


def _narrowed(view: View) -> str | None:
    """That answers collapsed, where that is likelier than not.

    Less diversity than the anchor's alone is what learning looks like.
    """
    found = finding(view, Hypothesis.DISTRIBUTION_COLLAPSE)
    if found is None or found.support < LIKELIER:
        return None
    return f"{found.hypothesis}: {'; '.join(found.because)}"


def _wider(view: View) -> Iterator[tuple[dict[str, str], str]]:
    """What may widen, the cheapest first."""
    recipe, possible = view.state.recipe, moves(view.state.recipe)
    if recipe.temperature < 1:
        yield {"temperature": said(1.0)}, "answers are drawn at temperature 1 again"
    more = [x for x in possible.get("entropy", ()) if float(x) > recipe.entropy]
    if more:
        yield {"entropy": more[0]}, f"a bonus of {more[0]} for staying unsure"


def _too_far(view: View) -> str | None:
    """Drift near its limit, or a training that the law refused for it since steps were set."""
    found = finding(view, Hypothesis.DRIFT)
    if found and found.support >= LIKELIER:
        return f"{found.hypothesis}: {found.because[0]}"
    done = _rate_set(view)
    refused = _refused(view, max(view.iteration - 1 - LATELY, done.iteration if done else 0))
    return f"iteration {refused[-1].iteration} was refused by {NEAR_ANCHOR}" if refused else None


def _refused(view: View, since: int) -> list[Past]:
    """Trainings after an iteration that the law refused for their divergence."""
    late = (p for p in view.past if p.iteration > since)
    return [p for p in late if trains(p) and NEAR_ANCHOR in p.refused_by]


def _smaller(view: View) -> dict[str, str] | None:
    rate = said(view.state.recipe.learning_rate * SLOWER)
    return {"learning_rate": rate} if rate in moves(view.state.recipe)["learning_rate"] else None


def _nearer(view: View) -> str:
    """Commits that turns of this session began with, measured to be nearer; the newest first."""
    heads = [
        p.head
        for p in reversed(view.past)
        if p.head != view.head and _is_nearer(p.observation, view.observation)
    ]
    return ",".join(list(dict.fromkeys(heads))[:CANDIDATES])


def _is_nearer(then: Observation, now: Observation) -> bool:
    """By nats per token from the anchor, told by one instrument on both sides."""
    for name, of in (("kl_per_token", "anchor"), ("kl_to_anchor", "")):
        a, b = find(then, name, of), find(now, name, of)
        if a and b and a.estimate is not None and b.estimate is not None:
            return a.estimate < b.estimate
    return False
