"""Is what the project requires installed? Read from metadata, without importing anything."""

import operator
import re
from collections.abc import Callable
from importlib import metadata

_NAME = re.compile(r"([A-Za-z0-9._-]+)\s*(.*)")
_WISH = re.compile(r"(==|>=|<=|<|>|!=)\s*([0-9][0-9.]*)")
_MEANS: dict[str, Callable[[tuple[int, ...], tuple[int, ...]], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}


def unmet(requirement: str) -> tuple[str, str] | None:
    """(name, what is wrong) of a requirement such as `trl>=1.16,<1.17`; None if it is met."""
    found = _NAME.match(requirement)
    if found is None:
        return requirement, "not understood"
    name, wishes = found.groups()
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return name, f"not installed, {wishes or 'any version'} is wanted"
    for wish in wishes.split(","):
        if wish.strip() and not _holds(version, wish.strip()):
            return name, f"{version} is installed, {wishes} is wanted"
    return None


def _holds(version: str, wish: str) -> bool:
    """Whether a version fulfils one comparison; one that is not understood is not fulfilled."""
    found = _WISH.fullmatch(wish)
    if found is None:
        return False
    sign, wanted = found.groups()
    return _MEANS[sign](*_aligned(_release(version), _release(wanted)))


def _release(version: str) -> tuple[int, ...]:
    """`2.13.0+cpu` as (2, 13, 0); what stands behind the numbers does not count."""
    found = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(map(int, found[0].split("."))) if found else ()


def _aligned(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    size = max(len(a), len(b))
    return a + (0,) * (size - len(a)), b + (0,) * (size - len(b))
