"""Make a judge's claims true on grades at hand; its order, and so its ranking, stays."""

from agent.audited import asked
from agent.interventions.seats import newer, with_versions
from agent.made import Made, Making
from agent.seeds import seed_of
from logs.vocabulary import JudgeKind
from tools.judges import load
from tools.recalibrating import recalibrate


def make(making: Making) -> Made | str:
    """The panel with another map from score to P(right) in one judge. No label is bought.

    Raises:
        Undecided: too few graded prompts since the judge was fitted.
        Refused: claims would not become better on prompts that the map has not seen.
    """
    now, store = making.state, making.context.hands.store
    name = making.decision.arguments["judge"]
    judge = next((j for j in now.panel.judges if j.id == name), None)
    if judge is None or judge.kind is not JudgeKind.FEATURE:
        return f"the panel has no judge {name!r} whose claims could be recalibrated"
    audited = asked(making, [judge])
    seed = seed_of(making.context.config, making.turn["iteration"], "recalibrate")
    was = load(store.get(judge.artefact))
    made, gain = recalibrate(was, *audited.said(judge.id), seed=seed)
    claims = {
        "before": was.calibration,
        "after": made.calibration,
        "gain": gain.model_dump(mode="json"),
    }
    update = {
        "panel": with_versions(now.panel, {judge.id: newer(judge, store.put(made.dump()))}),
        "judge_updates": now.judge_updates + 1,
    }
    return Made(
        new=now.model_copy(update=update),
        inputs={"labels": store.put_lines(audited.rows), "claims": store.put_json(claims)},
        seeds={"recalibrate": seed},
        accuracy=audited.counts(judge.id),
    )
