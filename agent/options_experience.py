"""The options of `plimsoll session experience`."""

from agent.options import Parser


def telling(parser: Parser) -> None:
    """`session experience`."""
    text = "workspaces to learn from; default: the nearest one upwards"
    parser.add_argument("folders", metavar="WORKSPACE", nargs="*", help=text)
    parser.add_argument("--out", metavar="FILE", help="write it there; default: to stdout")
    parser.add_argument("--dry-run", action="store_true", help="say what would happen, do nothing")
