"""Waits for a device on a thread of its own, so that a device that hangs holds up nobody who wants to stop."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Grabber(Generic[T]):
    """Calls `grab` on its own thread, once for each `take`, and `release` there in the end."""

    def __init__(self, grab: Callable[[], T], release: Callable[[], None], name: str) -> None:
        self._grab, self._release = grab, release
        self._asked: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._given: queue.SimpleQueue[T | Exception | None] = queue.SimpleQueue()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def take(self, timeout_s: float) -> T | None:
        """What `grab` gives, or raises; None once closed. Raises TimeoutError if it takes too long."""
        if self._closed.is_set():
            return None
        self._asked.put(True)
        try:
            given = self._given.get(timeout=timeout_s)
        except queue.Empty:
            raise TimeoutError(f"no answer for {timeout_s:g} s") from None
        if self._closed.is_set():
            return None
        if isinstance(given, Exception):
            raise given
        return given

    def close(self) -> None:
        """End a waiting `take`, and release the device: now, or when it comes back from where it hangs."""
        if not self._closed.is_set():
            self._closed.set()
            self._given.put(None)
            self._asked.put(False)
        self._thread.join(timeout=0.5)

    def _run(self) -> None:
        try:
            while self._asked.get() and not self._closed.is_set():
                try:
                    self._given.put(self._grab())
                except Exception as error:  # noqa: BLE001 - handed to whoever asked
                    self._given.put(error)
        finally:
            self._release()
