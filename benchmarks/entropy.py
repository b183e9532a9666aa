"""How much does the entropy bonus do in one training? The same pairs, answers and seed, by weight.

    python -m benchmarks.entropy WORKSPACE --session plain --turn 4 \
        --out benchmarks/results/entropy.json

Repeats one training of a real session (of `benchmarks.interventions`, arm `plain`) at several
weights and draws from each result on audit prompts. Prints a Markdown table.
"""

import argparse
import json
import math
import tempfile
from pathlib import Path
from typing import Any

import plimsoll  # noqa: F401  puts this checkout first on the path
from agent.workspace import Workspace
from logs.vocabulary import Commit, EntryKind, Proposal, State
from tools.models import load_policy, load_tokenizer
from tools.pairs import Pair, Shown
from tools.sampling import SamplingParameters, sample
from tools.task import MicroWorld
from tools.threads import use_threads
from tools.trl_trainer import train

WEIGHTS = (0.0, 0.03, 0.1, 0.3)
PROMPTS, SAMPLES = 400, 4
SEED = 9


def of_turn(workspace: Workspace, session: str, turn: int) -> tuple[State, Proposal]:
    """The state before a training, and the proposal that it led to."""
    with workspace.journal() as journal:
        proposed = journal.find(session, turn, "act")
        before = [
            e
            for e in journal.entries(kind=EntryKind.COMMITTED)
            if proposed and e.seq < proposed.seq
        ]
    assert proposed is not None
    return Commit.model_validate(before[-1].body).state, Proposal.model_validate(proposed.body)


def look(base: Path, adapter: Path | None) -> dict[str, float]:
    """Nats per token of the answers, and the share that is right with its standard error."""
    codec, task = load_tokenizer(base), MicroWorld()
    prompts = task.audit_prompts(PROMPTS, seed=SEED)
    drawn = sample(
        load_policy(base, adapter),
        [codec.prompt(p) for p in prompts],
        eos=codec.eos,
        pad=codec.pad,
        parameters=SamplingParameters(samples=SAMPLES, seed=SEED),
    )
    nats = [-sum(s.logps) / max(1, len(s.logps)) for row in drawn for s in row]
    right = [
        sum(task.grade(p, codec.text(s.ids)) for s in row) / len(row)
        for p, row in zip(prompts, drawn, strict=True)
    ]
    share = sum(right) / len(right)
    spread = math.sqrt(sum((r - share) ** 2 for r in right) / (len(right) - 1) / len(right))
    return {"nats_per_token": sum(nats) / len(nats), "right": share, "se": spread}


def measured(workspace: Workspace, session: str, turn: int) -> list[dict[str, Any]]:
    """One row before the training, and one for each weight."""
    use_threads(1)
    now, proposal = of_turn(workspace, session, turn)
    store = workspace.store
    base = store.checkout(now.base)
    adapter = store.checkout(now.adapter) if now.adapter else None
    pairs = [Pair(*row) for row in store.get_lines(proposal.inputs["pairs"])]
    shown = [Shown(*row) for row in store.get_lines(proposal.inputs["shown"])]
    rows: list[dict[str, Any]] = [{"weight": None} | look(base, adapter)]
    for weight in WEIGHTS:
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "adapter"
            recipe = now.recipe.model_copy(update={"entropy": weight})
            train(recipe, base=base, adapter=adapter, pairs=pairs, shown=shown, seed=SEED, out=out)
            rows.append({"weight": weight} | look(base, out))
    return rows


def main() -> None:
    """Print the table and write the numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--session", default="plain")
    parser.add_argument("--turn", type=int, default=4)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    rows = measured(Workspace(given.workspace), given.session, given.turn)
    given.out.write_text(json.dumps(rows, indent=1) + "\n")
    print("| weight | nats per token | right | its standard error |\n|---|---|---|---|")
    for row in rows:
        weight = "before" if row["weight"] is None else f"{row['weight']:g}"
        print(f"| {weight} | {row['nats_per_token']:.3f} | {row['right']:.3f} | {row['se']:.3f} |")


if __name__ == "__main__":
    main()
