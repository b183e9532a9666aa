"""Does asking judges over HTTP keep a server busy? Judgements per second, beside a bare generator.

    python -m benchmarks.http_judging --out benchmarks/results/http_judging.json

A server of its own process answers every question after a fixed time, as a model would, however
many are open. In turn, the judging of a session (questions, cache, reading, scores) and a bare
loop of the same HTTP library with ready-made bodies ask it as many questions, so many at once. The
share of the second that the first reaches is the share of the server that a session can use.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import httpx2

import plimsoll  # noqa: F401  puts this checkout first on the path
from logs.vocabulary import Constitution, Principle, PrincipleTier
from tools.chat import Endpoint, client_of
from tools.remote.cache import Cache
from tools.remote.judging import Remote, judge_groups
from tools.remote.spec import Spec
from tools.remote.templates import template_of

ANSWER = json.dumps(
    {
        "choices": [{"message": {"content": '{"rating": 7}'}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 300, "completion_tokens": 8},
    }
).encode()
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
WORDS = " ".join(["an answer of some thirty words as a small model would write it"] * 3)
RULES = Constitution(
    version=1,
    principles=(
        Principle(id="p", text="Be right.", weight="1", tier=PrincipleTier.CORE),  # type: ignore[arg-type]
    ),
)
SETTINGS = ((8, 0.1), (16, 0.05), (32, 0.05), (64, 0.2))
"""(questions open at once, seconds of an answer)."""


async def _serve(port: int, seconds: float) -> None:
    """Answer every request after so many seconds; nothing is read but where it ends."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = head.lower().split(b"content-length:")[1].split(b"\r\n")[0]
                await reader.readexactly(int(length))
                await asyncio.sleep(seconds)
                writer.write(HEAD % len(ANSWER) + ANSWER)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", port, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def serving(seconds: float) -> Iterator[str]:
    """The base of a server in a process of its own."""
    words = [sys.executable, "-m", "benchmarks.http_judging", "--serve", str(seconds)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
        finally:
            process.kill()


def a_judge(url: str, at_once: int) -> Remote:
    """A pointwise judge at that server."""
    spec = Spec(
        model="m",
        profile="vllm",
        template=template_of("pointwise-v1", Path()),
        temperature=0.0,
        max_tokens=64,
        seed=0,
        opponents=2,
        disagreement="tie",
    )
    return Remote("critic", spec, "d" * 64, Endpoint(url=url, model="m"), at_once)


def groups_of(n: int, mark: str) -> list[dict[str, Any]]:
    """Groups of four sibling answers, n answers in all, each with words of its own."""
    answers = [[f"{WORDS} {mark} {i}"] for i in range(n)]
    return [{"prompt": f"question {i}", "answers": answers[i : i + 4]} for i in range(0, n, 4)]


def ours(judge: Remote, n: int, mark: str, folder: Path) -> tuple[float, float]:
    """(judgements per second, CPU-seconds) of a session's judging."""
    groups = groups_of(n, mark)
    began, cpu = time.perf_counter(), time.process_time()
    with Cache(folder / "cache.sqlite") as cache:
        judged = judge_groups(judge, groups, RULES, cache, lambda *_: None)
    took, used = time.perf_counter() - began, time.process_time() - cpu
    assert judged.usage.calls == n and not any(row["errors"] for row in judged.rows)
    return n / took, used


def bare(judge: Remote, n: int, mark: str) -> tuple[float, float]:
    """(answers per second, CPU-seconds) of a loop that posts bodies and reads the answers."""
    spec = judge.spec
    bodies = [
        json.dumps(
            spec.body(spec.messages(RULES, {"question": g["prompt"], "answer": a[0]}), schema=True)
        ).encode()
        for g in groups_of(n, mark)
        for a in g["answers"]
    ]
    began, cpu = time.perf_counter(), time.process_time()
    asyncio.run(_post_all(judge, bodies))
    return n / (time.perf_counter() - began), time.process_time() - cpu


async def _post_all(judge: Remote, bodies: list[bytes]) -> None:
    left = iter(bodies)
    url, plain = f"{judge.endpoint.url}/chat/completions", {"Content-Type": "application/json"}
    async with client_of(judge.endpoint, at_once=judge.at_once) as client:

        async def work() -> None:
            for body in left:
                await _post(client, url, body, plain)

        await asyncio.gather(*(work() for _ in range(judge.at_once)))


async def _post(client: httpx2.AsyncClient, url: str, body: bytes, plain: dict[str, str]) -> None:
    response = await client.post(url, content=body, headers=plain)
    assert response.status_code == 200 and response.json()["choices"]


def measured(at_once: int, seconds: float, repeats: int) -> dict[str, Any]:
    """Both against one server, in alternation; medians."""
    n = max(200, int(4 * at_once / seconds)) // 4 * 4
    told: dict[str, list[tuple[float, float]]] = {"ours": [], "bare": []}
    with serving(seconds) as url, tempfile.TemporaryDirectory() as folder:
        judge = a_judge(url, at_once)
        ours(judge, 40, "warm", Path(folder))
        for i in range(repeats):
            told["bare"].append(bare(judge, n, f"bare {i}"))
            told["ours"].append(ours(judge, n, f"ours {i}", Path(folder)))
    rate = {who: median(r for r, _ in rows) for who, rows in told.items()}
    shares = [o / b for (o, _), (b, _) in zip(told["ours"], told["bare"], strict=True)]
    return {
        "at_once": at_once,
        "seconds_per_answer": seconds,
        "questions": n,
        "most_per_second": at_once / seconds,
        "ours_per_second": round(rate["ours"], 1),
        "bare_per_second": round(rate["bare"], 1),
        "share": round(median(shares), 3),
        "shares": [round(share, 3) for share in shares],
        "ours_cpu_ms": round(1000 * median(c for _, c in told["ours"]) / n, 3),
        "bare_cpu_ms": round(1000 * median(c for _, c in told["bare"]) / n, 3),
    }


def main() -> None:
    """Measure every setting, print and write them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument(
        "--serve", type=float, help="be the server, with so many seconds a question"
    )
    given = parser.parse_args()
    if given.serve is not None:
        asyncio.run(_serve(0, given.serve))
        return
    load = os.getloadavg()[0]
    rows = [measured(*setting, repeats=given.repeats) for setting in SETTINGS]
    for row in rows:
        print(json.dumps(row))
    if given.out:
        told = {"cores": os.cpu_count(), "load_before": round(load, 2), "settings": rows}
        given.out.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
