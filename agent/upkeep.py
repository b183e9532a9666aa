"""What the lines of the decision table say that go on where nothing needs a repair."""

from agent.deciders import View
from agent.lines import Line, finding
from logs.vocabulary import Hypothesis, Intervention, Prediction


def refresh(view: View) -> Line:
    """Practise on other prompts."""
    found = finding(view, Hypothesis.PROMPT_SATURATION)
    return Line(
        Intervention.REFRESH_PROMPTS,
        f"little is left to learn from these prompts: {found.because[0] if found else ''}",
        {},
        Prediction(metric="tie_rate", low=0.0, high=0.9),
    )


def train(view: View) -> Line:
    """Go on."""
    score = view.measured("judge_score")
    now = score.estimate if score and score.estimate is not None else 0.0
    return Line(
        Intervention.TRAIN,
        "no finding asks for a repair first",
        {},
        Prediction(metric="judge_score", low=now, high=now + 1.0),
    )


def stuck(_: View) -> Line:
    """Ask a person, where nothing else is left."""
    because = "training needs people under this policy, or the panel is below its floor"
    return Line(Intervention.ASK_PERSON, f"{because}, and nothing else is left to do", {})
