"""Remote judges, asked by the parent: jobs behind the wall have no network.

What a judge is stands in the store and names it; where it is asked stands in plimsoll.toml, and its
key in the environment. Their verdicts are joined with those of judges behind the wall.
"""

import os
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.api_keys import key_of
from agent.config import Config
from agent.config_judges import RemoteSection
from agent.remote_usage import CACHE, since_told
from logs.errors import UsageError
from logs.vocabulary import Constitution, Judge, JudgeKind
from tools.store import Store

if TYPE_CHECKING:
    from tools.remote.judging import Remote
    from tools.remote.spec import Spec

Row = dict[str, Any]
Progress = Callable[[int, int, str], None]
Flaws = dict[str, dict[str, list[int]]]


def parted(judges: Iterable[Judge]) -> tuple[list[Judge], list[Judge]]:
    """(judges that run behind the wall, judges that are asked over HTTP)."""
    known = list(judges)
    far = [j for j in known if j.kind is JudgeKind.REMOTE]
    return [j for j in known if j.kind is not JudgeKind.REMOTE], far


def joined(rows: Iterable[Row], more: Iterable[Row]) -> list[Row]:
    """Two judges' rows on the same groups as one."""
    return [
        {
            "prompt": a["prompt"],
            "scores": {**a["scores"], **b["scores"]},
            "errors": {**a["errors"], **b["errors"]},
        }
        for a, b in zip(rows, more, strict=True)
    ]


