"""A policy that only speaks: words drawn one by one from logits, so that everything is known."""

from dataclasses import dataclass, replace

import numpy as np

WORDS = np.array([f"w{i}" for i in range(120)] + ["."])
END = len(WORDS) - 1


@dataclass(frozen=True)
class Speaker:
    """Draws words from fixed logits per topic; prompts go through the topics in turn."""

    logits: np.ndarray
    temperature: float = 1.0
    longest: int = 16

    def at(self, temperature):
        return replace(self, temperature=temperature)

    def says(self, n, seed):
        """n answers, the i-th to prompt i."""
        rng = np.random.default_rng(seed)
        scaled = self.logits[np.arange(n) % len(self.logits)] / self.temperature
        noise = rng.gumbel(size=(n, self.longest, len(WORDS)))
        ids = (scaled[:, None] + noise).argmax(-1)
        return [" ".join(WORDS[row[: (row == END).argmax() or len(row)]]) for row in ids]

    def entropies(self, texts):
        """Exact entropy at each token of each answer, its end included."""
        scaled = self.logits / self.temperature
        p = np.exp(scaled - np.logaddexp.reduce(scaled, axis=1)[:, None])
        nats = -(p * np.log(p)).sum(1)
        return [[nats[i % len(nats)]] * (len(t.split()) + 1) for i, t in enumerate(texts)]


def speaker(seed=0, topics=8):
    """Zipf-like logits, different for each topic; about nine words per answer."""
    rng = np.random.default_rng(seed)
    logits = -np.log(np.arange(1, len(WORDS) + 1.0)) + np.zeros((topics, 1))
    logits = np.stack([rng.permutation(row) for row in logits])
    logits[:, END] = np.log(np.exp(logits[:, :END]).sum(1) / 9)
    return Speaker(logits)


def padded(texts, share, sentence="thank you for asking this great question"):
    """The texts, a share of them with one stock sentence appended."""
    return [f"{t} {sentence}" if i < share * len(texts) else t for i, t in enumerate(texts)]


def repeated(texts, share):
    """The texts, a share of them replaced by one and the same answer."""
    return [texts[0] if i < share * len(texts) else t for i, t in enumerate(texts)]
