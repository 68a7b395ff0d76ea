"""Whether a host that told what it is (`there.facts`) can run edgeseg."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

OLDEST_PYTHON = (3, 10)
OLDEST_GLIBC = {"x86_64": (2, 28), "aarch64": (2, 28), "armv7l": (2, 34)}
"""By machine: what the wheels of OpenCV, PyAV and the models' runtimes were linked with."""
_SKEW_S = 60


def unfit(facts: Mapping[str, Any], machine: str | None) -> str | None:
    """What is wrong with the host and what to do, None if nothing is. machine: what it must be; None: any."""
    python = tuple(facts["python"])
    libc, version = facts["libc"]
    if machine is not None and facts["machine"] != machine:
        return f"it is {facts['machine']}, and the farm file says {machine}."
    if facts["machine"] not in OLDEST_GLIBC:
        return f"it is {facts['machine']}, and there are wheels for {', '.join(OLDEST_GLIBC)} only."
    if facts["implementation"] != "cpython" or python < OLDEST_PYTHON:
        return f"its Python is {facts['implementation']} {'.'.join(map(str, python))}; 3.10 or newer is needed."
    oldest = OLDEST_GLIBC[facts["machine"]]
    if libc != "glibc":
        return f"its C library is {libc}, and the wheels that edgeseg needs are made for glibc."
    if tuple(int(part) for part in version.split(".")[:2]) < oldest:
        return f"its glibc is {version}, and the wheels need {oldest[0]}.{oldest[1]} or newer: upgrade its system."
    if not facts["writable"]:
        return f"{facts['at']} is not writable there: name another folder under 'folder'."
    return None


def skew(there_s: float, here_s: float) -> str | None:
    """How wrong its clock is by this machine's, if by more than a minute; nothing depends on it."""
    off = there_s - here_s
    if abs(off) <= _SKEW_S:
        return None
    return f"its clock is {abs(off):.0f} s {'ahead' if off > 0 else 'behind'}; nothing here depends on it."
