"""The options of `plimsoll bench`."""

from agent.options import Parser, whole

DECIDERS = ("rules", "bandit", "random", "fixed", "llm")
MOST_JOBS = 64


def benching(parser: Parser) -> None:
    """`bench`."""
    parser.add_argument(
        "scenario", nargs="*", help="names of shipped scenarios, or files; default: all of them"
    )
    parser.add_argument(
        "--decider",
        action="append",
        choices=DECIDERS,
        help="who decides; may be said several times (default: rules)",
    )
    parser.add_argument(
        "--seeds",
        metavar="N",
        type=whole("--seeds", 1, 1000),
        default=1,
        help="how many seeds of each scenario, from 0 on (default: 1)",
    )
    parser.add_argument(
        "--first-seed",
        metavar="N",
        type=whole("--first-seed", 0, 1000),
        default=0,
        help="begin at this seed instead of 0",
    )
    parser.add_argument(
        "--experience",
        metavar="FILE",
        help="lessons for the bandit, as plimsoll session experience writes them",
    )
    parser.add_argument("--quick", action="store_true", help="only the scenarios marked quick")
    parser.add_argument(
        "--out", metavar="DIR", default="bench", help="where runs and results go (default: bench)"
    )
    parser.add_argument(
        "--jobs",
        metavar="N",
        type=whole("--jobs", 1, MOST_JOBS),
        default=1,
        help="runs side by side (default: 1)",
    )
    parser.add_argument("--list", action="store_true", help="only say which scenarios there are")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be run")
