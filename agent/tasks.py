"""What a workspace practises: the micro-world, or the data that it was founded on."""

from functools import lru_cache

from agent.config import Config
from agent.workspace import Workspace
from invariants.canaries import common_runs, leaks
from logs.errors import UsageError
from logs.reading import Reader
from logs.vocabulary import Digest, EntryKind
from tools.data.pools import Pool, divided, leave_out
from tools.data.rows import Columns, prompts_of, rows_of
from tools.data.task import NAME, DataTask
from tools.store import Store
from tools.task import MicroWorld, Task


def task_of(workspace: Workspace, log: Reader) -> Task:
    """The task that a workspace was founded on; its file may be gone or changed since.

    Raises:
        UsageError: the settings name another kind of task than was founded.
    """
    founded = next(log.entries(kind=EntryKind.FOUNDED, limit=1), None)
    body = founded.body if founded else {}
    was, named = body.get("task", MicroWorld.name), workspace.config.world.task
    if founded and was != named:
        raise UsageError(
            "This workspace was founded on another task.",
            saw=f"world.task = {named!r}, and a log founded on {was!r}",
            wanted=f"world.task = {was!r}",
            try_this="plimsoll init in a new folder begins another workspace",
        )
    if was == NAME:
        return _read(workspace.store, body["data"])
    return MicroWorld()


def made_of(config: Config) -> DataTask:
    """The task of the user's files, divided into pools as it will be founded.

    Raises:
        UsageError: a file cannot be read, a row does not fit, or there are too few.
    """
    data = config.data
    columns = Columns(
        prompt=data.prompt,
        answer=data.answer,
        skill=data.skill,
        split=data.split,
        subset=data.subset,
    )
    rows = rows_of(data.train, columns, data.verifier)
    pools = divided(rows)
    gold = [p for p, pool in pools.items() if pool in (Pool.GOLD, Pool.FINAL)]
    practised = [p for p, pool in pools.items() if pool is Pool.TRAIN]
    common = common_runs(row.prompt for row in rows)
    alike = [practised[leak.text] for leak in leaks(gold, practised, common)]
    safety = prompts_of(data.safety, data.prompt) if data.safety else []
    return DataTask(
        data.verifier,
        rows,
        leave_out(pools, alike),
        safety=safety,
        refusal=data.refusal,
        common=common,
    )


@lru_cache(maxsize=2)
def _read(store: Store, digest: Digest) -> DataTask:
    return DataTask.read(store.get_lines(digest))
