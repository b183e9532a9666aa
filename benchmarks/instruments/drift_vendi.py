"""What the corpus's Vendi score sees of a policy at temperature .6, by map, order and size.

    python -m benchmarks.instruments.drift_vendi --out RESULTS/drift_vendi.json

The shipped base model's answers to 400 prompts at temperature 1 against the same at .6 (planted)
and against others at 1 (null). A map is hashed n-grams in d dimensions, or `exact`: one dimension
per n-gram. Order q is that of the Renyi entropy of the eigenvalues; 1 is the Vendi score.
"""

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from benchmarks.instruments.drift_samples import PROMPTS, SAMPLES, drawn
from tools.instruments.drift.diversity import VENDI
from tools.instruments.drift.embedding import END, FOR_TESTS, START

Floats = NDArray[np.float64]
BITS = 512
COMMON = 0.10
"""Share of answers from which an n-gram is common."""


@dataclass(frozen=True)
class Way:
    """One way to score."""

    name: str
    dimensions: int = 128
    """0 is one dimension per n-gram."""
    longest: int = 2
    order: float = 1.0
    per_prompt: int = 1
    weights: Mapping[str, float] = field(default_factory=dict)
    """Of n-grams; absent ones weigh 1."""


def grams(text: str, longest: int) -> Counter[str]:
    """The n-grams that `HashedNgrams` counts."""
    words = [START, *text.split(), END]
    return Counter(
        " ".join(words[i : i + n])
        for n in range(1, longest + 1)
        for i in range(len(words) - n + 1)
        if n > 1 or words[i] not in (START, END)
    )


def embedded(texts: list[str], way: Way) -> Floats:
    """Rows of length 1; as `HashedNgrams` makes them up to 512 dimensions."""
    counts = [grams(text, way.longest) for text in texts]
    kinds: dict[str, int] = {}
    columns = [kinds.setdefault(g, len(kinds)) for c in counts for g in c]
    owners = [i for i, c in enumerate(counts) for _ in c]
    values = [np.sqrt(n) * way.weights.get(g, 1.0) for c in counts for g, n in c.items()]
    bag = csr_array((values, (owners, columns)), shape=(len(texts), len(kinds)))
    rows = bag @ np.array([_signs(g, way.dimensions) for g in kinds]) if way.dimensions else bag
    dense: Floats = rows if way.dimensions else bag.toarray()
    lengths = np.linalg.norm(dense, axis=1, keepdims=True)
    dense[:, :1] += lengths == 0
    out: Floats = dense / np.where(lengths == 0, 1.0, lengths)
    return out


def _signs(gram: str, dimensions: int) -> Floats:
    size = min(dimensions, BITS) // 8
    digests = (
        blake2b(gram.encode(), digest_size=size, salt=bytes([i]) if i else b"").digest()
        for i in range(max(1, dimensions // BITS))
    )
    bits = np.unpackbits(np.frombuffer(b"".join(digests), np.uint8))
    out: Floats = bits.astype(np.float64) * 2 - 1
    return out


def score(points: Floats, order: float) -> float:
    """exp of the Renyi entropy of the eigenvalues (Pasarkar & Dieng 2023, arXiv:2310.12952)."""
    few = len(points) < points.shape[1]
    values = np.linalg.eigvalsh((points @ points.T if few else points.T @ points) / len(points))
    values = values[values > 1e-12]
    if order == 1:
        return float(np.exp(-(values * np.log(values)).sum()))
    if np.isinf(order):
        return float(1 / values.max())
    return float((values**order).sum() ** (1 / (1 - order)))


def rates(way: Way, warm: list[str], cold: list[str], seeds: int) -> dict[str, Any]:
    """How far the score moves, and how often beyond the line."""
    distinct = list(dict.fromkeys([*warm, *cold]))
    points, place = embedded(distinct, way), {t: i for i, t in enumerate(distinct)}
    tables = [np.array([place[t] for t in side]).reshape(PROMPTS, SAMPLES) for side in (warm, cold)]
    planted, null, k = [], [], way.per_prompt
    for seed in range(seeds):
        columns = np.random.default_rng([2, seed]).random((PROMPTS, SAMPLES)).argsort(axis=1)
        parts = [columns[:, i * k : (i + 1) * k] for i in range(3)]
        drawn_by = (tables[1], tables[0], tables[0])
        scores = [
            score(points[np.take_along_axis(t, c, axis=1).ravel()], way.order)
            for t, c in zip(drawn_by, parts, strict=True)
        ]
        planted.append(scores[0] / scores[1] - 1)
        null.append(scores[2] / scores[1] - 1)
    return {
        "way": way.name,
        "order": "inf" if np.isinf(way.order) else way.order,
        "n": PROMPTS * k,
        "seeds": seeds,
        "change": round(float(np.mean(planted)), 4),
        "sd": round(float(np.std(planted)), 4),
        "power": round(float(np.mean(np.array(planted) <= VENDI)), 4),
        "null_sd": round(float(np.std(null)), 4),
        "null_rate": round(float(np.mean(np.array(null) <= VENDI)), 4),
    }


def ways(warm: list[str]) -> Iterator[Way]:
    """Every way that was tried."""
    seen = Counter(g for text in warm for g in grams(text, 2))
    rare = {g: float(np.log(len(warm) / (1 + n)) + 1) for g, n in seen.items()}
    without = {g: 0.0 for g, n in seen.items() if n > COMMON * len(warm)}
    for d in (64, 128, 256, 512, 1024, 0):
        yield Way(f"d = {d}" if d else "exact", dimensions=d)
    for d in (128, 512):
        for order in (0.5, 2.0, np.inf):
            yield Way(f"d = {d}", dimensions=d, order=order)
        yield Way(f"d = {d}, two answers a prompt", dimensions=d, per_prompt=2)
        yield Way(f"d = {d}, tf-idf", dimensions=d, weights=rare)
        yield Way(f"d = {d}, without common n-grams", dimensions=d, weights=without)
    yield Way("d = 512, words only", dimensions=512, longest=1)
    yield Way("d = 512, to 3-grams", dimensions=512, longest=3)


def markdown(rows: list[dict[str, Any]]) -> str:
    """The table."""
    head = ("way", "order", "n", "change", "sd", "power", "null_sd", "null_rate")
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(str(r[k]) for k in head) + " |" for r in rows)])


def main() -> None:
    """Run everything and print the table."""
    parser = argparse.ArgumentParser(description="Power of the corpus's Vendi score.")
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    start = time.process_time()
    sides = [drawn(t, seed, FOR_TESTS).texts for t, seed in ((1.0, 1), (0.6, 2))]
    warm, cold = ([text for row in side for text in row] for side in sides)
    rows = [rates(way, warm, cold, arguments.seeds) for way in ways(warm)]
    if arguments.out:
        used = round(time.process_time() - start)
        arguments.out.write_text(json.dumps({"rows": rows, "cpu_seconds": used}, indent=1) + "\n")
    print(markdown(rows))


if __name__ == "__main__":
    main()
