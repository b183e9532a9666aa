"""The rules of the house as functions of text; `test_the_house.py` holds the project to them."""

import ast
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("agent", "tools", "invariants", "sandbox", "logs", "plimsoll")
LONGEST_FILE = 300
LONGEST_FUNCTION = 50

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_Defined = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)

# In pieces, so that the rule does not find itself.
_INDEX_HOSTS = re.compile(
    "|".join(
        (
            "py" + r"pi\.(org|python)",
            "python" + "hosted",
            r"download\.py" + "torch",
            "conda" + r"\.io",
        )
    )
)
_MACHINE_PATHS = re.compile(
    r"(?<![\w.}])/(?:"
    + "|".join(("wo" + "rk", "ro" + "ot", r"ho" + r"me/\w+", "tmp/" + "w"))
    + r")/"
)
_UNFINISHED = re.compile(
    "|".join((r"\bTO" + r"DO\b", r"\bFIX" + r"ME\b", "NotImplemented" + "Error"))
)


def our_files() -> Iterator[Path]:
    """Every file of the checkout that .gitignore does not name."""
    ignored = [".git", *(ROOT / ".gitignore").read_text(encoding="utf-8").split()]
    yield from _walk(ROOT, tuple(pattern.rstrip("/") for pattern in ignored))


def _walk(folder: Path, ignored: tuple[str, ...]) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if any(fnmatch(path.name, pattern) for pattern in ignored):
            continue
        if path.is_dir():
            yield from _walk(path, ignored)
        else:
            yield path


def our_texts() -> Iterator[tuple[str, str]]:
    """Name and text of every file that is text."""
    for path in our_files():
        data = path.read_bytes()
        if b"\0" not in data:
            yield str(path.relative_to(ROOT)), data.decode("utf-8")


def modules() -> Iterator[tuple[str, str]]:
    """Name and source of every Python file of the application."""
    return (
        (name, text)
        for name, text in our_texts()
        if name.endswith(".py") and name.partition("/")[0] in FOLDERS
    )


def too_long(source: str) -> list[str]:
    """The file, if it is too long, and its functions that are."""
    found = [f"file: {n} lines"] if (n := len(source.splitlines())) > LONGEST_FILE else []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, _Function) and (lines := _length(node)) > LONGEST_FUNCTION:
            found.append(f"{node.name}: {lines} lines")
    return found


def _length(node: _Function) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def unexplained(source: str) -> list[str]:
    """The module, and the public classes, functions and methods, that have no docstring."""
    module = ast.parse(source)
    found = [] if ast.get_docstring(module) else ["module"]
    for node in _public(module):
        if not ast.get_docstring(node) and not _overrides(node):
            found.append(node.name)
    return found


def _public(
    parent: ast.Module | ast.ClassDef,
) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    for node in parent.body:
        if isinstance(node, _Defined) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from _public(node)


def _overrides(node: ast.AST) -> bool:
    """`@override` says that the docstring is the parent's; `@x.setter` that it is the getter's."""
    decorators = getattr(node, "decorator_list", [])
    return any(ast.unparse(d).endswith(("override", ".setter")) for d in decorators)


def imported(source: str) -> set[str]:
    """Top-level names that a file imports, also by `import_module("name")`."""
    return {name.partition(".")[0] for node in ast.walk(ast.parse(source)) for name in _names(node)}


def _names(node: ast.AST) -> list[str]:
    match node:
        case ast.Import():
            return [alias.name for alias in node.names]
        case ast.ImportFrom(level=0, module=str(module)):
            return [module]
        case ast.Call(func=function, args=[ast.Constant(value=str(name)), *_]):
            called = ast.unparse(function).rpartition(".")[2]
            return [name] if called in ("import_module", "__import__") else []
    return []


def index_hosts(text: str) -> list[str]:
    """Hosts of package indexes: where packages come from is the reader's own setting."""
    return [match.group() for match in _INDEX_HOSTS.finditer(text)]


def machine_paths(text: str) -> list[str]:
    """Absolute paths that exist on one machine only."""
    return [match.group() for match in _MACHINE_PATHS.finditer(text)]


def unfinished(text: str) -> list[str]:
    """Marks of work that was left for later."""
    return [match.group() for match in _UNFINISHED.finditer(text)]


def promises(text: str) -> dict[int, tuple[str, list[str], str]]:
    """Rows of docs/PROMISES.md: number -> promise, tests that guard it, what is open."""
    rows = [[cell.strip() for cell in line.strip("| \n").split("|")] for line in text.splitlines()]
    return {
        int(row[0]): (row[1], re.findall(r"`(tests/[^`]+)`", row[2]), row[3])
        for row in rows
        if len(row) == 4 and row[0].isdigit()
    }


def test_exists(name: str) -> bool:
    """Whether `tests/file.py::Class::test` is defined; a file or a class alone counts too."""
    path, *inside = name.split("::")
    if not (ROOT / path).is_file():
        return False
    node: ast.AST = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    for wanted in inside:
        found = [n for n in getattr(node, "body", []) if getattr(n, "name", "") == wanted]
        if not found:
            return False
        node = found[0]
    return True


test_exists.__test__ = False  # type: ignore[attr-defined]
