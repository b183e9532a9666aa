"""`/s/ID/samples`: answers beside their verdicts; the words only where they are asked for."""

from collections import Counter
from typing import Any

from agent.view.asked import Asked
from agent.view.frame import Page
from agent.view.place import Place
from agent.view.replay import panel_scores
from logs.content import hidden
from logs.errors import UsageError
from logs.turns import Turn
from logs.vocabulary import Panel

SIZE = 25
"""Prompts on a page."""
ONLY = ("all", "audited", "disagree")


def samples(place: Place, asked: Asked) -> Page:
    """What HEAD answered in one turn, how every judge scored it, and grades that were bought."""
    name = asked.parts["session"]
    seen = [t for t in place.turns(name) if t.observation]
    turn = _turn(seen, asked.number("iteration"))
    only, at = asked.one_of("only", ONLY), asked.number("before", 0) or 0
    try:
        cases = _cases(place, turn)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise UsageError(
            "The answers of this turn cannot be read.",
            saw=f"{type(error).__name__} in the artefacts of iteration {turn.iteration}",
            wanted="answers and verdicts as this version writes them",
            try_this="plimsoll log verify",
        ) from error
    wanted = [c for c in cases if only == "all" or c[only]]
    page = [_shown(c, asked.content) for c in wanted[at : at + SIZE]]
    data = {
        "session": name,
        "iteration": turn.iteration,
        "iterations": [t.iteration for t in seen],
        "only": only,
        "at": at,
        "total": len(wanted),
        "all": len(cases),
        "cases": page,
        "next": at + SIZE if at + SIZE < len(wanted) else None,
        "before": max(at - SIZE, 0) if at else None,
        "content": asked.content,
    }
    entry = turn.entries.get("observed")
    command = f"plimsoll log show {entry} --content"
    title = f"Answers of iteration {turn.iteration}"
    return Page("samples", title, command, data, {"only": ONLY}, session=name)


def _turn(seen: list[Turn], iteration: int | None) -> Turn:
    found = [t for t in seen if iteration is None or t.iteration == iteration]
    if found:
        return found[-1]
    raise UsageError(
        "No answers were drawn there.",
        saw=f"iteration {iteration}" if iteration is not None else "a session without observations",
        wanted=f"one of {', '.join(str(t.iteration) for t in seen) or 'none'}",
        try_this="plimsoll log list --kind observed",
    )


def _cases(place: Place, turn: Turn) -> list[dict[str, Any]]:
    """Per prompt its distinct answers with count, scores and grade."""
    observed = turn.observation
    assert observed is not None
    store = place.workspace.store
    panel = place.journal.commit_of(observed.head).state.panel
    graded = {
        row["prompt"]: {row["answers"][int(i)][0]: g for i, g in row["grades"].items()}
        for row in (store.get_lines(observed.labels) if observed.labels else ())
    }
    pairs = zip(store.get_lines(observed.samples), store.get_lines(observed.verdicts), strict=True)
    return [_case(n, drawn, row, panel, graded) for n, (drawn, row) in enumerate(pairs)]


def _case(
    number: int, drawn: dict[str, Any], row: dict[str, Any], panel: Panel, graded: dict[str, Any]
) -> dict[str, Any]:
    texts = [a[0] for a in drawn["answers"]]
    judges, scores = sorted(row["scores"]), panel_scores(row, panel)
    grades = graded.get(drawn["prompt"], {})
    counts = Counter(texts)
    answers = [
        {
            "text": text,
            "times": counts[text],
            "finished": bool(drawn["answers"][i][3]),
            "panel": scores[i] if i < len(scores) else None,
            "scores": {judge: row["scores"][judge][i] for judge in judges},
            "grade": grades.get(text),
        }
        for text in counts
        for i in [texts.index(text)]
    ]
    answers.sort(key=lambda a: -(a["panel"] if a["panel"] is not None else float("-inf")))
    favourites = {
        texts[_best(row["scores"][j])]
        for j in judges
        if any(s is not None for s in row["scores"][j])
    }
    return {
        "number": number,
        "prompt": drawn["prompt"],
        "answers": answers,
        "judges": judges,
        "errors": row.get("errors") or {},
        "audited": bool(grades),
        "disagree": len(favourites) > 1,
    }


def _best(scores: list[float | None]) -> int:
    return max(
        range(len(scores)), key=lambda i: -1e300 if scores[i] is None else float(scores[i] or 0.0)
    )


def _shown(case: dict[str, Any], content: bool) -> dict[str, Any]:
    """The case with its words, or with their lengths."""
    if content:
        return case
    answers = [a | {"text": hidden(a["text"])} for a in case["answers"]]
    errors = {judge: "an error" for judge in case["errors"]}
    return case | {"prompt": hidden(case["prompt"]), "answers": answers, "errors": errors}
