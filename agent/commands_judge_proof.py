"""`plimsoll judge prove`: what the weights of the panel promise, as theorems."""

from argparse import Namespace
from contextlib import closing

from agent.envelope import Answer
from agent.finding import workspace_of
from agent.fitting import fitted
from agent.states import state_of
from logs.errors import Refused, Undecided
from logs.show import terminal_width
from logs.text import short
from logs.vocabulary import Outcome


def prove(options: Namespace) -> Answer:
    """Whether a judge or family decides alone; exit code 3 if one does, 6 if z3 gave up."""
    from invariants.panel import prove_panel, told

    with closing(workspace_of(options).journal()) as journal:
        named = state_of(journal, options.ref or "HEAD")
    report = prove_panel(named.state.panel)
    head = f"panel at commit {short(named.commit)}, iteration {named.iteration}"
    unsure = any(t.proved not in (Outcome.HOLDS, Outcome.BROKEN) for t in report.theorems)
    code = 0 if report.sound else Undecided.exit_code if unsure else Refused.exit_code
    data = {"commit": named.commit, "sound": report.sound, **report.model_dump(mode="json")}
    return Answer(data, fitted(f"{head}\n{told(report)}", terminal_width()), code)
