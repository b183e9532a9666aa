"""A workspace for tests: its store, its founding commit, and measurements."""

from decimal import Decimal
from pathlib import Path

from logs.artefacts import path_of
from logs.canonical import canonical, sha256
from logs.vocabulary import (
    Commit,
    Constitution,
    Digest,
    Guarantee,
    Intervention,
    Judge,
    JudgeKind,
    Measurement,
    Panel,
    Principle,
    PrincipleTier,
    PromptPool,
    Recipe,
    State,
    Status,
)

SESSION = "math-small"
GOLD = (0.41, 0.47, 0.53, 0.53, 0.57, 0.51, 0.51, 0.53, 0.53, 0.58, 0.63, 0.63, 0.65)
JUDGE = (0.02, 0.35, 0.71, 0.74, 1.28, 1.71, 1.72, 0.74, 0.61, 0.66, 0.97, 0.98, 1.16)
KL = (0.0, 0.02, 0.04, 0.04, 0.07, 0.12, 0.12, 0.04, 0.04, 0.04, 0.06, 0.06, 0.08)
PLAN: tuple[tuple[Intervention, str], ...] = (
    (Intervention.TRAIN, "committed"),
    (Intervention.TRAIN, "committed"),
    (Intervention.REFRESH_PROMPTS, "committed"),
    (Intervention.TRAIN, "committed"),
    (Intervention.TRAIN, "committed"),
    (Intervention.TRAIN, "refused"),
    (Intervention.ROLL_BACK, "committed"),
    (Intervention.REFIT_JUDGE, "committed"),
    (Intervention.EDIT_CONSTITUTION, "committed"),
    (Intervention.TRAIN, "committed"),
    (Intervention.EDIT_CONSTITUTION, "refused"),
    (Intervention.ASK_PERSON, "asked"),
)
POLICY = sha256(b"policy")
HARNESS = sha256(b"harness")


def store(workspace: Path, data: bytes) -> Digest:
    """Put one artefact into the store of the workspace."""
    path = path_of(workspace, sha256(data))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path.name


def store_folder(workspace: Path, files: dict[str, bytes]) -> Digest:
    """Put a manifest and its files into the store."""
    listed = {name: store(workspace, data) for name, data in files.items()}
    return store(workspace, canonical({"files": listed}))


def founding_state(workspace: Path, words: str = "Say what is so.") -> State:
    """Three judges, three principles, no adapter."""
    weights = {"rubric-a": "0.5", "pair-b": "0.25", "pair-c": "0.25"}
    judges = [
        Judge(
            id=name,
            kind=JudgeKind.FEATURE,
            family=f"family-{name}",
            version=1,
            artefact=store(workspace, f"judge {name}".encode()),
            weight=Decimal(weight),
        )
        for name, weight in weights.items()
    ]
    principles = (
        ("honest", words, PrincipleTier.IMMUTABLE, "0.5"),
        ("harmless", "Refuse what would hurt somebody.", PrincipleTier.CORE, "0.3"),
        ("concise", "Use as few words as the question needs.", PrincipleTier.ADAPTIVE, "0.2"),
    )
    return State(
        base=store_folder(workspace, {"model.safetensors": b"weights", "config.json": b"{}"}),
        adapter=None,
        panel=Panel(judges=tuple(judges)),
        constitution=Constitution(
            version=1,
            principles=tuple(
                Principle(id=i, text=t, tier=tier, weight=Decimal(w))
                for i, t, tier, w in principles
            ),
        ),
        prompts=PromptPool(seed=7, size=0),
        recipe=Recipe(),
    )


def founding(workspace: Path, words: str = "Say what is so.") -> Commit:
    """The commit that everything goes back to."""
    return Commit(
        parent=None,
        session=SESSION,
        iteration=0,
        state=founding_state(workspace, words),
        proposal=None,
        evidence=None,
        verdict=None,
    )


def measured(
    instrument: str,
    value: float | None,
    half: float = 0.02,
    *,
    units: str = "share",
    status: Status = Status.GREEN,
    guarantee: Guarantee = Guarantee.ANYTIME,
    margin: float | None = None,
    of: str = "",
) -> Measurement:
    """One measurement with a symmetric interval of half-width `half`."""
    return Measurement(
        instrument=instrument,
        estimate=value,
        units=units,
        low=None if value is None else round(value - half, 4),
        high=None if value is None else round(value + half, 4),
        guarantee=guarantee,
        n=2000,
        status=status,
        margin=margin,
        of=of,
    )
