"""The settings of a run from its flags and from files. Imported only where there are files: others do not wait."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeseg.build import (
    Settings,
    check_words,
    chroma_key,
    kind_of_background,
    kind_of_sink,
    named,
    open_background,
    own_options,
)
from edgeseg.config.effective import Effective
from edgeseg.config.secrets import open_secrets
from edgeseg.errors import ConfigError, UsageError
from edgeseg.resolve import resolve
from edgeseg.tiers.catalogue import AUTO

if TYPE_CHECKING:
    from edgeseg.probe import Capabilities

# Named alike on the command line, in files and in `Settings`.
_PLAIN = (
    *("source", "background", "sink", "tier", "engine", "segmenter", "threads", "size", "fps"),
    *("refine", "follow", "steady", "tidy", "hflip", "vflip", "idle", "models"),
    *("allow_software_gpu", "engine_library", "engine_device"),
)
# Names of a chroma key's options: on the command line and in files, and in `Settings.key`.
_KEY = {
    "key_color": "color",
    "key_tolerance": "hue_tolerance_deg",
    "key_saturation": "min_saturation",
    "key_value": "min_value",
    "key_softness": "softness",
}


def configured(
    settings: Settings, flags: Collection[str], profile: str | None, instance: str | None, config: Path | None
) -> Settings:
    """`settings` as given by flags (the parameters named in `flags`), with the files of this board under them.

    Raises as `resolve` does, and ConfigError with "file:line" for words in files that name nothing.
    """
    effective = resolve(_this_board, profile=profile, instance=instance, config=config)
    faults = wrong_words(effective, flags, settings.models)
    if faults:
        raise ConfigError("\n".join(faults))
    return merged(settings, flags, effective)


def _this_board() -> Capabilities:
    from edgeseg.probe import probe  # takes time that a run with a named profile saves

    return probe()


def merged(settings: Settings, flags: Collection[str], effective: Effective) -> Settings:
    """A flag goes before files; what neither says stays as it is."""
    keys = effective.keys
    said = {key: getattr(keys, key) for key in (*_PLAIN, *_KEY) if effective.is_given(key) and key not in flags}
    new: dict[str, Any] = {key: said[key] for key in _PLAIN if said.get(key) is not None}
    if effective.is_given("max_mask_age_ms") and "max_mask_age" not in flags:
        new["max_mask_age_s"] = keys.max_mask_age_ms / 1e3
    if effective.is_given("idle_after_s") and "idle_after" not in flags:
        new["idle_after_s"] = keys.idle_after_s
    together = replace(settings, **new)
    if together.engine != AUTO:  # what files say of other engines is of no effect; a flag is
        by_flags = {name: getattr(settings, name) for name in flags if name in _PLAIN}
        together = replace(own_options(together), **by_flags)
    if together.segmenter == "chroma":
        own = {_KEY[key]: value for key, value in said.items() if key in _KEY and value is not None}
        together = replace(together, key={**own, **settings.key})
    if _is_camera(together.source):  # a target thins out no file
        size, fps = together.size or keys.targets.size, together.fps or keys.targets.fps
        together = replace(together, size=size, fps=fps)
    return together


def _is_camera(source: str) -> bool:
    return source in ("auto", "picamera2") or source.startswith(("camera:", "picamera2:"))


def wrong_words(effective: Effective, flags: Collection[str] = (), models: str | None = None) -> list[str]:
    """ "file:line: what" of each word that a file gives and that names nothing here, and of each password that all may
    read. Opens nothing.

    Words that a flag replaces do not count; `models` is the folder of tiers where a flag gives it.
    """
    keys, plain = effective.keys, Settings()
    models = models if "models" in flags else keys.models
    checks: dict[str, Callable[[], object]] = {
        "sink": lambda: kind_of_sink(keys.sink),
        "background": lambda: _check_background(keys.background),
        "key_color": lambda: chroma_key({"color": keys.key_color}),
        "models": lambda: check_words(Settings(models=models)),
        "tier": lambda: check_words(named(Settings(tier=keys.tier or plain.tier, models=_usable(models)))),
        "engine": lambda: check_words(named(Settings(engine=keys.engine or plain.engine))),
    }
    faults = []
    for key, check in checks.items():
        if effective.is_given(key) and key not in flags:
            try:
                check()
            except UsageError as error:
                faults.append((effective.origin(key), str(error)))
    told = [f"{origin}: {fault}" for origin, fault in sorted(faults, key=lambda fault: _place(fault[0]))]
    return told + open_secrets(item for item in effective.items() if item[0] not in flags)


def _usable(models: str | None) -> str | None:
    """The folder of tiers, if it is one: what is wrong with it must not hide what is wrong with others."""
    return models if models is not None and Path(models).expanduser().is_dir() else None


def _place(origin: str) -> tuple[str, int]:
    path, _, line = origin.rpartition(":")
    return path, int(line)


def _check_background(spec: str) -> None:
    kind, _ = kind_of_background(spec)
    if kind in ("blur", "color"):  # which are made of nothing but their words
        open_background(spec)