class Remotes:
    """Asks the remote judges of one workspace."""

    def __init__(self, store: Store, config: Config, progress: Progress) -> None:
        self._store, self._config, self._progress = store, config, progress

    def add(
        self,
        judges: Sequence[Judge],
        groups: Sequence[Row],
        rows: Sequence[Row],
        constitution: Constitution,
        *,
        salt: str = "",
    ) -> list[Row]:
        """Rows of verdicts with those of these judges joined in.

        Args:
            salt: other text asks everything anew; the same text finds again what it asked.
        """
        from tools.remote.cache import Cache
        from tools.remote.judging import judge_groups

        found = list(rows)
        with Cache(self._store.root.parent / CACHE) as cache:
            for judge in judges:
                judged = judge_groups(
                    self.remote(judge),
                    groups,
                    constitution,
                    cache,
                    self._progress,
                    salt=salt,
                )
                found = joined(found, judged.rows)
        return found

    def flaws(
        self,
        judges: Sequence[Judge],
        groups: Sequence[Row],
        rows: Sequence[Row],
        constitution: Constitution,
        *,
        n: int,
        seed: int,
        of_world: bool,
    ) -> Flaws:
        """Per judge and flaw: (the flawed twin wins, pairs), as judges behind the wall tell it."""
        from tools.judging import won
        from tools.remote.judging import flawed_twins

        pays: Flaws = {judge.id: {} for judge in judges}
        for judge in judges:
            scores = [row["scores"][judge.id] for row in rows]
            shown = flawed_twins(groups, scores, n=n, seed=seed, of_world=of_world)
            for flaw, pairs in shown.items():
                told = self.add([judge], pairs, unscored(pairs), constitution)
                pays[judge.id][flaw] = won(row["scores"][judge.id] for row in told)
        return pays

    def asked(self, told: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
        """What was asked of each judge since it was told last; a crash loses none of it.

        Args:
            told: what earlier turns told of it, in the form in which this is told.

        Returns:
            {"cache": id, "judges": {judge: counts and seconds}}; empty without remote judges.
        """
        return since_told(self._store.root.parent, told)

    def require_same(self, judges: Iterable[Judge]) -> None:
        """Go on only with the remote judges that the workspace was founded with.

        Raises:
            UsageError: plimsoll.toml names one no longer, or as another judge.
        """
        for judge in parted(judges)[1]:
            self.remote(judge)

    def remote(self, judge: Judge) -> "Remote":
        """A judge with its address.

        Raises:
            UsageError: plimsoll.toml does not say where it is asked, or makes another judge of it.
        """
        from tools.remote.judging import Remote
        from tools.remote.spec import load

        spec = load(self._store.get(judge.artefact))
        named = next((r for r in self._config.judges.remote if r.id == judge.id), None)
        if named is None:
            raise _unlike(judge, f"no [[judges.remote]] with id = {judge.id!r}")
        now = spec_of(named, self._store.root.parent)
        if now != spec:
            other = [
                key for key in type(spec).model_fields if getattr(spec, key) != getattr(now, key)
            ]
            raise _unlike(judge, f"another {' and '.join(other)} of {judge.id!r}")
        return Remote(judge.id, spec, judge.artefact, endpoint_of(named), named.concurrency)


def _unlike(judge: Judge, saw: str) -> UsageError:
    return UsageError(
        "A remote judge is not the one that the workspace was founded with.",
        saw=saw,
        wanted="its table and its template as they were; only its url, key, concurrency, patience"
        " and prices may be others",
        try_this="undo the change: another judge has an id of its own, sits on the bench when a"
        " workspace is founded, and comes in by a swap (plimsoll judge swap)",
    )


def scored_blind(
    told: Sequence[Mapping[str, Row]],
    prompts: Sequence[str],
    *,
    seed: int,
    ask: Callable[[Sequence[Row], Sequence[Row]], list[Row]],
) -> list[dict[str, Row]]:
    """The sides of a control with more scores: shown as siblings, in an order drawn by chance.

    Args:
        told: per item and side {text, scores}.
        prompts: of the items, in their order.
    """
    rng = random.Random(seed)
    orders = [rng.sample(list(sides), len(sides)) for sides in told]
    groups = [
        {"prompt": prompt, "answers": [[sides[name]["text"]] for name in order]}
        for prompt, sides, order in zip(prompts, told, orders, strict=True)
    ]
    found = []
    rows = ask(groups, unscored(groups))
    for sides, row, order in zip(told, rows, orders, strict=True):
        said = {
            name: {judge: scores[order.index(name)] for judge, scores in row["scores"].items()}
            for name in order
        }
        found.append({n: side | {"scores": side["scores"] | said[n]} for n, side in sides.items()})
    return found


def unscored(groups: Iterable[Row]) -> list[Row]:
    """Rows in which nobody has said anything yet."""
    return [{"prompt": g["prompt"], "scores": {}, "errors": {}} for g in groups]


def founded(config: Config, folder: Path, store: Store) -> list[Judge]:
    """The remote judges of a configuration, each stored as what it is.

    Raises:
        UsageError: a template cannot be read.
    """
    return [
        Judge(
            id=named.id,
            kind=JudgeKind.REMOTE,
            family=named.family,
            version=1,
            artefact=store.put(spec_of(named, folder).dump()),
            weight=Decimal(1),
        )
        for named in config.judges.remote
    ]


def spec_of(named: RemoteSection, folder: Path) -> "Spec":
    """What a table of the configuration says that a judge is.

    Raises:
        UsageError: the template cannot be read, or its parameters do not go together.
    """
    from tools.remote.spec import made
    from tools.remote.templates import template_of

    return made(
        named.id,
        model=named.model,
        profile=named.profile,
        template=template_of(named.template, folder),
        temperature=named.temperature,
        max_tokens=named.max_tokens,
        seed=named.seed,
        opponents=named.opponents,
        disagreement=named.disagreement,
        scoring=named.scoring,
        system_role=named.system_role,
    )


def endpoint_of(named: RemoteSection, environment: Mapping[str, str] = os.environ) -> Any:
    """Where and how patiently a judge is asked.

    Raises:
        UsageError: the variable that should hold its key does not.
    """
    from tools.chat import Endpoint

    setting = f"api_key_env of {named.id!r}"
    return Endpoint(
        url=named.url.rstrip("/"),
        model=named.model,
        key=key_of(f"the judge {named.id!r}", named.api_key_env, setting, environment),
        timeout_seconds=named.timeout_seconds,
        deadline_seconds=named.deadline_seconds,
    )
