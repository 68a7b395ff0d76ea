"""What differs between two configs of a running instance, and by which way it can change. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from fractions import Fraction

from edgeseg.build import Settings, kind_of_background
from edgeseg.errors import UsageError

BETWEEN = frozenset(  # two frames
    (
        *("background", "max_mask_age_s", "idle", "idle_after_s", "fps"),
        *("refine", "steady", "tidy", "feather", "despill", "light_wrap"),
    )
)
ENGINE = frozenset(
    ("tier", "engine", "threads", "allow_software_gpu", "engine_library", "engine_device", "models")
)  # built aside, taken up as the governor's rungs are
SOURCE = frozenset(("source", "size", "hflip", "vflip"))  # a mirrored frame must not meet a mask of before
SINK = frozenset(("sink",))
_ROOMS = ("alpha", "none")
_IN_FILES = {"max_mask_age_s": "max_mask_age_ms", "key": "key_color"}


def changed(old: Settings, new: Settings) -> frozenset[str]:
    """The names of the settings that differ."""
    return frozenset(
        field.name for field in dataclasses.fields(Settings) if getattr(old, field.name) != getattr(new, field.name)
    )


def needs_source(fields: Collection[str], new: Settings, rate: Fraction | None, reopens: bool) -> bool:
    """Whether the source must be opened anew; rate: what it gives. A lower rate only leaves frames out."""
    faster = "fps" in fields and reopens and rate is not None and (new.fps is None or new.fps > rate)
    return faster or bool(SOURCE & set(fields))


def refuse(fields: Collection[str], old: Settings, new: Settings, live: bool, anew: str) -> None:
    """Raise UsageError for what cannot change while the run lasts. anew: how it is started anew."""
    remedy = f"the old config goes on: {anew}"
    rest = sorted(set(fields) - BETWEEN - ENGINE - SOURCE - SINK)
    if rest:
        name = _IN_FILES.get(rest[0], rest[0])
        raise UsageError(f"{name} cannot change while it runs, so {remedy}")
    rooms = [kind if (kind := kind_of_background(one.background)[0]) in _ROOMS else "one" for one in (old, new)]
    if rooms[0] != rooms[1]:
        raise UsageError(f"background {new.background} cannot follow {old.background} while it runs, so {remedy}")
    moved = sorted((ENGINE | SOURCE) & set(fields))
    if moved and not live:
        raise UsageError(f"{moved[0]} cannot change while a file is read, so {remedy}")


def words(fields: Collection[str], policy: bool) -> str:
    """What changed, for people."""
    names = sorted(_IN_FILES.get(name, name) for name in fields) + (["limits and targets"] if policy else [])
    return ", ".join(names)
