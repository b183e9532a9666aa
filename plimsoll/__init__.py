"""The name: puts the folder that holds `agent/` first on `sys.path`.

In a checkout that folder is the one above this file; in a wheel it is this one.
First, because other projects ship top-level packages called `tools` or `logs`.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

FOLDERS = ("agent", "tools", "invariants", "sandbox", "logs")
"""Top-level imports of the application, from the mind down to the memory."""

_HERE = Path(__file__).resolve().parent
HOME = _HERE if (_HERE / "agent").is_dir() else _HERE.parent
"""The folder that holds `agent/`."""


def strays() -> dict[str, str]:
    """Folders that Python would take from elsewhere, with the place it would take them from."""
    places = {name: _place(name) for name in FOLDERS}
    return {name: place for name, place in places.items() if place != str(HOME / name)}


def _place(name: str) -> str:
    """The folder that `import name` reads, in words when there is none."""
    try:
        spec = find_spec(name)
    except ValueError:  # a module without __spec__ was put into sys.modules by hand
        return "an unnamed module"
    if spec is None or spec.origin is None:
        return "no folder with an __init__.py"
    return str(Path(spec.origin).resolve().parent)


def _first_on_the_path() -> None:
    """Move `HOME` to the front: an editable install appends it behind site-packages."""
    home = str(HOME)
    sys.path[:] = [home, *(entry for entry in sys.path if entry != home)]


_first_on_the_path()
