"""The decision table: read from the top, the first line that applies decides.

    R1 judge-silent    the panel cannot score                      -> swap, else ask a person
    R2 damaged         the policy trained under a judge that is    -> roll back, if the vault
                       no longer believed                             likes an older commit better
    R3 judge-broken    audited pairs, or the law, say that the     -> refit, else swap, else
                       panel is no better than a coin                 refresh prompts or ask
    R4 outjudged       where favourites differ, the bench is right  -> swap
    R5 judge-untested  the policy has moved on, and the panel was   -> refit
                       never compared with grades
    R15 co-adapted     judge and policy confirm each other alone    -> reinitialise the judge
    R9 nearest-lawful  the law refused an edit, and offered a      -> edit the constitution
                       smaller one that is automatic
    R6 flaw-pays       adding a flaw raises the score               -> edit the constitution
    R14 biased         the same, and edits came to nothing          -> refit against the flaw
    R10 defective      the data repeat, leak, or are not what was   -> regenerate, after two
                       drawn and judged                                tries ask a person
    R11 drifting       the anchor is far, or a step was too long    -> smaller steps
    R12 too-far        the same, though steps are small already     -> roll back, if the vault
                                                                      likes it better
    R7 saturated       nearly all siblings tie                      -> refresh the prompts, twice
    R13 narrowing      answers collapse                             -> draw wider, or reward doubt
    R16 reweigh        judges of a panel deserve other shares       -> reweight the panel
    R8 healthy         nothing above                                -> train, else ask a person

Conditions are data, in the language of policies; `agent/table/vocabulary.py` lists what they may
read. The functions fill in arguments and say why. `plimsoll decider table` prints the lines with
all conditions; `plimsoll decider prove` proves of them that none takes more authority, or more
of a budget, than the law leaves to the agent.

Every line that was passed over is recorded with the reason why. A number is a name that logs
keep: a new line takes a new one, wherever it stands.
"""

from collections.abc import Iterator

from agent import edits, judge_lines, repairs, upkeep
from agent.data_lines import narrowing, one_back, smaller_steps
from agent.deciders import View
from agent.diagnose import say
from agent.edits import EDITS_IN_A_ROW, MOST_REFUSALS
from agent.lines import Entry, Guarded, Need, Way
from agent.table.acts import REFIT_LABELS
from agent.table.choosing import Table, first
from agent.table.facts import JUDGE_FLOOR_RULES
from agent.table.vocabulary import BETTER_BY, MIN_GRADED, STALE_AFTER, TRIES
from logs.vocabulary import Alternative, Decision, Intervention

__all__ = [
    "BETTER_BY",
    "JUDGE_FLOOR_RULES",
    "MIN_GRADED",
    "REFIT_LABELS",
    "STALE_AFTER",
    "TABLE",
    "decide",
    "train_always",
]


def decide(view: View, table: Table = ()) -> Decision:
    """The decision of the first line that applies, of this table or another."""
    lines = table or TABLE
    rule, line, passed = first(view, lines)
    return Decision(
        iteration=view.iteration,
        intervention=line.intervention,
        rule=rule,
        because=line.because,
        evidence=tuple(_evidence(view)),
        alternatives=(*passed, *_below(rule, lines)),
        predicted=line.predicted,
        arguments=line.arguments,
    )


def train_always(view: View) -> Decision:
    """The fixed recipe: train, whatever the instruments say."""
    line = upkeep.train(view)
    return Decision(
        iteration=view.iteration,
        intervention=line.intervention,
        rule="fixed",
        because="the fixed recipe trains every turn",
        evidence=tuple(_evidence(view)),
        alternatives=(),
        predicted=line.predicted,
        arguments=line.arguments,
    )


