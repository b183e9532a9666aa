"""Takes the pictures of docs/page.md and docs/tour.md from the workspace of `plimsoll demo`,
in which a judge was audited: `plimsoll judge audit crowd --pairs 60 --seed 1`.

    python docs/take_pictures.py --workspace DEMO [--only NAME]

Every page in light, in dark and 320 pixels wide. The workspace is copied first; what waits for a
person is a made-up session of the tests. Colours are reduced where Pillow is installed.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from agent import inbox, session  # noqa: E402
from agent.view.place import Place  # noqa: E402
from agent.workspace import Workspace  # noqa: E402
from invariants.record import attest  # noqa: E402
from logs.vocabulary import Commit, EntryKind, State  # noqa: E402
from tests.a_browser import Running, all_drawn, chromium, visiting  # noqa: E402
from tests.a_signed_session import signed_workspace, stand_in  # noqa: E402
from tests.keys import ANA, BEN  # noqa: E402
from tests.sessions import Told  # noqa: E402

STYLES = {
    "narrow": {"viewport": {"width": 320, "height": 720}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1200, "height": 900}, "color_scheme": "dark"},
    "light": {"viewport": {"width": 1200, "height": 900}, "color_scheme": "light"},
}
TALLEST = {"light": 1500, "dark": 1500, "narrow": 1500}
"""Pixels of a picture; a longer page is cut there."""
COLOURS = (128, 64, 40)
LARGEST = 60 * 1024
"""Bytes of a picture; one that is larger gets fewer colours."""


def main() -> None:
    """Take them all, or those of one page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workspace", type=Path, required=True, help="of plimsoll demo")
    parser.add_argument("--only", help="the name of one page")
    parser.add_argument("--out", type=Path, default=HERE / "pictures", metavar="DIR")
    given = parser.parse_args()
    given.out.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        root = Path(folder)
        shutil.copytree(given.workspace, root / "plimsoll-demo")
        demo = Workspace(root / "plimsoll-demo")
        # The proof on record is of the law as it was when the demo ran.
        attest(demo.root, demo.policy, founded_on(demo))
        take(browser, Place(demo), dict(pages_of(demo)), given)
        waiting, key = asked(root)
        with closing(waiting.journal()) as journal:
            digest = next(p.digest for p in inbox.pending_in(journal) if p.open)
        people = {"inbox": "/inbox", "case": f"/inbox/{digest}"}
        take(browser, Place(waiting, key=key), people, given)


def pages_of(demo: Workspace) -> Iterator[tuple[str, str]]:
    """Every page by the name of its pictures."""
    name = Place(demo).sessions()[0]
    yield from {
        "sessions": "/",
        "story": f"/s/{name}",
        "timeline": f"/s/{name}/timeline?view=grouped",
        "lineage": f"/s/{name}/lineage?a=HEAD~2&b=HEAD",
        "samples": f"/s/{name}/samples?only=audited&content=1",
        "compare": f"/s/{name}/compare",
        "decision": "/d/iter:4",
        "entry": "/e/5",
        "judges": "/judges",
        "judge": "/judges/crowd",
        "constitution": "/constitution",
        "invariants": "/invariants",
        "log": "/log?verify=1",
        "about": "/about",
    }.items()


def founded_on(demo: Workspace) -> State:
    """The founding state."""
    with closing(demo.journal()) as journal:
        first = next(journal.entries(kind=EntryKind.COMMITTED, limit=1))
    return Commit.model_validate(first.body).state


def asked(root: Path) -> tuple[Workspace, Path]:
    """A workspace in which a proposal waits, and the key of somebody who may answer."""
    import pytest

    with pytest.MonkeyPatch.context() as patched:
        stand_in(patched)
        workspace = signed_workspace(root / "asked", ANA, BEN)
        session.run(workspace, Told())
    keys = root / "keys"
    keys.mkdir()
    return workspace, ANA.file(keys)


def take(browser: Any, place: Place, pages: dict[str, str], given: argparse.Namespace) -> None:
    """Pictures of these pages in every style."""
    if given.only and given.only not in pages:
        return
    served = Running(place)
    context = browser.new_context()
    context.new_page().goto(served.url)
    visitor = context.storage_state()
    for style, settings in STYLES.items():
        with visiting(browser, served, storage_state=visitor, **settings) as (page, _):
            for name, path in pages.items():
                if given.only in (None, name):
                    shot(page, served.base + path, given.out / f"{name}-{style}.png", style)
    context.close()


def shot(page: Any, url: str, path: Path, style: str) -> None:
    """One picture, from the top of the page."""
    page.goto(url)
    page.wait_for_function("!document.body.textContent.includes('first time.')")
    all_drawn(page)
    page.evaluate("scrollTo({top: 0, behavior: 'instant'})")
    height = page.evaluate(
        "Math.ceil(document.querySelector('footer').getBoundingClientRect().bottom)"
    )
    size = page.viewport_size
    clip = {"x": 0, "y": 0, "width": size["width"], "height": min(height, TALLEST[style])}
    page.screenshot(path=str(path), full_page=True, clip=clip, animations="disabled")
    reduced(path)
    print(f"{path.name} {path.stat().st_size // 1024} kB", file=sys.stderr, flush=True)


def reduced(path: Path) -> None:
    """Fewer colours, so that the picture is small; as it is where Pillow is not installed."""
    try:
        from PIL import Image
    except ImportError:
        return
    with Image.open(path) as picture:
        whole = picture.convert("RGB")
    # The method that keeps colours of few pixels: a mark is small, and its colour says much.
    kept = {"method": Image.Quantize.MAXCOVERAGE, "dither": Image.Dither.NONE}
    for colours in COLOURS:
        whole.quantize(colours, **kept).save(path, optimize=True)
        if path.stat().st_size <= LARGEST:
            return


if __name__ == "__main__":
    main()
