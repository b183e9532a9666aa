"""How fast the log is: an append that survives a power cut, verify, proofs, and a listing.

    python -m benchmarks.log [--entries 100000] [--out benchmarks/results/log.json]

Wall seconds beside CPU seconds, because machines are shared; each bar says what is demanded.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import plimsoll
from logs.journal import Journal
from logs.merkle import inclusion_proof, verify_inclusion
from logs.reading import Reader
from logs.rows import leaves
from logs.transparency.paths import consistency, inclusion
from logs.verify import verified, verify
from logs.vocabulary import EntryKind

SESSION = "speed"
LOG = "plimsoll.sqlite"
APPENDS, PROOFS, LISTINGS = 500, 300, 9
SMALL = 600
"""Bytes of a usual entry; the median of a recorded session. Its mean is 5 kB: observations."""
MEAN = 5000


def body_of(number: int, size: int) -> dict[str, Any]:
    """A body of about so many bytes: numbers as entries hold them."""
    rng = random.Random(number)
    values = [round(rng.random(), 15) for _ in range(max(size - 300, 20) // 18)]
    return {"number": number, "values": values, "digest": f"{rng.getrandbits(256):064x}"}


def timed(run: Callable[[], Any]) -> tuple[float, float]:
    """Wall and CPU seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - wall, time.process_time() - cpu


