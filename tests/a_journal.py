"""A journal for tests: twelve iterations of a session, told in the words of the loop.

The judge's score rises throughout; gold rises, falls while the judge is being gamed, and
rises again after a roll-back, a refit of the judge and an edit of the constitution.
Numbers are made up; the steps, their order and their keys are those of the loop.
"""

from decimal import Decimal
from pathlib import Path

from logs.artefacts import path_of
from logs.canonical import canonical, digest_of, sha256
from logs.journal import Journal
from logs.vocabulary import (
    Alternative,
    Change,
    Commit,
    Constitution,
    Decision,
    Diagnosis,
    Digest,
    EntryKind,
    Evidence,
    Finding,
    Guarantee,
    Hypothesis,
    Intervention,
    Judge,
    JudgeKind,
    Ledgers,
    Measurement,
    Metric,
    Observation,
    Outcome,
    Panel,
    Prediction,
    Principle,
    PrincipleTier,
    PromptPool,
    Proposal,
    Recipe,
    Ruling,
    State,
    Status,
    Tier,
    Verdict,
    Word,
)

SESSION = "math-small"
GOLD = (0.41, 0.47, 0.53, 0.53, 0.57, 0.51, 0.51, 0.53, 0.53, 0.58, 0.63, 0.63, 0.65)
JUDGE = (0.02, 0.35, 0.71, 0.74, 1.28, 1.71, 1.72, 0.74, 0.61, 0.66, 0.97, 0.98, 1.16)
KL = (0.0, 0.02, 0.04, 0.04, 0.07, 0.12, 0.12, 0.04, 0.04, 0.04, 0.06, 0.06, 0.08)
PLAN: tuple[tuple[Intervention, str], ...] = (
    (Intervention.TRAIN, "committed"),
    (Intervention.TRAIN, "committed"),
    (Intervention.REFRESH_PROMPTS, "committed"),
    (Intervention.TRAIN, "committed"),
    (Intervention.TRAIN, "committed"),
    (Intervention.TRAIN, "refused"),
    (Intervention.ROLL_BACK, "committed"),
    (Intervention.REFIT_JUDGE, "committed"),
    (Intervention.EDIT_CONSTITUTION, "committed"),
    (Intervention.TRAIN, "committed"),
    (Intervention.EDIT_CONSTITUTION, "refused"),
    (Intervention.ASK_PERSON, "asked"),
)
POLICY = sha256(b"policy")
HARNESS = sha256(b"harness")


def store(workspace: Path, data: bytes) -> Digest:
    """Put one artefact into the store of the workspace."""
    path = path_of(workspace, sha256(data))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path.name


def store_folder(workspace: Path, files: dict[str, bytes]) -> Digest:
    """Put a manifest and its files into the store."""
    listed = {name: store(workspace, data) for name, data in files.items()}
    return store(workspace, canonical({"files": listed}))


def founding_state(workspace: Path, words: str = "Say what is so.") -> State:
    """Three judges, three principles, no adapter."""
    weights = {"rubric-a": "0.5", "pair-b": "0.25", "pair-c": "0.25"}
    judges = [
        Judge(
            id=name,
            kind=JudgeKind.FEATURE,
            family=f"family-{name}",
            version=1,
            artefact=store(workspace, f"judge {name}".encode()),
            weight=Decimal(weight),
        )
        for name, weight in weights.items()
    ]
    principles = (
        ("honest", words, PrincipleTier.IMMUTABLE, "0.5"),
        ("harmless", "Refuse what would hurt somebody.", PrincipleTier.CORE, "0.3"),
        ("concise", "Use as few words as the question needs.", PrincipleTier.ADAPTIVE, "0.2"),
    )
    return State(
        base=store_folder(workspace, {"model.safetensors": b"weights", "config.json": b"{}"}),
        adapter=None,
        panel=Panel(judges=tuple(judges)),
        constitution=Constitution(
            version=1,
            principles=tuple(
                Principle(id=i, text=t, tier=tier, weight=Decimal(w))
                for i, t, tier, w in principles
            ),
        ),
        prompts=PromptPool(seed=7, size=0),
        recipe=Recipe(),
    )


