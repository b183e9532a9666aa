"""The words for what an audit found of one version of a judge."""

from logs.vocabulary import Finite, Measurement, Word


class Bias(Word):
    """One audited bias of a judge."""

    name: str
    shift: Measurement
    upper: Finite
    """95 % upper bound of |Delta|, or of Delta where only a reward is a fault."""
    p: Finite
    p_holm: Finite
    """Corrected for all biases of this audit."""
    flips: Measurement
    excess: Measurement | None
    """Flips beyond noise; None where nothing was asked twice."""
    next_items: int
    """Clusters the next audit of it needs; the present number when this one
    decided, 0 where nothing was measured."""


class Audit(Word):
    """What one audit says of one version of a judge."""

    judge_hash: str
    prompt_hash: str
    iteration: int
    calls: int
    items: int
    reliability: tuple[Measurement, ...]
    """Both-orders accuracy, overall and by domain, and the average over orders."""
    position: tuple[Measurement, ...]
    noise: tuple[Measurement, ...]
    biases: tuple[Bias, ...]
    attacks: Measurement | None = None
    groups: tuple[Measurement, ...] = ()
    """Stereotypes about groups of people, where questions asked for them."""
    statement: tuple[str, ...]
    """What was randomised, what was reused, how many looks, and what the intervals promise."""

    def measurements(self) -> tuple[Measurement, ...]:
        """All of them, for the log."""
        attacked = (self.attacks,) if self.attacks else ()
        shifts = tuple(bias.shift for bias in self.biases)
        return (*self.reliability, *self.position, *self.noise, *shifts, *attacked, *self.groups)
