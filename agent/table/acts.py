"""What each act of the decider may change, spend and ask for: the law's view of a decision.

An act is an intervention with the arguments that matter to the law: an edit of one step is
another act than the whole remedy. Amounts are expressions over the facts of a view; that the
makers of proposals keep to what stands here is tested against `invariants.tiers`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from invariants.tiers import Kind
from logs.vocabulary import Intervention

REFIT_LABELS = 72
"""Labels bought for one refit, beyond those of the audits."""
KEPT_BACK = 1
"""Questions of the vault's budget that open the final vault, for people."""

_SEATS = frozenset({Kind.PANEL_REWEIGHTED, Kind.REPLAY, Kind.COUNTERS})
_JUDGES = frozenset({Kind.JUDGE_REFIT, Kind.JUDGE_ADDED, Kind.JUDGE_REMOVED, Kind.JUDGE_SWAPPED})
JUDGE_CHANGES = _JUDGES | {Kind.JUDGE_KIND, Kind.JUDGE_FAMILY_DROPPED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What a line of the table does, as the law will see it."""

    intervention: Intervention
    kinds: frozenset[Kind] = frozenset()
    """Every kind of change that its proposal may have."""
    from_bench: frozenset[Kind] = frozenset()
    """Further kinds, where a judge sits on the bench."""
    labels: str = "0"
    """Audit labels that it asks for."""
    questions: str = "0"
    """Questions that it may put to the vault."""
    moves: str = "0"
    """Path of constitution weights that it may use."""

    @property
    def changes_judge(self) -> bool:
        """Whether a judge is another one afterwards."""
        return bool((self.kinds | self.from_bench) & JUDGE_CHANGES)

    @property
    def trains(self) -> bool:
        """Whether the adapter is another one afterwards."""
        return Kind.ADAPTER in self.kinds

    @property
    def within_a_step(self) -> bool:
        """Whether it reweights principles, and never by more than one automatic step."""
        far = Kind.PRINCIPLE_REWEIGHTED_FAR
        return Kind.PRINCIPLE_REWEIGHTED in self.kinds and far not in self.kinds


def _edit(moves: str, *more: Kind) -> Act:
    near = {Kind.PRINCIPLE_REWEIGHTED, Kind.CONSTITUTION_VERSION}
    return Act(
        intervention=Intervention.EDIT_CONSTITUTION, kinds=frozenset({*near, *more}), moves=moves
    )


ACTS: Mapping[str, Act] = {
    "train": Act(
        intervention=Intervention.TRAIN,
        kinds=frozenset({Kind.ADAPTER, Kind.REPLAY, Kind.COUNTERS}),
    ),
    "refresh_prompts": Act(
        intervention=Intervention.REFRESH_PROMPTS, kinds=frozenset({Kind.PROMPTS})
    ),
    "regenerate_data": Act(
        intervention=Intervention.REGENERATE_DATA, kinds=frozenset({Kind.PROMPTS, Kind.REPLAY})
    ),
    "change_recipe": Act(intervention=Intervention.CHANGE_RECIPE, kinds=frozenset({Kind.RECIPE})),
    "refit_judge": Act(
        intervention=Intervention.REFIT_JUDGE,
        kinds=_SEATS | {Kind.JUDGE_REFIT},
        from_bench=frozenset({Kind.JUDGE_ADDED}),
        labels=str(REFIT_LABELS),
    ),
    "recalibrate_judge": Act(
        intervention=Intervention.RECALIBRATE_JUDGE, kinds=_SEATS | {Kind.JUDGE_REFIT}
    ),
    "reinitialise_judge": Act(
        intervention=Intervention.REINITIALISE_JUDGE, kinds=_SEATS | {Kind.JUDGE_REFIT}
    ),
    "add_judge": Act(intervention=Intervention.ADD_JUDGE, kinds=_SEATS | {Kind.JUDGE_ADDED}),
    "reweight_panel": Act(
        intervention=Intervention.REWEIGHT_PANEL, kinds=frozenset({Kind.PANEL_REWEIGHTED})
    ),
    "swap_judge": Act(intervention=Intervention.SWAP_JUDGE, kinds=_SEATS | {Kind.JUDGE_ADDED}),
    "edit_whole": _edit("remedy.whole", Kind.PRINCIPLE_REWEIGHTED_FAR),
    "edit_step": _edit("param.step_l1"),
    "take_offer": _edit("offer.length"),
    "roll_back": Act(
        intervention=Intervention.ROLL_BACK,
        kinds=frozenset({Kind.ROLLBACK}),
        questions="vault.asks",
    ),
    "ask_person": Act(intervention=Intervention.ASK_PERSON),
    "stop": Act(intervention=Intervention.STOP),
}
"""Every act that a line of the table can name. A new intervention gets a row here first."""
