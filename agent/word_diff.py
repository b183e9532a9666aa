"""What changed between two constitutions: principle by principle, and word by word."""

import difflib
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from logs.content import hidden
from logs.text import visible
from logs.vocabulary import Constitution, Principle


class Piece(NamedTuple):
    """A run of words that stayed, went or came."""

    kind: str
    """`same`, `old` or `new`."""
    words: str


def compared(old: str, new: str) -> list[Piece]:
    """The words of both texts in one order, each run marked."""
    a, b = old.split(), new.split()
    found: list[Piece] = []
    for tag, i, j, k, m in difflib.SequenceMatcher(a=a, b=b, autojunk=False).get_opcodes():
        if tag == "equal":
            found.append(Piece("same", " ".join(a[i:j])))
            continue
        found += [Piece("old", " ".join(a[i:j]))] if j > i else []
        found += [Piece("new", " ".join(b[k:m]))] if m > k else []
    return found


def marked(pieces: list[Piece]) -> str:
    """Pieces as `git diff --word-diff` prints them: [-went-] {+came+}."""
    marks = {"same": "{}", "old": "[-{}-]", "new": "{{+{}+}}"}
    return " ".join(marks[piece.kind].format(visible(piece.words)) for piece in pieces)


def differences(
    old: Constitution, new: Constitution, *, known: Collection[str], content: bool
) -> list[dict[str, Any]]:
    """Every principle that differs, as data.

    Args:
        known: Texts that people wrote; others are shown only if `content`.
    """
    before = {principle.id: principle for principle in old.principles}
    after = {principle.id: principle for principle in new.principles}
    tell = _Teller(known, content)
    return [
        _difference(before.get(key), after.get(key), tell)
        for key in [*before, *(key for key in after if key not in before)]
        if before.get(key) != after.get(key)
    ]


def rendered(change: dict[str, Any]) -> Iterator[str]:
    """One difference as lines of text."""
    yield f"{visible(change['id'])}  {change['change']}"
    for name in ("weight", "tier", "contexts"):
        old, new = change[name]
        if old != new:
            yield f"  {name} {_said(old)} -> {_said(new)}"
    if change["words"]:
        yield f"  text {marked([Piece(*piece) for piece in change['words']])}"


class _Teller:
    """Shows a text, or says how long it is."""

    def __init__(self, known: Collection[str], content: bool) -> None:
        self.known, self.content = known, content

    def shows(self, text: str) -> bool:
        return self.content or text in self.known

    def pieces(self, old: str, new: str) -> list[Piece]:
        if old == new:
            return []
        if self.shows(old) and self.shows(new):
            return compared(old, new)
        sides = (("old", old), ("new", new))
        return [Piece(k, t if self.shows(t) else hidden(t)) for k, t in sides if t]


def _difference(old: Principle | None, new: Principle | None, tell: _Teller) -> dict[str, Any]:
    one = new or old
    assert one is not None
    return {
        "id": one.id,
        "change": "changed" if old and new else "added" if new else "removed",
        "weight": [str(old.weight) if old else None, str(new.weight) if new else None],
        "tier": [str(old.tier) if old else None, str(new.tier) if new else None],
        "contexts": [list(old.contexts) if old else None, list(new.contexts) if new else None],
        "words": [list(p) for p in tell.pieces(old.text if old else "", new.text if new else "")],
    }


def _said(value: Any) -> str:
    if value is None:
        return "nothing"
    return visible(", ".join(value) or "all skills") if isinstance(value, list) else visible(value)
