"""Take what an engine drew: answers in our token ids, scored, and drawn from the weights at hand.

An engine may serve other weights than it was asked for: an adapter that was not swapped, a base of
an earlier day, a precision that nobody chose. Its log-probabilities tell, so some are compared.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from logs.errors import EngineFailed
from tools.sampling import Sampled
from tools.scoring import answer_logps

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from tools.encoding import Codec

COMPARED = 16
"""Answers, spread over the prompts, whose log-probabilities are compared."""
_Said = tuple[int, Sampled]
"""Place of the prompt, answer."""


def taken(
    model: "PreTrainedModel",
    codec: "Codec",
    prompts: Sequence[str],
    path: Path,
    engine: Mapping[str, Any],
) -> list[list[Sampled]]:
    """The answers that an engine wrote; `tools.engines.asked` says in which form.

    Args:
        model: what they should have been drawn from.
        engine: `repeats`, whether its log-probabilities are taken as they are where it gave any;
            `tolerance`, nats a token by which they may differ.

    Raises:
        EngineFailed: they were drawn from other weights.
    """
    with path.open(encoding="utf-8") as file:
        rows = [[_read(codec, *answer) for answer in json.loads(line)] for line in file]
    asked = [codec.prompt(p) for p in prompts]
    said = [(place, one) for place, row in enumerate(rows) for one in row]
    scored = [one for one in said if one[1].logps]
    few = scored[:: max(1, len(scored) // COMPARED)]
    _require_same(_logps(model, codec, asked, few), few, engine["tolerance"])
    anew = [one for one in said if not (engine["repeats"] and one[1].logps)]
    for (_, answer), logp in zip(anew, _logps(model, codec, asked, anew), strict=True):
        answer.logps[:] = [logp]
    return rows


def _read(codec: "Codec", said: list[int] | str, logps: list[float] | None, end: bool) -> Sampled:
    """One answer; a text is put into our tokens, without log-probabilities."""
    ids = codec.encode_answer(said) if isinstance(said, str) else said
    return Sampled(ids, logps or [], end)


def _logps(
    model: "PreTrainedModel", codec: "Codec", asked: Sequence[list[int]], said: Sequence[_Said]
) -> list[float]:
    """log p of each answer, its end included where it was reached; in nats."""
    rows = [
        (asked[place], [*one.ids, codec.eos] if one.finished else one.ids) for place, one in said
    ]
    # An answer that was cut before its first token is certain.
    full = [i for i, (_, answer) in enumerate(rows) if answer]
    found = dict(
        zip(full, answer_logps(model, [rows[i] for i in full], pad=codec.pad), strict=True)
    )
    return [found.get(i, 0.0) for i in range(len(rows))]


def _require_same(logps: Sequence[float], said: Sequence[_Said], tolerance: float) -> None:
    """Let no answer pass that the loaded weights would not have given with that probability."""
    tokens = sum(len(one.logps) for _, one in said)
    if not tokens:
        return
    gap = sum(abs(sum(one.logps) - p) for (_, one), p in zip(said, logps, strict=True)) / tokens
    if gap > tolerance:
        raise EngineFailed(
            "The engine draws from other weights than those it was asked for.",
            saw=f"its log-probabilities are off by {gap:.3f} nats a token in {len(said)} answers",
            wanted=f"at most {tolerance:g}, against the policy that the job loaded",
            try_this="an endpoint: serve the base of this session there, in float32; an engine of "
            'ours: sampling.dtype = "float32", or engine = "transformers"; then: plimsoll resume',
        )
