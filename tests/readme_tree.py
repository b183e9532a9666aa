"""The tree in README.md, from the files and the first lines of their docstrings.

`./run tree` rewrites it; `tests/test_the_house.py` compares it with what is there.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
OPEN, CLOSE = "<!-- tree -->\n```\n", "```\n<!-- /tree -->"
FOLDERS = ("agent", "tools", "invariants", "sandbox", "logs", "plimsoll")
"""Shown file by file; what is beside them is written by hand in the README."""
COLUMN = 26
"""Where the sentences begin."""


def tree() -> str:
    """One line for each file of the application."""
    return "\n".join(line for folder in FOLDERS for line in _lines(ROOT / folder, depth=0))


def written() -> str:
    """The tree as README.md has it now."""
    return README.read_text(encoding="utf-8").partition(OPEN)[2].partition(CLOSE)[0].rstrip("\n")


def rewrite() -> None:
    """Put the tree of the files into README.md."""
    before, _, rest = README.read_text(encoding="utf-8").partition(OPEN)
    after = rest.partition(CLOSE)[2]
    README.write_text(f"{before}{OPEN}{tree()}\n{CLOSE}{after}", encoding="utf-8")


def _lines(folder: Path, depth: int) -> Iterator[str]:
    yield _line(f"{folder.name}/", _sentence(folder / "__init__.py"), depth)
    inside = [path for path in sorted(folder.iterdir()) if not path.name.startswith("__pycache__")]
    for path in (path for path in inside if path.is_file() and path.name != "__init__.py"):
        yield _line(path.name, _sentence(path), depth + 1)
    for path in (path for path in inside if path.is_dir()):
        yield from _lines(path, depth + 1)


def _line(name: str, sentence: str, depth: int) -> str:
    return (
        f"{'  ' * depth}{name}".ljust(COLUMN) + f" {sentence}" if sentence else "  " * depth + name
    )


def _sentence(path: Path) -> str:
    """First line of a module's docstring; data files have none."""
    if path.suffix != ".py" or not path.exists():
        return ""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0]


if __name__ == "__main__":
    rewrite() if "--write" in sys.argv[1:] else print(tree())
