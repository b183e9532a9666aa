"""The options of `plan` and `apply`."""

from agent.options import Parser

DRY = "say what would happen, do nothing"
CONTENT = "also show text that a model or a person wrote"


def planning(parser: Parser) -> None:
    """`plan`."""
    parser.add_argument("--out", metavar="FILE", help="keep the plan, for plimsoll apply FILE")
    _moving(parser)


def applying(parser: Parser) -> None:
    """`apply`."""
    parser.add_argument("file", metavar="FILE", help="what plimsoll plan --out FILE wrote")
    _moving(parser)


def _moving(parser: Parser) -> None:
    parser.add_argument("--dry-run", action="store_true", help=DRY)
    parser.add_argument("--jsonl", action="store_true", help="one JSON object a line, as it comes")
    parser.add_argument("--content", action="store_true", help=CONTENT)
