"""The card of a committed model, as the log proves it up to the end of its turn.

The same log gives the same bytes, whatever was written later: a card is about a prefix of the
log and names that prefix by its checkpoint. Text that a model or a person wrote is left out.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from logs.basis import PROMISES
from logs.canonical import digest_of
from logs.card_subject import Subject, audited
from logs.content import is_token
from logs.drift import rows_at
from logs.gain import sentence
from logs.markdown import cell, code, front_matter, grid
from logs.reading import Reader
from logs.text import interval, number, visible
from logs.vocabulary import Measurement, Status, Word

FULL = "full"
SHOWN = ("kl_per_token", "kl_per_answer", "mmd", "c2st", "vendi_change", "entropy_change")
"""What a card says of drift; `plimsoll drift show` says the rest."""


def model_card(journal: Reader, subject: Subject) -> str:
    """The card as Markdown, with the metadata that the Hugging Face hub reads."""
    lines = [
        front_matter(_metadata(subject)),
        "",
        f"# {cell(subject.name)}",
        "",
        _headline(subject),
        "",
    ]
    for title, text in _sections(journal, subject):
        lines += [f"## {title}", "", text, ""]
    return "\n".join(lines)


def _metadata(subject: Subject) -> dict[str, Any]:
    state = subject.commit.state
    adapter = state.adapter is not None and state.recipe.adapter != FULL
    found: dict[str, Any] = {
        "library_name": "peft" if adapter else "transformers",
        "pipeline_tag": "text-generation",
        "base_model": f"sha256-{state.base}",
        "tags": ["plimsoll", "self-improvement", *(["lora"] if adapter else [])],
    }
    results = [_result(m) for m in subject.turn.gold if m.estimate is not None and not m.of]
    if results:
        found["model-index"] = [{"name": subject.name, "results": results}]
    return found


def _result(m: Measurement) -> dict[str, Any]:
    return {
        "task": {"type": "text-generation"},
        "dataset": {"name": "gold, held out and sealed", "type": "plimsoll-gold"},
        "metrics": [
            {
                "type": m.instrument,
                "value": m.estimate,
                "name": f"{m.units}, {m.level:.0%} {interval(m.estimate, m.low, m.high)}, n={m.n}",
                "verified": False,
            }
        ],
    }


def _headline(subject: Subject) -> str:
    if subject.commit.parent is None:
        return "The founding state: nothing was trained yet."
    if not subject.closed:
        return (
            "**The turn that made this had not ended when this was written.** "
            f"{visible(sentence(subject.turns))}"
        )
    return visible(sentence(subject.turns))


def _sections(journal: Reader, subject: Subject) -> Iterator[tuple[str, str]]:
    yield "What it is", _identity(subject)
    yield "Gold", _measured(subject.turn.gold) or "Not measured."
    if subject.turn.claim:
        yield "Claim against the founding state", _measured(subject.turn.claim)
    yield "Drift", _drift(subject)
    yield "Judges", _judges(journal, subject)
    yield "Constitution", _constitution(subject)
    yield "Recipe", _fields(subject.commit.state.recipe)
    yield "Data", _data(subject)
    yield "What it was allowed by", _law(journal, subject)
    yield "Limits", _limits(subject)
    yield "How to load it", _loading(subject)
    yield "Proof", _proof(journal, subject)


def _identity(subject: Subject) -> str:
    state, commit = subject.commit.state, subject.commit
    change = subject.turn.intervention or ("founding" if commit.parent is None else "by a person")
    return grid(
        ("what", "value"),
        [
            ("commit", code(subject.digest)),
            ("parent", code(commit.parent) if commit.parent else "none"),
            *([("brings back", code(commit.restores))] if commit.restores else []),
            ("made by", f"session {code(commit.session)}, turn {commit.iteration}: {cell(change)}"),
            ("base model", code(state.base)),
            ("trained weights", code(state.adapter) if state.adapter else "none"),
            ("updates so far", f"policy {state.policy_updates}, judges {state.judge_updates}"),
        ],
    )


def _measured(found: Sequence[Measurement]) -> str:
    rows = [
        (
            code(f"{m.instrument} {m.of}".strip()),
            _band(m),
            cell(m.units),
            m.n,
            f"{100 * m.level:.6g} %",
            PROMISES[m.guarantee],
            m.status,
        )
        for m in found
    ]
    headers = ("what", "estimate [interval]", "units", "n", "level", "holds for", "status")
    return grid(headers, rows) if rows else ""


def _band(m: Measurement) -> str:
    if m.low is not None and m.high is None:
        return f"{number(m.estimate)}, at least {number(m.low)}"
    return interval(m.estimate, m.low, m.high)


def _drift(subject: Subject) -> str:
    rows = rows_at(subject.turns, subject.turn.iteration) if len(subject.turns) > 1 else []
    kept = [row.measurement for row in rows if row.instrument in SHOWN]
    parts = [
        "From the founding state, as seen when the turn began, before this commit:\n\n"
        + _measured(kept)
        if kept
        else "No drift was measured before this commit."
    ]
    evidence = subject.turn.evidence
    tried = [m for m in evidence.metrics if m.name == "kl_to_anchor"] if evidence else []
    for m in tried:
        values = [float(v) for v in m.values]
        if values:
            mean = sum(values) / len(values)
            parts.append(
                f"Of this commit itself, in its trial: mean KL from the founding state "
                f"{number(mean)} over {len(values)} prompts, values in [{m.lower}, {m.upper}]."
            )
    return "\n\n".join(parts)


def _judges(journal: Reader, subject: Subject) -> str:
    seen = subject.turn.observation.measurements if subject.turn.observation else ()
    right = {m.of: m for m in seen if m.instrument == "judge_accuracy"}
    audits = audited(journal, subject)
    rows = []
    for judge in subject.commit.state.panel.judges:
        known, audit = right.get(judge.id), audits.get(judge.artefact)
        said = f"{_band(known)} n={known.n}" if known else "-"
        rows.append(
            (
                code(judge.id),
                cell(judge.weight),
                cell(f"{judge.kind}, family {judge.family}, version {judge.version}"),
                code(judge.artefact[:12]),
                said,
                audit if audit else "never audited",
            )
        )
    headers = ("judge", "weight", "kind", "artefact", "right on audited pairs", "audit on record")
    note = (
        "Right on audited pairs is as seen when the turn began. A judge that this turn changed "
        "was another then."
    )
    return f"{grid(headers, rows)}\n\n{note}"


def _constitution(subject: Subject) -> str:
    law = subject.commit.state.constitution
    rows = [(code(p.id), cell(p.weight), p.tier) for p in law.principles]
    head = f"Version {law.version}, {code(digest_of(law))}. The words are people's: in the log."
    return f"{head}\n\n{grid(('principle', 'weight', 'tier'), rows)}"


def _fields(word: Word) -> str:
    values = word.model_dump(mode="json")
    return grid(("setting", "value"), [(code(k), cell(v)) for k, v in values.items()])


def _data(subject: Subject) -> str:
    state, proposal = subject.commit.state, subject.turn.proposal
    pool = state.prompts
    said = ", ".join(f"{k} x{v:g}" for k, v in sorted(pool.emphasis.items())) or "none"
    rows: list[tuple[object, object]] = [
        ("prompts", cell(f"stream {pool.seed}, {pool.size or 'always fresh'}, emphasis {said}")),
        ("replay", code(state.replay) if state.replay else "none"),
    ]
    if proposal:
        rows += [(cell(k), code(v)) for k, v in sorted(proposal.inputs.items())]
        rows += [(cell(f"seed of {k}"), v) for k, v in sorted(proposal.seeds.items())]
    note = "Every answer was drawn from the model itself; digests name files of the workspace."
    return f"{note}\n\n{grid(('what', 'artefact'), rows)}"


def _law(journal: Reader, subject: Subject) -> str:
    verdict = subject.turn.verdict
    if verdict is None:
        return "Nothing ruled on it: people founded it." if subject.commit.parent is None else "-"
    rows = [(code(r.invariant), r.outcome) for r in verdict.rulings]
    holds = sum(r.outcome == "holds" for r in verdict.rulings)
    signed = (subject.turn.record or {}).get("policy_signed", "unknown")
    answer = journal.find(subject.commit.session, subject.commit.iteration, "answer")
    people = f" People: {cell(answer.body.get('decision', '-'))}." if answer else ""
    return (
        f"Tier {verdict.tier}; {holds} of {len(rows)} invariants hold, z3 says "
        f"{verdict.second_opinion}; policy {code(verdict.policy[:12])}, "
        f"{cell(signed if is_token(str(signed)) else 'unknown')}.{people}"
    )


def _limits(subject: Subject) -> str:
    seen = subject.turn.observation.measurements if subject.turn.observation else ()
    lines = [
        "Gold is of one task, drawn as practice prompts are; of other tasks nothing is claimed.",
        "Intervals hold for as many looks as their row says, and at their own level each.",
        "No licence is recorded in the log: whoever publishes this names one.",
        "Not tested for use by people.",
    ]
    alarmed = [m for m in seen if m.status in (Status.RED, Status.YELLOW)]
    if alarmed:
        names = ", ".join(code(f"{m.instrument} {m.of}".strip()) for m in alarmed)
        lines.append(f"Not green when the turn began: {names}.")
    blind = sorted({m.instrument for m in seen if m.status is Status.INSUFFICIENT})
    if blind:
        lines.append(f"Too little data, which is not green: {', '.join(map(code, blind))}.")
    return "\n".join(f"- {line}" for line in lines)


def _loading(subject: Subject) -> str:
    state = subject.commit.state
    base = f"objects/trees/{state.base}"
    whole = state.adapter is not None and state.recipe.adapter == FULL
    first = f"objects/trees/{state.adapter}" if whole else base
    lines = [
        "from transformers import AutoModelForCausalLM, AutoTokenizer",
        "",
        f'model = AutoModelForCausalLM.from_pretrained("{first}")',
        f'tokenizer = AutoTokenizer.from_pretrained("{base}")',
    ]
    if state.adapter and not whole:
        lines.insert(0, "from peft import PeftModel")
        lines.insert(
            4, f'model = PeftModel.from_pretrained(model, "objects/trees/{state.adapter}")'
        )
    code_block = "\n".join(["```python", *lines, "```"])
    note = "In the workspace; `plimsoll card` lays these folders out, every byte verified."
    return f"{note}\n\n{code_block}"


def _proof(journal: Reader, subject: Subject) -> str:
    note = journal.checkpoint(subject.size).rstrip("\n")
    rows = [
        ("entry", f"{subject.entry.seq}, {code(subject.entry.key)}"),
        ("leaf", code(journal.leaf_of(subject.entry.seq))),
    ]
    return (
        f"{grid(('what', 'value'), rows)}\n\nThe log as this card has it, by its checkpoint:\n\n"
        f"```text\n{note}\n```\n\n`plimsoll log why {subject.digest[:12]}` tells the reasons; "
        "`plimsoll log verify` checks the log."
    )
