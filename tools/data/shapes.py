"""The shapes in which rows come: a prompt, a conversation, a preference, a labelled answer."""

from collections.abc import Mapping, Sequence
from typing import Any

ROLES = ("system", "user", "assistant")


def prompt_of(raw: Mapping[str, Any], column: str) -> str:
    """The prompt of a row: a text, or a conversation up to its one question.

    What a system turn says stands before the question: a policy is asked one user turn.

    Raises:
        KeyError: there is none.
        ValueError: it is no text, or a conversation of several questions.
    """
    given = raw[column] if column in raw else _conversation(raw, column)
    if _is_conversation(given):
        return _question(given)
    if not isinstance(given, str) or not given.strip():
        raise ValueError(f"{column} is no text")
    return given


def answer_of(raw: Mapping[str, Any], column: str, usual: str) -> Any:
    """What the verifier reads of a row.

    Args:
        column: as the settings name it; empty: the verifier's own, `usual`.

    Raises:
        KeyError: there is nothing.
    """
    if column:
        return _said(raw[column])
    for key in (usual, "answer", "completion", "chosen"):
        if raw.get(key) is not None:
            return _said(raw[key])
    if _is_conversation(raw.get("messages")) and raw["messages"][-1].get("role") == "assistant":
        return _said(raw["messages"])
    raise KeyError(usual)


def plain_row(raw: Mapping[str, Any]) -> dict[str, Any]:
    """A row whose preferred and rejected answers are texts, where they came as conversations."""
    told = {key: _said(raw[key]) for key in ("chosen", "rejected", "completion") if key in raw}
    return {**raw, **told}


def _conversation(raw: Mapping[str, Any], column: str) -> Any:
    """`messages`, or the turns that a preferred and a rejected answer have in common."""
    for key in ("messages", "chosen"):
        if _is_conversation(raw.get(key)):
            return raw[key]
    raise KeyError(column)


def _said(given: Any) -> Any:
    """The last turn of a conversation; anything else as it is."""
    return given[-1].get("content") if _is_conversation(given) else given


def _is_conversation(given: Any) -> bool:
    return (
        isinstance(given, (list, tuple))
        and bool(given)
        and all(isinstance(turn, Mapping) and turn.get("role") in ROLES for turn in given)
    )


def _question(turns: Sequence[Mapping[str, Any]]) -> str:
    """The one question of a conversation, behind what its system turns say."""
    asked = [t for t in turns if t["role"] == "user"]
    if len(asked) != 1 or [t["role"] for t in turns[:-1]].count("assistant"):
        raise ValueError(f"a conversation of {len(asked)} questions; one is practised at a time")
    texts = [t.get("content") for t in turns if t["role"] in ("system", "user")]
    words = [text for text in texts if isinstance(text, str)]
    if len(words) < len(texts) or not asked[0]["content"].strip():
        raise ValueError("a turn of the conversation is no text")
    return "\n\n".join(text for text in words if text.strip())
