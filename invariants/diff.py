"""The exact difference between two states, as a sorted list of typed changes."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from logs.errors import Refused
from logs.vocabulary import Change, Judge, Principle, State


def diff(old: State, new: State) -> tuple[Change, ...]:
    """Every difference between two states, sorted by path; empty only when they are equal.

    Raises:
        Refused: an id occurs twice in one state, so that no path names one thing.
    """
    before, after = _leaves(old), _leaves(new)
    return tuple(
        Change(path=path, old=_shown(before.get(path)), new=_shown(after.get(path)))
        for path in sorted(before.keys() | after.keys())
        if before.get(path) != after.get(path)
    )


def _leaves(state: State) -> dict[str, Any]:
    """Every leaf of a state by its path; never None as a value of an item that is there."""
    found: dict[str, Any] = {}
    for name in type(state).model_fields:
        value = getattr(state, name)
        match name:
            case "constitution":
                found["constitution.version"] = value.version
                found |= _items("constitution.principles", value.principles)
            case "panel":
                found |= _items("panel.judges", value.judges)
            case "prompts" | "recipe":
                found |= _fields(name, value)
            case _:
                found[name] = value
    return found


def _items(path: str, items: Iterable[Principle | Judge]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    ids = [item.id for item in items]
    twice = sorted({i for i in ids if ids.count(i) > 1})
    if twice:
        raise Refused(
            "Two items of one state have the same id.",
            saw=f"{path}: {', '.join(twice)} more than once",
            wanted="every id once",
            try_this="give each its own id",
        )
    # The order is part of the state (and of its digest), so a shuffle is a change too.
    found[path + ".order"] = tuple(ids)
    for item in items:
        found |= _fields(f"{path}[{item.id}]", item)
    return found


def _fields(path: str, item: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in type(item).model_fields:
        value = getattr(item, name)
        if isinstance(value, Mapping):
            found |= {f"{path}.{name}[{key}]": value[key] for key in value}
        else:
            found[f"{path}.{name}"] = value
    return found


def _shown(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, tuple):
        return json.dumps(list(value), ensure_ascii=False)
    return str(value)
