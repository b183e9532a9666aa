"""Models of the hub that are in the local cache already; nothing is ever fetched."""

from pathlib import Path


def cached_folder(name: str) -> Path | None:
    """The folder of a hub model's files in the local cache; None where it is not there."""
    from transformers.utils.hub import cached_file

    try:
        found = cached_file(name, "config.json", local_files_only=True)
    except (OSError, ValueError):
        return None
    return Path(found).parent if found else None
