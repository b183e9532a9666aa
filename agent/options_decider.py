"""The options of `plimsoll decider`."""

from agent.options import Parser, whole
from agent.options_proof import MAX_SECONDS


def proving_a_table(parser: Parser) -> None:
    """`decider prove`."""
    text = "a policy file; default: that of the workspace, else the one that comes along"
    parser.add_argument("file", metavar="FILE", nargs="?", help=text)
    parser.add_argument("--all", action="store_true", help="claim by claim")
    cross = "ask a second solver, cvc5, every question again"
    parser.add_argument("--cross-check", action="store_true", help=cross)
    limit = "seconds for one question (default: 60)"
    parser.add_argument(
        "--seconds", metavar="N", type=whole("--seconds", 1, MAX_SECONDS), default=60, help=limit
    )
