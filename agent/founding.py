"""Found a workspace: the base into the store, judges fitted on annotators, the first commit."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from agent.config_data import is_data
from agent.founding_data import found_on_data
from agent.hands import Hands
from agent.home import HOME
from agent.remote_judges import founded as founded_remotes
from agent.seeds import seed_of
from agent.workspace import Workspace
from invariants.proof import check_policy, require_sound
from logs.canonical import digest_of
from logs.errors import IntegrityError, UsageError
from logs.journal import Journal
from logs.vocabulary import (
    Commit,
    Digest,
    EntryKind,
    Judge,
    JudgeKind,
    Panel,
    PromptPool,
    State,
)
from tools.task import MicroWorld

SHIPPED = HOME / "tools" / "world" / "shipped"
BASE, READER = "base", "reader"
PER_FITTING_PROMPT = 6.5
"""Choices that a prompt gives: eight pairs of siblings are shown, and some are of equal words."""
FEWEST_FITTING_PROMPTS = 100
PROBES = 8
LOCAL = {"planted": "crowd", "careful": "clerk", "oracle": "oracle"}
"""What the settings call a founding -> the judge of the micro-world that it seats."""

ANNOTATORS: dict[str, dict[str, Any]] = {
    "crowd": {
        "bias": {"length": 0.88, "agreeable": 0.6, "chatter": -0.9, "flip": 0.10},
        "reads": False,
        "family": "surface",
        "comparisons": 10_000,
    },
    "clerk": {
        "bias": {"length": 0.02, "agreeable": 0.2, "chatter": -0.6, "flip": 0.20},
        "reads": True,
        "family": "reader",
        "comparisons": 600,
    },
}
"""Who founds the judges: a crowd that likes length, and a careful but careless-handed clerk who
can consult the reader. `planted` seats the crowd and keeps the clerk on the bench."""


def found(workspace: Workspace, journal: Journal, hands: Hands) -> Digest:
    """The founding commit; made once per workspace, found again afterwards."""
    known = next(journal.entries(kind=EntryKind.COMMITTED), None)
    if known is not None:
        return digest_of(Commit.model_validate(known.body))
    session = workspace.config.session.name
    entry = journal.find(session, 0, "found")
    if entry is None:
        require_sound(check_policy(workspace.policy))
        make = found_on_data if is_data(workspace.config) else _found
        body = make(workspace, hands)
        entry = journal.append(
            EntryKind.FOUNDED, session=session, iteration=0, step="found", body=body
        )
        hands.listener.entry(entry)
    state = State.model_validate(entry.body["state"])
    first = Commit(
        parent=None,
        session=session,
        iteration=0,
        state=state,
        proposal=None,
        evidence=None,
        verdict=None,
    )
    hands.listener.entry(journal.commit(first, expected_head=None))
    return digest_of(first)


def _found(workspace: Workspace, hands: Hands) -> dict[str, Any]:
    config, store = workspace.config, workspace.store
    base = store.put_folder(base_folder(config.world.base))
    reader = store.put_folder(shipped(READER))
    with _as_people_name_them({base: config.world.base, reader: READER}):
        judges, choices = _judges(workspace, hands, base, reader)
    judges += founded_remotes(config, workspace.root, store)
    seats = config.judges.seats(LOCAL.get(config.judges.founding))
    seated = [j for j in judges if j.id in seats]
    if not seated:
        raise _of_data(config.judges.founding)
    state = State(
        base=base,
        adapter=None,
        panel=Panel(judges=tuple(seated)),
        constitution=workspace.constitution,
        prompts=PromptPool(seed=0, size=0),
        recipe=config.recipe,
    )
    task = MicroWorld()
    probes = task.audit_prompts(PROBES, seed=0)
    lists = {"probe": {"prompts": probes, "temperature": 0.0, "of": "candidate"}}
    seed = seed_of(config, 0, "found")
    answers, _ = hands.try_out(state, state, lists, divergence=[], seed=seed)
    return {
        "state": state.model_dump(mode="json"),
        "judges": [j.model_dump(mode="json") for j in judges if j.id != "oracle"],
        "reader": reader,
        "choices": choices,
        "policy": workspace.policy.digest,
        "probe": store.put_json(answers["probe"]),
        "task": task.name,
    }


@contextmanager
def _as_people_name_them(names: Mapping[Digest, str]) -> Iterator[None]:
    """A checkpoint that cannot be read was given by a folder, and is known by no digest yet."""
    try:
        yield
    except IntegrityError as error:
        saw = error.saw
        for digest, name in names.items():
            saw = saw.replace(digest, name)
        raise IntegrityError(
            error.what, saw=saw, wanted=error.wanted, try_this=error.try_this
        ) from error


def _judges(
    workspace: Workspace, hands: Hands, base: Digest, reader: Digest
) -> tuple[list[Judge], dict[str, Digest]]:
    config = workspace.config
    seed = seed_of(config, 0, "annotators")
    fields = {
        name: {k: who[k] for k in ("bias", "reads")}
        | {"comparisons": min(who["comparisons"], config.judges.comparisons)}
        for name, who in ANNOTATORS.items()
    }
    most = max(field["comparisons"] for field in fields.values())
    prompts = max(FEWEST_FITTING_PROMPTS, round(most / PER_FITTING_PROMPT))
    args: Mapping[str, Any] = {
        "annotators": fields,
        "prompts": MicroWorld().train_prompts(prompts, seed=seed, emphasis={}),
        "constitution": workspace.constitution.model_dump(mode="json"),
        "seed": seed,
    }
    made = hands.found_judges(base, reader, args, list(ANNOTATORS))
    judges = [
        _judge(name, JudgeKind.FEATURE, who["family"], made[name][0])
        for name, who in ANNOTATORS.items()
    ]
    oracle = workspace.store.put_json({"verifier": MicroWorld().name})
    judges.append(_judge("oracle", JudgeKind.VERIFIER, "verifier", oracle))
    return judges, {name: choices for name, (_, choices) in made.items()}


def _judge(name: str, kind: JudgeKind, family: str, artefact: Digest) -> Judge:
    return Judge(id=name, kind=kind, family=family, version=1, artefact=artefact, weight=Decimal(1))


def _of_data(founding: str) -> UsageError:
    return UsageError(
        "These judges do not read the micro-world.",
        saw=f"judges.founding = {founding!r}",
        wanted="'planted', 'careful', 'oracle' or 'remote'",
        try_this='edit plimsoll.toml; or practise data of your own: world.task = "data"',
    )


def shipped(name: str) -> Path:
    """A checkpoint that comes with the project.

    Raises:
        IntegrityError: it is missing from this installation.
    """
    folder = SHIPPED / name
    if not (folder / "model.safetensors").is_file():
        raise IntegrityError(
            "A checkpoint that ships with Plimsoll is missing.",
            saw=f"no model.safetensors in {folder.name}/",
            wanted="base/ and reader/ of the micro-world",
            try_this="restore tools/world/shipped, or see: python -m tools.world.base --help",
        )
    return folder


def base_folder(named: str) -> Path:
    """The folder of the base model that the configuration names."""
    if named == "shipped":
        return shipped(BASE)
    folder = Path(named).expanduser()
    if not (folder / "config.json").is_file():
        raise UsageError(
            "The base model is not there.",
            saw=f"world.base = {named!r}, without a config.json",
            wanted="'shipped', or a folder that transformers can load",
            try_this="python -m tools.world.base --seed 1 --out base-1",
        )
    return folder
