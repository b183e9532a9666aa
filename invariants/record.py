"""The record of a proof: what was asked, of which solver, about which policy and founding.

It is kept beside the policy and read at the start of a session. A record of another
policy, founding state, solver or law is no record: the policy is proved anew. One that
was damaged, or that does not say `sound`, is refused.
"""

import os
import time
from functools import cache
from pathlib import Path
from typing import TypedDict

from pydantic import ValidationError

from invariants.policy import Policy
from invariants.reports import PolicyReport, require_sound
from logs.canonical import digest_of, sha256
from logs.errors import IntegrityError
from logs.vocabulary import Digest, State, Word

FILE = "proof.json"


class About(TypedDict):
    """What a proof rests on; a record that rests on anything else is no record."""

    policy: Digest
    founding: Digest | None
    solver: str
    law: Digest


class Question(Word):
    """One question to the solver, and its answer."""

    name: str
    found: str
    """`sat`, `unsat` or `unknown`."""
    smtlib: Digest
    """SHA-256 of the SMT-LIB text that was answered; another process may order it otherwise."""


class Proof(Word):
    """What was proved, by which questions."""

    policy: Digest
    founding: Digest | None
    """The founding state; None: a generic one."""
    solver: str
    law: Digest
    """SHA-256 of the sources that translate, evaluate and ask."""
    report: PolicyReport
    questions: tuple[Question, ...]

    @property
    def about(self) -> About:
        """What it rests on."""
        return About(policy=self.policy, founding=self.founding, solver=self.solver, law=self.law)


class Record(Word):
    """A proof with its digest, and how long it took."""

    proof: Proof
    digest: Digest
    seconds: float


def prove_policy(policy: Policy, founding: State | None = None) -> Record:
    """Prove a policy and write down what was asked."""
    from invariants.proof import check_policy
    from invariants.solver import Desk

    desk, begun = Desk(), time.perf_counter()
    report = check_policy(policy, founding, desk=desk)
    proof = Proof(
        **_about(policy, founding),
        report=report,
        questions=tuple(
            Question(name=one.name, found=one.found, smtlib=one.digest) for one in desk.asked
        ),
    )
    seconds = round(time.perf_counter() - begun, 3)
    return Record(proof=proof, digest=digest_of(proof), seconds=seconds)


def attest(folder: Path, policy: Policy, founding: State) -> Record:
    """The proof of the policy in force: the one on record, or a new one that is put there.

    Raises:
        IntegrityError: the record is damaged.
        Refused: the policy is not sound.
        Undecided: z3 gave up on a question.
    """
    path = folder / FILE
    known = _read(path) if path.exists() else None
    wanted = _about(policy, founding)
    if known is None or known.proof.about != wanted:
        known = prove_policy(policy, founding)
        require_sound(known.proof.report)
        _write(path, known)
    require_sound(known.proof.report)
    return known


def _about(policy: Policy, founding: State | None) -> About:
    from invariants.solver import z3_version

    return {
        "policy": policy.digest,
        "founding": digest_of(founding) if founding is not None else None,
        "solver": f"z3 {z3_version()}",
        "law": law_digest(),
    }


@cache
def law_digest() -> Digest:
    """SHA-256 over the names and bytes of every source file of the law."""
    home = Path(__file__).parent
    sources = sorted(home.rglob("*.py"))
    named = (f"{p.relative_to(home).as_posix()} {sha256(p.read_bytes())}\n" for p in sources)
    return sha256("".join(named).encode())


def _read(path: Path) -> Record:
    try:
        record = Record.model_validate_json(path.read_bytes())
        broken = "" if digest_of(record.proof) == record.digest else "another digest than it states"
    except (OSError, ValidationError) as error:
        broken = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
    if broken:
        raise IntegrityError(
            "The record of the policy's proof is damaged.",
            saw=f"{path.name}: {broken}",
            wanted="the record as it was written",
            try_this=f"find out who changed it, then delete {path.name}: it is proved anew",
        )
    return record


def _write(path: Path, record: Record) -> None:
    draft = path.with_suffix(".draft")
    with draft.open("w", encoding="utf-8") as file:
        file.write(record.model_dump_json(indent=1) + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
