"""Sensors without a board: they keep the port's contract, have levers, and remember what was done to them."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from edgeseg.clock import Clock
from edgeseg.readings import Reading, Temperature

# Those that are read only with `slow`, as SystemSensors does it.
SLOW = frozenset({"core_volts", "battery_percent", "on_battery", "clock_share", "clock_cap_share"})


class FakeSensors:
    """Values that a test sets.

    hang: an event that `read` waits for, as a driver may do; None for none. history: "read", "read slow", "close".
    """

    def __init__(self, clock: Clock, **values: Any) -> None:
        self._clock = clock
        self._now = Reading(clock.now())
        self._slow_shown = Reading(clock.now())
        self._closed = False
        self.hang: Any = None
        self.history: list[str] = []
        self.set(**values)

    def set(self, **values: Any) -> None:
        """From now on a sensor says this; None: nothing. `temp_c` makes a zone of the chip unless `temps` is given.

        Raises AssertionError for a name that no reading has.
        """
        known = {field.name for field in fields(Reading)} - {"at_s", "slow_at_s"}
        assert values.keys() <= known, f"no such value: {sorted(values.keys() - known)}"
        if "temp_c" in values and "temps" not in values:
            values["temps"] = (Temperature("cpu", values["temp_c"], True),)
        self._now = replace(self._now, **values)

    def read(self, slow: bool = True) -> Reading:
        """See `Sensors.read`."""
        self.history.append("read slow" if slow else "read")
        if self.hang is not None:
            self.hang.wait()
        now_s = self._clock.now()
        if self._closed:
            return Reading(now_s)
        if slow:
            self._slow_shown = replace(self._now, at_s=now_s, slow_at_s=now_s)
            return self._slow_shown
        kept = {name: getattr(self._slow_shown, name) for name in (*SLOW, "slow_at_s")}
        return replace(self._now, at_s=now_s, **kept)

    def close(self) -> None:
        """See `Sensors.close`."""
        if not self._closed:
            self.history.append("close")
        self._closed = True
