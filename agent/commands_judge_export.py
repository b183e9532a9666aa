"""`plimsoll judge export`: an audit of a judge as a log of inspect_ai, item by item."""

import re
from argparse import Namespace
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from agent.card_views import name_of
from agent.envelope import Answer
from agent.finding import from_here, workspace_of
from agent.judge_audits import OnRecord, kept_of, latest, names_on_record, subject_of
from agent.sinks.names import demand
from logs.errors import Refused, UsageError
from logs.text import visible
from tools.audit.design import Kept, of_the_world
from tools.audit.items import Pair
from tools.audit.records import Verdict

if TYPE_CHECKING:
    from agent.sinks.to_inspect import Evaluation, Item

FORMAT = "inspect"
_WORLD = re.compile(r"micro-world, audit pool, (\d+) pairs, seed (\d+)")


def export(options: Namespace) -> Answer:
    """The latest audit of a judge as a file that `inspect view` opens."""
    name, path = name_of(options), _path(options)
    demand(FORMAT)
    workspace = workspace_of(options)
    with closing(workspace.journal()) as journal:
        found = latest(journal, workspace.store, name, subject_of(journal, name).version)
        if found is None:
            known = ", ".join(names_on_record(journal))
            raise Refused(
                "This judge was never audited.",
                saw=f"no audit of {name} in the log" + (f"; of {known}" if known else ""),
                wanted="one",
                try_this=f"plimsoll judge audit {name}",
            )
        at, checkpoint = journal.entry(found.seq).at, journal.checkpoint()
    kept = kept_of(workspace.store, found.audited)
    pairs = _texts(found) if options.content else {}
    told = _told(found, kept, pairs, at, checkpoint)
    if not options.dry_run:
        from agent.sinks.to_inspect import write

        write(path, told)
    data = {"judge": name, "entry": found.seq, "samples": len(told.items), "file": str(path)}
    verb = "would write" if options.dry_run else "wrote"
    text = f"{verb} {len(told.items)} samples of entry {found.seq} to {from_here(path)}"
    return Answer(data | {"dry_run": options.dry_run}, text)


def _path(options: Namespace) -> Path:
    """Where to write.

    Raises:
        UsageError: another format, or a file that inspect would not take for a log.
    """
    path = Path(options.out).expanduser()
    if options.to == FORMAT and path.suffix == ".eval" and not path.is_dir():
        return path
    raise UsageError(
        "An audit is exported as a log of inspect_ai.",
        saw=f"--to {options.to} --out {options.out}",
        wanted="--to inspect, and a file that ends in .eval",
        try_this=f"plimsoll judge export {options.name} --to inspect --out audit.eval",
    )


def _told(
    found: OnRecord, kept: Kept, pairs: Mapping[str, Pair], at: str, checkpoint: str
) -> "Evaluation":
    from agent.sinks.to_inspect import Evaluation

    audited = found.audited
    return Evaluation(
        task="plimsoll-judge-audit",
        model=f"plimsoll/{re.sub(r'[^A-Za-z0-9_.-]', '-', audited.judge)}",
        created=at,
        items=tuple(_items(kept, pairs)),
        measurements=tuple(found.card.audit.measurements()),
        metadata={
            "entry": found.seq,
            "judge": audited.judge,
            "judge_hash": audited.judge_hash,
            "prompt_hash": audited.prompt_hash,
            "uses": {str(u.purpose): list(u.against) or "allowed" for u in found.card.uses},
            "sources": list(found.card.sources),
            "checkpoint": checkpoint,
        },
    )


def _items(kept: Kept, pairs: Mapping[str, Pair]) -> Iterator["Item"]:
    from agent.sinks.to_inspect import Item

    for what, verdicts in (("pair", kept.verdicts), ("empty", kept.attacked)):
        for v in verdicts:
            yield Item(
                id=f"{what}/{v.item_id}/{v.treatment}/{v.order}",
                epoch=v.repeat + 1,
                text=_text(v, pairs.get(v.item_id)),
                target=v.gold or "",
                scores={"verdict": _grade(v)},
                metadata={
                    "verdict": v.verdict,
                    "score": v.score,
                    "order": v.order,
                    "treatment": v.treatment,
                    "control": v.control,
                    "side": v.side,
                    "domain": v.domain,
                    "cluster": v.cluster_id,
                },
            )


def _grade(v: Verdict) -> str:
    if v.verdict is None or v.gold is None:
        return "N"
    return "P" if v.verdict == "tie" else "C" if v.verdict == v.gold else "I"


def _text(v: Verdict, pair: Pair | None) -> str:
    if pair is None:
        return f"(item {v.item_id}; its text is hidden, --content shows it)"
    return "\n".join(
        visible(f"{k}: {t}") for k, t in (("P", pair.prompt), ("A", pair.a), ("B", pair.b))
    )


def _texts(found: OnRecord) -> dict[str, Pair]:
    """The pairs as they were judged, drawn again; their digest proves that they are the same.

    Raises:
        Refused: they cannot be drawn again here.
    """
    for source in found.card.sources:
        if drawn := _WORLD.fullmatch(source):
            design = of_the_world(int(drawn[1]), seed=int(drawn[2]))
            if design.items == found.audited.items:
                return {pair.id: pair for pair in (*design.pairs, *design.attacked)}
    raise Refused(
        "The texts of this audit are not at hand.",
        saw="; ".join(found.card.sources) or "no source named",
        wanted="an audit on pairs of the micro-world, drawn by this version",
        try_this="leave --content out: items are then named by their ids",
    )
