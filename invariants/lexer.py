"""Words of the rule language, and the one way in which a rule is refused."""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, cast

from logs.errors import UsageError

MAX_CHARACTERS = 2_000

RESERVED = frozenset(
    ("all", "any", "sum", "count", "in", "where", "and", "or", "not", "abs", "true", "false")
)

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+)
      | (?P<number>[0-9]+(?:\.[0-9]+)?(?:/[0-9]+)?(?![0-9A-Za-z_.]))
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<string>"[^"\\\n]*")
      | (?P<op>=>|<=|>=|==|!=|[<>+\-*().\[\]:])
    """,
    re.VERBOSE,
)

_HINTS = {
    "=": "compare with `==`",
    "&": "join with `and`",
    "|": "join with `or`",
    "!": "negate with `not`",
    "'": 'quote with "double quotes"',
    "/": "write a ratio of two whole numbers, such as 1/3",
    '"': "close the quotation on the same line, without a backslash",
}


TokenKind = Literal["number", "name", "string", "op", "end"]


@dataclass(frozen=True, slots=True)
class Token:
    """One word of a rule, and where it starts."""

    kind: TokenKind
    text: str
    start: int

    @property
    def end(self) -> int:
        """One past the last character."""
        return self.start + len(self.text)


def words(source: str) -> list[Token]:
    """Cut a rule into its words; the last one is always of kind `end`.

    Raises:
        UsageError: the rule is too long, or a character belongs to no word.
    """
    if len(source) > MAX_CHARACTERS:
        raise UsageError(
            "The rule is too long.",
            saw=f"{len(source)} characters",
            wanted=f"at most {MAX_CHARACTERS}",
            try_this="split it into several invariants; all of them must hold",
        )
    found: list[Token] = []
    at = 0
    while at < len(source):
        match = _TOKEN.match(source, at)
        if match is None:
            raise _unknown_character(source, at)
        if match.lastgroup != "space":
            found.append(Token(cast(TokenKind, match.lastgroup), match.group(), at))
        at = match.end()
    return [*found, Token("end", "", len(source))]


def _unknown_character(source: str, at: int) -> UsageError:
    number = source[at].isdigit()
    hint = "write numbers as 3, 0.05 or 1/20" if number else _HINTS.get(source[at])
    return unreadable(
        source,
        at,
        "A number is badly written." if number else "A character belongs to no word.",
        wanted="names, numbers, quoted words and the operators of the rule language",
        try_this=hint or "remove it",
    )


def unreadable(source: str, at: int, what: str, *, wanted: str, try_this: str) -> UsageError:
    """A refusal that shows the line of the rule with a caret under the column."""
    line_start = source.rfind("\n", 0, at) + 1
    line_end = source.find("\n", at)
    line = source[line_start : len(source) if line_end < 0 else line_end]
    row, column = source.count("\n", 0, at) + 1, at - line_start + 1
    left = max(0, column - 60)
    shown = ("…" if left else "") + line[left + bool(left) : left + 90]
    if left + 90 < len(line):
        shown = shown[:-1] + "…"
    place = f"column {column}" if "\n" not in source else f"line {row}, column {column}"
    saw = f"{place}\n          {shown}\n          {' ' * (column - 1 - left)}^"
    return UsageError(what, saw=saw, wanted=wanted, try_this=try_this)


def suggest(word: str, known: Iterable[str]) -> str:
    """The nearest known word as a hint, or all of them when none is near."""
    choices = sorted(known)
    near = difflib.get_close_matches(word, choices, n=1, cutoff=0.6)
    if near:
        return f"did you mean `{near[0]}`?"
    return "use one of: " + (", ".join(choices) or "(none is declared)")
