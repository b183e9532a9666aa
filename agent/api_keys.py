"""Keys of endpoints: read from the environment when they are needed, and written nowhere."""

import os
from collections.abc import Mapping

from logs.errors import UsageError


def key_of(whose: str, name: str, setting: str, environment: Mapping[str, str] = os.environ) -> str:
    """A key, from the variable of this name; empty if there is no name.

    Args:
        whose: endpoint that it opens, for people.
        name: of the variable.
        setting: the key of plimsoll.toml that names the variable.

    Raises:
        UsageError: the variable is not set, or holds no key.
    """
    key = environment.get(name, "").strip() if name else ""
    if name and not (key and key.isascii() and key.isprintable()):
        raise UsageError(
            f"The key for {whose} is not there.",
            saw=f"the environment variable {name} is {'no key' if key else 'not set'}",
            wanted="the key in that variable; it is never printed and never logged",
            try_this=f"set {name} in this shell, or {setting} to the name of another",
        )
    return key
