"""A journal for tests: twelve iterations of a session, told in the words of the loop.

The judge's score rises throughout; gold rises, falls while the judge is being gamed, and
rises again after a roll-back, a refit of the judge and an edit of the constitution.
Numbers are made up; the steps, their order and their keys are those of the loop.
"""

from decimal import Decimal
from pathlib import Path

from logs.canonical import digest_of
from logs.journal import Journal
from logs.vocabulary import (
    Alternative,
    Change,
    Commit,
    Decision,
    Diagnosis,
    Digest,
    EntryKind,
    Evidence,
    Finding,
    Guarantee,
    Hypothesis,
    Intervention,
    Ledgers,
    Metric,
    Observation,
    Outcome,
    Panel,
    Prediction,
    PromptPool,
    Proposal,
    Ruling,
    State,
    Status,
    Tier,
    Verdict,
    Word,
)
from tests.a_workspace import (
    GOLD,
    HARNESS,
    JUDGE,
    KL,
    PLAN,
    POLICY,
    SESSION,
    founding,
    measured,
    store,
    store_folder,
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
    writer = Writer(workspace, journal, words, guarantee)
    writer.gold(0)
    for iteration, (intervention, outcome) in enumerate(PLAN[:iterations], start=1):
        writer.turn(iteration, intervention, outcome)
    return journal


class Writer:
    """Writes one turn of the loop after another."""

    def __init__(self, workspace: Path, journal: Journal, words: str, guarantee: Guarantee) -> None:
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
                Alternative(intervention="stop", because="labels are left"),
                Alternative(intervention="swap_judge", because="not tier low"),
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
        predicted = {"metric": "judge_score", "low": 0.0, "high": 1.5}
        actual = JUDGE[iteration - 1]
        told = {"outcome": outcome, "predicted": predicted}
        return {**told, "actual": actual, "as_predicted": actual <= 1.5}

    def gold(self, iteration: int) -> None:
        gold, guarantee = GOLD[iteration], self.guarantee
        measurements = [
            measured("gold", gold, guarantee=guarantee),
            measured("gold_greedy", round(gold + 0.05, 2), guarantee=guarantee),
            measured("judge_score", JUDGE[iteration], 0.05, units="standard deviations"),
            measured("gold_skill", round(gold - 0.1, 2), 0.05, of="sorting"),
            measured("gold_skill", round(gold + 0.1, 2), 0.05, of="refusal"),
        ]
        dumped = [m.model_dump(mode="json") for m in measurements]
        body = {"head": str(self.journal.head()), "measurements": dumped}
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
        return digest_of(self.journal.find(SESSION, iteration, "commit").body)
