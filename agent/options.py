"""The options of the commands; every refusal of a value says what, saw, wanted, try."""

from argparse import SUPPRESS, Action, ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from logs.errors import UsageError

MAX_ITERATIONS = 1000
MAX_SEED = 2**31 - 1


class Parser(ArgumentParser):
    """An argparse parser that refuses like the rest of Plimsoll."""

    def __init__(self, **settings: Any) -> None:
        self.known: list[str] = []
        """Its options, for suggestions."""
        self.tail = ""
        """A word behind which everything is a program of the user, with its own options."""
        super().__init__(add_help=False, allow_abbrev=False, **settings)

    def add_argument(self, *names: str, **settings: Any) -> Action:
        """Declare an option or an argument."""
        self.known += [name for name in names if name.startswith("--")]
        return super().add_argument(*names, **settings)

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str], namespace: Namespace | None = None
    ) -> tuple[Namespace, list[str]]:
        """Read the words; those behind `tail` become `options.program`, unread."""
        words = list(args)
        at = words.index(self.tail) if self.tail in words else len(words)
        options, strange = super().parse_known_args(words[:at], namespace)
        program = words[at + 1 :]
        options.program = program[1:] if program[:1] == ["--"] else program
        return options, strange

    def error(self, message: str) -> NoReturn:
        """Refuse what argparse could not read."""
        raise UsageError(
            f"{self.prog} was given too little, or something that does not fit.",
            saw=message,
            wanted=" ".join(self.format_usage().removeprefix("usage: ").split()),
            try_this=f"{self.prog} --help",
        )


def whole(name: str, least: int, most: int) -> Callable[[str], int]:
    """A converter to a whole number from `least` to `most`."""

    def convert(text: str) -> int:
        if text.isascii() and text.isdecimal() and len(text) < 20 and least <= int(text) <= most:
            return int(text)
        raise UsageError(
            f"{name} does not fit.",
            saw=repr(text[:80]),
            wanted=f"a whole number from {least} to {most}",
            try_this=f"for example: {name} {max(least, 12)}",
        )

    return convert


def nothing_more(parser: Parser) -> None:
    """A command with the common options alone."""


def with_the_common_ones(parser: Parser) -> None:
    """What every command takes."""
    parser.add_argument("--workspace", metavar="DIR", help="default: the nearest one upwards")
    parser.add_argument("--json", action="store_true", help="one envelope, for programs")
    parser.add_argument("--quiet", action="store_true", help="no progress and no notes")
    parser.add_argument("-h", "--help", action="store_true", help=SUPPRESS)


def demo(parser: Parser) -> None:
    """`demo`."""
    _number(parser, "--iterations", 1, MAX_ITERATIONS, "turns of the loop (default: 12)")
    _number(parser, "--seed", 0, MAX_SEED, "where all chance comes from (default: 0)")
    _dry(parser)
    _streams(parser)
    _content(parser)


def init(parser: Parser) -> None:
    """`init`."""
    parser.add_argument("folder", metavar="DIR", nargs="?", default=".", help="default: here")
    text = "begin with these settings; paths in them are read from where they lie"
    parser.add_argument("--config", metavar="FILE", help=text)
    _dry(parser)


def running(parser: Parser) -> None:
    """`run`."""
    _dry(parser)
    _streams(parser)
    _content(parser)


def resuming(parser: Parser) -> None:
    """`resume`."""
    running(parser)


def rolling_back(parser: Parser) -> None:
    """`rollback`."""
    parser.add_argument("ref", metavar="REF", help="a commit: HEAD~2, iter:5, 3f2a9c")
    parser.add_argument("--reason", metavar="TEXT", help="why; it is written to the log")
    _dry(parser)
    _content(parser)


def about_a_session(*, writes: bool) -> Callable[[Parser], None]:
    """`session show` and `report`."""

    def options(parser: Parser) -> None:
        text = "a session; default: that of the settings, else the latest"
        parser.add_argument("name", metavar="NAME", nargs="?", help=text)
        _content(parser)
        if writes:
            text = "the pages of plimsoll view as files, in a new folder"
            parser.add_argument("--out", metavar="DIR", help=text)
            _dry(parser)

    return options


def about_many_entries(parser: Parser) -> None:
    """`log list`."""
    parser.add_argument("--session", metavar="NAME", help="entries of this session")
    parser.add_argument("--kind", metavar="KIND", help="for example committed, refused")
    _number(parser, "--since", 0, MAX_SEED, "from this entry on")
    _number(parser, "--limit", 1, MAX_SEED, "at most so many (default: the last 50)")
    parser.add_argument("--all", action="store_true", help="every entry")
    _streams(parser)


def about_an_entry(parser: Parser) -> None:
    """`log show` and `log why`."""
    text = "HEAD, HEAD~2, @last, iter:12, gold-best, 87, 3f2a9c, a session (default: HEAD)"
    parser.add_argument("ref", metavar="REF", nargs="?", default="HEAD", help=text)
    _content(parser)


def showing_a_policy(parser: Parser) -> None:
    """`policy show`."""
    text = "a policy file; default: that of the workspace, else the one that comes along"
    parser.add_argument("file", metavar="FILE", nargs="?", help=text)


def about_a_policy(parser: Parser) -> None:
    """`policy check`."""
    showing_a_policy(parser)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--no-proof", action="store_true", help="names and types only, at once")
    which.add_argument(
        "--prove", action="store_true", help="about the founding state of this workspace"
    )
    parser.known += ["--no-proof", "--prove"]


def about_constitutions(*, most: int) -> Callable[[Parser], None]:
    """`constitution show` with one commit, `constitution diff` with two."""

    def options(parser: Parser) -> None:
        if most == 1:
            parser.add_argument("ref", metavar="REF", nargs="?", help="a commit (default: HEAD)")
        else:
            old, new = "default: the founding commit", "default: HEAD"
            parser.add_argument("old", metavar="REF1", nargs="?", help=old)
            parser.add_argument("new", metavar="REF2", nargs="?", help=new)
        _content(parser)

    return options


def about_the_panel(parser: Parser) -> None:
    """`judge list`."""
    parser.add_argument("ref", metavar="REF", nargs="?", help="a commit (default: HEAD)")


def _number(parser: Parser, name: str, least: int, most: int, says: str) -> None:
    parser.add_argument(name, metavar="N", type=whole(name, least, most), help=says)


def _dry(parser: Parser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="say what would happen, do nothing")


def _streams(parser: Parser) -> None:
    parser.add_argument("--jsonl", action="store_true", help="one JSON object a line, as it comes")


def _content(parser: Parser) -> None:
    text = "also show text that a model or a person wrote"
    parser.add_argument("--content", action="store_true", help=text)
