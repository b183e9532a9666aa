"""`plimsoll view`: the page of a workspace on loopback, read-only unless told otherwise."""

import sys
from argparse import Namespace
from pathlib import Path

from agent.envelope import Answer, dumped, envelope, put, schema
from agent.finding import workspace_of
from agent.view.place import Place
from agent.view.serve import serve
from agent.workspace import Workspace
from logs.errors import UsageError
from logs.text import visible

MEANS = "it works once and lets in the browser that opens it; Ctrl-C ends the page"


def view(options: Namespace) -> Answer:
    """Serve until interrupted; the address goes to stdout as soon as it can be opened."""
    workspace = workspace_of(options)
    key = _key(options)
    place = Place(workspace, key=key)

    def announce(address: str) -> None:
        if options.json:
            told = {"url": address, "workspace": str(workspace.root), "approvals": key is not None}
            put(dumped(envelope(schema("view launch"), told), one_line=True), sys.stdout)
            return
        put(address, sys.stdout)
        if not options.quiet:
            put(_beside(workspace, key), sys.stderr)

    serve(place, options.port, announce)
    done = {"workspace": str(workspace.root), "approvals": key is not None, "ended": True}
    return Answer(done, "the page is closed")


def _beside(workspace: Workspace, key: Path | None) -> str:
    may = f"answers are signed with {visible(str(key))}" if key else "it only reads"
    return f"the page of {visible(workspace.root.name)}; {may}; {MEANS}"


def _key(options: Namespace) -> Path | None:
    if bool(options.approvals) != bool(options.key):
        raise UsageError(
            "Answering in the page takes both a wish and a key.",
            saw="--approvals without --key" if options.approvals else "--key without --approvals",
            wanted="--approvals --key FILE, or neither",
            try_this="plimsoll view --approvals --key ~/.ssh/id_ed25519",
        )
    if not options.key:
        return None
    key = Path(options.key).expanduser()
    if key.is_file():
        return key
    raise UsageError(
        "There is no such key.",
        saw=str(key),
        wanted="a private key, or the .pub file of one that an agent holds",
        try_this="ssh-keygen -t ed25519 -f KEY makes one",
    )