TABLE: tuple[Entry, ...] = (
    Entry(
        "R1-judge-silent",
        Intervention.SWAP_JUDGE,
        Guarded(
            needs=(Need("is.silent", "the panel scores what it is asked"),),
            ways=(
                Way("swap_judge", "is.outdone", repairs.swapped(repairs.silence)),
                Way("ask_person", "true", repairs.asked(repairs.silence)),
            ),
        ),
    ),
    Entry(
        "R2-damaged",
        Intervention.ROLL_BACK,
        Guarded(
            needs=(
                Need("is.doubted", "no judge in force is disbelieved"),
                Need(
                    "not panel.changed",
                    "the judge changed since the last turn, and trained nothing as it is now",
                ),
                Need("not past.vault_asked", "the vault was asked already"),
                Need("past.suspects >= 1", "the policy did not train under this judge"),
                Need("is.vault_open", "the vault has no question left"),
            ),
            ways=(Way("roll_back", "may.roll_back", repairs.rolled_back),),
            otherwise="a rollback needs people under this policy",
        ),
    ),
    Entry(
        "R3-judge-broken",
        Intervention.REFIT_JUDGE,
        Guarded(
            needs=(Need("is.doubted", "audited pairs do not speak against the panel"),),
            ways=(
                Way("refit_judge", "is.refittable", repairs.refitted(repairs.trouble)),
                Way("swap_judge", "is.outdone", repairs.swapped(repairs.trouble)),
                Way("ask_person", "not is.soon_refittable", repairs.asked(repairs.trouble)),
                Way(
                    "refresh_prompts",
                    "is.below_floor and may.refresh_prompts and not past.refresh_failed",
                    repairs.waiting,
                ),
                Way("ask_person", "is.below_floor", repairs.asked(repairs.trouble)),
            ),
            otherwise=repairs.too_little_graded,
        ),
    ),
    Entry(
        "R4-outjudged",
        Intervention.SWAP_JUDGE,
        Guarded(
            needs=(
                Need("is.in_pace", "judges may not change again so soon"),
                Need("may.swap_judge", "a swap of judges needs people under this policy"),
            ),
            ways=(Way("swap_judge", "is.outjudged", repairs.outjudged),),
            otherwise="no judge of the bench is certainly right where favourites differ",
        ),
    ),
    Entry(
        "R5-judge-untested",
        Intervention.REFIT_JUDGE,
        Guarded(
            needs=(
                Need("not panel.calibrated", "the panel's scores were compared with grades"),
                Need(
                    f"past.repaired or past.trained >= {STALE_AFTER}",
                    repairs.hardly_trained,
                ),
            ),
            ways=(Way("refit_judge", "is.refittable", repairs.refitted(repairs.untested)),),
            otherwise="grades or pace do not allow a refit yet",
        ),
    ),
    Entry("R15-co-adapted", Intervention.REINITIALISE_JUDGE, judge_lines.co_adapted),
    Entry(
        "R9-nearest-lawful",
        Intervention.EDIT_CONSTITUTION,
        Guarded(
            needs=(
                Need(
                    "offer.made",
                    "the law has not just refused an edit and offered a lawful one of low tier",
                ),
                Need("offer.here", edits.offered_elsewhere),
                Need("offer.still_pays", edits.pays_no_longer),
                Need(
                    "offer.length <= param.step_l1"
                    " and spent.weight_path + offer.length <= param.weight_path_max",
                    edits.offer_too_long,
                ),
            ),
            ways=(Way("take_offer", "may.take_offer", edits.nearest_lawful),),
            otherwise="an edit needs people under this policy",
        ),
    ),
    Entry(
        "R6-flaw-pays",
        Intervention.EDIT_CONSTITUTION,
        Guarded(
            needs=(
                Need("is.biased", "no planted flaw surely raises the score often"),
                Need("remedy.known", edits.no_remedy),
                Need("is.step_left", edits.path_spent),
                Need(f"past.edits_failed < {MOST_REFUSALS}", edits.edits_fail),
                Need(f"past.edits_in_a_row < {EDITS_IN_A_ROW}", edits.edited_enough),
            ),
            ways=(
                Way(
                    "edit_whole",
                    "may.edit_whole and past.edits_failed == 0"
                    " and spent.weight_path + remedy.whole <= param.weight_path_max",
                    edits.whole_remedy,
                ),
                Way("edit_step", "may.edit_step", edits.one_step),
            ),
            otherwise="an edit needs people under this policy",
        ),
    ),
    Entry(
        "R14-biased",
        Intervention.REFIT_JUDGE,
        Guarded(
            needs=(
                Need("is.biased", "no planted flaw surely raises the score often"),
                Need(
                    f"past.edits_failed >= {MOST_REFUSALS} or not is.step_left",
                    "an edit of the constitution comes first",
                ),
            ),
            ways=(Way("refit_judge", "is.refittable", judge_lines.biased),),
            otherwise="grades or pace do not allow a refit yet",
        ),
    ),
    Entry(
        "R10-defective",
        Intervention.REGENERATE_DATA,
        Guarded(
            needs=(Need("is.defective", "nothing is known against the data"),),
            ways=(
                Way(
                    "regenerate_data",
                    f"may.regenerate_data and past.regenerated < {TRIES}",
                    repairs.regenerated,
                ),
                Way("ask_person", "true", repairs.asked(repairs.defect)),
            ),
        ),
    ),
    Entry("R11-drifting", Intervention.CHANGE_RECIPE, smaller_steps),
    Entry("R12-too-far", Intervention.ROLL_BACK, one_back),
    Entry(
        "R7-saturated",
        Intervention.REFRESH_PROMPTS,
        Guarded(
            needs=(
                Need("is.saturated", "siblings still differ"),
                Need("not past.refresh_failed", "the last refresh did not help"),
                Need(f"past.refreshed < {TRIES}", "other prompts were no better, twice"),
            ),
            ways=(Way("refresh_prompts", "may.refresh_prompts", upkeep.refresh),),
            otherwise="other prompts need people under this policy",
        ),
    ),
    Entry("R13-narrowing", Intervention.CHANGE_RECIPE, narrowing),
    Entry("R16-reweigh", Intervention.REWEIGHT_PANEL, judge_lines.reweigh),
    Entry(
        "R8-healthy",
        Intervention.TRAIN,
        Guarded(
            ways=(
                Way("train", "may.train and not is.below_floor", upkeep.train),
                Way("ask_person", "true", upkeep.stuck),
            ),
            last_resort=True,
        ),
    ),
)


def _below(rule: str, table: Table) -> Iterator[Alternative]:
    """Lines further down were not reached."""
    names = [name for name, _, _ in table]
    for name, intervention, _ in table[names.index(rule) + 1 :]:
        yield Alternative(intervention=intervention, because=f"{rule} decides before {name}")


def _evidence(view: View) -> Iterator[str]:
    shown = ("judge_accuracy", "judge_score", "judge_gap", "flaw_pays", "favourite_wins")
    drift = ("tie_rate", "length", "distinct_2", "entropy", "kl_to_anchor", "judge_errors")
    yield from (say(m) for m in view.observation.measurements if m.instrument in shown + drift)
