"""The options of `plimsoll card`."""

from agent.options import Parser


def carding_a_model(parser: Parser) -> None:
    """`card`."""
    text = "a commit (default: HEAD)"
    parser.add_argument("ref", metavar="REF", nargs="?", default="HEAD", help=text)
    text = "write there instead of beside the session"
    parser.add_argument("--out", metavar="DIR", help=text)
    text = "say what would be written; do nothing"
    parser.add_argument("--dry-run", action="store_true", help=text)
