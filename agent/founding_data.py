"""Found a workspace on a user's own data: any causal language model, and judges that read text."""

from decimal import Decimal
from pathlib import Path
from typing import Any

from agent.base_models import put_model
from agent.config_data import require_whole
from agent.hands import Hands
from agent.seeds import seed_of
from agent.tasks import made_of
from agent.workspace import Workspace
from logs.errors import UsageError
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
    data = store.put_lines(task.lines())
    base = put_model(store, config.world.base, "world.base")
    trained = len(task.pool(Pool.TRAIN))
    # More prompts than there are would only come twice in one turn.
    recipe = config.recipe.model_copy(update={"prompts": min(config.recipe.prompts, trained)})
    state = State(
        base=base,
        adapter=None,
        panel=Panel(judges=_panel(workspace, data)),
        constitution=workspace.constitution,
        prompts=PromptPool(seed=0, size=0),
        recipe=recipe,
    )
    probes = task.audit_prompts(PROBES, seed=0)
    lists = {"probe": {"prompts": probes, "temperature": 0.0, "of": "candidate"}}
    answers, _ = hands.try_out(state, state, lists, divergence=[], seed=seed_of(config, 0, "found"))
    return {
        "state": state.model_dump(mode="json"),
        "judges": [j.model_dump(mode="json") for j in state.panel.judges],
        "reader": None,
        "choices": {},
        "policy": workspace.policy.digest,
        "probe": store.put_json(answers["probe"]),
        "task": task.name,
        "data": data,
        "pools": task.counts(),
        "judge_is_gold": config.judges.founding == "verifier",
    }


def _panel(workspace: Workspace, data: Digest) -> tuple[Judge, ...]:
    """Who judges in the first turn.

    Raises:
        UsageError: nobody would.
    """
    judges = workspace.config.judges
    if judges.founding == "verifier":
        return (_judge("verifier", JudgeKind.VERIFIER, "verifier", data),)
    if judges.founding == "reward-model":
        artefact = put_model(workspace.store, judges.reward_model, "judges.reward_model")
        family = Path(judges.reward_model).name
        return (_judge("reward-model", JudgeKind.REWARD_MODEL, family, artefact),)
    raise UsageError(
        "Somebody must judge the answers.",
        saw="judges.founding = 'none', and no other judge",
        wanted="'verifier' or 'reward-model'",
        try_this="set judges.founding in plimsoll.toml",
    )


def _judge(name: str, kind: JudgeKind, family: str, artefact: Digest) -> Judge:
    return Judge(id=name, kind=kind, family=family, version=1, artefact=artefact, weight=Decimal(1))
