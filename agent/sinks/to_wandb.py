"""Weights & Biases, offline: a run in files, looked at with `wandb leet`; nothing is uploaded."""

from pathlib import Path

import wandb

from agent.sinks.marks import Mark, checkpoint_tags
from agent.sinks.protocol import Event, Facts

PROJECT = "plimsoll"


class ToWandb:
    """An offline run for each stretch of the log; `wandb sync` joins them by their id."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self, facts: Facts) -> int:
        """Go on behind what a finished run took."""
        self._mark = Mark(self._folder, facts)
        self._next = self._since = self._mark.read()
        self._run = wandb.init(
            project=PROJECT,
            name=facts.run,
            id=facts.run,
            dir=str(self._folder),
            config=facts.model_dump(mode="json"),
            mode="offline",
            resume="allow",
        )
        self._run.define_metric("*", step_metric="turn")
        return self._next

    def event(self, event: Event) -> None:
        """Numbers by turn; tags in the summary of the run."""
        if event.numbers:
            self._run.log({**event.numbers, "turn": event.step})
        for name, text in event.tags.items():
            self._run.summary[name] = text
        self._next = event.entry.seq + 1

    def close(self, checkpoint: str) -> None:
        """The checkpoint in the configuration of the run."""
        self._run.config.update(checkpoint_tags(checkpoint), allow_val_change=True)
        self._run.finish()
        self._mark.write(self._next, checkpoint)
