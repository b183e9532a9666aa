"""The options of `judge swap` and `judge study`."""

from agent.options import Parser, whole

MAX_ITEMS = 2000
MAX_SEED = 2**31 - 1


def swapping(parser: Parser) -> None:
    """`judge swap`."""
    parser.add_argument("name", metavar="NAME", help="the judge of the bench that would lead")
    parser.add_argument(
        "--plan", action="store_true", help="say what it would mean; change nothing"
    )
    text = "as of an earlier commit: iter:3, HEAD~2 (default: HEAD)"
    parser.add_argument("--at", metavar="REF", default="HEAD", help=text)


def studying(parser: Parser) -> None:
    """`judge study`."""
    parser.add_argument("name", metavar="NAME", help="a judge of the panel or of the bench")
    text = "a study file (TOML); default: the one that comes along"
    parser.add_argument("--study", metavar="FILE", help=text)
    items = "pairs that are judged (default: that of the study)"
    parser.add_argument("--items", metavar="N", type=whole("--items", 20, MAX_ITEMS), help=items)
    seed = "which pairs are drawn (default: that of the study)"
    parser.add_argument("--seed", metavar="N", type=whole("--seed", 0, MAX_SEED), help=seed)
    parser.add_argument("--markdown", action="store_true", help="the tables as Markdown")
