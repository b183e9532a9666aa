"""The options of the commands about the log."""

from agent.options import Parser, whole

MAX_SIZE = 2**31 - 1
DRY = "say what would happen, do nothing"
CONTENT = "also show text that a model or a person wrote"
REF = "HEAD, HEAD~2, @last, iter:12, gold-best, 87, 3f2a9c, a session (default: HEAD)"


def verifying(parser: Parser) -> None:
    """`log verify`."""
    pin = "a checkpoint that plimsoll log anchor once wrote, kept elsewhere"
    parser.add_argument("--pin", metavar="FILE", help=pin)
    bundle = "verify what plimsoll log export wrote, without a workspace"
    parser.add_argument("--bundle", metavar="PATH", help=bundle)
    _signed_by(parser)
    new = "the log here was begun anew: forget the one that was verified here before"
    parser.add_argument("--new-log", action="store_true", help=new)
    _dry(parser, "verify, and remember nothing of it")


def anchoring(parser: Parser) -> None:
    """`log anchor`."""
    parser.add_argument("--key", metavar="FILE", help="sign it with this private key")


def making_a_key(parser: Parser) -> None:
    """`log key`."""
    text = "who signs, best like a URL; default: the name of the log here"
    parser.add_argument("name", metavar="NAME", nargs="?", help=text)
    parser.add_argument(
        "--out", metavar="FILE", required=True, help="FILE, and FILE.pub to hand out"
    )
    parser.add_argument(
        "--witness", action="store_true", help="for cosigning checkpoints of others"
    )
    _dry(parser)


def proving_an_entry(parser: Parser) -> None:
    """`log proof`."""
    parser.add_argument("ref", metavar="REF", nargs="?", help=REF)
    since = "prove that the log only grew since it had SIZE entries"
    parser.add_argument("--from", dest="since", metavar="SIZE", type=_size("--from"), help=since)
    to = "the checkpoint to lead to (default: that of the log now, unsigned)"
    parser.add_argument("--checkpoint", metavar="FILE", help=to)
    parser.add_argument("--key", metavar="FILE", help="sign the checkpoint of now with this key")
    parser.add_argument("--out", metavar="FILE", help="write it there, and not to stdout")
    parser.add_argument("--without-entry", action="store_true", help="leave the entry itself out")
    parser.add_argument("--check", metavar="FILE", help="check a proof, without a workspace")
    entry = "with --check: the bytes of the entry, where the proof leaves them out"
    parser.add_argument("--entry", metavar="FILE", help=entry)
    pin = "with --check: the older checkpoint of a proof that the log only grew"
    parser.add_argument("--pin", metavar="FILE", help=pin)
    _signed_by(parser)
    _dry(parser)


def exporting(parser: Parser) -> None:
    """`log export`."""
    out = "a new or empty folder, or a new file.tar"
    parser.add_argument("--out", metavar="PATH", required=True, help=out)
    parser.add_argument("--artefacts", action="store_true", help="with the artefacts themselves")
    to = "a signed, perhaps cosigned, checkpoint of the log (default: of now, unsigned)"
    parser.add_argument("--checkpoint", metavar="FILE", help=to)
    parser.add_argument("--key", metavar="FILE", help="sign the checkpoint of now with this key")
    forensic = "copy the whole workspace as it is, with a report of what does not verify"
    parser.add_argument("--forensic", action="store_true", help=forensic)
    _dry(parser)


def witnessing(parser: Parser) -> None:
    """`log witness`."""
    parser.add_argument("checkpoint", metavar="CHECKPOINT", help="a signed checkpoint, or a bundle")
    parser.add_argument("--key", metavar="FILE", required=True, help="private key of the witness")
    state = "what this witness cosigned so far; made the first time"
    parser.add_argument("--state", metavar="FILE", required=True, help=state)
    proof = "plimsoll log proof --from SIZE, where CHECKPOINT is no bundle"
    parser.add_argument("--proof", metavar="FILE", help=proof)
    log_key = "public key of the log, the first time"
    parser.add_argument("--log-key", metavar="FILE", help=log_key)
    parser.add_argument("--out", metavar="FILE", help="write the cosigned checkpoint there")
    _dry(parser)


def drawing(parser: Parser) -> None:
    """`log graph`."""
    parser.add_argument("--session", metavar="NAME", help="commits of this session")
    number = whole("--limit", 1, MAX_SIZE)
    parser.add_argument("--limit", metavar="N", type=number, help="the latest N commits")


def comparing_states(parser: Parser) -> None:
    """`log diff`."""
    parser.add_argument("old", metavar="A", help=REF)
    parser.add_argument("new", metavar="B", nargs="?", default="HEAD", help="default: HEAD")
    parser.add_argument("--all", action="store_true", help="also what is the same")
    _content(parser)


def searching(parser: Parser) -> None:
    """`log bisect`."""
    where = "the first iteration of which this is true: gold < 0.5, drift.kl_to_anchor > 3"
    parser.add_argument("--where", metavar="PREDICATE", help=where)
    parser.add_argument("--session", metavar="NAME", help="default: that of the settings")
    number = whole("--good", 0, MAX_SIZE)
    parser.add_argument("--good", metavar="N", type=number, help="known good (default: the first)")
    parser.add_argument("--bad", metavar="N", type=number, help="known bad (default: the last)")
    parser.add_argument("--every", action="store_true", help="run: try every iteration, not halves")
    parser.tail = "run"
    parser.epilog = "run COMMAND ...: exit code 0 is good, 125 cannot be judged, 1 to 127 is bad"
    parser.usage = f"{parser.prog} [OPTIONS] (--where PREDICATE | run COMMAND ...)"


def replaying(parser: Parser) -> None:
    """`log replay`."""
    parser.add_argument("ref", metavar="REF", nargs="?", default="HEAD", help=REF)
    parser.add_argument("--all", action="store_true", help="every decision of the session")


def comparing_sessions(parser: Parser) -> None:
    """`session compare`."""
    text = "a session here, a folder of a workspace, or FOLDER#SESSION"
    parser.add_argument("old", metavar="A", help=text)
    parser.add_argument("new", metavar="B", help=text)
    parser.add_argument("--all", action="store_true", help="also what is the same")
    _content(parser)


def _size(name: str) -> object:
    return whole(name, 0, MAX_SIZE)


def _signed_by(parser: Parser) -> None:
    text = "a public key that must have signed or cosigned; may be given again"
    parser.add_argument("--signed-by", metavar="FILE", action="append", default=[], help=text)


def _dry(parser: Parser, says: str = DRY) -> None:
    parser.add_argument("--dry-run", action="store_true", help=says)


def _content(parser: Parser) -> None:
    parser.add_argument("--content", action="store_true", help=CONTENT)
