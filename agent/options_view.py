"""The options of `plimsoll view`."""

from agent.options import Parser, whole

LAST_PORT = 65535


def viewing(parser: Parser) -> None:
    """`view`."""
    port = whole("--port", 0, LAST_PORT)
    parser.add_argument("--port", metavar="N", type=port, default=0, help="default: a free one")
    text = "let a person answer proposals in the page; needs --key"
    parser.add_argument("--approvals", action="store_true", help=text)
    text = "the key that signs those answers, kept where the agent cannot read it"
    parser.add_argument("--key", metavar="FILE", help=text)
