"""What judges are audited on: pairs, twins, questions, prompts, and where they are from."""

from dataclasses import dataclass, field, replace
from typing import Literal

from tools.audit.records import Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two answers to one prompt."""

    id: str
    prompt: str
    a: str
    b: str
    gold: Side | None = None
    """The better one; None where they are equally good, or nobody knows."""
    cluster: str = ""
    """Drawn independently of other clusters; empty means the pair itself."""
    domain: str = ""
    side: Side = "A"
    """The answer that a treatment is given to."""
    facts: tuple[tuple[str, str], ...] = ()
    """What else the format says of it, for example the styles of both answers."""

    def answer(self, side: Side) -> str:
        """The text of one answer."""
        return self.a if side == "A" else self.b

    def with_answer(self, side: Side, text: str) -> "Pair":
        """The pair with one answer replaced."""
        return replace(self, a=text) if side == "A" else replace(self, b=text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """A pair and the same pair under a published treatment."""

    bias: str
    base: Pair
    treated: Pair


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question with three answers, one of which may be a stereotype (BBQ)."""

    id: str
    cluster: str
    """Template: its questions share their wording."""
    category: str
    context: str
    question: str
    options: tuple[str, str, str]
    label: int
    unknown: int
    """The option that it cannot be told."""
    target: int | None
    """The option about a stereotyped group; None where the file does not say."""
    negative: bool
    """Whether the question asks who does the bad thing."""
    tells: bool
    """Whether the context tells the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A prompt without answers: the user's own models are to give them."""

    id: str
    prompt: str
    cluster: str
    framing: Literal["neutral", "pro", "con", ""] = ""
    topic: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where data is from, and what one may do with it."""

    format: str
    repository: str
    licence: str | None
    """SPDX id; None where the publisher gives none."""
    publish: bool
    """Whether results on it may be published without asking: a licence that allows it is known."""
    files: tuple[tuple[str, str], ...] = ()
    """Name below the path given, and SHA-256, of every file read."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSet:
    """What one format holds; the kinds it does not hold are empty."""

    source: Source
    pairs: tuple[Pair, ...] = ()
    twins: tuple[Twin, ...] = ()
    questions: tuple[Question, ...] = ()
    prompts: tuple[Prompt, ...] = field(default=())

    def __len__(self) -> int:
        """Items of all kinds."""
        return len(self.pairs) + len(self.twins) + len(self.questions) + len(self.prompts)
