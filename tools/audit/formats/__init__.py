"""Published audit data in its published formats: one loader each, from a path the user gives.

Nothing is shipped and nothing is fetched. Every set says which files were read (SHA-256), under
which licence, and whether results on it may be published.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from logs.errors import UsageError
from tools.audit.formats import calm, pairwise, questions, rewards
from tools.audit.formats.reading import ENDINGS, Row, digest, need, rows_of
from tools.audit.items import AuditSet, Pair, Prompt, Question, Source, Twin

Item = Pair | Twin | Question | Prompt


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One published format."""

    name: str
    repository: str
    licence: str | None
    read: Callable[[Sequence[Row], Path], Sequence[Any]]
    fields: tuple[str, ...]
    """Fields of every record; the format with the most of them present is the file's."""
    also: Callable[[Row], bool] = bool
    """What tells it from another format with the same fields."""
    notes: tuple[str, ...] = ()

    @property
    def publish(self) -> bool:
        """A licence is known, and it is not restricted to non-commercial use."""
        return self.licence is not None and "NC" not in self.licence

    def fits(self, row: Row) -> bool:
        """Whether a record has the fields of this format."""
        return all(field in row for field in self.fields) and self.also(row)


def _perturbed(row: Row) -> bool:
    return any(name.startswith(("answer1_", "answer2_")) for name in row)


_PAIR = ("prompt", "chosen", "rejected")
_AB = ("question", "response_A", "response_B", "label")
_ALL = (
    Format(
        name="llmbar",
        repository="princeton-nlp/LLMBar",
        licence="MIT",
        read=pairwise.llmbar,
        fields=("input", "output_1", "output_2", "label"),
    ),
    Format(
        name="evalbiasbench",
        repository="ncsoft/offsetbias",
        licence="BSD-3-Clause",
        read=pairwise.evalbiasbench,
        fields=("instruction", "response1", "response2", "label", "bias"),
        notes=("12 to 17 items a bias: tells near 0 from near 1, no more",),
    ),
    Format(
        name="bbq",
        repository="nyu-mll/BBQ",
        licence="CC-BY-4.0",
        read=questions.bbq,
        fields=("example_id", "context_condition", "answer_info", "ans0", "ans1", "ans2"),
    ),
    Format(
        name="issuebench",
        repository="paul-rottger/issuebench",
        licence="CC-BY-4.0",
        read=questions.issue_bench,
        fields=("template_id", "topic_id", "topic_polarity", "prompt_text"),
    ),
    Format(
        name="rewardbench",
        repository="allenai/reward-bench (Hugging Face)",
        licence="ODC-By-1.0",
        read=rewards.reward_bench,
        fields=("id", *_PAIR, "subset"),
        also=lambda row: isinstance(row["chosen"], str),
    ),
    Format(
        name="rewardbench2",
        repository="allenai/reward-bench-2 (Hugging Face)",
        licence="ODC-By-1.0",
        read=rewards.reward_bench_2,
        fields=("id", *_PAIR, "num_correct", "subset"),
        notes=("the subset Ties has several right answers: score it apart",),
    ),
    Format(
        name="rm_bench",
        repository="THU-KEG/RM-Bench",
        licence=None,
        read=rewards.rm_bench,
        fields=("id", *_PAIR, "domain"),
        also=lambda row: isinstance(row["chosen"], list),
    ),
    Format(
        name="judgebench",
        repository="ScalerLab/JudgeBench",
        licence=None,
        read=pairwise.judgebench,
        fields=("pair_id", "source", *_AB),
    ),
    Format(
        name="judgebench_pro",
        repository="SUSTech-NLP/JudgeBench-Pro (Hugging Face)",
        licence="Apache-2.0",
        read=pairwise.judgebench_pro,
        fields=("injected_bias", "domain", *_AB),
        notes=(
            "selected as error-prone: not an unbiased sample of accuracy",
            "the publisher does not say which label means response_A: no gold",
        ),
    ),
    Format(
        name="ppe",
        repository="lmarena-ai/PPE-Human-Preference-V1 (Hugging Face)",
        licence=None,
        read=pairwise.ppe,
        fields=("question_id", "winner", "prompt", "response_1", "response_2", "model_a"),
        notes=("prompts CC-BY-4.0, answers under the terms of each model's provider",),
    ),
    Format(
        name="calm_twins",
        repository="Y0oMu/LLM-Judge-Bias-Dataset",
        licence=None,
        read=calm.calm_twins,
        fields=("question", "answer1", "data_resource"),
        also=_perturbed,
    ),
    Format(
        name="calm",
        repository="Y0oMu/LLM-Judge-Bias-Dataset",
        licence=None,
        read=calm.calm_pairs,
        fields=("question", "answer1", "answer2", "data_resource"),
        also=lambda row: not _perturbed(row),
    ),
    Format(
        name="indian_bhed",
        repository="khyatikhandelwal/Indian-LLMs-Bias",
        licence=None,
        read=questions.indian_bhed,
        fields=("Target_Stereotypical", "Target_Anti-Stereotypical", "Sentence"),
        notes=("106 caste items alone see a share of stereotypes from about 64 %",),
    ),
    Format(
        name="mt_bench",
        repository="lmsys/mt_bench_human_judgments (Hugging Face)",
        licence="CC-BY-4.0",
        read=pairwise.mt_bench,
        fields=("question_id", "winner", "conversation_a", "conversation_b", "turn", "judge"),
    ),
    Format(
        name="mt_bench_questions",
        repository="lm-sys/FastChat",
        licence="Apache-2.0",
        read=pairwise.mt_bench_questions,
        fields=("question_id", "category", "turns"),
    ),
    Format(
        name="alpaca_eval",
        repository="tatsu-lab/alpaca_eval",
        licence="CC-BY-NC-4.0",
        read=pairwise.alpaca_eval,
        fields=("instruction", "output_1", "output_2", "preference"),
    ),
    Format(
        name="alpaca_outputs",
        repository="tatsu-lab/alpaca_eval",
        licence="CC-BY-NC-4.0",
        read=pairwise.alpaca_outputs,
        fields=("instruction", "output", "generator"),
    ),
)

