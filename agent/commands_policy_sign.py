"""`plimsoll policy sign` and `policy verify`: whose policy this is."""

from argparse import Namespace as Options
from contextlib import closing
from pathlib import Path

from agent import signing
from agent.envelope import Answer
from agent.finding import from_here, workspace_of
from agent.fitting import named
from agent.overview import open_log
from agent.workspace import CONSTITUTION, POLICY, Workspace
from invariants import seals
from invariants.policy import Policy
from invariants.roles import Role, Seal
from invariants.sshsig import Namespace, signer
from logs.errors import PlimsollError, Refused, UsageError
from logs.show import terminal_width
from logs.text import visible

UNSIGNED = seals.UNSIGNED


def sign(options: Options) -> Answer:
    """Sign the bytes of the policy, or of the founding constitution, with one person's key."""
    workspace = workspace_of(options)
    space = Namespace.CONSTITUTION if options.constitution else Namespace.POLICY
    file = workspace.root / (CONSTITUTION if options.constitution else POLICY)
    if not options.key:
        how = signing.line("KEY", space, str(from_here(file)))
        then = f"it writes {file.name}.sig; of several people, name them {file.name}.NAME.sig"
        return Answer({"command": how, "dry_run": True}, f"{how}\n{then}")
    key = Path(options.key).expanduser()
    target = file.with_name(f"{file.name}.{_name(options.name or key.stem)}.sig")
    if options.dry_run:
        return Answer({"dry_run": True, "file": str(target)}, f"would write {from_here(target)}")
    data = file.read_bytes()
    signature = signing.sign(key, data, space)
    role = workspace.policy.charter.policy
    found = signer(data, signature, space)
    if role is not None and found not in role.names:
        raise Refused(
            "This key is not one that the policy names.",
            saw=found.fingerprint,
            wanted="a key of [roles.policy]",
            try_this="sign with another key, or name this one in a new version of the policy",
        )
    target.write_text(signature, encoding="ascii")
    warnings = () if role else (f"the policy names no [roles.policy], so it stays {UNSIGNED}",)
    text = f"wrote {from_here(target)}\n{found.fingerprint}"
    data_out = {"file": str(target), "key": found.fingerprint, "dry_run": False}
    return Answer(data_out, text, warnings=warnings)


def verify(options: Options) -> Answer:
    """Who signed policy and constitution; exit code 3 if too few, or if it was not adopted here."""
    workspace = workspace_of(options)
    policy, path = workspace.policy, workspace.root / CONSTITUTION
    role = policy.charter.policy
    beside = seals.signatures_beside(path)
    constitution = seals.seal_of(path.read_bytes(), beside, Namespace.CONSTITUTION)
    lines = [
        ("policy", f"{policy.id} version {policy.version}, {policy.digest[:12]}"),
        ("policy is", seals.standing(policy)),
        ("constitution is", seals.counted(role, constitution) if role else UNSIGNED),
        ("in force", _in_force(workspace, policy)),
    ]
    faults = _faults(role, policy.seal, "policy") + _faults(role, constitution, "constitution")
    lines += [("not counted", fault) for fault in faults]
    refused = _refused(workspace, policy)
    answer = "no" if refused else UNSIGNED if role is None else "yes"
    lines.append(("verified", f"{answer}: {refused}" if refused else answer))
    data = {key.replace(" ", "_"): visible(value) for key, value in lines}
    text = named([(key, visible(value)) for key, value in lines], terminal_width())
    return Answer(data, text, Refused.exit_code if refused else 0)


def _refused(workspace: Workspace, policy: Policy) -> str:
    """Why no session would begin under this policy; empty if one would."""
    from agent.adoption import require_fit

    journal = open_log(workspace)
    founded = journal is not None and journal.head() is not None
    if journal:
        journal.close()
    try:
        require_fit(workspace, founded=founded)
    except PlimsollError as error:
        return f"{error.what} {error.saw}"
    return ""


def _in_force(workspace: Workspace, policy: Policy) -> str:
    from agent.adoption import last_adopted

    journal = open_log(workspace)
    if journal is None:
        return "not founded yet"
    with closing(journal):
        last = last_adopted(journal)
    if last is None:
        return "not founded yet"
    same = last.body["digest"] == policy.digest
    return f"version {last.body['version']}, " + ("this one" if same else "another one")


def _faults(role: Role | None, seal: Seal, what: str) -> list[str]:
    return [f"{what}: {fault}" for fault in seals.faults_of(role, seal)] if role else []


def _name(given: str) -> str:
    if given and all(c.isalnum() or c in "-_" for c in given):
        return given
    raise UsageError(
        "A signature file cannot have this name.",
        saw=repr(given[:80]),
        wanted="letters, digits, - and _",
        try_this="plimsoll policy sign --key FILE --as ana",
    )
