"""`plimsoll judge probe ID`: is a remote judge there, what can it, and how long does it take?"""

from argparse import Namespace
from dataclasses import asdict
from typing import TYPE_CHECKING

from agent.config_judges import RemoteSection
from agent.envelope import Answer
from agent.finding import workspace_of
from agent.fitting import named as named_rows
from agent.remote_judges import endpoint_of, spec_of
from agent.workspace import Workspace
from logs.errors import PlimsollError, Refused, UsageError
from logs.show import terminal_width

if TYPE_CHECKING:
    from tools.remote.probing import Probed


def probe(options: Namespace) -> Answer:
    """Ask one made-up question; exit code 0 with a verdict, 3 without one, 1 without an answer."""
    workspace = workspace_of(options)
    named = _named(workspace, options.name)
    found = _probed(workspace, named)
    code = 0
    if found.failed or found.listed is False:
        code = Refused.exit_code if found.reached else PlimsollError.exit_code
    data = {"judge": named.id, "url": named.url, "model": named.model, "profile": named.profile}
    more = {"answers": found.reached, "ok": code == 0}
    text = named_rows(_rows(named, found), terminal_width())
    return Answer(data | asdict(found) | more, text, exit_code=code)


def _probed(workspace: Workspace, named: RemoteSection) -> "Probed":
    from tools.remote.judging import Remote
    from tools.remote.probing import probe as ask

    spec = spec_of(named, workspace.root)
    judge = Remote(named.id, spec, "", endpoint_of(named), 1)
    return ask(judge, workspace.constitution)


def _named(workspace: Workspace, name: str) -> RemoteSection:
    known = {judge.id: judge for judge in workspace.config.judges.remote}
    if name not in known:
        raise UsageError(
            "No judge on a server has this name.",
            saw=repr(name[:80]),
            wanted=f"one of: {', '.join(known)}" if known else "a table [[judges.remote]]",
            try_this="write one into plimsoll.toml, or plimsoll judge list",
        )
    return known[name]


def _rows(named: RemoteSection, found: "Probed") -> list[tuple[str, str]]:
    return [
        ("judge", f"{named.id}: {named.model} at {named.url}, profile {named.profile}"),
        ("answers", "yes" if found.reached else f"no: {found.failed or found.listing}"),
        ("model", _listed(found)),
        ("schema", _taken(found.schema, "its answers are held to a schema")),
        ("logprobs", _taken(found.logprobs, "it gives them")),
        (
            "tokens",
            f"{found.tokens_in} in, {found.tokens_out} out"
            if found.counts_tokens
            else "not counted: the most that they may be counts",
        ),
        ("verdict", f"none: {found.failed}" if found.failed else f"{found.said:g}"),
        ("seconds", f"{found.seconds:.3f}"),
    ]


def _listed(found: "Probed") -> str:
    if found.listed is None:
        return f"not known: the server lists no models ({found.listing})"
    return "listed" if found.listed else "not among those that the server lists"


def _taken(can: bool | None, says: str) -> str:
    if can is None:
        return "not asked for"
    return says if can else "refused, so it is asked without"