FORMATS = {format.name: format for format in _ALL}
"""Every format that is read here, by name."""


def load(path: Path, name: str | None = None) -> AuditSet:
    """Read a published file, or a folder of files of one format.

    Args:
        name: the format; None looks at the fields of the records.

    Raises:
        UsageError: nothing here reads it, with the nearest format as a suggestion; or a record
            is not as its format promises.
    """
    if name is not None and name not in FORMATS:
        near = get_close_matches(name, FORMATS, n=1)
        raise UsageError(
            "No loader has this name.",
            saw=name,
            wanted=", ".join(FORMATS),
            try_this="leave the name out" + "".join(f", or: {n}" for n in near),
        )
    files = {file: rows_of(file) for file in _data_files(path, name)}
    format = FORMATS[name] if name else _one_format(files)
    items: list[Item] = []
    for file, rows in files.items():
        need(rows, format.fields, file)
        items.extend(format.read(rows, file))
    return AuditSet(
        source=_source(format, path, files),
        pairs=tuple(x for x in items if isinstance(x, Pair)),
        twins=tuple(x for x in items if isinstance(x, Twin)),
        questions=tuple(x for x in items if isinstance(x, Question)),
        prompts=tuple(x for x in items if isinstance(x, Prompt)),
    )


def _data_files(path: Path, name: str | None) -> list[Path]:
    """The file itself, or those of a folder that fit the format, without published verdicts."""
    if not path.is_dir():
        return [path]
    found = []
    for file in sorted(path.rglob("*")):
        if file.suffix in ENDINGS and file.is_file() and "evaluators" not in file.parts:
            kind = _format_of(rows_of(file)[0])
            if kind and name in (None, kind.name):
                found.append(file)
    if not found:
        raise UsageError(
            "The folder holds no audit data.",
            saw=f"{path.name}/, without a file that a loader knows",
            wanted=f"files of one of: {', '.join(FORMATS)}",
            try_this="name the data file itself",
        )
    return found


def _format_of(row: Row) -> Format | None:
    """The format with the most fields among those that fit."""
    return max(
        (f for f in FORMATS.values() if f.fits(row)), key=lambda f: len(f.fields), default=None
    )


def _one_format(files: dict[Path, list[Row]]) -> Format:
    kinds: dict[str, Format] = {}
    for file, rows in files.items():
        kind = _format_of(rows[0])
        if kind is None:
            raise _unknown(file, rows[0])
        kinds[kind.name] = kind
    if len(kinds) > 1:
        raise UsageError(
            "The folder holds several formats.",
            saw=", ".join(kinds),
            wanted="files of one",
            try_this="name one file, or the format",
        )
    return next(iter(kinds.values()))


def _unknown(file: Path, row: Row) -> UsageError:
    nearest = max(FORMATS.values(), key=lambda f: sum(x in row for x in f.fields) / len(f.fields))
    absent = [field for field in nearest.fields if field not in row]
    return UsageError(
        "No loader knows this file.",
        saw=f"{file.name} with {', '.join(sorted(map(str, row))[:8])}",
        wanted=f"the fields of one of: {', '.join(FORMATS)}",
        try_this=f"nearest is {nearest.name}, which also has {', '.join(absent) or 'other types'}",
    )


def _source(format: Format, path: Path, files: dict[Path, list[Row]]) -> Source:
    root = path if path.is_dir() else path.parent
    dropped = sum(calm.left_out(rows) for rows in files.values()) if "calm" in format.name else 0
    notes = (*format.notes, f"{dropped} adult items left out") if dropped else format.notes
    return Source(
        format=format.name,
        repository=format.repository,
        licence=format.licence,
        publish=format.publish,
        files=tuple((str(file.relative_to(root)), digest(file)) for file in files),
        notes=notes,
    )
