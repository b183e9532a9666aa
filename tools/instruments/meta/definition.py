"""What the meta-reward is, in one frozen record: filed before a run, the same to its end."""

from dataclasses import asdict, dataclass

from logs.canonical import digest_of
from logs.vocabulary import Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """Every number of the meta-reward; its digest is filed before the run begins."""

    version: int = 1
    worst: float = 0.5
    """Weight of the worst of data, judge and stability."""
    claims: float = 0.5
    """Weight of the skill of the claims."""
    gold_cost: float = 0.1
    """What spending the whole gold budget costs; our choice, the study names no number."""
    audit_cost: float = 0.01
    """What one deep audit costs; a failed one costs `fine` of them."""
    fine: float = 10.0
    bias: float = 0.10
    """Bounded shift of the judge, in probability, above which the judge loses score."""
    kl_budget: float = 0.5
    """Nats per token from the anchor; what the policy of the workspace allows goes here."""
    entropy_loss: float = 0.30
    length_creep: float = 0.20
    capability_loss: float = 0.02
    outliers: float = 0.05
    """Share of training steps whose gradient norm is an outlier."""

    @property
    def digest(self) -> Digest:
        """SHA-256 of all numbers, in hex."""
        return digest_of(asdict(self))


DEFAULT = Definition()
