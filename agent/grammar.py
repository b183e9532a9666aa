"""How words on the command line become one of the commands.

    plimsoll VERB [OPTIONS]            demo, run, status, ...
    plimsoll NOUN VERB [OPTIONS]       log why HEAD; a noun alone lists or shows

Only argparse is imported here: what a command needs is imported when it runs.
"""

import difflib
import shutil
import textwrap
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass

from agent.commands import COMMANDS, EXIT_CODES, NOUNS, Command
from agent.options import Parser, with_the_common_ones
from logs.errors import UsageError

_BY_NAME = {command.name: command for command in COMMANDS}
_TAKES_A_VALUE = ("--workspace",)
_HELP = ("-h", "--help")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody typed: a command with its options, or a page of help."""

    command: Command | None
    options: Namespace
    help: str = ""


def understand(words: Sequence[str]) -> Wanted:
    """Turn the words behind `plimsoll` into one command.

    Raises:
        UsageError: no such command or option, or a value that does not fit; names the nearest.
    """
    front, path, rest = _split(words)
    if path[:1] == ["help"]:
        path, rest = path[1:], [*rest, "--help"]
    if not path:
        return _without_a_command(front)
    noun = path[0]
    asks_for_help = any(word in _HELP for word in rest[:1])
    if noun in NOUNS and len(path) == 1:
        if asks_for_help:
            return Wanted(None, Namespace(), help_of_noun(noun))
        path = [noun, NOUNS[noun]]
    command = _BY_NAME.get(" ".join(path)) or _unknown(path)
    return _parsed(command, [*front, *rest])


def parser_of(command: Command) -> Parser:
    """The options of one command."""
    parser = Parser(prog=f"plimsoll {command.name}", description=command.summary)
    command.options(parser)
    with_the_common_ones(parser)
    return parser


def help_of_noun(noun: str) -> str:
    """What a noun can be asked."""
    rows = [(c.name, c.summary) for c in COMMANDS if c.name.startswith(f"{noun} ")]
    first = f"usage: plimsoll {noun} VERB [OPTIONS]"
    alone = f"`plimsoll {noun}` alone is `plimsoll {noun} {NOUNS[noun]}`."
    return "\n".join([first, "", *_columns(rows), "", alone])


def help_of_all() -> str:
    """The first page: every command with its summary."""
    verbs = [(c.name, c.summary) for c in COMMANDS if " " not in c.name]
    nouns = [(c.name, c.summary) for c in COMMANDS if " " in c.name]
    return "\n".join(
        [
            "usage: plimsoll COMMAND [OPTIONS]",
            "",
            "launch and watch",
            *_columns(verbs),
            "",
            "inspect what was done, and the law it was done under",
            *_columns(nouns),
            "",
            *_columns(
                [
                    ("COMMAND --help", "the options of one command"),
                    ("--workspace DIR", "the workspace; else the nearest one upwards"),
                    ("--json", "one envelope for programs"),
                    ("--version", "the version"),
                ]
            ),
            "",
            "exit codes",
            *_columns([(str(code), meaning) for code, meaning in EXIT_CODES]),
        ]
    )


def _split(words: Sequence[str]) -> tuple[list[str], list[str], list[str]]:
    """Options in front, the one or two words of the command, and everything behind."""
    at = 0
    while at < len(words) and words[at].startswith("-") and words[at] != "--":
        at += 2 if words[at] in _TAKES_A_VALUE else 1
    front, rest = list(words[:at]), list(words[at:])
    two = rest[:1] == ["help"] or (rest and rest[0] in NOUNS)
    size = 2 if two and len(rest) > 1 and not rest[1].startswith("-") else 1
    if rest[:1] == ["help"] and rest[1:2] and rest[1] in NOUNS and rest[2:]:
        size = 3
    return front, rest[:size], rest[size:]


def _without_a_command(front: list[str]) -> Wanted:
    if "--version" in front:
        from agent.version import version

        return Wanted(None, Namespace(), f"plimsoll {version()}")
    stray = [word for word in front if word not in _HELP]
    if not stray:
        return Wanted(None, Namespace(), help_of_all())
    raise UsageError(
        "These options need a command.",
        saw=" ".join(stray),
        wanted="plimsoll COMMAND [OPTIONS]",
        try_this="plimsoll --help",
    )


def _parsed(command: Command, words: list[str]) -> Wanted:
    parser = parser_of(command)
    if any(word in _HELP for word in words):  # before anything that is missing is asked for
        return Wanted(None, Namespace(), parser.format_help().rstrip())
    options, strange = parser.parse_known_args(words)
    if not strange:
        return Wanted(command, options)
    near = difflib.get_close_matches(strange[0].partition("=")[0], parser.known, n=1, cutoff=0.5)
    raise UsageError(
        f"plimsoll {command.name} does not know this.",
        saw=" ".join(strange),
        wanted=" ".join(parser.format_usage().removeprefix("usage: ").split()),
        try_this=f"did you mean {near[0]}?"
        if near and near[0] not in words
        else f"plimsoll {command.name} --help",
    )


def _unknown(path: Sequence[str]) -> Command:
    """Refuse with the nearest command, looked for among whole names and among verbs."""
    typed = " ".join(path)
    verbs = {command.name.split()[-1]: command.name for command in reversed(COMMANDS)}
    names = [*_BY_NAME, *NOUNS]
    near = difflib.get_close_matches(typed, names, n=1, cutoff=0.6)
    by_verb = [verbs[v] for v in difflib.get_close_matches(path[-1], verbs, n=1, cutoff=0.7)]
    own = [name for name in by_verb + near if name.startswith(f"{path[0]} ")]
    found = [*own, *near, *by_verb]
    known = [c.name for c in COMMANDS if c.name.startswith(f"{path[0]} ")] or [
        *(c.name for c in COMMANDS if " " not in c.name),
        *NOUNS,
    ]
    page = f"plimsoll {path[0]} --help" if path[0] in NOUNS else "plimsoll --help"
    raise UsageError(
        "There is no such command.",
        saw=f"plimsoll {typed}",
        wanted=f"one of: {', '.join(known)}",
        try_this=f"did you mean plimsoll {found[0]}?" if found else page,
    )


def _columns(rows: Sequence[tuple[str, str]]) -> list[str]:
    """Names and sentences side by side, or one below the other where it is narrow."""
    width = max(shutil.get_terminal_size((80, 24)).columns, 20)
    column = max(len(name) for name, _ in rows) + 4
    lines: list[str] = []
    for name, says in rows:
        if width - column < 24:
            lines += [
                f"  {name}",
                *textwrap.wrap(says, width - 6, initial_indent=" " * 6, subsequent_indent=" " * 6),
            ]
        else:
            first, *more = textwrap.wrap(says, width - column) or [""]
            lines += [f"  {name:<{column - 2}}{first}", *(" " * column + line for line in more)]
    return lines
