"""`plimsoll export`: the weights of a commit as a folder that others load; pushed only if asked."""

import re
import shutil
import tempfile
from argparse import Namespace
from contextlib import closing
from pathlib import Path

from agent.cards import cards_of, write_cards
from agent.envelope import Answer
from agent.finding import from_here, workspace_of
from agent.states import state_of
from agent.workspace import Workspace
from logs.card_subject import subject_of
from logs.errors import PlimsollError, UsageError
from logs.text import short
from logs.vocabulary import State

HUB = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def export(options: Namespace) -> Answer:
    """Adapter or merged weights of a commit, with tokenizer and cards, in a new folder."""
    workspace, out = workspace_of(options), _new_folder(options.out)
    if options.push_to and not HUB.fullmatch(options.push_to):
        raise UsageError(
            "A repository of the hub has an owner and a name.",
            saw=f"--push-to {options.push_to!r}",
            wanted="OWNER/NAME",
            try_this=f"plimsoll export {options.ref} --out {options.out} --push-to me/my-model",
        )
    with closing(workspace.journal()) as journal:
        named = state_of(journal, options.ref)
        subject = subject_of(journal, named.commit)
        cards = cards_of(workspace, journal, subject)
    kind = _kind(named.state, merge=options.merge)
    told = {"commit": named.commit, "out": str(out), "kind": kind, "push_to": options.push_to}
    what = f"{kind} of commit {short(named.commit)}"
    if options.dry_run:
        then = f", and push it to {options.push_to}" if options.push_to else ""
        return Answer(told | {"dry_run": True}, f"would write {what} to {from_here(out)}{then}")
    _write(workspace, named.state, out, cards, merge=options.merge)
    text = f"wrote {what} to {from_here(out)}"
    if options.push_to:
        told["address"] = _pushed(out, options.push_to)
        text += f"\npushed it to {told['address']}, which is private"
    return Answer(told | {"dry_run": False}, text)


def _kind(state: State, *, merge: bool) -> str:
    """What will be written, told from the state alone."""
    if state.adapter is None:
        return "the founding model"
    if state.recipe.adapter != "lora":
        return "the whole model"
    return "merged weights" if merge else "the adapter"


def _write(
    workspace: Workspace, state: State, out: Path, cards: dict[str, bytes], *, merge: bool
) -> None:
    """The folder, whole or not at all."""
    from tools.exporting import export as write

    store, named = workspace.store, workspace.config.world.base
    trained = store.checkout(state.adapter) if state.adapter else None
    # A path of this machine says nothing to others, and more than it should.
    base_name = named if HUB.fullmatch(named) and not Path(named).exists() else ""
    out.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=".part-", dir=out.parent))
    try:
        write(store.checkout(state.base), trained, part, merge=merge, base_name=base_name)
        write_cards(part, cards)
        if out.exists():
            out.rmdir()
        part.chmod(0o755)
        part.rename(out)
    except OSError as error:
        raise PlimsollError(
            "The folder could not be written.",
            saw=str(error),
            wanted=f"room for the weights beside {from_here(out)}",
            try_this="name a folder on another disk: --out DIR",
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _pushed(out: Path, name: str) -> str:
    from tools.exporting import push

    try:
        return push(out, name)
    except OSError as error:
        raise PlimsollError(
            "The folder was written, and not pushed.",
            saw=(str(error).splitlines() or [""])[0][:200],
            wanted="a hub that answers, and a token that may write there",
            try_this=f"hf auth login; then: hf upload {name} {from_here(out)}",
        ) from error


def _new_folder(named: str) -> Path:
    folder = Path(named).expanduser()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(
            "Weights are written to a new folder.",
            saw=f"--out {named}, which holds something" if folder.is_dir() else f"a file, {named}",
            wanted="a folder that is new or empty",
            try_this=f"plimsoll export --out {named}-new",
        )
    return folder.resolve()
