"""What the control group grants of the cores, and what a rung would use of it.

A group that has used up its share of a period waits for the next. Wall times say little then: nothing waits for a
while, and then everything very long. The processor's time that frames take is as steady as ever, and what is granted
is known exactly.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from edgeseg.governor.observation import Observation
from edgeseg.governor.rung import Rung

# Measured with this machine's rungs and quotas of 16 to 50 % of a core (docs/governor.md): all that used 85 % of the
# quota or less held the rate, none that used 95 %.
USABLE = 0.92
LEAST_USABLE = 0.3
HELD_BACK = 0.1  # of the periods: frames' wall times are not the board's
NEARLY = 0.8  # of the quota used: likewise
KEEP = 4  # readings, of half a second each
SETTLE_S = 1.3  # after a change of the rung: until a reading holds nothing of the one before, nor of its building
READ_LOOKS = 4  # before a quota is read: what was seen in them may have waited for it
LATE_LOOKS = 4  # in a row in which frames were dropped though the quota should do
LESS, MORE = 0.95, 0.0001  # of what is thought usable, after such looks; back at each other look


@dataclass(frozen=True, slots=True)
class Quota:
    """What is known of it.

    cores: granted; None if there is no quota, or what is used of it is not known. read: the last reading of what is
    used, as it came. slow: how much more of the processor's time than the ladder says a frame may take. rest: cores
    used by all but the rung's own work, as decoding and others in the group, in the latest readings. usable: the share
    of the quota that can be used before frames are late. late: looks in a row in which frames were.
    """

    cores: float | None = None
    read: float | None = None
    slow: float = 1.0
    rest: tuple[float, ...] = ()
    usable: float = USABLE
    late: int = 0

    def share(self, rung: Rung, fps: float) -> float:
        """What a rung would use, with so many frames of the source a second, of what is usable; 0 without a quota."""
        if self.cores is None or not self.rest:
            return 0.0
        rest = sum(self.rest) / len(self.rest)
        return (rest + used_cores(rung, fps / rung.frames) * self.slow) / (self.cores * self.usable)


def used_cores(rung: Rung, shown_fps: float) -> float:
    """By a rung's own work, by the ladder's word."""
    return rung.cpu_ms * shown_fps / 1e3


def is_held_back(seen: Observation) -> bool:
    """Whether the group waited for its quota, so that wall times say nothing of the board."""
    if seen.cpu_throttled_share is not None and seen.cpu_throttled_share > HELD_BACK:
        return True
    quota, used = seen.cpu_quota, seen.cpu_cores  # a quota that has just come holds back before a reading says so
    return quota is not None and used is not None and used > NEARLY * quota


def is_tighter(quota: Quota, seen: Observation) -> bool:
    """Whether less is granted than at the look before: frames have waited for it since the reading before this."""
    if seen.cpu_quota is None or seen.cpu_cores is None:
        return False
    return quota.cores is None or seen.cpu_quota < quota.cores


def granted(quota: Quota, rung: Rung, seen: Observation, slow: float, shown_fps: float | None, here_s: float) -> Quota:
    """With what was seen while `rung` ran, for `here_s` so far and nothing was built beside it.

    slow: of the board, by wall times. shown_fps: of the last second, None if not known.
    """
    if seen.cpu_quota is None or seen.cpu_cores is None:
        return replace(quota, cores=None, rest=(), late=0)
    is_read = seen.cpu_cores != quota.read
    quota = replace(quota, cores=seen.cpu_quota, read=seen.cpu_cores)
    if shown_fps is None or (quota.rest and here_s < SETTLE_S):
        return quota
    if is_read or not quota.rest:
        own = used_cores(rung, shown_fps)
        slow = min(slow, seen.cpu_cores / own) if own > 0 else slow  # a board that others slow down uses no more
        quota = replace(quota, slow=slow, rest=(*quota.rest, seen.cpu_cores - own * slow)[-KEEP:])
    return _usable(quota, seen)


def _usable(quota: Quota, seen: Observation) -> Quota:
    """Of a quota of longer periods less is of use: frames wait longer for the next one."""
    if not (seen.dropped and is_held_back(seen)):
        return replace(quota, late=0, usable=min(USABLE, quota.usable + MORE))
    if quota.late + 1 < LATE_LOOKS:
        return replace(quota, late=quota.late + 1)
    return replace(quota, late=0, usable=max(LEAST_USABLE, quota.usable * LESS))
