"""One TOML table, read key by key; whatever was not asked for is refused."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from invariants.lexer import suggest
from invariants.values import rational
from logs.errors import UsageError

MAX_WHOLE = 10**9
_ABSENT = object()
_LONGEST_QUOTE = 200


class Table:
    """A table, its name for messages, and the text it came from."""

    def __init__(
        self, items: dict[str, Any], name: str, source: str, anchor: str = "", start: int = 0
    ) -> None:
        """Hold a table; its keys stand in the file behind `start`, and behind the text `anchor`."""
        self._items = items
        self._name = name
        self._source = source
        self._anchor = anchor
        self._start = start
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

    def choice(self, key: str, choices: Sequence[str], default: str | None = None) -> str:
        """A string out of a list."""
        value = self.text(key, default)
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
        if type(value) is not int or not 1 <= value <= MAX_WHOLE:
            raise self.error(
                key, f"`{key}` of {self._name} must be a whole number.", f"1 to {MAX_WHOLE}"
            )
        return value

    def count(self, key: str, default: int) -> int:
        """A bare integer of at least 0."""
        value = self._take(key, default)
        if type(value) is not int or not 0 <= value <= MAX_WHOLE:
            raise self.error(key, f"`{key}` of {self._name} must be a count.", f"0 to {MAX_WHOLE}")
        return value

    def flag(self, key: str) -> bool:
        """A bare `true` or `false`; false if it is absent."""
        value = self._take(key, False)
        if not isinstance(value, bool):
            raise self.error(key, f"`{key}` of {self._name} must be a bool.", "true or false")
        return value

    def words(self, key: str, default: Sequence[str]) -> tuple[str, ...]:
        """A list of strings."""
        value = self._take(key, list(default))
        if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
            raise self.error(key, f"`{key}` of {self._name} must be a list.", '["one", "two"]')
        return tuple(value)

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
        try:
            return value.astimezone(UTC)
        except OverflowError as error:
            raise self.error(
                key, f"`{key}` of {self._name} is before or after all time.", "a year of our era"
            ) from error

    def names(self, key: str) -> tuple[str, ...]:
        """The names of the tables inside a table; none if it is absent."""
        return self.sub(key).given()

    def sub(self, key: str, name: str | None = None) -> "Table":
        """The table `[key]`, or `[key.name]`; empty if it is absent."""
        outer = self._table(self._take(key, {}), key)
        if name is None:
            return outer
        return self._table(outer._items[name], f"{key}.{name}", f"[{key}.{name}]")

    def inner(self, key: str) -> "Table":
        """The table under a key of this one, wherever in the file it stands."""
        return self._table(self._take(key), key)

    def several(self, key: str) -> list["Table"]:
        """Every table of the list `[[key]]`."""
        found = self._take(key, [])
        if not isinstance(found, list):
            raise self.error(key, f"`{key}` must be a list of tables.", f"[[{key}]]")
        header = re.compile(rf"(?m)^[ \t]*\[\[{re.escape(key)}\]\]")
        headers = [match.end() for match in header.finditer(self._source)]
        return [self._item(key, item, at, headers) for at, item in enumerate(found, 1)]

    def done(self) -> None:
        """Refuse every key that was not asked for."""
        for key in self._items:
            if key not in self._asked:
                raise self.unknown(key, self._asked)

    def allow(self, keys: Iterable[str]) -> None:
        """Refuse every key that was not asked for and is not among these."""
        self._asked.update(dict.fromkeys(keys))
        self.done()

    def plain(self, key: str) -> Any:
        """What a key holds, unread."""
        return self._take(key)

    def unknown(self, key: str, known: Iterable[str]) -> UsageError:
        """The refusal of a key that means nothing here."""
        names = [str(name) for name in known]
        return self.error(
            key,
            f"`{_short(key)}` means nothing in {self._name}.",
            "one of " + ", ".join(names),
            hint=suggest(key, names),
        )

    def error(self, key: str, what: str, wanted: str, *, hint: str | None = None) -> UsageError:
        """A refusal that names the line."""
        given = self._items.get(key, _ABSENT)
        saw = "it is absent" if given is _ABSENT else f"{_short(key)} = {_quoted(given)}"
        place = self.line(key if given is not _ABSENT else "")
        return UsageError(
            what, saw=f"{saw} (line {place})", wanted=wanted, try_this=hint or f"write {wanted}"
        )

    def line(self, word: str) -> int:
        """The line on which the file gives a word of this table."""
        return line_of(self._source, word, after=self._anchor, start=self._start)

    def _take(self, key: str, default: Any = _ABSENT) -> Any:
        self._asked[key] = None
        value = self._items.get(key, default)
        if value is not _ABSENT:
            return value
        near = suggest(key, [name for name in self._items if name not in self._asked])
        hint = near if near.startswith("did you mean") else f"add {key}"
        raise self.error(key, f"{self._name} lacks `{key}`.", f"the key `{key}`", hint=hint)

    def _item(self, key: str, found: Any, at: int, headers: Sequence[int]) -> "Table":
        """The `at`-th table of a list; its keys follow the `at`-th header in the file."""
        start = headers[at - 1] if at <= len(headers) else 0
        return self._table(found, f"{key} {at}", start=start)

    def _table(self, found: Any, name: str, anchor: str = "", start: int = 0) -> "Table":
        if not isinstance(found, dict):
            raise self.error(name, f"`{name}` must be a table.", f"[{name}]")
        return Table(found, f"[{name}]", self._source, anchor, start)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_QUOTE else text[:_LONGEST_QUOTE] + "…"


def _quoted(value: object) -> str:
    """A value as Python writes it, cut short; a number of thousands of digits has no such form."""
    try:
        text = repr(value)
    except ValueError:
        return "a number of very many digits"
    return _short(text)


def line_of(source: str, word: str, *, after: str = "", start: int = 0) -> int:
    """The first line on which a word stands alone behind the text `after`, counted from 1."""
    begin = max(source.find(after, start), start) + len(after)
    found = re.compile(rf"(?<![\w-]){re.escape(word)}(?![\w-])").search(source, begin)
    return source.count("\n", 0, found.start() if found else begin) + 1
