"""MLflow: the session is a run with metrics by turn, each turn a run below it with its tags."""

from datetime import datetime
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Metric, RunTag
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID, MLFLOW_RUN_NAME

from agent.sinks.marks import checkpoint_tags
from agent.sinks.protocol import Event, Facts
from logs.vocabulary import EntryKind

EXPERIMENT = "plimsoll"
RUN, TURN, NEXT = "plimsoll.run", "plimsoll.turn", "plimsoll.next"
MOST_METRICS = 500
"""Metrics and tags of one call, well under MLflow's 1000."""


class ToMlflow:
    """`mlflow ui --backend-store-uri sqlite:///FOLDER/mlflow.db` shows it."""

    def __init__(self, folder: Path) -> None:
        where = folder.resolve()
        # The models of a workspace are its own: nothing is registered here.
        registry = (where / "registry").as_uri()
        self._client = MlflowClient(f"sqlite:///{where}/mlflow.db", registry_uri=registry)
        self._artifacts = (where / "artifacts").as_uri()
        self._turns: dict[int, str] = {}

    def open(self, facts: Facts) -> int:
        """Find the run of this session by its tags, or begin it."""
        found = self._client.get_experiment_by_name(EXPERIMENT)
        self._experiment = (
            found.experiment_id
            if found
            else self._client.create_experiment(EXPERIMENT, self._artifacts)
        )
        self._facts = facts
        run = self._find(f"tags.`{RUN}` = '{facts.run}' AND tags.`plimsoll.turns` = 'all'")
        tags = {
            RUN: facts.run,
            "plimsoll.turns": "all",
            **{f"plimsoll.{name}": value for name, value in facts.model_dump(mode="json").items()},
        }
        self._run = run or self._begin(facts.run, tags)
        self._client.update_run(self._run, status="RUNNING")
        return int(self._client.get_run(self._run).data.tags.get(NEXT, 0))

    def event(self, event: Event) -> None:
        """Numbers to the session and its turn, tags to the turn; the same twice is the same."""
        at = round(datetime.fromisoformat(event.entry.at).timestamp() * 1000)
        metrics = [Metric(name, value, at, event.step) for name, value in event.numbers.items()]
        tags = [RunTag(name, text) for name, text in event.tags.items()]
        if metrics or tags:
            turn = self._turn(event.step)
            for i in range(0, max(len(metrics), 1), MOST_METRICS):
                some = metrics[i : i + MOST_METRICS]
                self._client.log_batch(turn, some, tags=tags if i == 0 else ())
                self._client.log_batch(self._run, some)
        if event.entry.kind is EntryKind.RECORDED:
            self._client.set_terminated(self._turn(event.step), end_time=at)
        self._client.set_tag(self._run, NEXT, str(event.entry.seq + 1))

    def close(self, checkpoint: str) -> None:
        """The checkpoint as tags of the session."""
        for name, text in checkpoint_tags(checkpoint).items():
            self._client.set_tag(self._run, name, text)
        self._client.set_terminated(self._run)

    def _turn(self, step: int) -> str:
        if step not in self._turns:
            mine = f"tags.`{RUN}` = '{self._facts.run}' AND tags.`{TURN}` = '{step}'"
            tags = {RUN: self._facts.run, TURN: str(step), MLFLOW_PARENT_RUN_ID: self._run}
            self._turns[step] = self._find(mine) or self._begin(f"turn {step}", tags)
        return self._turns[step]

    def _find(self, where: str) -> str | None:
        found = self._client.search_runs([self._experiment], where, max_results=1)
        return found[0].info.run_id if found else None

    def _begin(self, name: str, tags: dict[str, str]) -> str:
        run = self._client.create_run(self._experiment, tags={**tags, MLFLOW_RUN_NAME: name})
        return str(run.info.run_id)
