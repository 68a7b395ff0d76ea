"""Whether the service is well: what is seen of its units over some time, and the verdict, which is pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from edgeseg.errors import CandidateError, sentence
from edgeseg.install.here import Here
from edgeseg.install.systemd import UnitState

_FPS = re.compile(r"(\d+(?:\.\d+)?) ?fps", re.IGNORECASE)
_TEMP = re.compile(r"(\d+(?:\.\d+)?) ?°?C\b")
_COVERED = re.compile(r"covered: |^no frames")
_EVERY_S = 1.0
_PASSING_S = 5


class Limits(NamedTuple):
    """start_s: in which a unit must be active. fps_share: of the rate before that must be kept. temp_c: the hottest."""

    start_s: float = 90.0
    fps_share: float = 0.7
    temp_c: float = 90.0


class Seen(NamedTuple):
    """A unit at a time, seconds since the watch began."""

    at_s: float
    state: UnitState

    @property
    def fps(self) -> float | None:
        """Frames a second as the service says; None if it does not."""
        return _number(_FPS, self.state.status)

    @property
    def temp_c(self) -> float | None:
        """The temperature as the service says."""
        return _number(_TEMP, self.state.status)


def fault(seen: Sequence[Seen], limits: Limits) -> str | None:
    """What is plainly wrong with one unit, as a clause; None if nothing is so far."""
    last = seen[-1].state
    if last.active == "failed":
        return f"it failed ({last.result}){_saying(last)}"
    restarts = last.restarts - seen[0].state.restarts
    if restarts > 0:
        return f"systemd had to restart it {'once' if restarts == 1 else f'{restarts} times'}{_saying(last)}"
    if last.active != "active" and seen[-1].at_s >= limits.start_s:
        return f"it was not ready within {limits.start_s:g} s{_saying(last)}"
    if last.active in ("inactive", "deactivating") and any(one.state.active == "active" for one in seen):
        return f"it ended{_saying(last)}"
    hot = seen[-1].temp_c
    if hot is not None and hot >= limits.temp_c:
        return f"the board is at {hot:g} C"
    return None


def verdict(seen: Sequence[Seen], before_fps: float | None, limits: Limits) -> str | None:
    """`fault`, and at the end of a watch: whether it ran, and as fast as before."""
    found = fault(seen, limits)
    if found is not None:
        return found
    if seen[-1].state.active != "active":
        return f"it is {seen[-1].state.active} and not ready{_saying(seen[-1].state)}"
    second_half = seen[len(seen) // 2 :]
    if before_fps and all(_COVERED.search(one.state.status) for one in second_half):
        return f"it shows a cover, and before it showed people{_saying(seen[-1].state)}"
    late = [one.fps for one in second_half if one.fps is not None]
    if not late:
        return None
    rate = sum(late) / len(late)
    if rate <= 0:
        return "no frames flow"
    if before_fps and rate < limits.fps_share * before_fps:
        return f"it shows {rate:.1f} frames a second, and before it was {before_fps:.1f}"
    return None


def watch(here: Here, units: Sequence[str], seconds: float, before: Mapping[str, float], limits: Limits) -> str | None:
    """Look at units for so long, or until something is plainly wrong; gives it as a sentence's beginning."""
    start = here.clock.now()
    seen: dict[str, list[Seen]] = {unit: [] for unit in units}
    ready_at: float | None = None
    while True:
        now = here.clock.now() - start
        for unit in units:
            seen[unit].append(Seen(now, here.systemd.show(unit)))
            found = fault(seen[unit], limits)
            if found:
                return f"{unit}: {found}"
        ready = all(rows[-1].state.active == "active" for rows in seen.values())
        if ready and ready_at is None:
            ready_at = now  # it is watched for the whole time after it is ready
        if ready_at is not None and now - ready_at >= seconds:
            break
        here.clock.sleep(_EVERY_S)
    for unit in units:
        found = verdict(seen[unit], before.get(unit), limits)
        if found:
            return f"{unit}: {found}"
    return None


def prove(here: Here, units: Sequence[str], wait_s: float) -> None:
    """Wait until units are ready, which they say when the first safe frame went out, and show more than covers.

    Raises CandidateError with what the service said if they are not.
    """
    found = watch(here, units, 2.0, {}, Limits(start_s=wait_s)) or _covered(here, units)
    if found:
        names = " ".join(units)
        raise CandidateError(f"No frames flow. {sentence(found)} See journalctl --unit {names}, and edgeseg doctor.")
    for unit in units:
        here.say(f"{unit} runs: {here.systemd.show(unit).status or 'ready'}")


def until_ready(here: Here, units: Sequence[str], wait_s: float) -> str:
    """Wait until units that were started are ready; a sentence of what came of it."""
    found = watch(here, units, 0.0, {}, Limits(start_s=wait_s))
    return f"{sentence(found)} See edgeseg service logs." if found else "It is ready."


def _covered(here: Here, units: Sequence[str]) -> str | None:
    """What is wrong where only covers come, for want of a camera or of a mask; one that passes is waited for."""
    for unit in units:
        state = here.systemd.show(unit)
        for _ in range(_PASSING_S):
            if not _COVERED.search(state.status):
                break
            here.clock.sleep(_EVERY_S)
            state = here.systemd.show(unit)
        else:
            return f"{unit}: it shows a cover{_saying(state)}"
    return None


def rates(here: Here, units: Sequence[str]) -> dict[str, float]:
    """Frames a second of each unit that says so now."""
    found = {unit: Seen(0, here.systemd.show(unit)).fps for unit in units}
    return {unit: fps for unit, fps in found.items() if fps}


def _saying(state: UnitState) -> str:
    return f", saying: {state.status}" if state.status else ""


def _number(pattern: re.Pattern[str], text: str) -> float | None:
    match = pattern.search(text)
    return float(match[1]) if match else None
