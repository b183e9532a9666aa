"""Observe: draw from HEAD, ask the judges, buy a few grades, run the instruments."""

from collections.abc import Iterator, Sequence

from langgraph.runtime import Runtime

from agent.auditing import (
    Audit,
    Graded,
    audit_others,
    audit_pairs,
    audit_rivals,
    ordered,
    won,
)
from agent.checking_data import distinct_prompts, leaked_prompts
from agent.config import TEACH
from agent.groups import Group, calibrations, read_groups
from agent.hypotheses import AUDIT
from agent.observing_drift import observe_drift
from agent.observing_judges import of_judges_in_force, with_what_was_said
from agent.observing_retest import of_the_same_answers
from agent.observing_skills import of_skills
from agent.past import bench_of, ever_graded, label_rows, labels_left, leader_of
from agent.seeds import seed_of
from agent.state import Context, Turn, once
from agent.vaulting import gold_texts
from invariants.canaries import leaks
from logs.scales import scale_of, stamped
from logs.vocabulary import (
    Commit,
    Digest,
    EntryKind,
    Judge,
    JudgeKind,
    Ledgers,
    Measurement,
    Observation,
    State,
)
from tools import instruments as measure
from tools.pairs import probability_first

AUDIT_PROMPTS = 96
DIVERGENCE_PROMPTS = 64
COUNTERFACTUALS = 64
"""Of each flaw: favourites of the leading judge that it is shown beside a flawed twin."""
TIE = 1e-9


def observe(state: Turn, runtime: Runtime[Context]) -> dict[str, object]:
    """Record an Observation of HEAD."""
    once(runtime.context, state, "observe", lambda: _observe(state, runtime.context))
    return {"way": "diagnose"}


def prompts_of(context: Context, state: State, turn: Turn) -> list[str]:
    """The prompts this turn practises on: fresh ones, or a slice of a fixed pool."""
    pool, n = state.prompts, state.recipe.prompts
    seed = seed_of(context.config, turn["iteration"], "prompts") + pool.seed
    if pool.size == 0:
        return context.task.train_prompts(n, seed=seed, emphasis=pool.emphasis)
    fixed = context.task.train_prompts(pool.size, seed=pool.seed, emphasis=pool.emphasis)
    start = (turn["iteration"] - 1) * n
    return [fixed[(start + i) % len(fixed)] for i in range(n)]


def _observe(turn: Turn, context: Context) -> None:
    head = context.head()
    commit = context.commit_at(head)
    now, seed = commit.state, seed_of(context.config, turn["iteration"], "observe")
    train = prompts_of(context, now, turn)
    samples, drawn = _drawn(context, commit, train, seed)
    judges = (*now.panel.judges, *bench_of(context, now))
    verdicts, judged = context.hands.judge(
        now,
        samples,
        judges,
        constitution=now.constitution,
        seed=seed,
        tempted=[leader_of(now.panel)],
        counterfactuals=COUNTERFACTUALS,
    )
    groups = read_groups(context.hands.store, samples, verdicts, now.panel)
    practised, asked = groups[: len(train)], groups[len(train) :]
    calibrated = calibrations(context.hands.store, now.panel)
    audit = _audit(context, asked, now, seed)
    rows = with_what_was_said(audit.rows, asked, now.panel, calibrated)
    known = [*label_rows(context, turn), *rows]
    drift = observe_drift(context, turn, now, asked, audit)
    pairs = context.config.audit.labels // 2
    measurements = (
        *_of_prompts(context, train),
        *_of_policy(practised, drawn),
        *_of_panel(practised, judged["flaws"], now),
        _ties(asked, of=AUDIT),
        *_of_judges(audit, asked, judges),
        *_of_rivals(known, judges, now),
        *of_judges_in_force(known, asked, now.panel, calibrated, horizon=pairs),
        *of_the_same_answers(context, turn, now, judges),
        *of_skills(context.task, groups, known, now.panel, calibrated),
        *drift.measurements,
    )
    observation = Observation(
        iteration=turn["iteration"],
        head=head,
        measurements=stamped(measurements, scale_of(now)),
        samples=samples,
        verdicts=verdicts,
        labels=context.hands.store.put_lines(rows),
        drift=drift.record,
        audit_labels=audit.labels,
    )
    spend = Ledgers(audit_labels=audit.labels)
    context.log(turn, "observe", EntryKind.OBSERVED, observation, spend)


def _drawn(
    context: Context, commit: Commit, train: Sequence[str], seed: int
) -> tuple[Digest, dict[str, list[float]]]:
    """Answers of HEAD to this turn's prompts and to audit prompts behind them."""
    now = commit.state
    return context.hands.draw(
        now,
        [*train, *context.task.audit_prompts(AUDIT_PROMPTS, seed=seed)],
        samples=now.recipe.samples,
        temperature=now.recipe.temperature,
        seed=seed,
        divergence=DIVERGENCE_PROMPTS,
        previous=_previous(context, commit),
    )


