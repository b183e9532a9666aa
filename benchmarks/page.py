"""How fast the page is: first paint of a story, a page of a long timeline, the bundle of a demo.

    python -m benchmarks.page --workspace DEMO --out benchmarks/results/page.json

Cold is the first request after the start, while every entry of the session is read and verified
in the background; warm is the one after it. A long session is announced until it is read: how
long it took until its story was there is a row of its own. First paint is what Chromium reports
(`first-contentful-paint`), with script, on loopback; the first visit fetches every file, the
second has them in its cache.
"""

import argparse
import json
import shutil
import statistics
import tempfile
import threading
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

from agent.config import Config
from agent.view.export import export
from agent.view.place import Place
from agent.view.serve import serve
from agent.workspace import Workspace
from logs.journal import Journal
from logs.vocabulary import (
    Alternative,
    Decision,
    Diagnosis,
    EntryKind,
    Finding,
    Guarantee,
    Hypothesis,
    Intervention,
    Ledgers,
    Measurement,
    Observation,
    Status,
)
from tests.a_browser import FLAGS
from tests.a_workspace import SESSION, founding

INSTRUMENTS = 100
"""Measurements of one observation; a demo session has about as many."""


def main() -> None:
    """Measure, print a table, write the numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workspace", type=Path, required=True, help="of plimsoll demo")
    parser.add_argument("--iterations", type=int, default=1000)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        shutil.copytree(given.workspace, root / "demo")
        rows += painted("demo", Workspace(root / "demo"), given.repeats)
        rows += bundled(Workspace(root / "demo"), root / "out")
        long = session(root / "long", given.iterations, INSTRUMENTS)
        rows += painted(f"{given.iterations} iterations", long, given.repeats)
        many = session(root / "many", given.events // 5, 1)
        rows += paged(many, given.repeats)
    if given.out:
        given.out.write_text(
            json.dumps({"machine": "2 shared cores", "rows": rows}, indent=1) + "\n"
        )


def session(root: Path, iterations: int, instruments: int) -> Workspace:
    """A made-up session: five entries a turn, the observation with so many measurements."""
    workspace = Workspace.create(root, Config())
    with Journal(root / "plimsoll.sqlite") as journal:
        journal._db.execute("PRAGMA synchronous=OFF")  # what is measured is reading
        journal.append(EntryKind.FOUNDED, session=SESSION, iteration=0, step="found", body={})
        journal.commit(founding(root, "Say what is so."), expected_head=None)
        head = str(journal.head())
        for i in range(1, iterations + 1):
            for kind, step, body in turn(i, head, instruments):
                spend = Ledgers(seconds=Decimal(1)) if step == "observe" else None
                journal.append(
                    kind, session=SESSION, iteration=i, step=step, body=body, spend=spend
                )
    return workspace


def turn(i: int, head: str, instruments: int) -> list[tuple[EntryKind, str, Any]]:
    """What one turn writes."""
    names = ["judge_score", "judge_gap", "kl_anchor"] + [f"instrument_{n}" for n in range(3, 200)]
    seen = Observation(
        iteration=i,
        head=head,
        measurements=tuple(reading(name, i) for name in names[:instruments]),
        samples="0" * 64,
        verdicts="1" * 64,
        audit_labels=0,
    )
    decision = Decision(
        iteration=i,
        intervention=Intervention.TRAIN,
        rule="R-1",
        because="a benchmark wants it",
        evidence=(),
        alternatives=(Alternative(intervention=Intervention.STOP, because="not yet"),),
        predicted=None,
    )
    found = Finding(hypothesis=Hypothesis.HEALTHY, support=1.0, because=())
    gold = {"head": head, "measurements": [reading("gold", i).model_dump(mode="json")]}
    return [
        (EntryKind.OBSERVED, "observe", seen),
        (EntryKind.DIAGNOSED, "diagnose", Diagnosis(findings=(found,))),
        (EntryKind.DECIDED, "decide", decision),
        (EntryKind.RECORDED, "record", {"outcome": "refused", "seconds": {"draw": 1.0}}),
        (EntryKind.MEASURED, "gold", gold),
    ]


def reading(name: str, i: int) -> Measurement:
    """A measurement that moves with the turns."""
    value = (i * 37 % 100) / 100
    return Measurement(
        instrument=name,
        estimate=value,
        low=value - 0.05,
        high=value + 0.05,
        units="share",
        guarantee=Guarantee.ANYTIME,
        n=400,
        status=Status.GREEN,
    )


def painted(what: str, workspace: Workspace, repeats: int) -> list[dict[str, Any]]:
    """First paint of the story, and what the server took, cold and warm."""
    from playwright.sync_api import sync_playwright

    url, name = started(workspace)
    base, story = url.partition("/?")[0], f"/s/{Place(workspace).sessions()[0]}"
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_context().new_page()
        # The token alone lets in; the page behind it is not fetched yet.
        page.goto(url.replace("/?", "/static/mark.svg?"))
        begun = time.perf_counter()
        found = [paint(page, base + story)]
        page.locator("figure").first.wait_for(timeout=600_000)
        whole = time.perf_counter() - begun
        found += [paint(page, base + story) for _ in range(repeats)]
        browser.close()
    assert name
    first, rest = found[0], found[1:]
    bound = 1.0 if what == "demo" else 2.0
    return [
        row(f"story, {what}: first paint, cold", first, "s", bound),
        row(f"story, {what}: all of it there, cold", whole, "s", None),
        row(f"story, {what}: first paint, warm, median", statistics.median(rest), "s", bound),
    ]


def paint(page: Any, url: str) -> float:
    """Seconds from asking to the first paint of anything that can be read."""
    page.goto(url, timeout=120_000)
    page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length > 0")
    return (
        float(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
        / 1000
    )


def paged(workspace: Workspace, repeats: int) -> list[dict[str, Any]]:
    """A page of the timeline from both ends of a long log, as the place makes it."""
    from agent.view.asked import Asked
    from agent.view.pages.timeline import timeline

    place, found = Place(workspace), []
    size = place.journal.size()
    begun, worked = time.perf_counter(), time.process_time()
    timeline(place, Asked({"session": SESSION}))
    cold, work = time.perf_counter() - begun, time.process_time() - worked
    for before in ("", "200") * repeats:
        begun = time.perf_counter()
        timeline(place, Asked({"session": SESSION}, {"view": "full", "before": before}))
        found.append(time.perf_counter() - begun)
    return [
        row(f"{size} events: the first page of the timeline", cold, "s", 2.0),
        row(f"{size} events: the same, CPU", work, "s", None),
        row(f"{size} events: a page of the timeline, median", statistics.median(found), "s", 0.5),
    ]


def bundled(workspace: Workspace, folder: Path) -> list[dict[str, Any]]:
    """Size and time of the files of a demo."""
    begun = time.perf_counter()
    place = Place(workspace)
    export(place, place.sessions()[0], folder, content=False, dry_run=False)
    seconds = time.perf_counter() - begun
    size = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) / 1e6
    return [
        row("bundle of the demo", round(size, 2), "MB", 3.0),
        row("bundle of the demo: time", seconds, "s", None),
    ]


def started(workspace: Workspace) -> tuple[str, str]:
    """The printed address of a page that runs until this process ends."""
    bound, told = threading.Event(), []

    def announce(url: str) -> None:
        told.append(url)
        bound.set()

    threading.Thread(target=serve, args=(Place(workspace), 0, announce), daemon=True).start()
    bound.wait(300)
    return told[0], workspace.root.name


def row(what: str, value: float, unit: str, bound: float | None) -> dict[str, Any]:
    """One line of the table."""
    met = "-" if bound is None else "yes" if value < bound else "no"
    shown = f"< {bound} {unit}" if bound is not None else "-"
    print(f"| {what} | {value:.3f} {unit} | {shown} | {met} |", flush=True)
    return {"what": what, "value": round(value, 3), "unit": unit, "bound": shown, "met": met}


if __name__ == "__main__":
    main()
