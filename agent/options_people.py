"""The options of what people sign: policies, approvals, refills."""

from argparse import _MutuallyExclusiveGroup
from decimal import Decimal, InvalidOperation

from agent.options import Parser
from logs.errors import UsageError


def listing(parser: Parser) -> None:
    """`inbox list`."""
    parser.add_argument("--all", action="store_true", help="also what was answered")


def about_a_proposal(parser: Parser) -> None:
    """`inbox show`."""
    parser.add_argument("proposal", metavar="PROPOSAL", help="4 or more digits of its digest")
    text = "also show text that a model or a person wrote"
    parser.add_argument("--content", action="store_true", help=text)


def answering(parser: Parser) -> None:
    """`approve` and `reject`."""
    parser.add_argument("proposal", metavar="PROPOSAL", help="4 or more digits of its digest")
    parser.add_argument("--reason", metavar="TEXT", help="why; it is signed and written to the log")
    _signing(parser)


def refilling(parser: Parser) -> None:
    """`refill`."""
    parser.add_argument("ledger", metavar="LEDGER", nargs="?", help="weight_path or alpha")
    parser.add_argument("amount", metavar="AMOUNT", nargs="?", type=_amount, help="such as 0.20")
    parser.add_argument("--reason", metavar="TEXT", help="why; it is signed and written to the log")
    parser.add_argument("--id", metavar="ID", help="the refill that an earlier signer began")
    _signing(parser)


def opening_the_vault(parser: Parser) -> None:
    """`vault open`."""
    parser.add_argument("--reason", metavar="TEXT", help="why; it is written to the log")
    parser.add_argument("--dry-run", action="store_true", help="say what would happen, do nothing")
    parser.set_defaults(jsonl=False)


def signing_a_policy(parser: Parser) -> None:
    """`policy sign`."""
    parser.add_argument("--key", metavar="FILE", help="a private key; without it, only say how")
    parser.add_argument("--as", dest="name", metavar="NAME", help="default: the name of the key")
    parser.add_argument("--constitution", action="store_true", help="the founding constitution")
    parser.add_argument("--dry-run", action="store_true", help="say what would happen, do nothing")


def _signing(parser: Parser) -> None:
    ways: _MutuallyExclusiveGroup = parser.add_mutually_exclusive_group()
    ways.add_argument("--key", metavar="FILE", help="sign with this private key, by ssh-keygen")
    ways.add_argument("--statement", action="store_true", help="print what is to be signed")
    ways.add_argument("--signed", metavar="FILE", help="a statement, with FILE.sig beside it")
    parser.known += ["--key", "--statement", "--signed"]
    parser.add_argument("--dry-run", action="store_true", help="say what would happen, do nothing")


def _amount(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal(0)
    if amount.is_finite() and 0 < amount <= 10**9:
        return amount
    raise UsageError(
        "This is no amount.",
        saw=repr(text[:80]),
        wanted="an exact number above 0, such as 0.20",
        try_this='plimsoll refill weight_path 0.20 --key FILE --reason "..."',
    )
