"""What the board takes, and what its battery has left."""

from __future__ import annotations

from typing import NamedTuple

from edgeseg.probe.power import Rail
from edgeseg.readings import RailPower
from edgeseg.sensors.belief import CHARGE, POWER, RAIL, Beliefs
from edgeseg.sensors.found import Counters, Found
from edgeseg.sensors.small_file import Files, SmallFile

# A counter's difference over less is mostly the grain of its own steps (1 ms, Intel SDM 3B, 14.10) and of our timing.
_LEAST_SPAN_S = 0.2
# Over more it may have wrapped around more than once: 262 kJ at 65 W are more than an hour.
_MOST_SPAN_S = 600.0


class Supplies(NamedTuple):
    """See `Reading`; discharge_w: what the batteries give."""

    battery_percent: float | None
    on_battery: bool | None
    discharge_w: float | None


class _Measured:
    """A rail: a file of power, or of volts and of amperes."""

    def __init__(self, rail: Rail, files: Files) -> None:
        self.name = rail.name
        self._volts, self._amps, self._watts = (
            files.expected(path) if path else None for path in (rail.volts, rail.amps, rail.watts)
        )
        self._per_watt = rail.per_watt

    def watts(self) -> float | None:
        watts = self._watts.scaled(self._per_watt) if self._watts else None
        if watts is not None or self._volts is None or self._amps is None:
            return watts
        volts, amps = self._volts.scaled(1e3), self._amps.scaled(1e3)
        return None if volts is None or amps is None else volts * amps


class _Counted:
    """A counter of energy, and where it stood."""

    def __init__(self, counters: Counters, files: Files) -> None:
        self.name, self._file, self._most_uj = counters.name, files.expected(counters.path), counters.most_uj
        self._uj: int | None = None
        self._at_s = 0.0
        self._watts: float | None = None

    def watts(self, now_s: float) -> float | None:
        """Mean since the reading before, or the one before that if this is too soon after it."""
        uj = self._file.number()
        if uj is None or uj < 0:
            self._uj = self._watts = None
            return None
        span_s = now_s - self._at_s
        if self._uj is not None and 0 <= span_s < _LEAST_SPAN_S:
            return self._watts
        self._watts = None
        if self._uj is not None and 0 < span_s <= _MOST_SPAN_S:
            spent = uj - self._uj if uj >= self._uj else uj - self._uj + self._most_uj
            self._watts = spent / 1e6 / span_s if spent >= 0 and (self._most_uj or uj >= self._uj) else None
        self._uj, self._at_s = uj, now_s
        return self._watts


class _Supply:
    """One folder of /sys/class/power_supply."""

    def __init__(self, folder: str, files: Files) -> None:
        names = ("scope", "online", "status", "capacity", "power_now", "voltage_now", "current_now")
        self._files: dict[str, SmallFile] = {name: files.maybe(f"{folder}/{name}") for name in names}
        self._files["type"] = files.expected(f"{folder}/type")
        self.is_battery = self.word("type") == "Battery"
        self.is_ours = self.word("scope") != "Device"  # not a mouse's or headset's

    def word(self, name: str) -> str | None:
        data = self._files[name].read()
        return None if data is None else data.strip().decode("ascii", "replace")

    def number(self, name: str) -> int | None:
        return self._files[name].number()

    def watts(self) -> float | None:
        """What it gives or takes; drivers differ in the sign."""
        power = self.number("power_now")
        if power is not None:
            return abs(power) / 1e6
        volts, amps = self.number("voltage_now"), self.number("current_now")
        return None if volts is None or amps is None else abs(volts * amps) / 1e12


class Power:
    """What is read of it."""

    def __init__(self, found: Found, files: Files) -> None:
        self._rails = [_Measured(rail, files) for rail in found.rails]
        self._board = set(found.board)
        self._packages = [_Counted(counters, files) for counters in found.packages]
        supplies = [_Supply(folder, files) for folder in found.supplies]
        self._supplies = [supply for supply in supplies if supply.is_ours]

    def rails(self, beliefs: Beliefs, now_s: float, load: float | None) -> tuple[RailPower, ...]:
        """Each rail; what is not believed is None."""
        return tuple(
            RailPower(
                rail.name,
                beliefs.judge(
                    f"power of {rail.name}", POWER if rail.name in self._board else RAIL, rail.watts(), now_s, load
                ),
            )
            for rail in self._rails
        )

    def board(self, rails: tuple[RailPower, ...]) -> float | None:
        """Of the rail that feeds the board."""
        return next((rail.watts for rail in rails if rail.name in self._board and rail.watts is not None), None)

    def package(self, beliefs: Beliefs, now_s: float, load: float | None) -> float | None:
        """Of all packages; None if one is not known."""
        if not self._packages:
            return None
        watts = [
            beliefs.judge(f"power of {package.name}", POWER, package.watts(now_s), now_s, load)
            for package in self._packages
        ]
        known = [value for value in watts if value is not None]
        return sum(known) if len(known) == len(watts) else None

    def supplies(self, beliefs: Beliefs, now_s: float, load: float | None) -> Supplies:
        """Batteries and mains. Of several batteries the charge is the mean, the power the sum."""
        batteries = [supply for supply in self._supplies if supply.is_battery]
        charges, given, statuses = [], [], []
        for number, battery in enumerate(batteries):
            said = battery.number("capacity")
            charge = beliefs.judge(f"charge of battery {number}", CHARGE, said, now_s, None)
            if charge is not None:
                charges.append(charge)
            status = battery.word("status")
            statuses.append(status)
            if status == "Discharging":
                watts = beliefs.judge(f"power of battery {number}", POWER, battery.watts(), now_s, load)
                given.append(watts)
        mains = [supply.number("online") for supply in self._supplies if not supply.is_battery]
        online = [value for value in mains if value is not None]
        on_battery = _on_battery(online, statuses)
        known = [watts for watts in given if watts is not None]
        is_whole = bool(on_battery and known and len(known) == len(given))
        return Supplies(sum(charges) / len(charges) if charges else None, on_battery, sum(known) if is_whole else None)


def _on_battery(online: list[int], statuses: list[str | None]) -> bool | None:
    """Whether the board lives on its batteries. A battery may also discharge beside a weak mains supply."""
    if not statuses:
        return None
    if any(value > 0 for value in online):
        return False
    if "Discharging" in statuses:
        return True
    if all(status in ("Charging", "Full", "Not charging") for status in statuses):
        return False
    return True if online else None