def founding(workspace: Path, words: str = "Say what is so.") -> Commit:
    """The commit that everything goes back to."""
    return Commit(
        parent=None,
        session=SESSION,
        iteration=0,
        state=founding_state(workspace, words),
        proposal=None,
        evidence=None,
        verdict=None,
    )


def measured(
    instrument: str,
    value: float | None,
    half: float = 0.02,
    *,
    units: str = "share",
    status: Status = Status.GREEN,
    guarantee: Guarantee = Guarantee.ANYTIME,
    margin: float | None = None,
    of: str = "",
) -> Measurement:
    """One measurement with a symmetric interval of half-width `half`."""
    return Measurement(
        instrument=instrument,
        estimate=value,
        units=units,
        low=None if value is None else round(value - half, 4),
        high=None if value is None else round(value + half, 4),
        guarantee=guarantee,
        n=2000,
        status=status,
        margin=margin,
        of=of,
    )


def a_journal(
    workspace: Path,
    iterations: int = 12,
    words: str = "Answer first, then explain.",
    guarantee: Guarantee = Guarantee.ANYTIME,
) -> Journal:
    """Write the session into WORKSPACE/plimsoll.sqlite and return the open journal.

    Args:
        words: Text that stands wherever a model or a person could have written something.
        guarantee: Of the gold measurements.
    """
    workspace.mkdir(parents=True, exist_ok=True)
    journal = Journal(workspace / "plimsoll.sqlite")
    journal.append(
        EntryKind.FOUNDED,
        session=SESSION,
        iteration=0,
        step="found",
        body={"policy": POLICY, "config": {"iterations": iterations, "seed": 7}},
    )
    journal.commit(founding(workspace, words), expected_head=None)
    writer = _Writer(workspace, journal, words, guarantee)
    writer.gold(0)
    for iteration, (intervention, outcome) in enumerate(PLAN[:iterations], start=1):
        writer.turn(iteration, intervention, outcome)
    return journal


