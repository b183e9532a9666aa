"""TensorBoard: one scalar per measurement and turn, and the checkpoint as text."""

from datetime import datetime
from pathlib import Path

from tensorboardX import SummaryWriter

from agent.sinks.marks import Mark
from agent.sinks.protocol import Event, Facts
from logs.vocabulary import EntryKind


class ToTensorBoard:
    """`tensorboard --logdir FOLDER` shows it; a run is a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self, facts: Facts) -> int:
        """Go on behind what was flushed last."""
        self._mark = Mark(self._folder, facts)
        self._next = self._mark.read()
        self._writer = SummaryWriter(str(self._folder / facts.run))
        return self._next

    def event(self, event: Event) -> None:
        """Scalars, at the time at which they were logged."""
        at = datetime.fromisoformat(event.entry.at).timestamp()
        for name, value in event.numbers.items():
            self._writer.add_scalar(name, value, event.step, walltime=at)
        for name, text in event.tags.items():
            self._writer.add_text(name, text, event.step, walltime=at)
        self._next = event.entry.seq + 1
        if event.entry.kind is EntryKind.RECORDED:
            self._flush()

    def close(self, checkpoint: str) -> None:
        """Keep the checkpoint as text, and beside the run."""
        if self._next != self._mark.read() or self._next == 0:
            self._writer.add_text("plimsoll.log", checkpoint.replace("\n", "  \n"))
        self._flush(checkpoint)
        self._writer.close()

    def _flush(self, checkpoint: str = "") -> None:
        self._writer.flush()
        self._mark.write(self._next, checkpoint)
