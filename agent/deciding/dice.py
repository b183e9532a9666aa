"""Chance as a decider: what any other one should be better than."""

import random

from agent.config import Config
from agent.deciders import Decider, View
from agent.deciding.menu import arguments_of, barred, possible
from agent.rules import train_always
from agent.seeds import seed_of
from logs.vocabulary import Alternative, Decision

RULE = "random"


def dice(config: Config) -> Decider:
    """A decider that draws one of the interventions that are possible, each as likely.

    It is drawn from the session's seed and the turn, so that a resumed session draws the same.
    Chance ends no session: `stop` and `ask_person` are for a decider that has a reason.
    """

    def decide(view: View) -> Decision:
        items = [item for item in possible(view) if not item.ends]
        rng = random.Random(seed_of(config, view.iteration, "decide"))
        kinds = list(dict.fromkeys(item.intervention for item in items))
        kind = rng.choice(kinds)
        item = rng.choice([item for item in items if item.intervention is kind])
        return Decision(
            iteration=view.iteration,
            intervention=kind,
            rule=RULE,
            because=f"drawn as one of {len(kinds)} interventions that are possible now",
            evidence=train_always(view).evidence,
            alternatives=(
                *(
                    Alternative(intervention=other, because="possible as well, and not drawn")
                    for other in kinds
                    if other is not kind
                ),
                *barred(view),
            ),
            predicted=None,
            arguments=arguments_of(item, item.drawn(rng)),
        )

    return decide
