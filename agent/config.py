"""`plimsoll.toml`: what to run. An unknown key is an error with a suggestion."""

import difflib
import json
import tomllib
from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import AfterValidator, ValidationError, model_validator
from pydantic.fields import FieldInfo

from agent.config_data import DataSection, placed
from agent.config_judges import JudgesSection, RemoteSection
from agent.config_sampling import SamplingSection
from agent.config_sections import (
    TEACH,
    AuditSection,
    BudgetSection,
    DeciderSection,
    DriftSection,
    LimitsSection,
    NotifySection,
    Section,
    SessionSection,
    TrackSection,
    WorldSection,
    sensible,
)
from agent.config_training import TrainingSection
from logs.errors import UsageError
from logs.vocabulary import Recipe

__all__ = [
    "TEACH",
    "AuditSection",
    "BudgetSection",
    "Config",
    "DataSection",
    "DeciderSection",
    "DriftSection",
    "JudgesSection",
    "LimitsSection",
    "NotifySection",
    "RemoteSection",
    "SamplingSection",
    "Section",
    "SessionSection",
    "TrackSection",
    "TrainingSection",
    "WorldSection",
    "dump",
    "read",
]


class Config(Section):
    """The whole file."""

    session: SessionSection = SessionSection()
    decider: DeciderSection = DeciderSection()
    world: WorldSection = WorldSection()
    data: DataSection = DataSection()
    sampling: SamplingSection = SamplingSection()
    judges: JudgesSection = JudgesSection()
    audit: AuditSection = AuditSection()
    drift: DriftSection = DriftSection()
    recipe: Annotated[Recipe, AfterValidator(sensible)] = Recipe()
    training: TrainingSection = TrainingSection()
    limits: LimitsSection = LimitsSection()
    budget: BudgetSection = BudgetSection()
    track: TrackSection = TrackSection()
    notify: NotifySection = NotifySection()

    @model_validator(mode="after")
    def _draws_from_what_it_trains(self) -> "Config":
        """Nobody trains for hours what the engine then refuses: vLLM has no DoRA."""
        engine, dora = self.sampling.engine, self.training.dora and self.recipe.adapter == "lora"
        if dora and engine != "transformers":
            raise ValueError(f'training.dora = false: engine = "{engine}" draws from no DoRA')
        return self


def read(path: Path) -> Config:
    """Read a configuration; a path that lies beside the file is read from there.

    Raises:
        UsageError: the file is missing, is not TOML, or holds an unknown key or a bad value.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(
            "There is no workspace here.",
            saw=f"no {path.name} in {path.parent}",
            wanted="a folder made by plimsoll init",
            try_this=f"plimsoll init {path.parent}",
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{path.name} is not TOML.",
            saw=str(error),
            wanted="TOML, for example: iterations = 12",
            try_this=f"open {path.name} at that line, or compare with: plimsoll init --dry-run",
        ) from error
    try:
        return Config.model_validate(placed(raw, path.parent))
    except ValidationError as error:
        raise _explained(path, error) from error


def _explained(path: Path, error: ValidationError) -> UsageError:
    """The first complaint, with the nearest known key where the key is unknown."""
    first = error.errors()[0]
    where = [str(x) for x in first["loc"]]
    if first["type"] == "extra_forbidden":
        known = _keys_at(where[:-1])
        near = difflib.get_close_matches(where[-1], known, n=1)
        return UsageError(
            f"{path.name} has a key that Plimsoll does not know.",
            saw=".".join(where),
            wanted=f"one of: {', '.join(known)}",
            try_this=f"did you mean {near[0]!r}?" if near else "remove the line",
        )
    seen = first["input"]
    if isinstance(seen, dict):
        seen = ", ".join(f"{k} = {v!r}" for k, v in seen.items())
    else:
        seen = repr(seen)
    return UsageError(
        f"{path.name} has a value that does not fit.",
        saw=" = ".join(filter(None, [".".join(where), seen])),
        wanted=first["msg"],
        try_this="plimsoll init --dry-run shows the defaults",
    )


def _keys_at(where: list[str]) -> list[str]:
    model: Any = Config
    for name in where:
        if name.isdigit():  # a place in a list of tables, which are all of one kind
            continue
        field = model.model_fields.get(name)
        kind = field.annotation if field else Config
        model = next(iter(get_args(kind)), kind)
    return list(model.model_fields)


def dump(config: Config) -> str:
    """A configuration as TOML, the way `init` writes it."""
    lines = ["# What to run. `plimsoll run` reads this file; unknown keys are refused.", ""]
    for name in Config.model_fields:
        lines += _table(name, getattr(config, name), f"[{name}]")
    return "\n".join(lines)


def _table(name: str, section: Any, head: str) -> list[str]:
    """A table, and behind it the tables that stand in a list of it."""
    written = section.model_dump(mode="json")
    # A field that is left out where it says nothing stands in the file all the same.
    shown = {k: written.get(k, getattr(section, k)) for k in type(section).model_fields}
    lists = {k: getattr(section, k) for k, v in type(section).model_fields.items() if _listed(v)}
    given = {k: v for k, v in shown.items() if v is not None and k not in lists}
    lines = [head, *(f"{k} = {_toml(v)}" for k, v in given.items()), ""]
    for k, tables in lists.items():
        for table in tables:
            lines += _table(f"{name}.{k}", table, f"[[{name}.{k}]]")
    return lines


def _listed(field: FieldInfo) -> bool:
    """Whether a field is a list of tables."""
    return any(isinstance(a, type) and issubclass(a, Section) for a in get_args(field.annotation))


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return repr(value)
