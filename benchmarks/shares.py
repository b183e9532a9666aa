"""Where the seconds of a session went: jobs by kind, and what is left for the agent itself.

python -m benchmarks.shares WORKSPACE [SESSION]
"""

import argparse
import json
from collections import defaultdict
from datetime import datetime
from pathlib import Path

from logs.journal import Journal
from logs.vocabulary import EntryKind


def main() -> None:
    """Print seconds and shares per kind of job over the turns of a session, as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("session", nargs="?", default="demo")
    given = parser.parse_args()
    seconds: dict[str, float] = defaultdict(float)
    turns, wall, peak, before = 0, 0.0, 0, None
    with Journal(given.workspace / "plimsoll.sqlite", read_only=True) as journal:
        for entry in journal.entries(session=given.session):
            now = datetime.fromisoformat(entry.at)
            if entry.kind is EntryKind.RECORDED and before is not None:
                turns, wall = turns + 1, wall + (now - before).total_seconds()
                peak = max(peak, entry.body["peak_rss_mb"])
                if turns > 1:  # the first also carries the founding's jobs
                    for job, spent in entry.body["seconds"].items():
                        seconds[job] += spent
                    seconds["turns"] += (now - before).total_seconds()
            if entry.kind is EntryKind.RECORDED or entry.key.endswith("/0/gold"):
                before = now
    total = seconds.pop("turns")
    seconds["agent, gate, log"] = total - sum(seconds.values())
    shares = {k: [round(v, 1), round(v / total, 3)] for k, v in seconds.items()}
    print(
        json.dumps({"turns": turns, "wall": round(wall), "peak_rss_mb": peak, **shares}, indent=1)
    )


if __name__ == "__main__":
    main()
