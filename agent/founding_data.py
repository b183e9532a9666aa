"""Found a workspace on a user's own data: any causal language model, and judges that read text."""

from decimal import Decimal
from pathlib import Path
from typing import Any

from agent.base_models import model_folder, put_model, require_a_template
from agent.config_data import require_whole
from agent.hands import Hands
from agent.remote_judges import founded as founded_remotes
from agent.seeds import seed_of
from agent.tasks import made_of
from agent.workspace import Workspace
from logs.vocabulary import Digest, Judge, JudgeKind, Panel, PromptPool, State
from tools.data.pools import Pool

PROBES = 8


def found_on_data(workspace: Workspace, hands: Hands) -> dict[str, Any]:
    """The body of the founding entry.

    Raises:
        UsageError: the data, the model or the judges cannot be read.
    """
    config, store = workspace.config, workspace.store
    require_whole(config)
    task = made_of(config)
    require_a_template(model_folder(config.world.base, "world.base"), "world.base")
    data = store.put_lines(task.lines())
    base = put_model(store, config.world.base, "world.base")
    trained = len(task.pool(Pool.TRAIN))
    # More prompts than there are would only come twice in one turn.
    recipe = config.recipe.model_copy(update={"prompts": min(config.recipe.prompts, trained)})
    judges, panel = _judges(workspace, data)
    state = State(
        base=base,
        adapter=None,
        panel=panel,
        constitution=workspace.constitution,
        prompts=PromptPool(seed=0, size=0),
        recipe=recipe,
    )
    probes = task.audit_prompts(PROBES, seed=0)
    lists = {"probe": {"prompts": probes, "temperature": 0.0, "of": "candidate"}}
    answers, _ = hands.try_out(state, state, lists, divergence=[], seed=seed_of(config, 0, "found"))
    return {
        "state": state.model_dump(mode="json"),
        "judges": [j.model_dump(mode="json") for j in judges],
        "reader": None,
        "choices": {},
        "policy": workspace.policy.digest,
        "probe": store.put_json(answers["probe"]),
        "task": task.name,
        "data": data,
        "pools": task.counts(),
        "judge_is_gold": config.judges.founding == "verifier",
    }


def _judges(workspace: Workspace, data: Digest) -> tuple[list[Judge], Panel]:
    """Every judge that the settings name, and the panel of those that judge in the first turn."""
    settings, store = workspace.config.judges, workspace.store
    own: list[Judge] = []
    if settings.founding == "verifier":
        own = [_judge("verifier", JudgeKind.VERIFIER, "verifier", data)]
    elif settings.founding == "reward-model":
        artefact = put_model(store, settings.reward_model, "judges.reward_model")
        family = Path(settings.reward_model).name
        own = [_judge("reward-model", JudgeKind.REWARD_MODEL, family, artefact)]
    judges = [*own, *founded_remotes(workspace.config, workspace.root, store)]
    seats = settings.seats(own[0].id if own else None)
    return judges, Panel(judges=tuple(j for j in judges if j.id in seats))


def _judge(name: str, kind: JudgeKind, family: str, artefact: Digest) -> Judge:
    return Judge(id=name, kind=kind, family=family, version=1, artefact=artefact, weight=Decimal(1))
