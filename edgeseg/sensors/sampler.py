"""Reads the sensors in a thread of its own, so that whoever needs a value has the newest one at once."""

from __future__ import annotations

import threading
from collections.abc import Callable

from edgeseg.clock import Clock
from edgeseg.facts import Emit, Noted, ignore
from edgeseg.ports import Sensors
from edgeseg.readings import Reading

FAST_S, SLOW_S = 0.5, 2.0
# What is older is of no use: a driver may hang for ever (I2C), and its last word must not be taken for the present.
_OLDEST_S = 5.0


class Sampler:
    """The newest `Reading`, without waiting.

    make: opens the sensors; called in the thread, so that the start does not wait for the board to be looked at.
    fast_s: between two readings. slow_s: between two of the values that change slowly. emit: is told of a fault, in the
    thread.
    """

    def __init__(
        self,
        make: Callable[[], Sensors],
        *,
        clock: Clock,
        emit: Emit = ignore,
        fast_s: float = FAST_S,
        slow_s: float = SLOW_S,
    ) -> None:
        self._make, self._clock, self._emit = make, clock, emit
        self._fast_s, self._slow_s = fast_s, slow_s
        self._lock = threading.Lock()
        self._newest: Reading | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sensors", daemon=True)
        self._thread.start()

    def newest(self) -> Reading:
        """The newest reading; one without values if there is none yet, or none younger than 5 s and two periods."""
        now_s = self._clock.now()
        with self._lock:
            newest = self._newest
        oldest_s = max(_OLDEST_S, 2 * self._fast_s)
        return newest if newest is not None and now_s - newest.at_s <= oldest_s else Reading(now_s)

    def stop(self, wait_s: float = 1.0) -> bool:
        """End the thread; more than once does no harm.

        Returns whether it has ended: a driver may hang for longer than `wait_s`, and the program need not wait.
        """
        self._stopping.set()
        self._thread.join(wait_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            sensors = self._make()
            try:
                self._read_on(sensors)
            finally:
                sensors.close()
        except Exception as error:  # noqa: BLE001 - a bug here must not end what people see
            self._emit(Noted("sensor", f"the sensors are read no more: {type(error).__name__}: {error}"))

    def _read_on(self, sensors: Sensors) -> None:
        slow_due_s = self._clock.now()
        while not self._stopping.is_set():
            now_s = self._clock.now()
            slow = now_s >= slow_due_s
            if slow:
                slow_due_s = now_s + self._slow_s - self._fast_s / 2
            reading = sensors.read(slow)
            with self._lock:
                self._newest = reading
            self._stopping.wait(self._fast_s)
