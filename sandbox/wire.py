"""The only thing that crosses the wall: JSON, one object a line, of bounded length."""

import contextlib
import json
import socket
import struct
import time
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, TypeAlias

from logs.errors import WallError

JSON: TypeAlias = "Mapping[str, JSON] | Sequence[JSON] | str | int | float | bool | None"

MESSAGE_BYTES = 8 << 20
"""Longest message in either direction; larger outputs are files in the scratch folder."""

FROM_JOB = b"J"
FROM_ZYGOTE = b"Z"
"""First byte of each line to the parent, so that no job can speak for the fork server."""

_CREDENTIALS = struct.Struct("3i")


def encode(message: Mapping[str, object]) -> bytes:
    """One line, without its newline.

    Raises:
        WallError: not JSON (NaN and infinity are not), or longer than MESSAGE_BYTES.
    """
    try:
        line = json.dumps(message, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise WallError(
            "Only JSON crosses the wall.",
            saw=f"{type(error).__name__}: {error}",
            wanted="dicts with text keys, lists, text, finite numbers, true, false, null",
            try_this="write anything else to a file in the scratch folder",
        ) from error
    if len(line) > MESSAGE_BYTES:
        raise too_long(len(line))
    return line


def decode(line: bytes) -> dict[str, Any]:
    """Read one line back; the other side is not trusted to have written it well.

    Raises:
        WallError: not a JSON object.
    """
    try:
        message = json.loads(line, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise not_understood(line, f"{type(error).__name__}: {error}") from error
    if not isinstance(message, dict):
        raise not_understood(line, type(message).__name__)
    return message


def not_understood(line: bytes, why: str) -> WallError:
    """The refusal of a line that is no message of the protocol."""
    return WallError(
        "What came through the wall is no message.",
        saw=f"{line[:80]!r}: {why}",
        wanted="what the fork server and its jobs send",
        try_this="find the job that writes to file descriptors that are not its own",
    )


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def too_long(size: int) -> WallError:
    """The refusal of a message that is longer than the wall lets through."""
    return WallError(
        "A message is longer than the wall lets through.",
        saw=f"{size} bytes or more",
        wanted=f"at most {MESSAGE_BYTES} bytes",
        try_this="write large outputs to files in the scratch folder",
    )


class Lines:
    """Bytes in, complete lines out; what has no newline within the limit is refused."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0

    def feed(self, data: bytes) -> None:
        """Add what was read."""
        self._buffer += data

    def next(self) -> bytes | None:
        """Take the next complete line, without its newline; None when there is none yet.

        Raises:
            WallError: the line is longer than MESSAGE_BYTES.
        """
        end = self._buffer.find(b"\n", self._searched)
        if end < 0:
            self._searched = len(self._buffer)
            if self._searched > MESSAGE_BYTES + 1:
                raise too_long(self._searched)
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        self._searched = 0
        return line


class Channel:
    """The parent's end of the socket to the fork server."""

    def __init__(self, end: socket.socket) -> None:
        # The kernel adds the sender's process id, translated to our namespace.
        end.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._socket = end
        self._lines = Lines()
        self.peer: int | None = None
        """Process id of the fork server as seen from here, once it has spoken."""

    def send(self, line: bytes, *, until: float) -> None:
        """Send one line before the monotonic time `until`.

        Raises:
            TimeoutError, OSError: the other side does not read, or is gone.
        """
        self._socket.settimeout(_left(until))
        self._socket.sendall(line + b"\n")

    def receive(self, *, until: float) -> bytes | None:
        """Return the next line, or None when the other side is gone.

        Raises:
            TimeoutError: nothing came before the monotonic time `until`.
            WallError: the line is too long.
        """
        while (line := self._lines.next()) is None:
            self._socket.settimeout(_left(until))
            try:
                data, extra, _, _ = self._socket.recvmsg(1 << 16, socket.CMSG_SPACE(12))
            except TimeoutError:
                raise
            except OSError:
                return None
            if not data:
                return None
            for level, kind, value in extra:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
                    self.peer = _CREDENTIALS.unpack(value[: _CREDENTIALS.size])[0]
            self._lines.feed(data)
        return line

    def close(self) -> None:
        """Hang up; the fork server takes that as its end."""
        with contextlib.suppress(OSError):
            # Wakes a thread that waits here; closing alone would not.
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
