"""The options of the commands by which people write, test and read policies."""

from agent.options import Parser

TEMPLATES = ("research", "production", "strict", "red-team")
FORMATS = ("text", "junit", "sarif")


def formatting(parser: Parser) -> None:
    """`policy fmt`."""
    _file(parser)
    parser.add_argument("--check", action="store_true", help="only say whether it would change")
    parser.add_argument("--dry-run", action="store_true", help="print the result, write nothing")


def beginning(parser: Parser) -> None:
    """`policy init`."""
    text = "where to write it (default: policy.toml of the workspace, else ./policy.toml)"
    parser.add_argument("file", metavar="FILE", nargs="?", help=text)
    names = f"one of {', '.join(TEMPLATES)}"
    parser.add_argument("--template", metavar="NAME", required=True, help=names)
    parser.add_argument("--dry-run", action="store_true", help="print it, write nothing")


def testing(parser: Parser) -> None:
    """`policy test`."""
    text = "a file of cases (default: NAME.cases.toml beside the policy, else the shipped ones)"
    parser.add_argument("file", metavar="FILE", nargs="?", help=text)
    text = "the policy under test (default: that of the workspace, else the shipped one)"
    parser.add_argument("--policy", metavar="FILE", help=text)
    parser.add_argument("--format", metavar="FORMAT", default="text", help=", ".join(FORMATS))
    parser.add_argument("--second-opinion", action="store_true", help="ask z3 of each case too")
    parser.add_argument("--baselines", action="store_true", help="list what a case can build on")


def explaining(parser: Parser) -> None:
    """`policy explain`."""
    text = "last, or a name of the log: iter:12, 87, 3f2a9c (default: last)"
    parser.add_argument("ref", metavar="PROPOSAL", nargs="?", default="last", help=text)
    parser.add_argument("--failed", action="store_true", help="only the rules that do not hold")


def _file(parser: Parser) -> None:
    text = "a policy file (default: that of the workspace)"
    parser.add_argument("file", metavar="FILE", nargs="?", help=text)