def grown(place: Path, entries: int, size: int) -> Path:
    """A workspace with a log of so many entries, written without waiting for the disk."""
    place.mkdir()
    (place / "plimsoll.toml").write_text("")
    with Journal(place / LOG) as journal:
        journal._db.execute("PRAGMA synchronous=OFF")
        with journal._transaction():
            for number in range(entries):
                where = (SESSION, 1 + number // 13, f"step-{number % 13}")
                body = body_of(number, size)
                journal._record(EntryKind.RESUMED, *where, body, None)
    return place


def appending(place: Path) -> dict[str, Any]:
    """Milliseconds of one append, each with its own commit that waits for the disk."""
    with Journal(place / LOG) as journal:
        start, took = journal.size(), []
        for number in range(APPENDS):
            where = {"session": "appended", "iteration": start + number, "step": "once"}
            body = body_of(number, SMALL)
            run = lambda w=where, b=body: journal.append(EntryKind.RESUMED, **w, body=b)  # noqa: E731
            took.append(timed(run)[0] * 1000)
    return {
        "entries before": start,
        "median ms": round(statistics.median(took), 2),
        "p90 ms": round(statistics.quantiles(took, n=10)[-1], 2),
    }


def verifying(place: Path, size: int) -> dict[str, Any]:
    """Seconds of every question to the log."""
    answers: list[Any] = []
    wall, cpu = timed(lambda: answers.extend(verify(place)))
    assert verified(tuple(answers))
    log = Reader(place / LOG)
    return {
        "entries": log.size(),
        "bytes of an entry": size,
        "megabytes": round((place / LOG).stat().st_size / 1e6, 1),
        "wall s": round(wall, 2),
        "cpu s": round(cpu, 2),
    }


def commanding(place: Path) -> dict[str, Any]:
    """Seconds of `plimsoll log verify` as a shell runs it, people's signatures included."""
    words = [sys.executable, "-m", "plimsoll", "log", "verify", "--workspace", str(place)]
    with tempfile.TemporaryDirectory() as state:
        env = os.environ | {"PYTHONPATH": plimsoll.HOME, "PLIMSOLL_STATE": state}
        before = os.times()
        done = subprocess.run(words, env=env, check=False, capture_output=True, text=True)
        after = os.times()
    assert done.returncode == 0, done.stdout
    cpu = after.children_user + after.children_system - before.children_user
    return {
        "wall s": round(after.elapsed - before.elapsed, 2),
        "cpu s": round(cpu - before.children_system, 2),
    }


def proving(place: Path) -> dict[str, Any]:
    """Milliseconds of one proof, made from tree heads and checked."""
    log = Reader(place / LOG)
    size, rng = log.size(), random.Random(0)
    took, grew, hashes = [], [], []
    for _ in range(PROOFS):
        index, path = rng.randrange(size), list[bytes]()
        took.append(timed(lambda i=index, p=path: p.extend(inclusion(log.subtree, i, size)))[0])
        old = rng.randrange(1, size)
        grew.append(timed(lambda o=old: consistency(log.subtree, o, size))[0])
        leaf = bytes.fromhex(log.leaf_of(index))
        assert verify_inclusion(index, size, leaf, path, bytes.fromhex(log.root()))
        hashes.append(len(path))
    found = {
        "entries": size,
        "inclusion ms": round(statistics.median(took) * 1000, 3),
        "consistency ms": round(statistics.median(grew) * 1000, 3),
        "hashes": max(hashes),
    }
    if size <= 10_000:
        all_leaves = [row[7] for row in leaves(log._db)]
        naive = timed(lambda: inclusion_proof(size // 2, all_leaves))[0]
        found["from all leaves ms"] = round(naive * 1000, 3)
    log.close()
    return found


def listing(place: Path) -> dict[str, Any]:
    """Seconds of `plimsoll log list` as a shell runs it, and of an import of pydantic alone."""
    env = os.environ | {"PYTHONPATH": plimsoll.HOME}
    rivals = {
        "log list": ["-m", "plimsoll", "log", "list", "--workspace", str(place)],
        "import pydantic": ["-c", "import pydantic; pydantic.BaseModel"],
    }
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in rivals}
    for _ in range(LISTINGS):
        for name, words in rivals.items():
            before, wall = os.times(), time.perf_counter()
            subprocess.run([sys.executable, *words], env=env, check=True, capture_output=True)
            after = os.times()
            cpu = after.children_user + after.children_system
            cpu -= before.children_user + before.children_system
            took[name].append((time.perf_counter() - wall, cpu))
    return {
        name: {
            "median wall s": round(statistics.median(w for w, _ in rows), 3),
            "least wall s": round(min(w for w, _ in rows), 3),
            "median cpu s": round(statistics.median(c for _, c in rows), 3),
        }
        for name, rows in took.items()
    }


def table(found: dict[str, Any]) -> str:
    """The numbers against what is demanded."""
    big, listed = found["verify"][0], found["list"]["log list"]
    append = found["append"]["median ms"]
    rows = [
        ("append, durable commit", f"{append} ms median", "< 10 ms", append < 10),
        (
            f"verify, {big['entries']:,} entries of {big['bytes of an entry']} bytes",
            f"{big['wall s']} s ({big['cpu s']} s CPU)",
            "< 10 s",
            big["wall s"] < 10,
        ),
        (
            "the same by `plimsoll log verify`, whole process",
            f"{found['log verify']['wall s']} s ({found['log verify']['cpu s']} s CPU)",
            "< 10 s",
            found["log verify"]["wall s"] < 10,
        ),
        *(
            (
                f"inclusion proof at {row['entries']:,}",
                f"{row['inclusion ms']} ms, {row['hashes']} hashes",
                "O(log n)",
                row["hashes"] <= row["entries"].bit_length(),
            )
            for row in found["proofs"]
        ),
        (
            f"`log list`, {found['list entries']:,} entries, whole process",
            f"{listed['median wall s']} s ({listed['median cpu s']} s CPU)",
            "< 0.5 s",
            listed["median wall s"] < 0.5,
        ),
    ]
    lines = ["| what | measured | bar | met |", "|---|---|---|---|"]
    lines += [f"| {a} | {b} | {c} | {'yes' if met else 'no'} |" for a, b, c, met in rows]
    return "\n".join(lines)


def main() -> None:
    """Measure, print a table, and write the numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        big = grown(place / "big", given.entries, SMALL)
        logs = [grown(place / str(n), n, SMALL) for n in (1000, 10_000)]
        found = {
            "load": [round(load, 1) for load in os.getloadavg()],
            "list entries": given.entries,
            "list": listing(big),
            "verify": [verifying(big, SMALL)],
            "log verify": commanding(big),
            "proofs": [proving(log) for log in [*logs, big]],
        }
        heavy = grown(place / "heavy", given.entries // 5, MEAN)
        found["verify"].append(verifying(heavy, MEAN))
        found["append"] = appending(big)
    print(table(found))
    if given.out:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
