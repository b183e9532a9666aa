"""Whose words are these? What a model or a person wrote is shown only on request.

The log holds values that code computed and free text that others wrote. A monitor that
reads the log must not be steered by the latter, so it is hidden unless asked for.
"""

import re
from typing import Any

from logs.vocabulary import Decision, EntryKind, LogEntry

COMPUTED = {
    (EntryKind.DIAGNOSED, "because"),
    (EntryKind.DIAGNOSED, "against"),
    (EntryKind.DECIDED, "because"),
    (EntryKind.DECIDED, "evidence"),
    (EntryKind.PROPOSED, "undo"),
    (EntryKind.RULED, "say"),
    (EntryKind.RULED, "values"),
    (EntryKind.REFUSED, "say"),
    (EntryKind.REFUSED, "values"),
    (EntryKind.REFUSED, "says"),
    (EntryKind.OBSERVED, "assumptions"),
    (EntryKind.MEASURED, "assumptions"),
    (EntryKind.RESCORED, "assumptions"),
    (EntryKind.RESCORED, "units"),
    (EntryKind.OBSERVED, "units"),
    (EntryKind.MEASURED, "units"),
}
"""Sentences that code of this project writes: fields that may hold spaces and be shown."""
MODEL = "model:"
"""A decision whose rule begins so was worded by a model, not by the decision table."""
CHOSEN = "llm:"
"""A decision whose rule begins so was chosen by a model on a menu: only its reason is its own."""

_TOKEN = re.compile(r"[\w.,:;=<>+\-/%\[\]()@~|#*]{0,80}", re.ASCII)


def written_by_model(decision: Decision) -> bool:
    """Return whether a model worded the reason of this decision."""
    return decision.rule.startswith((MODEL, CHOSEN))


def wholly_by_model(decision: Decision) -> bool:
    """Return whether a model worded its evidence and alternatives too."""
    return decision.rule.startswith(MODEL)


def hidden(text: str) -> str:
    """Return what stands in the place of text that was not asked for."""
    return f"(text of {len(text)} characters, hidden; --content shows it)"


def gated(entry: LogEntry) -> dict[str, Any]:
    """Return the body with all free text replaced by its length."""
    rule = str(entry.body.get("rule", ""))
    by_model = rule.startswith(MODEL)
    computed = {field for kind, field in COMPUTED if kind is entry.kind and not by_model}
    gated_body = _gate(entry.body, computed, shown=False)
    if rule.startswith(CHOSEN):
        gated_body["because"] = hidden(str(entry.body.get("because")))
    return gated_body if isinstance(gated_body, dict) else {}


def is_token(text: str) -> bool:
    """Return whether this is a name, a number or a digest: too short and plain to persuade."""
    return _TOKEN.fullmatch(text) is not None


def _gate(value: Any, computed: set[str], *, shown: bool) -> Any:
    match value:
        case dict():
            return {
                key if is_token(key) else hidden(key): _gate(v, computed, shown=key in computed)
                for key, v in value.items()
            }
        case list():
            return [_gate(item, computed, shown=shown) for item in value]
        case str() if not shown and not is_token(value):
            return hidden(value)
        case _:
            return value
