"""`plimsoll policy fmt`, `init`, `schema`, `reference`: what people need to write a policy."""

import difflib
import json
from argparse import Namespace
from pathlib import Path

from agent.commands_policy import FILE, LOG
from agent.envelope import Answer
from agent.finding import folder_of
from agent.options_policy import TEMPLATES
from invariants import formatter, reference, templates
from invariants import policy as policies
from invariants.lexer import suggest
from logs.errors import Refused, UsageError
from logs.files import write_whole


def fmt(options: Namespace) -> Answer:
    """The policy in the one layout; with `--check`, exit code 3 if it is not in it."""
    path = _meant(options)
    old = policies.raw(path)
    new = formatter.formatted(old)
    data = {"file": str(path), "changed": new != old, "written": False}
    if new == old:
        return Answer(data, f"{path} is formatted")
    if options.check:
        text = "\n".join(_differences(path, old, new))
        return Answer(data, text, Refused.exit_code, (f"plimsoll policy fmt {path} formats it",))
    if options.dry_run:
        return Answer({**data, "text": new.decode()}, new.decode().rstrip("\n"))
    _demand_free(path)
    write_whole(path, new)
    note = "its digest is another one now: sign and prove it again where that is asked"
    return Answer({**data, "written": True}, f"formatted {path}", warnings=(note,))


def init(options: Namespace) -> Answer:
    """A policy to start from, with its cases; writes over nothing."""
    if options.template not in TEMPLATES:
        raise UsageError(
            "There is no such template.",
            saw=f"--template {options.template[:80]}",
            wanted=f"one of {', '.join(TEMPLATES)}",
            try_this=suggest(options.template[:80], TEMPLATES),
        )
    folder = folder_of(options)
    path = Path(options.file) if options.file else (folder or Path()) / FILE
    policy, cases = templates.policy(options.template), templates.cases(options.template)
    wanted = {path: policy, path.with_suffix(".cases.toml"): cases}
    data = {"template": options.template, "files": [str(p) for p in wanted]}
    if options.dry_run:
        return Answer({**data, "dry_run": True}, policy.decode().rstrip("\n"))
    there = [str(p) for p in wanted if p.exists()]
    if there:
        raise UsageError(
            "Files that people wrote are not written over.",
            saw=", ".join(there),
            wanted="a name that is free",
            try_this=f"plimsoll policy init --template {options.template} other.toml",
        )
    for place, content in wanted.items():
        write_whole(place, content)
    steps = f"next: plimsoll policy check {path}, then plimsoll policy test --policy {path}"
    return Answer(data, "\n".join([*(f"wrote {p}" for p in wanted), steps]))


def schema(options: Namespace) -> Answer:
    """The JSON Schema of a policy file, for editors."""
    found = reference.schema()
    return Answer(found, json.dumps(found, indent=2))


def page(options: Namespace) -> Answer:
    """Every root, field, metric, type and operator, as one Markdown page."""
    text = reference.page()
    return Answer({"page": text}, text.rstrip("\n"))


def _meant(options: Namespace) -> Path:
    if options.file:
        return Path(options.file)
    folder = folder_of(options)
    if folder is not None:
        return folder / FILE
    raise UsageError(
        "No policy file is named, and there is no workspace here.",
        saw="plimsoll policy fmt",
        wanted="a file",
        try_this="plimsoll policy fmt FILE",
    )


def _demand_free(path: Path) -> None:
    """Every byte of a policy in force counts: its digest stands in the founding entry."""
    if path.name == FILE and (path.parent / LOG).exists():
        raise Refused(
            "This workspace was founded under these very bytes, so they stay as they are.",
            saw=f"{path} beside {LOG}",
            wanted="a policy that is not in force yet",
            try_this=f"format a copy: cp {path} next.toml; plimsoll policy fmt next.toml",
        )


def _differences(path: Path, old: bytes, new: bytes) -> list[str]:
    is_, should = old.decode().splitlines(), new.decode().splitlines()
    names = (str(path), f"{path} formatted")
    return list(difflib.unified_diff(is_, should, *names, lineterm="", n=1))
