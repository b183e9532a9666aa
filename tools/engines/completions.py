"""Ask a server for completions: token ids in, and whatever of ids and log-probabilities it tells.

    POST {url}/completions {"prompt": [ids], "n": k, "seed": s, "logprobs": 0, ...}

The standard library alone, for vLLM's environment has nothing of ours. Nothing here trusts the
other side: time and bytes are bounded, no redirect is followed, no number is guessed.
"""

import contextlib
import http.client
import json
import re
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn
from urllib.parse import urlsplit

Answer = list[Any]
"""[token ids without the end, or the text, log-probabilities or None, finished]"""
MOST_BYTES = 64 << 20
TOKEN_ID = re.compile(r"token_id:(\d+)")


class Gone(Exception):
    """No answer: nobody there, the connection broke, or time was up."""


class Unreadable(Exception):
    """An answer that is none: half of one, or numbers that are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where completions are asked."""

    url: str
    """The base, for example http://127.0.0.1:8000/v1."""
    key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Said:
    """One response, whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def message(self) -> str:
        """What it says of an error, shortened."""
        with contextlib.suppress(ValueError, AttributeError, TypeError):
            told = json.loads(self.body)
            error = told.get("error", told)
            return str(error.get("message", error) if isinstance(error, dict) else error)[:500]
        return self.body[:500].decode("utf-8", "replace")


def asked(server: Server, method: str, path: str, body: Any = None, *, seconds: float) -> Said:
    """One request, its last byte within `seconds`.

    Raises:
        Gone: nothing whole came back.
    """
    parts = urlsplit(server.url)
    until = time.monotonic() + seconds
    connection = _connection(parts.scheme, parts.hostname or "", parts.port, seconds)
    try:
        connection.connect()
        held = connection.sock
        # A timeout of a socket is one of each byte: this one is of them all.
        timer = threading.Timer(max(0.0, until - time.monotonic()), _shut, [held])
        timer.daemon = True
        timer.start()
        try:
            return _exchanged(connection, server, method, parts.path.rstrip("/") + path, body)
        finally:
            timer.cancel()
    except (OSError, http.client.HTTPException, ValueError) as error:
        how = f"no answer within {seconds:.1f} s" if time.monotonic() >= until else f"{error}"
        raise Gone(f"{type(error).__name__}: {how}") from error
    finally:
        connection.close()


def _exchanged(
    connection: http.client.HTTPConnection, server: Server, method: str, path: str, body: Any
) -> Said:
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    if server.key:
        headers["Authorization"] = f"Bearer {server.key}"
    data = None
    if body is not None:
        headers["Content-Type"] = "application/json"
        data = json.dumps(body).encode()
    connection.request(method, path, data, headers)
    response = connection.getresponse()
    whole = response.read(MOST_BYTES + 1)
    if len(whole) > MOST_BYTES:
        raise ValueError(f"more than {MOST_BYTES >> 20} MiB")
    length = response.headers.get("Content-Length", "")
    if length.isdigit() and len(whole) < int(length):
        raise ValueError(f"{len(whole)} bytes of {length}")
    return Said(response.status, dict(response.headers), whole)


def _connection(
    scheme: str, host: str, port: int | None, seconds: float
) -> http.client.HTTPConnection:
    if scheme == "https":
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(host, port, timeout=seconds, context=context)
    return http.client.HTTPConnection(host, port, timeout=seconds)


def _shut(held: socket.socket | None) -> None:
    with contextlib.suppress(OSError, AttributeError):
        held.shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]


def answers_of(body: bytes, eos: int) -> list[Answer]:
    """The choices of a completion, in the order of their places.

    Raises:
        Unreadable: it is no completion, or has a number that is not finite.
    """
    try:
        told = json.loads(body, parse_constant=_not_finite)
        choices = sorted(told["choices"], key=lambda choice: int(choice["index"]))
        return [_answer(choice, eos) for choice in choices]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unreadable(f"{type(error).__name__}: {error}; {body[:200]!r}") from error


def _answer(choice: dict[str, Any], eos: int) -> Answer:
    finished = choice["finish_reason"] == "stop"
    told = choice.get("logprobs") or {}
    ids = choice.get("token_ids")
    if ids is None:
        ids = _named(told.get("tokens"))
    if ids is None:
        return [str(choice["text"]), None, finished]
    logps = told.get("token_logprobs")
    if eos not in ids:
        # The end was reached and not told: then neither is its probability.
        return [ids, None if finished else logps, finished]
    # A server whose model ends by another token goes on behind ours; the answer does not.
    end = ids.index(eos)
    if logps is not None and len(logps) == len(ids):
        logps = logps[: end + 1]
    return [ids[:end], logps, True]


def _named(tokens: Any) -> list[int] | None:
    """Ids of tokens that are named by them, as vLLM does when it is asked to."""
    found = [TOKEN_ID.fullmatch(str(token)) for token in tokens or ()]
    ids = [int(match[1]) for match in found if match]
    return ids if ids and len(ids) == len(found) else None


def _not_finite(name: str) -> NoReturn:
    raise ValueError(f"{name} where a finite number belongs")
