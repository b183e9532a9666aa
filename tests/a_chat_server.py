"""A small OpenAI-compatible server on this machine, which behaves as a test wants it to.

A behaviour is what it does with one request; a list of them is gone through, the last one stays.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODEL = "test-model"
TOKENS = {"prompt_tokens": 900, "completion_tokens": 60, "total_tokens": 960}


@dataclass
class Asked:
    """One request as it came."""

    path: str
    headers: Mapping[str, str]
    raw: bytes
    at: float = field(default_factory=time.monotonic)

    @property
    def body(self) -> dict[str, Any]:
        """What was posted."""
        return json.loads(self.raw)

    @property
    def data(self) -> dict[str, Any]:
        """The measurements that the model was shown."""
        return json.loads(self.body["messages"][1]["content"])

    def menu(self, intervention: str) -> dict[str, Any]:
        """What may be chosen of one kind."""
        return next(i for i in self.data["menu"] if i["intervention"] == intervention)


class Handler(BaseHTTPRequestHandler):
    """Notes each request, then behaves."""

    server: "Server"
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """The list of models."""
        self.note(b"")
        if self.server.lists is None:
            return self.answer(404, b"{}")
        return self.answer(200, json.dumps(self.server.lists).encode())

    def do_POST(self) -> None:
        """A chat completion."""
        asked = self.note(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.next_behaviour()(self, asked)

    def note(self, raw: bytes) -> Asked:
        """Remember it."""
        asked = Asked(self.path, dict(self.headers), raw)
        self.server.asked.append(asked)
        return asked

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        """A whole response; a client that has left is no fault."""
        try:
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""


Behaviour = Callable[[Handler, Asked], None]


class Server(ThreadingHTTPServer):
    """Answers on a free port of the loopback interface."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(
        self, behaviours: Sequence[Behaviour], port: int = 0, handler: type[Handler] = Handler
    ) -> None:
        super().__init__(("127.0.0.1", port), handler)
        self.behaviours = list(behaviours)
        self.asked: list[Asked] = []
        self.over = threading.Event()
        self.lists: Any = {"object": "list", "data": [{"id": MODEL, "object": "model"}]}

    @property
    def url(self) -> str:
        """Its base."""
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    @property
    def questions(self) -> list[Asked]:
        """Requests for a completion."""
        return [asked for asked in self.asked if asked.raw]

    def next_behaviour(self) -> Behaviour:
        """The next one; the last one stays."""
        return self.behaviours.pop(0) if len(self.behaviours) > 1 else self.behaviours[0]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is what some tests want."""


@contextmanager
def a_server(*behaviours: Behaviour) -> Iterator[Server]:
    """A server that runs while the test does."""
    server = Server(behaviours)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        server.server_close()
        thread.join(5)


# --- what it may do ----------------------------------------------------------------


def completion(text: str | None, finish: str = "stop", **message: Any) -> bytes:
    """The body of a chat completion."""
    said = {"role": "assistant", "content": text, **message}
    choice = {"index": 0, "message": said, "finish_reason": finish}
    whole = {"object": "chat.completion", "model": MODEL, "choices": [choice], "usage": TOKENS}
    return json.dumps(whole).encode()


def says(text: str | None, finish: str = "stop", **message: Any) -> Behaviour:
    """Answer with this text."""
    return lambda handler, _: handler.answer(200, completion(text, finish, **message))


def reply(intervention: str, arguments: Mapping[str, Any] | None = None, **fields: Any) -> str:
    """An answer of the agreed form."""
    form = {
        "intervention": intervention,
        "arguments": dict(arguments or {}),
        "because": "the judges are believed and siblings still differ",
        "prediction": {"metric": "judge_score", "low": 0.1, "high": 0.9},
        "confidence": 0.7,
    }
    return json.dumps(form | fields)


def chooses(
    intervention: str, arguments: Mapping[str, Any] | None = None, **fields: Any
) -> Behaviour:
    """Answer well."""
    return says(reply(intervention, arguments, **fields))


def status(code: int, body: bytes = b"{}", **headers: str) -> Behaviour:
    """Answer with an error."""
    return lambda handler, _: handler.answer(code, body, **headers)


def hangs(handler: Handler, _: Asked) -> None:
    """Never answer."""
    handler.server.over.wait(60)
    handler.close_connection = True


def drips(handler: Handler, _: Asked) -> None:
    """Send one byte of a header after the other."""
    for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"a" * 600:
        try:
            handler.wfile.write(bytes([byte]))
            handler.wfile.flush()
        except OSError:
            break
        if handler.server.over.wait(0.1):
            break
    handler.close_connection = True


def drops(handler: Handler, _: Asked) -> None:
    """Close the connection without a word."""
    handler.close_connection = True
    handler.connection.close()


def floods(handler: Handler, _: Asked) -> None:
    """Ten megabytes."""
    handler.answer(200, completion("a" * 10_000_000))


def echoes(handler: Handler, asked: Asked) -> None:
    """Say what was said."""
    handler.answer(200, completion(asked.body["messages"][1]["content"]))


def knows_no_schema(then: Behaviour) -> Behaviour:
    """A server that never heard of `response_format`."""

    def behave(handler: Handler, asked: Asked) -> None:
        if "response_format" in asked.body:
            said = b'{"error": {"message": "unknown field response_format"}}'
            return handler.answer(400, said)
        return then(handler, asked)

    return behave


def speaks(folder: str) -> Behaviour:
    """Really run a language model: what it says to the end of the prompt, whatever that is."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder).eval()

    def behave(handler: Handler, asked: Asked) -> None:
        said = " ".join(m["content"] for m in asked.body["messages"])
        ids = tokenizer(said, return_tensors="pt").input_ids[:, -64:]
        with torch.no_grad():
            made = model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                do_sample=False,
                min_new_tokens=8,
                max_new_tokens=40,
                suppress_tokens=tokenizer.all_special_ids,
            )
        text = tokenizer.decode(made[0, ids.shape[1] :], skip_special_tokens=True)
        handler.answer(200, completion(text))

    return behave
