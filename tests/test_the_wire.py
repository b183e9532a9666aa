"""The wire and the watch: lines of bounded length, and processes found by their mark."""

import os
import signal
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logs.errors import WallError
from sandbox import watch
from sandbox.wire import MESSAGE_BYTES, Lines, decode, encode
from tests.wall_rig import soon

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)  # fmt: skip


class TestTheWire:
    @given(st.lists(st.dictionaries(st.text(), json_values), max_size=3), st.integers(1, 50))
    @settings(max_examples=40)
    def test_gives_back_each_line_however_it_was_cut(self, messages, piece):
        lines = [encode(message) for message in messages]
        assert not any(b"\n" in line for line in lines)
        stream = b"".join(line + b"\n" for line in lines)
        reader, found = Lines(), []
        for start in range(0, len(stream), piece):
            reader.feed(stream[start : start + piece])
            while (line := reader.next()) is not None:
                found.append(line)
        assert found == lines
        assert [decode(line) for line in found] == messages

    @pytest.mark.parametrize("value", [float("nan"), float("inf"), b"bytes", {1, 2}, object()])
    def test_lets_nothing_through_but_json(self, value):
        with pytest.raises(WallError, match="Only JSON"):
            encode({"value": value})

    @pytest.mark.parametrize("line", [b"", b"[1]", b"{", b'{"a":NaN}', b"\xff", b"[" * 100_000])
    def test_refuses_what_is_no_message(self, line):
        with pytest.raises(WallError, match="no message"):
            decode(line)

    def test_refuses_a_line_without_end(self):
        reader = Lines()
        reader.feed(b"x" * (MESSAGE_BYTES + 2))
        with pytest.raises(WallError, match="longer than the wall"):
            reader.next()


class TestWatching:
    def test_finds_a_process_by_its_mark_even_when_it_is_an_orphan(self):
        mark = f"PLIMSOLL_WALL=test-{os.getpid()}"
        shell = ["/bin/sh", "-c", "sleep 86404 & exec sleep 86404"]
        first = subprocess.Popen(shell, env=dict([mark.split("=")]) | {"PATH": "/usr/bin:/bin"})
        assert soon(lambda: len(watch.marked(mark)) == 2)
        first.kill()
        first.wait()
        (left,) = watch.marked(mark)
        os.kill(left, signal.SIGKILL)
        assert soon(lambda: watch.marked(mark) == ())
