"""`plimsoll bench`: plant faults in real sessions and see who notices, names and mends them."""

import json
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path

from agent.bench import many, plot, table
from agent.bench.health import Health
from agent.bench.running import Run, start
from agent.bench.scenario import Scenario, read, shipped
from agent.bench.scoring import Outcome
from agent.deciding.experience import LEARNS, read_file
from agent.envelope import Answer
from logs.errors import UsageError
from logs.files import write_whole
from logs.show import terminal_width
from logs.text import table as as_table

RESULTS, TABLE = "results.json", "results.md"


def bench(options: Namespace) -> Answer:
    """Run what is missing, and tell all of it."""
    scenarios = _scenarios(options)
    if options.list:
        rows = [(s.name, "quick" if s.quick else "", str(s.turns), s.says) for s in scenarios]
        known = [s.model_dump(mode="json") for s in scenarios]
        text = as_table(("scenario", "", "turns", "what it is"), rows, terminal_width())
        return Answer(data=known, text=text)
    deciders = list(dict.fromkeys(options.decider or ["rules"]))
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    runs = many.runs_of(scenarios, deciders, seeds, _lessons(options, deciders))
    folder = Path(options.out)
    missing = [each for each in runs if many.read(each, folder) is None]
    if options.dry_run:
        turns = sum(each.scenario.turns for each in missing)
        text = f"{len(missing)} of {len(runs)} runs would be made in {folder}: {turns} turns"
        return Answer(data={"runs": [each.name for each in missing], "turns": turns}, text=text)
    found = _run(runs, folder, options.jobs)
    starts = {seed: health for seed in seeds if (health := start(folder, seed)) is not None}
    data = {
        "summary": table.summary(found),
        "starts": {str(seed): health.as_plain() for seed, health in starts.items()},
        "outcomes": [outcome.as_plain() for outcome in found],
    }
    write_whole(folder / RESULTS, (json.dumps(data, indent=2) + "\n").encode())
    told = "\n\n".join((table.markdown(found), table.markdown_of_starts(starts)))
    write_whole(folder / TABLE, (told + "\n").encode())
    for decider in sorted({outcome.decider for outcome in found}):
        write_whole(folder / f"{decider}.svg", plot.drawn(found, decider).encode())
    return Answer(data=data, text=_text(found, starts, folder))


def _scenarios(options: Namespace) -> list[Scenario]:
    """Those that are named, by name or by file.

    Raises:
        UsageError: there is none of that name.
    """
    known = {s.name: s for s in shipped()}
    chosen = []
    for name in options.scenario or known:
        if name not in known and not Path(name).exists():
            raise UsageError(
                "There is no such scenario.",
                saw=repr(name[:80]),
                wanted=f"a file, or one of {', '.join(known)}",
                try_this="plimsoll bench --list",
            )
        chosen.append(known[name] if name in known else read(Path(name)))
    return [s for s in chosen if s.quick or not options.quick]


def _lessons(options: Namespace, deciders: Sequence[str]) -> bytes:
    """What the bandit is to know beforehand.

    Raises:
        UsageError: nobody who learns decides, or the file cannot be read.
    """
    if not options.experience:
        return b""
    if LEARNS not in deciders:
        raise UsageError(
            "These lessons would be read by nobody.",
            saw=f"--experience, and {', '.join(deciders)} to decide",
            wanted="a decider that learns",
            try_this=f"plimsoll bench --decider {LEARNS} --experience FILE",
        )
    path = Path(options.experience).resolve()
    found = read_file(path.parent, path.name)
    return found.data if found else b""


def _run(runs: Sequence[Run], folder: Path, jobs: int) -> list[Outcome]:
    found = []
    for i, outcome in enumerate(many.outcomes(runs, folder, jobs=jobs), start=1):
        found.append(outcome)
        seen = {None: "no fault to see", True: "seen", False: "missed"}[table.seen(outcome)]
        says = f"{i}/{len(runs)} {outcome.scenario} {outcome.decider} seed {outcome.seed}: {seen}"
        print(says, file=sys.stderr, flush=True)
    return sorted(found, key=lambda o: (o.decider, o.scenario, o.seed))


def _text(found: Sequence[Outcome], starts: Mapping[int, Health], folder: Path) -> str:
    lines = [as_table(table.HEADERS, table.rows(found), terminal_width())]
    lines += [
        f"seed {s} did not start healthy: {'; '.join(h.ills)}" for s, h in starts.items() if h.ills
    ]
    for decider, said in table.summary(found).items():
        told = ", ".join(f"{k.replace('_', ' ')} {_short(v)}" for k, v in said.items())
        lines.append(f"{decider}: {told}")
    return "\n".join([*lines, f"written: {folder / RESULTS}, {TABLE}, and a plot per decider"])


def _short(value: object) -> str:
    if isinstance(value, dict):
        return f"{value['k']}/{value['n']}"
    return "undefined" if value is None else str(value)
