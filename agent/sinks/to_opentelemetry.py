"""OpenTelemetry: one log event per measurement, to a local file of JSON lines.

The event is that of the semantic conventions for generative systems, which are in development:
their names stand here once, and nowhere else.
"""

from datetime import datetime
from pathlib import Path

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider, ReadableLogRecord
from opentelemetry.sdk._logs.export import ConsoleLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource

from agent.sinks.marks import Mark, checkpoint_tags
from agent.sinks.protocol import Event, Facts
from logs.vocabulary import EntryKind, Measurement

SCHEMA = "https://opentelemetry.io/schemas/1.38.0"
"""The version of the conventions that these names are of."""
EVALUATION = "gen_ai.evaluation.result"
NAME, VALUE, LABEL, EXPLANATION = (
    "gen_ai.evaluation.name",
    "gen_ai.evaluation.score.value",
    "gen_ai.evaluation.score.label",
    "gen_ai.evaluation.explanation",
)
DECISION = "plimsoll.entry"
"""Every other entry that has tags; no convention knows them."""


class ToOpenTelemetry:
    """Appends to `RUN.otel.jsonl`; `plimsoll.entry` says which entry a line is of."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self, facts: Facts) -> int:
        """Go on behind what was flushed last."""
        self._mark = Mark(self._folder, facts)
        self._next = self._mark.read()
        path = self._folder / f"{facts.run}.otel.jsonl"
        self._file = path.open("a" if self._next else "w", encoding="utf-8")
        about = {"service.name": "plimsoll", "service.version": facts.version}
        about |= {"plimsoll.session": facts.session, "plimsoll.log.origin": facts.origin}
        self._provider = LoggerProvider(Resource(about, SCHEMA), shutdown_on_exit=False)
        exporter = ConsoleLogRecordExporter(self._file, _line)
        self._provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
        self._logger = self._provider.get_logger("plimsoll", facts.version, SCHEMA)
        return self._next

    def event(self, event: Event) -> None:
        """A result for each measurement; else the tags, if there are any."""
        entry = event.entry
        for row in entry.body.get("measurements", ()):
            m = Measurement.model_validate(row)
            found = {NAME: f"{m.instrument} {m.of}".strip(), LABEL: m.status.value}
            if m.estimate is not None:
                found[EXPLANATION] = f"n={m.n}, level {m.level:.6g}, {m.guarantee.value}"
            self._emit(event, EVALUATION, found, m.estimate)
        if event.tags:
            tags = {f"plimsoll.{name}": text for name, text in event.tags.items()}
            self._emit(event, DECISION, tags, None)
        self._next = entry.seq + 1
        if entry.kind is EntryKind.RECORDED:
            self._mark.write(self._next)

    def close(self, checkpoint: str) -> None:
        """The checkpoint as a last event and beside the file."""
        if self._next != self._mark.read() or not self._next:
            record = LogRecord(
                event_name="plimsoll.checkpoint", attributes=dict(checkpoint_tags(checkpoint))
            )
            self._logger.emit(record)
        self._provider.shutdown()
        self._mark.write(self._next, checkpoint)

    def _emit(self, event: Event, name: str, found: dict[str, str], value: float | None) -> None:
        at = round(datetime.fromisoformat(event.entry.at).timestamp() * 1e9)
        attributes: dict[str, str | float | int] = {
            **found,
            "plimsoll.entry": event.entry.seq,
            "plimsoll.turn": event.step,
        }
        if value is not None:
            attributes[VALUE] = value
        self._logger.emit(
            LogRecord(
                timestamp=at,
                severity_number=SeverityNumber.INFO,
                body=event.says,
                attributes=attributes,
                event_name=name,
            )
        )


def _line(record: ReadableLogRecord) -> str:
    return str(record.to_json(indent=None)) + "\n"
