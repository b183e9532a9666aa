"""Answers as points: a frozen map from text to vectors, known by its digest.

Two embeddings can be compared only if one frozen map made both, so its digest is part of the
record. The map here needs no model and no download; a sentence encoder fits the same protocol:

    class Sentences:
        def __init__(self, name: str, digest: str) -> None:
            self.model, self.digest = SentenceTransformer(name), digest
        def __call__(self, texts: Sequence[str]) -> Floats:
            return self.model.encode(list(texts)).astype(float)
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b, sha256
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Floats = NDArray[np.float64]
START, END = "\x02", "\x03"


class Embedding(Protocol):
    """A frozen map from texts to vectors."""

    @property
    def digest(self) -> str:
        """SHA-256 of everything the map depends on, in hex."""
        ...

    def __call__(self, texts: Sequence[str]) -> Floats:
        """One row per text, shape (len(texts), dimensions)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HashedNgrams:
    """Word n-grams, each sent to a vector of signs made from its hash, added, to unit length.

    The signs are a Rademacher projection of the bag of n-grams (Achlioptas 2003,
    doi:10.1016/S0022-0000(03)00025-4), so angles between texts are kept up to
    1/sqrt(dimensions). They are read from BLAKE2b, not from a generator: the same on every
    machine and version. A text of no words still has a beginning and an end, so no row is 0.
    """

    dimensions: int = 128
    """A multiple of 8, at most 512: the bits of one BLAKE2b digest."""
    longest: int = 2
    """Words in the longest n-gram."""

    @property
    def digest(self) -> str:
        """SHA-256 of the map's name and parameters, in hex."""
        made = f"hashed n-grams 1, blake2b signs, {self.dimensions} dimensions, 1-{self.longest}"
        return sha256(made.encode()).hexdigest()

    def __call__(self, texts: Sequence[str]) -> Floats:
        """One row of length 1 per text, shape (len(texts), dimensions)."""
        once = {text: i for i, text in enumerate(dict.fromkeys(texts))}
        counts = [self._grams(text) for text in once]
        kinds: dict[str, int] = {}
        columns = [kinds.setdefault(gram, len(kinds)) for count in counts for gram in count]
        owners = [i for i, count in enumerate(counts) for _ in count]
        weights = np.sqrt([n for count in counts for n in count.values()])
        bag = csr_array((weights, (owners, columns)), shape=(len(once), max(1, len(kinds))))
        rows = bag @ self._signs(kinds)
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        # Signs that cancel leave nothing; the first axis is as good a place as any.
        rows[:, :1] += lengths == 0
        unit: Floats = rows / np.where(lengths == 0, 1.0, lengths)
        return unit[[once[text] for text in texts]]

    def _grams(self, text: str) -> Counter[str]:
        words = [START, *text.split(), END]
        return Counter(
            " ".join(words[i : i + n])
            for n in range(1, self.longest + 1)
            for i in range(len(words) - n + 1)
            if n > 1 or words[i] not in (START, END)
        )

    def _signs(self, grams: Iterable[str]) -> Floats:
        size = self.dimensions // 8
        digests = b"".join(blake2b(gram.encode(), digest_size=size).digest() for gram in grams)
        bits = np.unpackbits(np.frombuffer(digests or bytes(size), np.uint8))
        signs: Floats = bits.reshape(-1, self.dimensions).astype(np.float64) * 2 - 1
        return signs


FOR_TESTS = HashedNgrams()
"""For two-sample tests: more dimensions only give a linear classifier more to overfit."""
FOR_DIVERSITY = HashedNgrams(dimensions=512)
"""For Vendi scores: unrelated answers have cosines of about 1/sqrt(dimensions), and these hide a
loss of diversity."""
