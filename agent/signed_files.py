"""The signed files of a workspace, held to what the log keeps of them."""

from pathlib import Path

from agent.adoption import as_kept
from agent.workspace import constitution_of
from invariants import policy as policies
from invariants.roles import Role
from invariants.seals import (
    require_signed,
    require_signed_constitution,
    sealed,
    signatures_beside,
    standing,
)
from invariants.sshsig import BadPaper, Namespace, signer
from logs.errors import PlimsollError
from logs.vocabulary import LogEntry, State


def policy_faults(path: Path, adopted: LogEntry) -> tuple[list[str], str]:
    """What is wrong with the policy file of the version in force; or what there is to know."""
    if not path.is_file():
        return [f"{path.name} is gone"], ""
    data, before = path.read_bytes(), as_kept(adopted)
    if data != adopted.body["text"].encode():
        return _another(path, data, adopted)
    faults = _missing(path, adopted.body["signatures"], before.charter.policy, Namespace.POLICY)
    try:
        require_signed(sealed(before, data, signatures_beside(path)))
    except PlimsollError as error:
        faults.append(f"{error.what} {error.saw}")
    return faults, ""


def constitution_faults(path: Path, founded: LogEntry, state: State) -> list[str]:
    """What is wrong with the constitution that was founded on, where people signed it."""
    if "constitution_text" not in founded.body:
        return []
    kept = founded.body["constitution_text"].encode()
    if constitution_of(kept, path.name) != state.constitution:
        return ["the founding commit has another constitution than people signed"]
    if not path.is_file():
        return [f"{path.name} is gone"]
    if path.read_bytes() != kept:
        return [f"{path.name} is another one than people signed and founded on"]
    role, given = as_kept(founded).charter.policy, founded.body["constitution_signatures"]
    faults = _missing(path, given, role, Namespace.CONSTITUTION)
    try:
        require_signed_constitution(path, role)
    except PlimsollError as error:
        faults.append(f"{error.what} {error.saw}")
    return faults


def _another(path: Path, data: bytes, adopted: LogEntry) -> tuple[list[str], str]:
    """A next version may lie there before a session takes it; nothing else may."""
    wrong = f"{path.name} is another one than the policy in force"
    try:
        new = sealed(policies.load(data), data, signatures_beside(path))
    except PlimsollError as error:
        return [f"{wrong}: {error.what} {error.saw}"], ""
    follows = new.charter.previous == adopted.body["digest"]
    if follows and new.version == adopted.body["version"] + 1:
        return [], f"version {new.version} lies there, {standing(new)}; it is not in force yet"
    return [wrong], ""


def _missing(path: Path, given: list[str], role: Role | None, space: Namespace) -> list[str]:
    """Signatures that the log keeps and that no longer lie beside the file."""
    beside = signatures_beside(path)
    return [
        f"the signature of {path.name} by {_by(text, path.read_bytes(), role, space)} was altered"
        " or removed"
        for text in given
        if text not in beside
    ]


def _by(text: str, data: bytes, role: Role | None, space: Namespace) -> str:
    try:
        key = signer(data, text, space)
    except BadPaper:
        return "an unknown key"
    return role.name_of(key) if role else key.fingerprint
