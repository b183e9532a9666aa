"""Threads that work through a list side by side, none of which keeps the process from ending."""

import contextlib
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

T = TypeVar("T")


class Crew(Generic[T]):
    """Does `work` on each place below `of`; the threads of a pool would be waited for at exit."""

    def __init__(self, work: Callable[[int], T], of: int, threads: int) -> None:
        self._work = work
        self._todo: SimpleQueue[int] = SimpleQueue()
        self._done: SimpleQueue[tuple[int, T | None, BaseException | None]] = SimpleQueue()
        for place in range(of):
            self._todo.put(place)
        for _ in range(min(threads, of)):
            threading.Thread(target=self._run, daemon=True).start()

    def done(self, seconds: float) -> dict[int, T]:
        """What was done since this was asked last, by place; waits so long for the first of it.

        Raises:
            BaseException: what the work on a place raised.
        """
        found: dict[int, T] = {}
        with contextlib.suppress(Empty):
            while True:
                place, made, error = self._done.get(timeout=0.0 if found else seconds)
                if error is not None:
                    raise error
                found[place] = made  # type: ignore[assignment]
        return found

    def stop(self) -> None:
        """Begin no other place."""
        with contextlib.suppress(Empty):
            while True:
                self._todo.get_nowait()

    def _run(self) -> None:
        with contextlib.suppress(Empty):
            while True:
                place = self._todo.get_nowait()
                try:
                    self._done.put((place, self._work(place), None))
                except BaseException as error:
                    self._done.put((place, None, error))
