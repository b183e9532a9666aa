"""The one layout of a policy file: comments stay, meaning stays, the rest is made uniform.

Tables keep their order. Rules are laid out by `printer.py`; spaces, blank lines and comments
are set as in the shipped policies. A result that would read back as another policy is refused.
"""

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from invariants.document import document
from invariants.lexer import MAX_CHARACTERS
from invariants.parser import parse
from invariants.policy import load
from invariants.printer import WIDTH, bare, printed
from logs.errors import PlimsollError, UsageError

_OPENING = re.compile(r"\"\"\"|'''|[\"'#\[\]{}\n]")
_COMMENT = re.compile(r"#(?=\w)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

Kind = Literal["blank", "comment", "header", "pair"]


@dataclass
class _Statement:
    """One statement of the file, however many lines it takes."""

    kind: Kind
    text: str
    comment: str = ""


def formatted(data: bytes) -> bytes:
    """The same policy in the one layout; formatting that again changes nothing.

    Raises:
        UsageError: the file does not load.
    """
    load(data)
    text, before = document(data)
    new = "\n".join(_laid_out(list(_statements(text)))).strip("\n") + "\n"
    _, after = document(new.encode())
    if _meaning(before) != _meaning(after):
        raise PlimsollError(
            "The formatter would have changed what the policy says, so nothing was written.",
            saw="another document after formatting than before",
            wanted="the same document",
            try_this="report the file; meanwhile it is valid as it is",
        )
    return new.encode()


# --- reading ---------------------------------------------------------------------


def _statements(text: str) -> Iterator[_Statement]:
    text = text.replace("\r\n", "\n")
    at = 0
    while at < len(text):
        end, comment = _extent(text, at)
        body = text[at : comment if comment >= 0 else end].strip(" \t")
        note = text[comment:end].rstrip() if comment >= 0 else ""
        at = end + 1
        if not body:
            yield _Statement("comment" if note else "blank", _spaced(note))
        else:
            kind: Kind = "header" if body.startswith("[") else "pair"
            yield _Statement(kind, _header(body) if kind == "header" else body, _spaced(note))


def _extent(text: str, at: int) -> tuple[int, int]:
    """Where the statement ends (a newline outside strings and brackets), and its comment or -1."""
    depth = 0
    while match := _OPENING.search(text, at):
        mark, at = match.group(), match.end()
        if mark == "\n" and depth == 0:
            return match.start(), -1
        if mark == "#":
            end = text.find("\n", at)
            end = len(text) if end < 0 else end
            if depth == 0:
                return end, match.start()
            at = end
        elif mark in "[{":
            depth += 1
        elif mark in "]}":
            depth -= 1
        elif mark != "\n":
            at = _string_end(text, at, mark)
    return len(text), -1


def _string_end(text: str, at: int, quote: str) -> int:
    """One past the closing quote; up to two more quotes belong to a string of three."""
    while True:
        found = text.find(quote, at)
        if found < 0:
            return len(text)
        slashes = len(text[:found]) - len(text[:found].rstrip("\\"))
        if quote[0] == "'" or slashes % 2 == 0:
            end = found + len(quote)
            while len(quote) == 3 and text[end : end + 1] == quote[0] and end < found + 5:
                end += 1
            return end
        at = found + 1


# --- writing ---------------------------------------------------------------------


def _laid_out(statements: list[_Statement]) -> Iterator[str]:
    """Lines: one blank line before a table with its comments, none behind its header."""
    waiting: list[str] = []
    before: Kind = "blank"
    for one in statements:
        match one.kind:
            case "blank":
                if before not in ("blank", "header"):
                    waiting.append("")
            case "comment":
                waiting.append(one.text)
            case "header":
                yield from _apart(waiting)
                waiting = []
                yield _with(one.text, one.comment)
            case "pair":
                yield from waiting
                waiting = []
                yield _with(_pair(one.text), one.comment)
        before = one.kind
    yield from waiting


def _apart(waiting: list[str]) -> Iterator[str]:
    """What stands before a table, with a blank line before the comments that belong to it."""
    at = len(waiting)
    while at and waiting[at - 1]:
        at -= 1
    lines = [*waiting[:at], *([] if at and not waiting[at - 1] else [""]), *waiting[at:]]
    yield from lines


def _with(text: str, comment: str) -> str:
    return f"{text}  {comment}" if comment else text


def _spaced(comment: str) -> str:
    return _COMMENT.sub("# ", comment, count=1) if comment.startswith("#") else comment


def _header(text: str) -> str:
    return text if '"' in text or "'" in text else re.sub(r"\s+", "", text)


def _pair(text: str) -> str:
    key, value = _halves(text)
    if key == "need":
        value = _need(tomllib.loads(f"need = {value}")["need"])
    return f"{key} = {value}"


def _halves(text: str) -> tuple[str, str]:
    """Key and value; a `=` in a quoted part of the key does not part them."""
    at = re.match(r"""(?:[^="']|"[^"]*"|'[^']*')*""", text)
    cut = at.end() if at else 0
    return text[:cut].strip(), text[cut + 1 :].strip()


def _need(source: str) -> str:
    """A rule as a TOML string, on one line if it fits."""
    rule = _rule(source)
    rows = rule.split("\n")
    if "'''" in rule or any(_CONTROL.search(row) for row in rows):
        return json.dumps(rule, ensure_ascii=False).replace("\x7f", "\\u007f")
    if len(rows) > 1:
        return "'''" + "\n  ".join(rows) + "'''"
    return f"'{rule}'" if "'" not in rule else f"'''{rule}'''"


def _rule(source: str) -> str:
    """The rule laid out; as it was where the layout would pass a limit of the language."""
    tree = parse(source)
    for width in (WIDTH, MAX_CHARACTERS):
        rule = printed(tree, source, width=width)
        try:
            if bare(parse(rule)) == bare(tree):
                return rule
        except UsageError:
            continue
    return source


def _meaning(found: Any, key: str = "") -> Any:
    """A document with each rule as its tree."""
    match found:
        case dict():
            return {name: _meaning(value, name) for name, value in found.items()}
        case list():
            return [_meaning(value) for value in found]
        case str() if key == "need":
            return bare(parse(found))
        case _:
            return found
