"""Speaks as the worker of vLLM does and draws by hashing; fails as the file `fault` tells it to."""

import json
import os
import random
import socket
import sys
import time
from hashlib import sha256
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tools.engines.vllm_worker import Refusal, main

FAULT = Path("fault")
ONCE = ("die", "hang", "memory", "raise")
"""Faults that are gone when they have struck."""


class StandIn:
    """Draws at random from the seed and the prompt, a few tokens at a time."""

    def __init__(self, say):
        self.say, self.in_flight = say, 0

    def open(self, args):
        self.in_flight = args["settings"]["max_num_seqs"]
        return {"settings": args["settings"]}

    def draw(self, args):
        fault = self._fault()
        if fault == "refuse":
            raise Refusal("UsageError", "It does not fit.", "this", "that", "another")
        prompts = [json.loads(line) for line in Path(args["prompts"]).read_text().splitlines()]
        rows = []
        for i, prompt in enumerate(prompts):
            self.say(i, len(prompts), "sampling")
            if i == len(prompts) // 2:
                self._strike(fault)
            rows.append([self._answer(args, i, k, prompt) for k in range(args["samples"])])
            time.sleep(0.002)
        text = "".join(json.dumps(row) + "\n" for row in SPOILT.get(fault, lambda x: x)(rows))
        Path(args["out"]).write_text(text[: len(text) // 2] if fault == "half" else text)
        return {"in_flight": self.in_flight}

    def _answer(self, args, i, k, prompt):
        name = json.dumps([args["seed"], args["adapter"], i, k, prompt]).encode()
        rng = random.Random(sha256(name).digest())
        ids = [rng.randrange(3, 20) for _ in range(rng.randint(0, args["max_new_tokens"] - 1))]
        return [ids, [-rng.random() for _ in range(len(ids) + 1)], True]

    def _fault(self):
        fault = FAULT.read_text() if FAULT.exists() else ""
        if fault in ONCE:
            FAULT.unlink()
        return fault.removeprefix("always ")

    def _strike(self, fault):
        if fault == "die":
            os._exit(9)  # a signal of its own does not reach the first process of a namespace
        if fault == "hang":
            time.sleep(1000)
        if fault == "raise":
            raise KeyError("no such layer")
        if fault == "loopback":
            with socket.create_server(("127.0.0.1", 0)) as server:
                socket.create_connection(server.getsockname(), timeout=5).close()
        if fault == "memory":
            raise MemoryError("all of it is used")


def spoilt(change):
    def spoil(rows):
        change(rows)
        return rows

    return spoil


SPOILT = {
    "fewer prompts": spoilt(lambda rows: rows.pop()),
    "fewer siblings": spoilt(lambda rows: rows[1].pop()),
    "not a number": spoilt(lambda rows: rows[1][0][1].__setitem__(0, float("nan"))),
    "infinite": spoilt(lambda rows: rows[1][0][1].__setitem__(0, float("-inf"))),
    "above zero": spoilt(lambda rows: rows[1][0][1].__setitem__(0, 0.5)),
    "no token of ours": spoilt(lambda rows: rows[1][0].__setitem__(0, [99999])),
    "a word": spoilt(lambda rows: rows[1][0].__setitem__(0, ["well"])),
    "too few numbers": spoilt(lambda rows: rows[1][0][1].pop()),
    "unfinished": spoilt(lambda rows: rows[1][0].__setitem__(slice(1, 3), [[], False])),
    "an object": spoilt(lambda rows: rows.__setitem__(1, {"answers": []})),
}

if __name__ == "__main__":
    main(StandIn, lambda: None)
