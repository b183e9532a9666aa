"""One TOML table, read key by key; whatever was not asked for is refused."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from invariants.lexer import suggest
from invariants.values import rational
from logs.errors import UsageError

_ABSENT = object()


class Table:
    """A table, its name for messages, and the text it came from."""

    def __init__(self, items: dict[str, Any], name: str, source: str, anchor: str = "") -> None:
        """Hold a table; `anchor` is text of the file that stands before its keys."""
        self._items = items
        self._name = name
        self._source = source
        self._anchor = anchor
        self._asked: dict[str, None] = {}

    def given(self) -> tuple[str, ...]:
        """The keys that the file gives here."""
        return tuple(self._items)

    def text(self, key: str, default: str | None = None) -> str:
        """A non-empty string."""
        value = self._take(key, _ABSENT if default is None else default)
        if not isinstance(value, str) or (not value.strip() and default is None):
            raise self.error(key, f"`{key}` of {self._name} must be text.", "a quoted string")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of at least one non-empty string."""
        found = self._take(key)
        if not isinstance(found, list) or not found or not all(map(_is_text, found)):
            raise self.error(key, f"`{key}` of {self._name} must be a list.", "quoted strings")
        return tuple(found)

    def choice(self, key: str, choices: Sequence[str]) -> str:
        """A string out of a list."""
        value = self.text(key)
        if value not in choices:
            raise self.error(
                key,
                f'`{key}` of {self._name} cannot be "{value}".',
                "one of " + ", ".join(choices),
                hint=suggest(value, choices),
            )
        return value

    def whole(self, key: str) -> int:
        """A bare integer of at least 1."""
        value = self._take(key)
        if type(value) is not int or value < 1:
            raise self.error(key, f"`{key}` of {self._name} must be a whole number.", "1 or more")
        return value

    def exact(self, key: str, default: str | None = None) -> Fraction:
        """An exact number, written as a quoted decimal or ratio."""
        text = self._take(key, _ABSENT if default is None else default)
        value = rational(text)
        if value is None:
            raise self.error(
                key,
                f"`{key}` of {self._name} is not an exact number.",
                'a quoted decimal or ratio, such as "0.05" or "1/20"',
                hint=f'write {key} = "{text}"' if not isinstance(text, str) else None,
            )
        return value

    def time(self, key: str) -> datetime | None:
        """A date and time with its offset, in UTC; None if the key is absent."""
        value = self._take(key, None)
        if value is None:
            return None
        if not isinstance(value, datetime) or value.tzinfo is None:
            raise self.error(
                key,
                f"`{key}` of {self._name} must be a time with an offset.",
                "for example 2027-06-01T00:00:00Z, without quotes",
            )
        return value.astimezone(UTC)

    def names(self, key: str) -> tuple[str, ...]:
        """The names of the tables inside a table; none if it is absent."""
        return self.sub(key).given()

    def sub(self, key: str, name: str | None = None) -> "Table":
        """The table `[key]`, or `[key.name]`; empty if it is absent."""
        outer = self._table(self._take(key, {}), key)
        if name is None:
            return outer
        return self._table(outer._items[name], f"{key}.{name}", f"[{key}.{name}]")

    def several(self, key: str) -> list["Table"]:
        """Every table of the list `[[key]]`."""
        found = self._take(key, [])
        if not isinstance(found, list):
            raise self.error(key, f"`{key}` must be a list of tables.", f"[[{key}]]")
        return [self._item(key, at, item) for at, item in enumerate(found, 1)]

    def done(self) -> None:
        """Refuse every key that was not asked for."""
        for key in self._items:
            if key not in self._asked:
                raise self.unknown(key, self._asked)

    def unknown(self, key: str, known: Iterable[str]) -> UsageError:
        """The refusal of a key that means nothing here."""
        names = [str(name) for name in known]
        return self.error(
            key,
            f"`{key}` means nothing in {self._name}.",
            "one of " + ", ".join(names),
            hint=suggest(key, names),
        )

    def error(self, key: str, what: str, wanted: str, *, hint: str | None = None) -> UsageError:
        """A refusal that names the line."""
        given = self._items.get(key, _ABSENT)
        saw = "it is absent" if given is _ABSENT else f"{key} = {given!r}"
        place = line_of(self._source, key if given is not _ABSENT else "", after=self._anchor)
        return UsageError(
            what, saw=f"{saw} (line {place})", wanted=wanted, try_this=hint or f"write {wanted}"
        )

    def line(self, word: str) -> int:
        """The line on which the file gives a word of this table."""
        return line_of(self._source, word, after=self._anchor)

    def _take(self, key: str, default: Any = _ABSENT) -> Any:
        self._asked[key] = None
        value = self._items.get(key, default)
        if value is not _ABSENT:
            return value
        near = suggest(key, [name for name in self._items if name not in self._asked])
        hint = near if near.startswith("did you mean") else f"add {key}"
        raise self.error(key, f"{self._name} lacks `{key}`.", f"the key `{key}`", hint=hint)

    def _item(self, key: str, at: int, found: Any) -> "Table":
        """The `at`-th table of a list; its keys follow the `at`-th header in the file."""
        headers = list(re.finditer(rf"(?m)^[ \t]*\[\[{re.escape(key)}\]\]", self._source))
        before = self._source[: headers[at - 1].end()] if at <= len(headers) else ""
        return self._table(found, f"{key} {at}", before)

    def _table(self, found: Any, name: str, anchor: str = "") -> "Table":
        if not isinstance(found, dict):
            raise self.error(name, f"`{name}` must be a table.", f"[{name}]")
        return Table(found, f"[{name}]", self._source, anchor)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def line_of(source: str, word: str, *, after: str = "") -> int:
    """The first line on which a word stands alone behind the text `after`, counted from 1."""
    start = max(source.find(after), 0)
    found = re.compile(rf"(?<![\w-]){re.escape(word)}(?![\w-])").search(source, start + len(after))
    return source.count("\n", 0, found.start() if found else start + len(after)) + 1
