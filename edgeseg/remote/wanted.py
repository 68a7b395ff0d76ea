"""What was set from outside, laid over what the files say. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from edgeseg.build import Settings, kind_of_background
from edgeseg.config.profile import Limits
from edgeseg.config.secrets import hidden
from edgeseg.service.loading import Loaded

CONFIGURED = "configured"  # the background that the files or the command line name
MODES = ("blur", "color", "image", "video", "alpha", "none")
KEYS = (
    *("on", "mode", "blur_strength", "color", "background", "refine", "target_fps"),
    *("temp_limit_c", "power_limit_w", "memory_limit_mb", "source", "tier", "engine", "hflip", "vflip"),
    "max_mask_age_ms",
)
_LIMITS = {"temp_limit_c": "temp_c", "power_limit_w": "power_w", "memory_limit_mb": "memory_mb"}
_BACKGROUND = frozenset(("mode", "blur_strength", "color", "background"))
_STRENGTH, _COLOR = 50, "#00b140"
_HEX = re.compile("#[0-9a-fA-F]{6}")

View = dict[str, Any]


def view(loaded: Loaded, on: bool, kept: Mapping[str, Any], picture: Callable[[str], str | None]) -> View:
    """The settings as they are told to the outside: every one of KEYS.

    kept: what was set from outside, for what a background does not say of another mode. picture: the gallery's name of
    a file; None: it has none.
    """
    settings, limits = loaded.settings, loaded.policy[0]
    kind, where = kind_of_background(settings.background)
    background = (picture(where) or CONFIGURED) if kind in ("image", "video") else kept.get("background")
    return {
        "on": on,
        "mode": kind,
        "blur_strength": int(where or _STRENGTH) if kind == "blur" else kept.get("blur_strength", _STRENGTH),
        "color": where.lower() if kind == "color" and _HEX.fullmatch(where) else kept.get("color", _COLOR),
        "background": background,
        "refine": settings.refine,
        "target_fps": float(settings.fps) if settings.fps is not None else None,
        "temp_limit_c": limits.temp_c,
        "power_limit_w": limits.power_w,
        "memory_limit_mb": limits.memory_mb,
        # Which may hold a password; a camera by its number is the same one as by its place.
        "source": re.sub(r"\Acamera:([0-9]+)\Z", r"camera:/dev/video\1", hidden(settings.source)),
        "tier": settings.tier,
        "engine": settings.engine,
        "hflip": settings.hflip,
        "vflip": settings.vflip,
        "max_mask_age_ms": round(settings.max_mask_age_s * 1e3, 3),
    }


def laid(loaded: Loaded, wanted: Mapping[str, Any], path: Callable[[str], Path]) -> Loaded:
    """`loaded` with what was set from outside. path: of a picture of the gallery."""
    settings = loaded.settings
    new: dict[str, Any] = {
        name: wanted[name] for name in ("refine", "source", "tier", "engine", "hflip", "vflip") if name in wanted
    }
    if "target_fps" in wanted:
        fps = wanted["target_fps"]
        new["fps"] = None if fps is None else Fraction(fps).limit_denominator(1001)
    if "max_mask_age_ms" in wanted:
        new["max_mask_age_s"] = wanted["max_mask_age_ms"] / 1e3
    if _BACKGROUND & set(wanted):
        new["background"] = _background(settings, wanted, path)
    limits = loaded.policy[0]
    changed = {inner: wanted[name] for name, inner in _LIMITS.items() if name in wanted}
    if changed:
        limits = Limits(**{**limits.model_dump(), **changed})
    return Loaded(replace(settings, **new), (limits, *loaded.policy[1:]))


def _background(settings: Settings, wanted: Mapping[str, Any], path: Callable[[str], Path]) -> str:
    kind, where = kind_of_background(settings.background)
    mode = wanted.get("mode", kind)
    if mode == "blur":
        strength = wanted.get("blur_strength", where or _STRENGTH if kind == "blur" else _STRENGTH)
        return f"blur:{strength}"
    if mode == "color":
        return f"color:{wanted.get('color', where if kind == 'color' else _COLOR)}"
    if mode == "image":
        name = wanted.get("background", CONFIGURED)
        return settings.background if name == CONFIGURED else f"image:{path(name)}"
    return settings.background if mode == kind else mode
