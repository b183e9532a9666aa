"""`plimsoll card`: the model card of a commit, and the cards of its judges."""

from argparse import Namespace
from contextlib import closing
from pathlib import Path

from agent.cards import MODEL, cards_of, folder_of, lay_out, write_cards
from agent.envelope import Answer
from agent.finding import from_here, workspace_of
from logs.card_subject import subject_of
from logs.errors import UsageError


def card(options: Namespace) -> Answer:
    """Write the cards of a commit, and lay out the folders that the model card loads from."""
    workspace = workspace_of(options)
    with closing(workspace.journal()) as journal:
        subject = subject_of(journal, options.ref)
        cards = cards_of(workspace, journal, subject)
    folder = Path(options.out).expanduser() if options.out else folder_of(workspace, subject)
    if folder.is_file():
        raise UsageError(
            "Cards are written to a folder.",
            saw=f"--out {options.out}, a file",
            wanted="a folder, new or not",
            try_this="plimsoll card --out cards",
        )
    files = [folder / name for name in cards]
    if not options.dry_run:
        lay_out(workspace, subject)
        write_cards(folder, cards)
    verb = "would write" if options.dry_run else "wrote"
    data = {
        "commit": subject.digest,
        "entry": subject.entry.seq,
        "files": [str(file) for file in files],
        "card": cards[MODEL].decode(),
        "dry_run": options.dry_run,
    }
    warned = () if subject.closed else ("the turn of this commit has not ended: no gold yet",)
    text = "\n".join(f"{verb} {from_here(file)}" for file in files)
    return Answer(data, text, warnings=warned)
