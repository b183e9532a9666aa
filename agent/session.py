"""A session: found once, loop until the turns are used up, resume where it was killed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from threadpoolctl import threadpool_limits

from agent.adoption import adopt, require_fit
from agent.deciders import Decider
from agent.deciding.chosen import chosen
from agent.deciding.ready import require_ready
from agent.founding import found as found_workspace
from agent.hands import Hands
from agent.leaving import leaving
from agent.listener import Listener
from agent.looping import REPORT, WAITS, Ending, to_the_end
from agent.meter import Meter
from agent.person import RollbackPlan, rollback
from agent.plans import only_planned
from agent.remote_usage import prices_of
from agent.rules import decide, train_always
from agent.state import Context
from agent.stops import last_stop
from agent.tasks import task_of
from agent.workspace import JOURNAL, Workspace
from invariants.policy import Policy
from invariants.record import attest
from logs.errors import UsageError
from logs.lock import lock_workspace
from logs.vocabulary import Digest, EntryKind, Judge

__all__ = [
    "REPORT",
    "WAITS",
    "Ending",
    "Listener",
    "RollbackPlan",
    "found",
    "resume",
    "rollback",
    "run",
]

DECIDERS: dict[str, Decider] = {"rules": decide, "fixed": train_always}
PARAMETERS = (
    "audit_labels_max",
    "gold_queries_max",
    "judge_ratio",
    "judge_slack",
    "kl_max",
    "step_l1",
    "weight_path_max",
)
"""Numbers of the policy that the loop itself reads, to ask for nothing that must be refused."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a session meets; the benchmark plants faults here, and nowhere else."""

    hands: type[Hands] = Hands
    around: Callable[[Context], Context] = lambda context: context


USUAL = Setting()


def found(workspace: Workspace, listener: Listener) -> Digest:
    """Make the founding commit, or find it."""
    with opened(workspace, listener) as context:
        return context.founding


def run(workspace: Workspace, listener: Listener, setting: Setting = USUAL) -> Ending:
    """Begin the session that the configuration names.

    Raises:
        UsageError: it has begun before.
    """
    require_ready(workspace)
    with opened(workspace, listener, setting) as context:
        name = workspace.config.session.name
        if context.journal.find(name, 1, "observe") and not only_planned(context.journal, name):
            ended = last_stop(context.journal, name) is not None
            raise UsageError(
                f"The session {name!r} has {'ended' if ended else 'begun'} already.",
                saw=f"its entries in {workspace.root / 'plimsoll.sqlite'}",
                wanted="a new name under [session], or to go on",
                try_this="edit session.name in plimsoll.toml" if ended else "plimsoll resume",
            )
        return to_the_end(workspace, context)


def resume(workspace: Workspace, listener: Listener) -> Ending:
    """Go on where the session was interrupted.

    Raises:
        UsageError: it never began, or has ended.
    """
    name = workspace.config.session.name
    if not (workspace.root / JOURNAL).exists():
        raise _nothing(name, "it never began", "plimsoll run")
    with workspace.journal() as journal:
        begun = journal.find(name, 0, "found") or journal.find(name, 1, "observe")
    if not begun:
        raise _nothing(name, "it never began", "plimsoll run")
    require_ready(workspace)
    with opened(workspace, listener) as context:
        if last_stop(context.journal, name) and (workspace.session(name) / REPORT).exists():
            raise _nothing(name, "it has ended", "plimsoll report; or a new session.name, then run")
        return to_the_end(workspace, context)


def _nothing(name: str, saw: str, try_this: str) -> UsageError:
    return UsageError(
        f"There is nothing to resume in session {name!r}.",
        saw=saw,
        wanted="a session that was interrupted",
        try_this=try_this,
    )


@contextmanager
def opened(workspace: Workspace, listener: Listener, setting: Setting = USUAL) -> Iterator[Context]:
    """Lock the workspace, open the log, start the hands, found if needed."""
    config = workspace.config
    with (
        # Small matrices: threads that wait for each other burn the cores that the jobs need.
        threadpool_limits(1),
        lock_workspace(workspace.root),
        workspace.journal(read_only=False) as journal,
        leaving(workspace, journal, listener) as listener,
        setting.hands(workspace.store, workspace.scratch, config, listener) as hands,
    ):
        name, prices = config.session.name, prices_of(config)
        meter = Meter(config.budget, journal, name, workspace.store.root, prices=prices)
        _speaks_of_what_is_read(workspace.policy)
        require_fit(workspace, founded=journal.head() is not None)
        founding = found_workspace(workspace, journal, hands)
        entry = next(journal.entries(kind=EntryKind.FOUNDED))
        hands.reader = entry.body["reader"]
        hands.remotes.require_same(Judge.model_validate(j) for j in entry.body["judges"])
        if adopted := adopt(workspace, journal, entry.body["policy"]):
            listener.entry(adopted)
        attest(workspace.root, workspace.policy, journal.commit_of(founding).state)
        # A founding is always finished; what it took counts, and jobs are barred from here on.
        meter.used(hands.spent.cpu_seconds)
        hands.meter = meter
        yield setting.around(
            Context(
                config=config,
                policy=workspace.policy,
                task=task_of(workspace, journal),
                journal=journal,
                hands=hands,
                decider=chosen(DECIDERS, workspace, journal, listener),
                listener=listener,
                founding=founding,
                meter=meter,
            )
        )


def _speaks_of_what_is_read(policy: Policy) -> None:
    """A policy may set any number, but the loop must find those that it reads.

    Raises:
        UsageError: some of them are missing.
    """
    missing = [name for name in PARAMETERS if name not in policy.values]
    if missing:
        raise UsageError(
            "The policy lacks parameters that the loop reads.",
            saw=f"no [param.NAME] for {', '.join(missing)}",
            wanted=", ".join(PARAMETERS),
            try_this="plimsoll init --dry-run shows the usual ones",
        )
