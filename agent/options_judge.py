"""The options of the commands that audit, show and compare judges."""

from agent.options import MAX_SEED, Parser, whole
from logs.errors import UsageError

MAX_PAIRS = 5000
MAX_REPEATS = 20
MAX_SILENCE = 86_400


def auditing(parser: Parser) -> None:
    """`judge audit`."""
    text = "a judge of panel or bench, or `panel`; with --data the name of a published judge"
    parser.add_argument("name", metavar="NAME", help=text)
    _number(parser, "--pairs", 2, MAX_PAIRS, "pairs of answers (default: 200)")
    text = "times each call is made (default: 1 for a judge that is a function, else 2)"
    _number(parser, "--repeats", 1, MAX_REPEATS, text)
    _number(parser, "--seed", 0, MAX_SEED, "where all chance comes from (default: 0)")
    text = "how many pairs decide, from what the last audit measured"
    parser.add_argument("--plan", action="store_true", help=text)
    parser.add_argument("--dry-run", action="store_true", help="what would be asked; do nothing")
    published(parser)
    text = "a program that judges: calls as JSON lines on stdin, verdicts on stdout"
    parser.add_argument("--judge-command", metavar="CMD", help=text)
    text = "seconds without a verdict after which the program is ended (default: 60)"
    _number(parser, "--silence", 1, MAX_SILENCE, text)
    text = "with --judge-command: also under English treatments and empty answers"
    parser.add_argument("--treatments", action="store_true", help=text)
    writing(parser)


def probing(parser: Parser) -> None:
    """`judge probe`."""
    parser.add_argument("name", metavar="ID", help="id of a table [[judges.remote]]")


def published(parser: Parser) -> None:
    """Where published data is read from."""
    parser.add_argument("--data", metavar="PATH", help="a published data set: a file or a folder")
    parser.add_argument("--format", metavar="F", help="its format (default: told by its fields)")
    text = "published verdicts, where they are not beside the data"
    parser.add_argument("--verdicts", metavar="PATH", help=text)
    parser.add_argument("--subset", metavar="S", help="one part of it, for example Natural")
    parser.add_argument("--prompt", metavar="P", help="which of the published prompts")


def writing(parser: Parser) -> None:
    """Files that a card may be written to."""
    parser.add_argument("--out", metavar="FILE.md", help="write the card there")
    parser.add_argument("--plots", metavar="DIR", help="write the plots there, as SVG and PNG")


def carding(parser: Parser) -> None:
    """`judge card`."""
    parser.add_argument("name", metavar="NAME", help="a judge that was audited")
    writing(parser)
    parser.add_argument("--dry-run", action="store_true", help="what would be written; do nothing")


def comparing(parser: Parser) -> None:
    """`judge compare`."""
    parser.add_argument("a", metavar="A", help="a judge that was audited")
    parser.add_argument("b", metavar="B", help="another one")
    published(parser)


def refuse_without(data: str | None, **given: object) -> None:
    """Refuse options that only mean something for published data.

    Raises:
        UsageError: one of them was given without --data.
    """
    stray = [f"--{name.replace('_', '-')}" for name, value in given.items() if value]
    if stray and not data:
        raise UsageError(
            "These options are about a published data set.",
            saw=", ".join(stray),
            wanted="--data PATH beside them",
            try_this="plimsoll judge audit --help",
        )


def _number(parser: Parser, name: str, least: int, most: int, says: str) -> None:
    parser.add_argument(name, metavar="N", type=whole(name, least, most), help=says)
