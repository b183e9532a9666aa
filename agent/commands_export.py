"""`plimsoll session export`: a session told to a sink again, from the log alone."""

from argparse import Namespace
from contextlib import closing
from pathlib import Path

from agent.envelope import Answer
from agent.finding import from_here, workspace_of
from agent.overview import session_of
from agent.sinks.courier import Courier
from agent.sinks.feed import AT_ONCE, facts_of, wanted
from agent.sinks.names import demand, folder_of
from logs.errors import UsageError


def export(options: Namespace) -> Answer:
    """Tell a sink all that it lacks of a session; done twice, it is done once."""
    workspace = workspace_of(options)
    demand(options.to)
    folder = (
        Path(options.out).expanduser() if options.out else folder_of(workspace.root, options.to)
    )
    if folder.exists() and not folder.is_dir():
        raise UsageError(
            "A sink writes to a folder.",
            saw=f"--out {options.out}, a file",
            wanted="a folder, new or not",
            try_this=f"plimsoll session export --to {options.to} --out exported",
        )
    with closing(workspace.journal()) as journal:
        session = session_of(workspace, journal, options.name)
        size, facts = journal.size(), facts_of(journal, session)
        told = {"session": session, "sink": options.to, "folder": str(folder), "entries": size}
        if options.dry_run:
            text = f"would tell {options.to} of {session}, up to {size} entries, in {folder}"
            return Answer(told | {"dry_run": True}, text)
        sent = 0
        with Courier(options.to, folder) as courier:
            since = at = courier.open(facts)
            while at < size:
                for event in wanted(journal, session, at, content=options.content):
                    if event.entry.seq < size:
                        courier.event(event)
                        sent += 1
                at += AT_ONCE
            checkpoint = journal.checkpoint(size)
            courier.close(checkpoint)
    text = f"{options.to} has {session}: {sent} entries more, in {from_here(folder)}"
    told |= {"dry_run": False, "since": since, "sent": sent, "checkpoint": checkpoint}
    return Answer(told, text)
