"""The options of `plimsoll export`, `session export` and `judge export`."""

from agent.options import Parser


def exporting(parser: Parser) -> None:
    """`session export`."""
    text = "a session; default: that of the settings, else the latest"
    parser.add_argument("name", metavar="NAME", nargs="?", help=text)
    text = "inspect, mlflow, opentelemetry, tensorboard, trackio, wandb, or one that is installed"
    parser.add_argument("--to", metavar="SINK", required=True, help=text)
    text = "write there instead of under sinks/ in the workspace"
    parser.add_argument("--out", metavar="DIR", help=text)
    text = "also tell text that a model or a person wrote"
    parser.add_argument("--content", action="store_true", help=text)
    text = "say what would be told; do nothing"
    parser.add_argument("--dry-run", action="store_true", help=text)


def exporting_an_audit(parser: Parser) -> None:
    """`judge export`."""
    parser.add_argument("name", metavar="NAME", help="a judge that was audited")
    parser.add_argument("--to", metavar="FORMAT", required=True, help="inspect")
    parser.add_argument("--out", metavar="FILE.eval", required=True, help="write there")
    text = "also the prompts and answers that were judged"
    parser.add_argument("--content", action="store_true", help=text)
    text = "say what would be written; do nothing"
    parser.add_argument("--dry-run", action="store_true", help=text)


def exporting_weights(parser: Parser) -> None:
    """`export`."""
    text = "a commit (default: HEAD)"
    parser.add_argument("ref", metavar="REF", nargs="?", default="HEAD", help=text)
    parser.add_argument("--out", metavar="DIR", required=True, help="a folder that is new or empty")
    text = "an adapter becomes part of the weights"
    parser.add_argument("--merge", action="store_true", help=text)
    text = "also upload the folder there, as a private repository of the hub"
    parser.add_argument("--push-to", metavar="OWNER/NAME", help=text)
    text = "say what would be written; do nothing"
    parser.add_argument("--dry-run", action="store_true", help=text)