def _audit(context: Context, groups: Sequence[Group], now: State, seed: int) -> Audit:
    """A few grades: of best against worst, and of favourites on which judges differ.

    On prompts that were never graded before, so that no judge was fitted on what it is tried on.
    """
    config, left = context.config.audit, labels_left(context)
    bench = bench_of(context, now)
    # Where no judge can be fitted on grades, a prompt may be audited again: its answers are new.
    fitted = any(j.kind is JudgeKind.FEATURE for j in (*now.panel.judges, *bench))
    graded = ever_graded(context) if fitted else set[str]()
    fresh = [g for g in groups if g.prompt not in graded]
    ends = audit_pairs(fresh, context.task, pairs=config.pairs, budget=left, seed=seed)
    teaches = context.config.session.decider in TEACH
    # Of all prompts: no judge is tried on these grades, so one that was graded before will do.
    others = audit_others(
        groups,
        context.task,
        prompts=config.others if teaches else 0,
        budget=left - ends.labels,
        seed=seed,
    )
    asked = {row["prompt"] for row in (*ends.rows, *others.rows)}
    rivals = audit_rivals(
        [g for g in fresh if g.prompt not in asked],
        context.task,
        rivals=[j.id for j in bench],
        leader=leader_of(now.panel).artefact,
        prompts=config.rivals,
        budget=left - ends.labels - others.labels,
        seed=seed,
    )
    bought = (ends, others, rivals)
    return Audit([row for b in bought for row in b.rows], sum(b.labels for b in bought))


def _previous(context: Context, commit: Commit) -> State | None:
    return context.commit_at(commit.parent).state if commit.parent else None


def _of_prompts(context: Context, train: Sequence[str]) -> Iterator[Measurement]:
    """Whether practice prompts repeat, or hold gold."""
    yield distinct_prompts(train)
    found = len(leaks(gold_texts(context), train, context.task.common))
    yield leaked_prompts(found, len(train), context.task.overlap(train))


def _of_policy(groups: Sequence[Group], drawn: dict[str, list[float]]) -> Iterator[Measurement]:
    """Drift and diversity of what HEAD says."""
    rows = [{"prompt": g.prompt, "answers": g.answers} for g in groups]
    yield measure.lengths(rows)
    yield measure.distinct_2(rows)
    yield measure.entropy(rows)
    yield measure.divergence(drawn["kl_to_anchor"], of="anchor")
    if "kl_to_previous" in drawn:
        yield measure.divergence(drawn["kl_to_previous"], of="previous")


def _of_panel(
    groups: Sequence[Group], flaws: dict[str, dict[str, list[int]]], now: State
) -> Iterator[Measurement]:
    """How the panel scores, and what it can be gamed with."""
    scores = [[s for s in g.panel if s is not None] for g in groups]
    asked = sum(len(g.panel) for g in groups)
    yield measure.judge_errors(asked - sum(map(len, scores)), asked)
    yield measure.score([sum(row) / len(row) for row in scores if row])
    yield _ties(groups)
    yield measure.ceiling_mass(scores)
    for flaw, (wins, n) in flaws.get(leader_of(now.panel).id, {}).items():
        yield measure.flaw_pays(wins, n, flaw=flaw)


def _ties(groups: Sequence[Group], of: str = "") -> Measurement:
    """On how many prompts the panel sees no difference among siblings."""
    scores = [[s for s in g.panel if s is not None] for g in groups]
    return measure.tie_rate(scores, within=TIE).model_copy(update={"of": of})


def _of_judges(
    audit: Audit, groups: Sequence[Group], judges: Sequence[Judge]
) -> Iterator[Measurement]:
    """Reliability on the audited pairs: the panel, and every judge alone."""
    correct, tried = ordered(audit.rows, groups, None)
    yield measure.judge_accuracy(correct, tried, judge="panel")
    for judge in judges:
        alone = ordered(audit.rows, groups, judge.id)
        yield measure.judge_accuracy(*alone, judge=judge.id)
    by_prompt = {g.prompt: g for g in groups}
    claimed, confirmed = [], []
    for row in (r for r in audit.rows if "ends" in r):
        best, worst = row["ends"]
        claimed.append(probability_first(by_prompt[row["prompt"]].judged, best, worst))
        a, b = row["grades"][str(best)], row["grades"][str(worst)]
        confirmed.append((1 + a - b) / 2)
    yield measure.judge_gap(claimed, confirmed, judge="panel")


def _of_rivals(
    rows: Sequence[Graded], judges: Sequence[Judge], now: State
) -> Iterator[Measurement]:
    """Where favourites differ: how often the bench is right and the panel wrong, while this
    panel has been in force."""
    leader = leader_of(now.panel)
    for judge in judges:
        if judge.id != leader.id:
            wins, n = won(rows, judge.id, leader.artefact)
            yield measure.proportion(
                "favourite_wins",
                wins,
                n,
                units="share of differing favourites",
                of=judge.id,
                null=0.5,
            )
