"""The one line that `systemctl status` shows. Pure: values in, words out."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from edgeseg.config.secrets import hidden
from edgeseg.errors import one_line
from edgeseg.facts import ENGINE_LOST

_WINDOW_S = 3.0
_LONGEST = 300


class Now(NamedTuple):
    """What is so now. fps: None while nothing was counted. rung: "" where nobody governs."""

    fps: float | None
    idle: bool
    tier: str | None
    engine: str | None
    rung: str = ""
    temp_c: float | None = None
    degraded: str | None = None
    restarts: int = 0
    trouble: str | None = None


def line(now: Now) -> str:
    """Such as "29.9 fps, selfie-landscape-144x256-int8 on cpu, rung every 2 frames, 61 C"."""
    parts = [
        "idle, nobody reads the sink" if now.idle else f"{now.fps:.1f} fps" if now.fps is not None else "frames flow"
    ]
    if now.tier or now.engine:
        parts.append(f"{now.tier or 'no tier'} on {now.engine or 'no engine'}")
    if now.rung:
        parts.append(f"rung {now.rung.removeprefix(f'{now.tier} on ')!r}")
    if now.temp_c is not None:
        parts.append(f"{now.temp_c:.0f} C")
    if now.degraded:
        parts.append(f"{'degraded' if now.degraded == ENGINE_LOST else 'covered'}: {now.degraded}")
    if now.restarts:
        parts.append("restarted once" if now.restarts == 1 else f"restarted {now.restarts} times")
    text = ", ".join(parts)
    whole = one_line(hidden(f"{text}; {now.trouble}" if now.trouble else text))
    return whole if len(whole) <= _LONGEST else f"{whole[: _LONGEST - 3]}..."


class Rate:
    """Frames a second over the last few seconds, of a count that only grows."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def __call__(self, now_s: float, count: int) -> float | None:
        """The rate now; None at the first call."""
        self._seen.append((now_s, count))
        while len(self._seen) > 2 and now_s - self._seen[1][0] >= _WINDOW_S:
            self._seen.popleft()
        (first_s, first), (last_s, last) = self._seen[0], self._seen[-1]
        return (last - first) / (last_s - first_s) if last_s > first_s else None

    def forget(self) -> None:
        """A rest says nothing of the rate."""
        self._seen.clear()
