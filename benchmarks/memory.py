"""How much memory does a session hold, all its processes together?

    python -m benchmarks.memory --iterations 4 --out FOLDER

Runs `plimsoll demo` and looks at it and all its children twice a second. Proportional set size
(PSS) shares the pages that a forked worker has in common with its parent between the two, so that
the sum over processes is what the machine really gives; the sum of resident sets counts such
pages once for each.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

import psutil

PERIOD = 0.5
MEBIBYTE = 2**20


def held(process: psutil.Process) -> tuple[int, int]:
    """Bytes (PSS, RSS) of a process and its descendants; one that just ended counts nothing."""
    pss = rss = 0
    for one in (process, *process.children(recursive=True)):
        try:
            told = one.memory_full_info()
        except psutil.Error:
            continue
        pss, rss = pss + told.pss, rss + told.rss
    return pss, rss


def main() -> None:
    """Run a demo and print the peaks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--iterations", type=int, default=4)
    parser.add_argument("--out", type=Path, required=True, help="a new folder")
    given = parser.parse_args()
    words = ["demo", "--quiet", "--iterations", str(given.iterations), "--workspace"]
    begun = time.monotonic()
    child = subprocess.Popen(
        [sys.executable, "-m", "plimsoll", *words, str(given.out)], stdout=subprocess.DEVNULL
    )
    seen = [(0, 0)]
    watched = psutil.Process(child.pid)
    while child.poll() is None:
        seen.append(held(watched))
        time.sleep(PERIOD)
    pss, rss = (max(column) / MEBIBYTE for column in zip(*seen, strict=True))
    seconds = time.monotonic() - begun
    print(f"exit {child.returncode}, {given.iterations} iterations, {seconds:.0f} s")
    print(f"peak of all processes together: PSS {pss:.0f} MiB, RSS {rss:.0f} MiB")
    sys.exit(child.returncode)


if __name__ == "__main__":
    main()