class _Writer:
    """Writes one turn of the loop after another."""

    def __init__(
        self, workspace: Path, journal: Journal, words: str, guarantee: Guarantee
    ) -> None:
        self.workspace = workspace
        self.journal = journal
        self.words = words
        self.guarantee = guarantee

    def turn(self, iteration: int, intervention: Intervention, outcome: str) -> None:
        head = str(self.journal.head())
        self.log(iteration, EntryKind.OBSERVED, "observe", self.observation(iteration, head), 64)
        self.log(iteration, EntryKind.DIAGNOSED, "diagnose", self.diagnosis(intervention))
        decision = self.decision(iteration, intervention)
        self.log(iteration, EntryKind.DECIDED, "decide", decision)
        if outcome == "asked":
            asked = {"question": self.words, "tier": "high", "expires_hours": 72}
            self.log(iteration, EntryKind.ASKED, "commit", asked)
        else:
            self.change(decision, head, refused=outcome == "refused")
        if iteration > 1:
            self.log(iteration, EntryKind.RECORDED, "record", self.record(iteration, outcome))
        self.gold(iteration)

    def change(self, decision: Decision, head: Digest, *, refused: bool) -> None:
        iteration = decision.iteration
        proposal = self.proposal(decision, head)
        evidence = self.evidence(iteration, proposal)
        verdict = self.verdict(proposal, refused=refused)
        self.log(iteration, EntryKind.PROPOSED, "act", proposal)
        self.log(iteration, EntryKind.TRIED, "trial", evidence)
        self.log(iteration, EntryKind.RULED, "gate", verdict)
        if refused:
            rulings = [r.model_dump(mode="json") for r in verdict.rulings if r.outcome != "holds"]
            body = {"verdict": digest_of(verdict), "rulings": rulings, "because": self.words}
            self.log(iteration, EntryKind.REFUSED, "commit", body)
            return
        commit = Commit(
            parent=head,
            restores=proposal.restores,
            session=SESSION,
            iteration=iteration,
            state=proposal.new,
            proposal=digest_of(proposal),
            evidence=digest_of(evidence),
            verdict=digest_of(verdict),
        )
        self.journal.commit(commit, expected_head=head, spend=Ledgers(alpha=Decimal("0.005")))

    def observation(self, iteration: int, head: Digest) -> Observation:
        gap = round(JUDGE[iteration - 1] / 3 - (GOLD[iteration - 1] - GOLD[0]), 3)
        red = gap > 0.3
        return Observation(
            iteration=iteration,
            head=head,
            measurements=(
                measured("judge_score", JUDGE[iteration - 1], 0.05, units="standard deviations"),
                measured(
                    "judge_gap", gap, 0.04, margin=0.3, status=Status.RED if red else Status.GREEN
                ),
                measured("kl_anchor", KL[iteration - 1], 0.01, units="nats/token", margin=0.15),
                measured("judge_kappa", 0.48 if red else 0.66, 0.08, units="kappa", of="pair-b"),
                measured("diversity", None, units="bits", status=Status.INSUFFICIENT),
            ),
            samples=store(self.workspace, f"samples {iteration}".encode()),
            verdicts=store(self.workspace, f"verdicts {iteration}".encode()),
            audit_labels=64,
        )

    def diagnosis(self, intervention: Intervention) -> Diagnosis:
        troubled = intervention in (Intervention.ROLL_BACK, Intervention.REFIT_JUDGE)
        first = Hypothesis.JUDGE_OVEROPTIMISED if troubled else Hypothesis.HEALTHY
        return Diagnosis(
            findings=(
                Finding(hypothesis=first, support=0.82, because=("judge_gap read with its band",)),
                Finding(hypothesis=Hypothesis.NOISE, support=0.1, because=("n is 2000",)),
            )
        )

    def decision(self, iteration: int, intervention: Intervention) -> Decision:
        written_by_model = iteration == 4
        return Decision(
            iteration=iteration,
            intervention=intervention,
            rule="model:small-decider" if written_by_model else f"R-{iteration % 5 + 1}",
            because=self.words if written_by_model else f"Line of the table for {intervention}.",
            evidence=(f"judge_gap = {JUDGE[iteration - 1] / 3:.2f} [0.1, 0.5] n=2000",),
            alternatives=(
                Alternative(intervention=Intervention.STOP, because="labels are left"),
                Alternative(intervention=Intervention.SWAP_JUDGE, because="not tier low"),
            ),
            predicted=Prediction(metric="judge_score", low=0.0, high=1.5),
        )

    def proposal(self, decision: Decision, head: Digest) -> Proposal:
        now = self.journal.commit_of(head).state
        restores = self._commit_of(2) if decision.intervention is Intervention.ROLL_BACK else None
        new = self.journal.commit_of(restores).state if restores else self._changed(decision, now)
        return Proposal(
            iteration=decision.iteration,
            base=head,
            intervention=decision.intervention,
            new=new,
            changes=self._changes(decision),
            restores=restores,
            predicted=decision.predicted,
            cost_seconds=4.5,
            undo=f"plimsoll rollback {head[:12]}",
            inputs={"pairs": store(self.workspace, f"pairs {decision.iteration}".encode())},
            seeds={"train": 700 + decision.iteration},
        )

    def evidence(self, iteration: int, proposal: Proposal) -> Evidence:
        return Evidence(
            proposal=digest_of(proposal),
            metrics=(
                Metric(name="safety_pass", k=1990 - iteration, n=2000),
                Metric(name="kl_anchor", exact=str(KL[iteration])),
            ),
            data={"replay": store(self.workspace, b"replayed prompts")},
            harness=HARNESS,
            seeds={"trial": 900 + iteration},
            sandbox_level=2,
        )

    def verdict(self, proposal: Proposal, *, refused: bool) -> Verdict:
        constitutional = proposal.intervention is Intervention.EDIT_CONSTITUTION
        broken = "P3-small-steps" if constitutional else "P7-safety"
        saw = ("moved = 0.09", "step_l1 = 0.04") if constitutional else ("lo = 0.981", "0.985")
        rulings = [Ruling(invariant="P1-protected", outcome=Outcome.HOLDS, say="Kept as it was.")]
        for name in ("P3-small-steps", "P7-safety"):
            bad = refused and name == broken
            rulings.append(
                Ruling(
                    invariant=name,
                    outcome=Outcome.BROKEN if bad else Outcome.HOLDS,
                    say="The step is larger than people allowed." if bad else "Inside the line.",
                    values=saw if bad else (),
                )
            )
        return Verdict(
            proposal=digest_of(proposal),
            policy=POLICY,
            tier=Tier.LOW,
            rulings=tuple(rulings),
            second_opinion=Outcome.BROKEN if refused else Outcome.HOLDS,
        )

    def record(self, iteration: int, outcome: str) -> dict[str, object]:
        actual = JUDGE[iteration - 1]
        return {
            "outcome": outcome,
            "predicted": {"metric": "judge_score", "low": 0.0, "high": 1.5},
            "actual": actual,
            "as_predicted": actual <= 1.5,
        }

    def gold(self, iteration: int) -> None:
        gold, guarantee = GOLD[iteration], self.guarantee
        measurements = [
            measured("gold", gold, guarantee=guarantee),
            measured("gold_greedy", round(gold + 0.05, 2), guarantee=guarantee),
            measured("judge_score", JUDGE[iteration], 0.05, units="standard deviations"),
            measured("gold_skill", round(gold - 0.1, 2), 0.05, of="sorting"),
            measured("gold_skill", round(gold + 0.1, 2), 0.05, of="refusal"),
        ]
        body = {"measurements": [m.model_dump(mode="json") for m in measurements]}
        self.log(iteration, EntryKind.MEASURED, "gold", body)

    def log(
        self,
        iteration: int,
        kind: EntryKind,
        step: str,
        body: Word | dict[str, object],
        labels: int = 0,
    ) -> None:
        spend = Ledgers(audit_labels=labels, seconds=Decimal("1.25")) if labels else None
        self.journal.append(
            kind, session=SESSION, iteration=iteration, step=step, body=body, spend=spend
        )

    def _changed(self, decision: Decision, now: State) -> State:
        mark = f"{decision.intervention} {decision.iteration}".encode()
        match decision.intervention:
            case Intervention.REFIT_JUDGE:
                judge = now.panel.judges[1].model_copy(
                    update={"version": 2, "artefact": store(self.workspace, mark)}
                )
                panel = Panel(judges=(now.panel.judges[0], judge, now.panel.judges[2]))
                return now.model_copy(update={"panel": panel, "judge_updates": 1})
            case Intervention.EDIT_CONSTITUTION:
                constitution = now.constitution.model_copy(update={"version": 2})
                return now.model_copy(update={"constitution": constitution})
            case Intervention.REFRESH_PROMPTS:
                return now.model_copy(update={"prompts": PromptPool(seed=8, size=0)})
            case _:
                adapter = store_folder(self.workspace, {"adapter_model.safetensors": mark})
                return now.model_copy(
                    update={"adapter": adapter, "policy_updates": now.policy_updates + 1}
                )

    def _changes(self, decision: Decision) -> tuple[Change, ...]:
        match decision.intervention:
            case Intervention.REFIT_JUDGE:
                return (Change(path="panel.judges[pair-b].version", old="1", new="2"),)
            case Intervention.EDIT_CONSTITUTION:
                return (
                    Change(path="constitution.principles[concise].weight", old="0.20", new="0.18"),
                    Change(path="constitution.principles[direct].text", old=None, new=self.words),
                )
            case Intervention.REFRESH_PROMPTS:
                return (Change(path="prompts.seed", old="7", new="8"),)
            case _:
                return (Change(path="adapter", old=None, new=f"adapter-{decision.iteration}"),)

    def _commit_of(self, iteration: int) -> Digest:
        entry = self.journal.find(SESSION, iteration, "commit")
        assert entry is not None
        return digest_of(entry.body)
