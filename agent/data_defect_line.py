"""The line of the decision table about data that are not what they should be."""

from agent.deciders import View
from agent.lines import Line, finding
from logs.vocabulary import Hypothesis, Intervention, Prediction

CERTAIN_ENOUGH = 0.5
TRIES = 2
"""Regenerations after which whoever spoils the data is somebody else's to find."""
WITHIN = 8
"""Turns that count as the same trouble."""


def defective(view: View) -> Line | str:
    """Throw the data away; if what comes instead is no better, ask who can look at their source."""
    found = finding(view, Hypothesis.DATA_DEFECT)
    if found is None or found.support < CERTAIN_ENOUGH:
        return "nothing is known against the data"
    tries = [p for p in view.past[-WITHIN:] if p.intervention is Intervention.REGENERATE_DATA]
    if len(tries) >= TRIES:
        said = f"{found.because[0]}, after {len(tries)} regenerations"
        return Line(Intervention.ASK_PERSON, f"{said}; nothing I may do would repair it", {})
    return Line(
        Intervention.REGENERATE_DATA,
        f"the data are defective: {found.because[0]}",
        {},
        Prediction(metric="distinct_prompts", low=0.5, high=1.0),
    )
