"""A session under a 2-of-3 signed policy whose every proposal is of high tier.

Nothing trains: what observes, decides, acts and tries out is a stand-in with lawful evidence.
The gate, the question, the answer, the commit, the log, the graph and its checkpoints are real.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from langgraph.runtime import Runtime

from agent import graph, looping, session, settle
from agent.state import Context, Turn, once
from agent.workspace import CONSTITUTION, POLICY, Workspace
from invariants.diff import diff
from invariants.policy import default_bytes
from invariants.sshsig import Namespace
from logs.canonical import digest_of
from logs.vocabulary import (
    Commit,
    Decision,
    Diagnosis,
    EntryKind,
    Finding,
    Hypothesis,
    Intervention,
    LogEntry,
    Observation,
    Principle,
    Proposal,
    State,
)
from sandbox.accelerator import GpuWatch
from tests.keys import ANA, BEN, CAT, Person
from tests.law_cases import FOUNDING, PRINCIPLES, digest, evidence, principle, with_principles
from tests.sessions import Told, tiny

NAME = "tiny"


def roles(*people: Person, threshold: int = 2) -> str:
    keys = ", ".join(f'"{person.line}"' for person in people)
    names = ("policy", "approve")
    tables = (f"\n[roles.{n}]\nkeys = [{keys}]\nthreshold = {threshold}\n" for n in names)
    return "".join(tables) + "wait_hours = 48\n"


def signed_workspace(
    root: Path, *signers: Person, iterations: int = 2, tier: str = "", park: bool = False
) -> Workspace:
    """A new workspace; its policy names Ana, Ben and Cat, and `signers` signed it.

    `tier` goes under the policy's `[tier]`.
    """
    session = {"name": NAME, "iterations": iterations, "park": park}
    workspace = Workspace.create(root, tiny(session=session))
    policy = default_bytes().replace(b"[tier]", f"[tier]\n{tier}".encode(), 1)
    (root / POLICY).write_bytes(policy + roles(ANA, BEN, CAT).encode())
    (root / CONSTITUTION).write_text("".join(map(table, PRINCIPLES)))
    for name, space in ((POLICY, Namespace.POLICY), (CONSTITUTION, Namespace.CONSTITUTION)):
        sign_beside(root / name, space, *signers)
    return workspace


def table(one: Principle) -> str:
    """A principle as a file says it."""
    return (
        f'[[principle]]\nid = "{one.id}"\ntext = "{one.text}"\nweight = "{one.weight}"\n'
        f'tier = "{one.tier}"\n\n'
    )


def sign_beside(path: Path, space: Namespace, *signers: Person) -> None:
    """One signature file per person."""
    for person in signers:
        signature = person.sign(path.read_bytes(), space)
        path.with_name(f"{path.name}.{person.name}.sig").write_text(signature)


class Died(BaseException):
    """The process ends, as a power cut would."""


class DiesAt(Told):
    """Ends the process right after a step wrote its entry."""

    def __init__(self, step: str) -> None:
        super().__init__()
        self.step = step

    def entry(self, entry: LogEntry) -> None:
        """Remember it, or die."""
        super().entry(entry)
        if entry.key == f"{NAME}/1/{self.step}":
            raise Died(entry.key)


# --- stand-ins for what would train ------------------------------------------------


def found(workspace: Workspace, journal: Any, hands: Any) -> str:
    """The founding commit, without judges that were fitted."""
    founded = journal.find(NAME, 0, "found") or journal.append(
        EntryKind.FOUNDED,
        session=NAME,
        iteration=0,
        step="found",
        body={"policy": workspace.policy.digest, "reader": digest("c"), "judges": []},
    )
    assert founded
    first = Commit(
        parent=None,
        session=NAME,
        iteration=0,
        state=FOUNDING,
        proposal=None,
        evidence=None,
        verdict=None,
    )
    journal.commit(first, expected_head=None)
    return digest_of(first)


def observe(state: Turn, runtime: Runtime[Context]) -> dict[str, object]:
    context = runtime.context

    def run() -> None:
        seen = Observation(
            iteration=state["iteration"],
            head=context.head(),
            measurements=(),
            samples=digest("1"),
            verdicts=digest("2"),
            audit_labels=0,
        )
        context.log(state, "observe", EntryKind.OBSERVED, seen)

    once(context, state, "observe", run)
    return {"way": "diagnose"}


def diagnose(state: Turn, runtime: Runtime[Context]) -> dict[str, object]:
    context = runtime.context
    well = Finding(hypothesis=Hypothesis.HEALTHY, support=1.0, because=("a stand-in",))
    told = Diagnosis(findings=(well,))
    once(
        context,
        state,
        "diagnose",
        lambda: void(context.log(state, "diagnose", EntryKind.DIAGNOSED, told)),
    )
    return {"way": "decide"}


def decide(state: Turn, runtime: Runtime[Context]) -> dict[str, object]:
    context = runtime.context
    decision = Decision(
        iteration=state["iteration"],
        intervention=Intervention.EDIT_CONSTITUTION,
        rule="stand-in",
        because="helpful answers depend on who asks",
        evidence=(),
        alternatives=(),
        predicted=None,
    )
    once(
        context,
        state,
        "decide",
        lambda: void(context.log(state, "decide", EntryKind.DECIDED, decision)),
    )
    return {"way": "act"}


def act(state: Turn, runtime: Runtime[Context]) -> dict[str, object]:
    edit = Intervention.EDIT_CONSTITUTION
    return propose(state, runtime, edit, lambda now: narrowed(now, f"case-{state['iteration']}"))


def propose(
    state: Turn,
    runtime: Runtime[Context],
    intervention: Intervention,
    change: Callable[[State], State],
) -> dict[str, object]:
    """Record the proposal to change HEAD's state so."""
    context = runtime.context

    def run() -> None:
        head = context.head()
        now = context.commit_at(head).state
        new = change(now)
        proposal = Proposal(
            iteration=state["iteration"],
            base=head,
            intervention=intervention,
            new=new,
            changes=diff(now, new),
            undo="plimsoll rollback HEAD~1",
        )
        context.log(state, "act", EntryKind.PROPOSED, proposal)

    once(context, state, "act", run)
    return {"way": "trial"}


