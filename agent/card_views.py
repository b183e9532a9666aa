"""Cards for people: the page, the plots as text and as files, and what became of them."""

import os
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

from agent.fitting import fitted
from logs.errors import PlimsollError, UsageError
from logs.show import terminal_width
from logs.text import visible
from tools.audit.card import JudgeCard
from tools.audit.design import Kept
from tools.audit.figures import accuracy_of, heading
from tools.audit.page import page
from tools.audit.sketch import Ink, bias_profile, ink, reliability

PAGE_WIDTH = 100
"""Columns of a plot in a page: always the same, so that pages can be compared."""


def pen() -> Ink:
    """What this terminal can show: colour only on one, Unicode only where it is spoken."""
    encoding = (getattr(sys.stdout, "encoding", "") or "").lower().replace("-", "")
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM", "") in ("", "dumb")
    return ink(unicode=encoding.startswith("utf"), colour=sys.stdout.isatty() and not plain)


def plots(card: JudgeCard, kept: Kept, width: int, drawn_with: Ink) -> str:
    """Both plots as text, as far as there is something to draw."""
    found = (bias_profile(card, width, drawn_with), reliability(kept, width, drawn_with))
    return "\n\n".join("\n".join(line.rstrip() for line in lines) for lines in found if lines)


def told(card: JudgeCard, kept: Kept) -> str:
    """A card in short: what it may be used for, why not, and the plots."""
    width = terminal_width()
    lines = [heading(card), accuracy_of(card)]
    for use in card.uses:
        why = "yes" if use.allowed else f"no: {'; '.join(use.against)}"
        lines.append(f"  {use.purpose:<8} {why}")
    if card.calibration and card.calibration.estimate is not None:
        c = card.calibration
        lines.append(f"calibration error {c.estimate:.3f} ({c.status}), n {c.n}")
    text = "\n".join(fitted(line, width) for line in lines)
    return "\n\n".join(filter(None, [text, plots(card, kept, width, pen())]))


def whole_page(card: JudgeCard, kept: Kept, *, notes: tuple[str, ...] = (), links: str = "") -> str:
    """The page of a card, with its plots as text, and links to the pictures."""
    drawn = plots(card, kept, PAGE_WIDTH, ink())
    return page(card, notes=notes, drawn=drawn, links=links)


def written(options: Namespace, card: JudgeCard, kept: Kept, notes: tuple[str, ...]) -> list[str]:
    """Write the files that were asked for, or tell which would be; their names.

    Raises:
        PlimsollError: a file cannot be written.
    """
    files: dict[Path, bytes] = {}
    links = ""
    if options.plots:
        from tools.audit.pictures import pictures

        folder = Path(options.plots).expanduser()
        for name, data in pictures(card, kept):
            files[folder / f"{_stem(card)}-{name}"] = data
        links = "\n".join(_link(path, options) for path in files if path.suffix == ".svg")
    if options.out:
        text = whole_page(card, kept, notes=notes, links=links)
        files[Path(options.out).expanduser()] = text.encode()
    if not options.dry_run:
        for path, data in files.items():
            _write(path, data)
    return [str(path) for path in files]


def _stem(card: JudgeCard) -> str:
    """The judge's name as the beginning of a file name."""
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "-" for c in card.judge)
    return kept.lstrip(".-")[:60] or "judge"


def _link(path: Path, options: Namespace) -> str:
    beside = Path(options.out).expanduser().resolve().parent if options.out else Path.cwd()
    return f"![{path.stem}]({os.path.relpath(path.resolve(), beside)})"


def _write(path: Path, data: bytes) -> None:
    try:
        if not path.parent.is_dir():
            path.parent.mkdir(parents=True)
        path.write_bytes(data)
    except OSError as error:
        raise PlimsollError(
            "The file cannot be written; what is in the log is safe.",
            saw=f"{path}: {error.strerror}",
            wanted="a place that can be written",
            try_this="another --out or --plots; plimsoll judge card writes them again",
        ) from None


def card_data(card: JudgeCard, notes: tuple[str, ...] = ()) -> dict[str, Any]:
    """A card for programs."""
    return {"card": card.model_dump(mode="json"), "notes": list(notes)}


def name_of(options: Namespace) -> str:
    """The name of a judge as it was typed.

    Raises:
        UsageError: it is empty, or cannot be printed.
    """
    name = str(options.name)
    if not name.strip() or visible(name) != name or len(name) > 80:
        raise UsageError(
            "A judge cannot have this name.",
            saw=repr(name[:80]),
            wanted="up to 80 printable characters",
            try_this="for example: crowd",
        )
    return name
