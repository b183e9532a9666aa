"""The options of the commands that prove."""

from agent.options import Parser, whole

MAX_SECONDS = 3600


def proving(parser: Parser) -> None:
    """`policy prove`."""
    text = "a policy file; default: that of the workspace, else the one that comes along"
    parser.add_argument("file", metavar="FILE", nargs="?", help=text)
    cross = "ask a second solver, cvc5, every question again"
    parser.add_argument("--cross-check", action="store_true", help=cross)
    export = "write every question there, as SMT-LIB"
    parser.add_argument("--smt-lib", metavar="DIR", help=export)
    limit = "seconds for one question (default: 60)"
    parser.add_argument(
        "--seconds", metavar="N", type=whole("--seconds", 1, MAX_SECONDS), default=60, help=limit
    )


def comparing(parser: Parser) -> None:
    """`policy diff`."""
    parser.add_argument("old", metavar="A", help="a policy file")
    new = "another one; default: that of the workspace, else the one that comes along"
    parser.add_argument("new", metavar="B", nargs="?", help=new)


def proving_a_panel(parser: Parser) -> None:
    """`judge prove`."""
    parser.add_argument("ref", metavar="REF", nargs="?", help="a commit (default: HEAD)")
