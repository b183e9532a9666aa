"""`/judges`: how far each judge can be trusted now and over time; `/judges/ID`: its card."""

from typing import Any

from agent import commands_judge
from agent.card_views import card_data, whole_page
from agent.judge_audits import judges_of, kept_of, latest, names_on_record, on_record, turns_of
from agent.states import state_of
from agent.view.asked import Asked
from agent.view.biases import biases, of_judge
from agent.view.frame import Page
from agent.view.pages.decision import options
from agent.view.pages.story import numbers_of
from agent.view.place import Place
from logs.charts import Figure
from logs.charts_more import bias, reliability
from logs.vocabulary import Measurement


def judges(place: Place, asked: Asked) -> Page:
    """The panel in force, the bench, and every judge against audited labels."""
    found = commands_judge.list_judges(options(place, asked, ref=None)).data
    journal = place.journal
    state = state_of(journal, "HEAD").state
    seated = {judge.id for judge in state.panel.judges}
    bench = [j.model_dump(mode="json") for j in judges_of(journal, state) if j.id not in seated]
    figures = [*_figures(place), *biases(place)]
    data = found | {
        "bench": bench,
        "cards": names_on_record(journal),
        "figures": numbers_of(figures),
    }
    return Page("judges", "Judges", "plimsoll judge list", data, {"figures": figures})


def judge(place: Place, asked: Asked) -> Page:
    """One judge: its audits in the log, and its card where one was made."""
    name, journal, store = asked.parts["judge"], place.journal, place.workspace.store
    state = state_of(journal, "HEAD").state
    sitting = next((j for j in judges_of(journal, state) if j.id == name), None)
    found = latest(journal, store, name, None)
    card = kept = None
    text, notes = "", tuple[str, ...]()
    if found:
        card, kept = found.card, kept_of(store, found.audited)
        if not card.audited <= turns_of(journal) < card.expires:
            notes = (f"EXPIRED: it counts in turns {card.audited} to {card.expires - 1}",)
        text = whole_page(card, kept, notes=notes)
    data: dict[str, Any] = {
        "judge": name,
        "now": sitting.model_dump(mode="json") if sitting else None,
        "card": card_data(card, notes) if card else None,
        "audits": [a.model_dump(mode="json") for a in on_record(journal, name)],
        "readings": [_reading(i, m) for i, m in _readings(place, name)],
    }
    figures = list(of_judge(place, name))
    data["figures"] = numbers_of(figures)
    more = {"card": card, "text": text, "figures": figures}
    return Page("judge", name, f"plimsoll judge card {name}", data, more)


def _figures(place: Place) -> list[Figure]:
    """Of the latest session."""
    names = place.sessions()
    told = place.turns(names[-1]) if names else ()
    drawn = (reliability(told), bias(told)) if told else ()
    return [figure for figure in drawn if figure]


def _readings(place: Place, name: str) -> list[tuple[int, Measurement]]:
    return [
        (turn.iteration, m)
        for session in place.sessions()
        for turn in place.turns(session)
        for m in (turn.observation.measurements if turn.observation else ())
        if m.of == name and m.instrument.startswith(("judge_", "favourite", "cohen"))
    ]


def _reading(iteration: int, m: Measurement) -> dict[str, Any]:
    return {"iteration": iteration, **m.model_dump(mode="json")}