def trial(state: Turn, runtime: Runtime[Context]) -> dict[str, object]:
    context = runtime.context

    def run() -> None:
        shown = evidence(context.word(state, "act", Proposal))
        context.log(state, "trial", EntryKind.TRIED, shown)

    once(context, state, "trial", run)
    return {"way": "gate"}


def narrowed(state: State, context: str) -> State:
    """A core principle for some contexts alone: only people may allow that."""
    helpful = principle("helpful", "core", "0.20", contexts=(context,))
    return with_principles(state, *PRINCIPLES[:2], helpful, *PRINCIPLES[3:])


def measure_gold(turn: Turn, context: Context) -> None:
    context.log(turn, "gold", EntryKind.MEASURED, {"head": context.head(), "measurements": []})


def measure_meta(turn: Turn, context: Context) -> None:
    context.log(turn, "meta", EntryKind.MEASURED, {"measurements": []})


@contextmanager
def hands(*_: object) -> Iterator[SimpleNamespace]:
    """Hands that do nothing."""
    spent = SimpleNamespace(seconds={}, cpu_seconds=0.0, peak_rss_bytes=0, level=2)
    yield SimpleNamespace(spent=spent, gpus=GpuWatch(), reader="", store=None)


def void(_: object) -> None:
    """What a step gives back."""


def stand_in(monkeypatch: Any) -> None:
    """Put the stand-ins in place."""
    monkeypatch.setattr(session, "found_workspace", found)
    monkeypatch.setattr(session, "Hands", hands)
    monkeypatch.setattr(looping, "measure_gold", measure_gold)
    monkeypatch.setattr(settle, "measure_gold", measure_gold)
    monkeypatch.setattr(settle, "measure_meta", measure_meta)
    for step in (observe, diagnose, decide, act, trial):
        monkeypatch.setattr(graph, step.__name__, step)
