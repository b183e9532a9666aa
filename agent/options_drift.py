"""The options of `plimsoll drift`."""

from agent.options import MAX_ITERATIONS, Parser, whole

REFERENCES = ("anchor", "previous")


def showing_drift(parser: Parser) -> None:
    """`drift show`."""
    text = "a session; default: that of the settings, else the latest"
    parser.add_argument("--session", metavar="NAME", help=text)
    against = "what HEAD is compared with: anchor or previous (default: anchor)"
    parser.add_argument("--of", choices=REFERENCES, default="anchor", help=against)
    parser.add_argument(
        "--iteration",
        metavar="N",
        type=whole("--iteration", 1, MAX_ITERATIONS),
        help="as of that turn (default: the last one)",
    )
    parser.add_argument("--markdown", action="store_true", help="a Markdown table")
    parser.add_argument("--plots", metavar="DIR", help="also draw it there, as SVG")
    parser.add_argument("--dry-run", action="store_true", help="with --plots: write nothing")
