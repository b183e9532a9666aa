"""Audits for tests: planted judges in the place of real ones, in the log of a made-up session."""

from contextlib import closing
from pathlib import Path
from typing import Any

from agent.config import Config, SessionSection
from agent.judge_audits import keep, subject_of, write
from agent.workspace import Workspace
from logs.vocabulary import LogEntry
from tests.a_journal import a_journal
from tests.a_workspace import SESSION
from tools.audit.audit import Call
from tools.audit.card import JudgeCard
from tools.audit.design import Design, Kept, Said, Version, of_the_world
from tools.audit.kept import Audited
from tools.audit.planted import planted
from tools.audit.verdict_card import carded


def a_workspace_with_judges(root: Path) -> Workspace:
    """A session of twelve turns is in its log; rubric-a, pair-b and pair-c sit in the panel."""
    made = Workspace.create(root, Config(session=SessionSection(name=SESSION)))
    a_journal(root).close()
    return made


def told(design: Design, taste: str, seed: int = 3) -> dict[Call, list[Said]]:
    """What a planted judge says of every call; equal calls get one answer."""
    judge = planted(taste, seed=seed)
    return {call: [judge(call)] for call in design.calls()}


def planted_audit(
    taste: str, version: Version, *, n: int = 60, seed: int = 0, name: str = "j"
) -> tuple[Design, Kept, JudgeCard]:
    """An audit of a planted judge from its questions to its card."""
    design = of_the_world(n, seed=seed)
    kept = design.answered(told(design, taste), version)
    return design, kept, carded(name, design, kept)


def logged(
    workspace: Workspace, name: str, taste: str = "honest", *, age: int = 0, **options: Any
) -> LogEntry:
    """Log an audit of a judge of the workspace, made `age` turns ago, by a planted judge."""
    with closing(workspace.journal(read_only=False)) as journal:
        version = subject_of(journal, name).version
        version = version._replace(iteration=version.iteration - age)
        design, kept, card = planted_audit(taste, version, name=name, **options)
        card_digest, verdicts = keep(workspace.store, card, kept)
        audited = Audited(
            judge=name,
            judge_hash=version.judge_hash,
            prompt_hash=version.prompt_hash,
            iteration=version.iteration,
            card=card_digest,
            verdicts=verdicts,
            calls=workspace.store.put(b""),
            items=design.items,
            deterministic=True,
            made=len(design.calls()),
            seconds=1.0,
        )
        return write(journal, journal.head(), card, audited)
