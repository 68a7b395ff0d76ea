"""How many frames come and go: counts over the last seconds."""

from __future__ import annotations

from dataclasses import dataclass, replace

from edgeseg.governor.observation import Observation

LEAST_S = 0.01  # a shorter look counts nothing
KEEP_S = 1.0
SOON_S = 0.5
LEAP, DRIFT = 0.25, 0.08  # of the rate: believed after half a second, after a whole one
BUSY = 0.9  # of a frame's time: a board so busy may be the reason why less comes


@dataclass(frozen=True, slots=True)
class Counted:
    """One look: how long, how many frames."""

    span_s: float
    came: int
    shown: int
    dropped: int


@dataclass(frozen=True, slots=True)
class Rate:
    """The latest looks, oldest first, and the source's rate as it is believed; None before there was one."""

    looks: tuple[Counted, ...] = ()
    fps_in: float | None = None

    def shown_fps(self) -> float | None:
        """Over the last second; None before anything was counted."""
        span_s = sum(look.span_s for look in self.looks)
        return sum(look.shown for look in self.looks) / span_s if span_s > 0 else None

    def dropped(self) -> int:
        """Over the last second."""
        return sum(look.dropped for look in self.looks)


def counted(rate: Rate, seen: Observation, load_ms: float) -> Rate:
    """With this look. load_ms:

    what a frame takes now: a source is believed to be slower only if the board could do more.
    """
    if seen.span_s < LEAST_S:
        return rate
    looks = (*rate.looks, Counted(seen.span_s, seen.frames_in, seen.frames_out, seen.dropped))
    while sum(look.span_s for look in looks[1:]) >= KEEP_S - 1e-6:
        looks = looks[1:]
    rate = replace(rate, looks=looks)
    whole, soon = _fps_in(looks, KEEP_S), _fps_in(looks, SOON_S)
    if whole is None or soon is None or soon == 0:
        return rate  # nothing comes: that says nothing of how much will
    now = rate.fps_in
    if now is None:
        return replace(rate, fps_in=whole) if sum(look.span_s for look in looks) >= KEEP_S - 1e-6 else rate
    believed = now
    if abs(soon / now - 1) > LEAP:
        believed = soon
    elif abs(whole / now - 1) > DRIFT:
        believed = whole
    elif abs(whole / now - 1) < DRIFT / 2:
        believed = now + (whole - now) / 16
    if believed < now * (1 - DRIFT) and (rate.dropped() or load_ms > BUSY * 1e3 / now):
        return rate
    return replace(rate, fps_in=believed)


def _fps_in(looks: tuple[Counted, ...], over_s: float) -> float | None:
    """Over the newest looks that make up that time."""
    span_s, came = 0.0, 0
    for look in reversed(looks):
        if span_s >= over_s - 1e-6:
            break
        span_s, came = span_s + look.span_s, came + look.came
    return came / span_s if span_s > 0 else None
