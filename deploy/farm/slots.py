"""Who may compute on this machine now: emulated devices share its cores, one whose times are judged has it alone."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Slots:
    """So many slots; who waits is served in the order of asking, so that nobody who needs all of them starves."""

    def __init__(self, count: int) -> None:
        self.count = max(1, count)
        self._free = self.count
        self._queue: deque[object] = deque()
        self._changed = threading.Condition()

    @contextmanager
    def taken(self, wanted: int, given_up: Callable[[], bool]) -> Iterator[bool]:
        """Holds `wanted` slots, all if there are fewer; gives False, and holds none, once `given_up` says so."""
        wanted, ticket = min(wanted, self.count), object()
        has = self._wait(wanted, ticket, given_up)
        try:
            yield has
        finally:
            if has:
                with self._changed:
                    self._free += wanted
                    self._changed.notify_all()

    def _wait(self, wanted: int, ticket: object, given_up: Callable[[], bool]) -> bool:
        with self._changed:
            self._queue.append(ticket)
            try:
                while self._queue[0] is not ticket or self._free < wanted:
                    if given_up():
                        return False
                    self._changed.wait(0.2)
                self._free -= wanted
                return True
            finally:
                self._queue.remove(ticket)
                self._changed.notify_all()
