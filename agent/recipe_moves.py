"""How a recipe may be changed: one table, from the present value of a field to the next ones.

    learning_rate   x 0.3, x 0.5, x 2      within [1e-5, 3e-3]
    beta            x 0.5, x 2             within [0.02, 1]; a larger one holds the policy nearer
                                           to the reference (Rafailov et al. 2023, eq. 3)
    nll             x 0.5, x 2             within [0.25, 2]; a stage that is off stays off
    entropy         the next step of 0, 0.1, 0.3, up or down
    temperature     0.8, 1, 1.2            of the answers that are drawn for training
    samples         8, 12, 16              up to 24,576 answers a turn, which the wall's default
                                           time allows
    epochs          one more or one less   within [1, 5]
    reference       previous, anchor       what the preference stage is held to

The family, the adapter's kind and rank, batch, prompts, replay and balance are not in it: they are
for people to set.
"""

from collections.abc import Callable, Iterator, Mapping

from logs.vocabulary import Recipe, Reference

SLOWER = 0.3
RATES, RATE_BOUNDS = (SLOWER, 0.5, 2.0), (1e-5, 3e-3)
WEIGHTS = (0.5, 2.0)
BETA_BOUNDS, NLL_BOUNDS = (0.02, 1.0), (0.25, 2.0)
ENTROPY = (0.0, 0.1, 0.3)
"""Measured in docs/interventions.md: below 0.1 entropy still falls, 0.1 holds it, and 0.3 raises
it by half and costs right answers."""
TEMPERATURES = (0.8, 1.0, 1.2)
SAMPLES, MOST_ANSWERS = (8, 12, 16), 1536 * 16
EPOCHS = (1, 5)


def moves(recipe: Recipe) -> dict[str, tuple[str, ...]]:
    """New values by field, as a decision names them; a field without any is left out."""
    found = {field: tuple(dict.fromkeys(of(recipe))) for field, of in _TABLE.items()}
    return {field: values for field, values in found.items() if values}


def moved(recipe: Recipe, named: Mapping[str, str]) -> Recipe | str:
    """The recipe with the values that a decision names, or why it is none of the table's."""
    allowed = moves(recipe)
    for field, value in named.items():
        if value not in allowed.get(field, ()):
            wanted = ", ".join(allowed.get(field, ())) or "no change of it"
            return f"a recipe's {field} cannot become {value!r} in one turn; possible: {wanted}"
    if not named:
        return "the decision names no field of the recipe"
    return Recipe.model_validate(recipe.model_dump(mode="json") | _typed(named))


def _typed(named: Mapping[str, str]) -> dict[str, object]:
    kinds: dict[str, Callable[[str], object]] = {"samples": int, "epochs": int, "reference": str}
    return {field: kinds.get(field, float)(value) for field, value in named.items()}


def said(value: float) -> str:
    """A number as a decision names it."""
    return f"{value:.6g}"


def _times(now: float, factors: tuple[float, ...], bounds: tuple[float, float]) -> Iterator[str]:
    """The value times each factor, where that lies within the bounds."""
    low, high = bounds
    yield from (said(now * f) for f in factors if now > 0 and low <= float(said(now * f)) <= high)


def _entropies(recipe: Recipe) -> Iterator[str]:
    """The step below and the step above, the step above first."""
    above = [x for x in ENTROPY if x > recipe.entropy]
    below = [x for x in ENTROPY if x < recipe.entropy]
    yield from map(said, (*above[:1], *below[-1:]))


def _samples(recipe: Recipe) -> Iterator[str]:
    most = max(MOST_ANSWERS, recipe.samples * recipe.prompts)
    for n in SAMPLES:
        if n != recipe.samples and n * recipe.prompts <= most:
            yield str(n)


def _epochs(recipe: Recipe) -> Iterator[str]:
    low, high = EPOCHS
    for n in (recipe.epochs - 1, recipe.epochs + 1):
        if low <= n <= high:
            yield str(n)


_TABLE: Mapping[str, Callable[[Recipe], Iterator[str]]] = {
    "learning_rate": lambda r: _times(r.learning_rate, RATES, RATE_BOUNDS),
    "beta": lambda r: _times(r.beta, WEIGHTS, BETA_BOUNDS),
    "nll": lambda r: _times(r.nll, WEIGHTS, NLL_BOUNDS),
    "entropy": _entropies,
    "temperature": lambda r: (said(t) for t in TEMPERATURES if t != r.temperature),
    "samples": _samples,
    "epochs": _epochs,
    "reference": lambda r: (str(x) for x in Reference if x is not r.reference),
}
FIELDS = tuple(_TABLE)
