"""Models and data sets of the hub that are in the local cache already; nothing is ever fetched."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from logs.errors import UsageError


def cached_folder(name: str) -> Path | None:
    """The folder of a hub model's files in the local cache; None where it is not there."""
    from transformers.utils.hub import cached_file

    try:
        found = cached_file(name, "config.json", local_files_only=True)
    except (OSError, ValueError):
        return None
    return Path(found).parent if found else None


def cached_rows(name: str, *, split: str, subset: str) -> Iterator[Mapping[str, Any]]:
    """The rows of a data set that the `datasets` library has prepared on this machine before.

    Raises:
        UsageError: it, its subset or its split is not in the cache.
    """
    import datasets

    with _offline():
        try:
            found = datasets.load_dataset(name, subset or None, split=split)
        except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
            raise UsageError(
                "The data set is not in the local cache.",
                saw=f"{name!r}, subset {subset!r}, split {split!r}:"
                f" {(str(error).splitlines() or [''])[0][:160]}",
                wanted="one that was loaded on this machine before, with this subset and split",
                try_this=f"python -c \"import datasets; datasets.load_dataset('{name}')\" where"
                " there is a network; a session itself fetches nothing",
            ) from error
    return iter(found)


@contextmanager
def _offline() -> Iterator[None]:
    """No request leaves this process, whatever the environment says."""
    import datasets
    import huggingface_hub

    homes: tuple[Any, ...] = (datasets.config, huggingface_hub.constants)
    before = [home.HF_HUB_OFFLINE for home in homes]
    for home in homes:
        home.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        for home, was in zip(homes, before, strict=True):
            home.HF_HUB_OFFLINE = was
