"""What a server of completions may do with a request: draw by hashing, and lack or spoil things.

Behaviours for `tests.a_chat_server`; run as a program it stands in for a vLLM server:

    python tests/a_completion_server.py PORT
"""

import json
import os
import random
import signal
import sys
import threading
import time
from hashlib import sha256
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests import a_chat_server
from tests.a_chat_server import Asked, Behaviour, Handler, a_server

EOS = 2
FURTHER = ("return_token_ids", "return_tokens_as_token_ids", "skip_special_tokens", "top_k")


def choices(body, adapters=()):
    """Siblings that follow from model, prompt and seed."""
    name = json.dumps([body["model"], body["prompt"], body.get("seed")]).encode()
    rng = random.Random(sha256(name).digest())
    return [choice(rng, k, body["max_tokens"]) for k in range(body["n"])]


def choice(rng, index, most):
    ids = [*(rng.randrange(3, 20) for _ in range(rng.randint(0, most - 1))), EOS]
    return {
        "index": index,
        "text": " ".join(f"w{i}" for i in ids[:-1]),
        "finish_reason": "stop",
        "token_ids": ids,
        "logprobs": {
            "tokens": [f"token_id:{i}" for i in ids],
            "token_logprobs": [-rng.random() for _ in ids],
        },
    }


def completes(spoil=lambda choice: choice, lacks=(), lora=200, slow=0.0) -> Behaviour:
    """Draw; refuse requests with these fields; answer `lora` where an adapter is to be loaded."""

    def behave(handler: Handler, asked: Asked) -> None:
        body = asked.body
        if asked.path.endswith("/load_lora_adapter"):
            said = {"error": {"message": f"adapter {body['lora_name']}: {lora}"}}
            return handler.answer(lora, json.dumps(said).encode())
        if unknown := [name for name in lacks if name in body]:
            said = {"error": {"message": f"unknown fields {unknown}"}}
            return handler.answer(400, json.dumps(said).encode())
        time.sleep(slow)
        return handler.answer(200, json.dumps({"choices": spoilt(body, spoil)}).encode())

    return behave


def spoilt(body, spoil):
    """The siblings as this server tells them; one that is None is left out."""
    return [said for said in map(spoil, choices(body)) if said is not None]


def without(*names):
    """Tell nothing of these."""
    return lambda choice: {k: v for k, v in choice.items() if k not in names}


class Program(a_chat_server.Handler):
    """Is healthy, and ends when it is told to."""

    def do_GET(self) -> None:
        """Its health."""
        self.answer(200, b"{}")


def serve(port: int) -> None:
    """Stand in for a vLLM server: strict about its key, a few milliseconds for each prompt."""
    one_by_one = threading.Lock()

    def keyed(handler: Handler, asked: Asked) -> None:
        if asked.headers.get("Authorization") != f"Bearer {os.environ['VLLM_API_KEY']}":
            return handler.answer(401, b"{}")
        fault = Path("fault").read_text() if Path("fault").exists() else ""
        if fault == "stranger":
            return handler.answer(401, b"{}")
        lora = 400 if fault == "adapter" else 200
        with one_by_one:  # else all are drawn before anybody can strike in between
            return completes(slow=0.02, lora=lora)(handler, asked)

    server = a_chat_server.Server([keyed], port=port, handler=Program)

    def end(*_: object) -> None:
        Path("ended").write_text("gracefully")
        os._exit(0)

    signal.signal(signal.SIGTERM, end)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    threading.Event().wait()


__all__ = ["EOS", "FURTHER", "a_server", "choices", "completes", "without"]

if __name__ == "__main__":
    serve(int(sys.argv[1]))
