"""The process of one sink: lines of JSON in, one short answer to each; ends with its parent."""

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any, TextIO

from agent.sinks.names import made
from agent.sinks.protocol import Event, Facts, Sink


def main() -> None:
    """`python -P -m agent.sinks.child NAME FOLDER`."""
    name, folder = sys.argv[1], Path(sys.argv[2])
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is no answer
    _end_with(os.getppid())
    try:
        _serve(made(name, folder), sys.stdin, answers)
    except Exception as error:
        _say(answers, {"error": f"{type(error).__name__}: {error}"[:500]})
        raise


def _serve(sink: Sink, lines: TextIO, answers: TextIO) -> None:
    for line in lines:
        asked: dict[str, Any] = json.loads(line)
        if "open" in asked:
            _say(answers, {"since": sink.open(Facts.model_validate(asked["open"]))})
        elif "event" in asked:
            event = Event.model_validate(asked["event"])
            sink.event(event)
            _say(answers, {"took": event.entry.seq})
        else:
            sink.close(asked["close"])
            _say(answers, {"closed": True})
            return


def _say(answers: TextIO, value: dict[str, object]) -> None:
    sys.stdout.flush()  # what a library printed so far: the answer may be the last that we live to
    answers.write(json.dumps(value) + "\n")
    answers.flush()


def _end_with(parent: int) -> None:
    """Leave at once when the session is gone, whatever a library is busy with."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    main()
