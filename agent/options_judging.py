"""The options of `judge swap` and `judge study`."""

from agent.options import Parser, whole

AT = "as of an earlier commit: iter:3, HEAD~2 (default: HEAD)"
MAX_ITEMS = 2000
MAX_SEED = 2**31 - 1


def swapping(parser: Parser) -> None:
    """`judge swap`."""
    parser.add_argument("name", metavar="NAME", help="the judge of the bench that would lead")
    parser.add_argument(
        "--plan", action="store_true", help="say what it would mean; change nothing"
    )
    parser.add_argument("--at", metavar="REF", default="HEAD", help=AT)


def studying(parser: Parser) -> None:
    """`judge study`."""
    text = "a judge of the panel or the bench; reader and base are judges that read prompt text"
    parser.add_argument("name", metavar="NAME", help=text)
    parser.add_argument("--at", metavar="REF", default="HEAD", help=AT)
    text = "a study file (TOML); default: the one that comes along"
    parser.add_argument("--study", metavar="FILE", help=text)
    items = "pairs that are judged (default: that of the study)"
    parser.add_argument("--items", metavar="N", type=whole("--items", 20, MAX_ITEMS), help=items)
    seed = "which pairs are drawn (default: that of the study)"
    parser.add_argument("--seed", metavar="N", type=whole("--seed", 0, MAX_SEED), help=seed)
    parser.add_argument("--markdown", action="store_true", help="the tables as Markdown")
