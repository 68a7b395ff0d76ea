"""What `edgeseg run` would be asked for here, by options, files and the profile; faulty files become findings."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from edgeseg.build import Settings, check_words, named, refuse_loose_options
from edgeseg.config.effective import Effective
from edgeseg.config.places import Places, places, shipped
from edgeseg.doctor.finding import Finding
from edgeseg.errors import ConfigError, NotPermitted, UsageError, sentence
from edgeseg.frames import Size
from edgeseg.probe.capabilities import Capabilities
from edgeseg.resolve import resolve
from edgeseg.run_settings import merged, wrong_words

_PLACED = re.compile(r"(.+?(?::\d+|\.ya?ml)): (.+)")


@dataclass(frozen=True, slots=True)
class Options:
    """Of the command line, as `edgeseg run` has them. settings: what options say; flags: which of them were given."""

    settings: Settings = field(default_factory=lambda: Settings(tier="auto", engine="auto"))
    flags: frozenset[str] = frozenset()
    profile: str | None = None
    instance: str | None = None
    config: Path | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """settings: of a run. effective: None if no profile fits or can be read. engine_by: who named the one engine.

    uses_files: whether a run would look at files and the profile at all, which without any file of the user's it
    does not. config: the file that --config named.
    """

    settings: Settings
    effective: Effective | None
    engine_by: str | None
    uses_files: bool
    config: Path | None = None

    @property
    def fps(self) -> float:
        """Frames a second to hold."""
        keys = self.effective.keys if self.effective else None
        return float(self.settings.fps or (keys.targets.fps if keys else 30))

    @property
    def size(self) -> Size:
        """Of the picture."""
        keys = self.effective.keys if self.effective else None
        return self.settings.size or (keys.targets.size if keys else Size(1280, 720))

    def limit(self, name: str) -> float | None:
        """One of the profile's limits."""
        value = getattr(self.effective.keys.limits, name) if self.effective else None
        return None if value is None else float(value)

    def engines(self) -> dict[str, str]:
        """The engines that are asked for, each with who asks: the one that is named, then those of the list."""
        wanted = {} if self.engine_by is None else {self.settings.engine: self.engine_by}
        if self.effective is not None:
            origin = self.effective.origin("engines")
            wanted |= {one: origin for one in self.effective.keys.engines if one not in wanted}
        return wanted

    def is_users(self, engine: str) -> bool:
        """Whether a person asked for the engine, and not a profile that comes with edgeseg."""
        if self.engine_by is not None and engine == self.settings.engine:
            return True
        origin = self.effective.origin("engines") if self.effective else ""
        wanted = self.effective is not None and engine in self.effective.keys.engines
        return wanted and ":" in origin and Path(origin.rpartition(":")[0]).parent != shipped()


def ask(found: Capabilities, options: Options, where: Places | None = None) -> tuple[Asked, list[Finding]]:
    """Lay everything over each other. Raises UsageError for options that name nothing."""
    where = where or places()
    uses_files = (options.profile, options.instance, options.config) != (None,) * 3 or where.has_config
    effective, findings = _effective(found, options, where)
    settings = options.settings
    if effective is not None and uses_files:
        faults = wrong_words(effective, options.flags, settings.models)
        findings += [_fault(line) for line in faults]
        with_files = merged(settings, options.flags, effective)
        settings = _usable(with_files, settings) if faults else with_files
    refuse_loose_options(settings, options.flags)
    check_words(named(settings))  # what files say wrongly is left out: an option is wrong
    engine_by = "--engine" if "engine" in options.flags else None
    if engine_by is None and effective is not None and uses_files and effective.is_given("engine"):
        engine_by = effective.origin("engine") if settings.engine != "auto" else None
    return Asked(settings, effective, engine_by, uses_files, options.config), findings


def _effective(found: Capabilities, options: Options, where: Places) -> tuple[Effective | None, list[Finding]]:
    """What holds; if files are faulty, what would hold without them, and their faults."""
    findings: list[Finding] = []
    asked = {"profile": options.profile, "instance": options.instance, "config": options.config}
    without = {"profile": options.profile, "instance": None, "config": None}
    tries: list[Callable[[], Effective]] = [
        lambda: resolve(found, where=where, **asked),  # type: ignore[arg-type]
        lambda: resolve(found, where=Places((), where.profiles), **without),  # type: ignore[arg-type]
        lambda: resolve(found, where=Places((), (shipped(),))),
    ]
    for attempt in tries:
        try:
            return attempt(), findings
        except (ConfigError, NotPermitted) as error:
            findings += [_fault(line) for line in str(error).splitlines()]
        except UsageError as error:
            if (options.profile, options.instance) != (None, None):
                raise
            what, _, remedy = str(error).partition("; ")
            remedy = remedy[:1].upper() + remedy[1:] or "See edgeseg profile list."
            findings.append(Finding("fault", "config", sentence(what), "edgeseg profile match", remedy))
            return None, findings
    return None, findings


def _usable(with_files: Settings, plain: Settings) -> Settings:
    """With files some of whose words name nothing: those words are as if they were not there."""
    for change in (
        {},
        {"sink": plain.sink},
        {"sink": plain.sink, "engine": plain.engine},
        {"sink": plain.sink, "engine": plain.engine, "tier": plain.tier, "models": plain.models},
    ):
        settings = replace(with_files, **change)
        try:
            check_words(named(settings))
        except UsageError:
            continue
        return settings
    return plain


def _fault(line: str) -> Finding:
    """One line "file:line: what" of a faulty file; of one that cannot be read, a sentence."""
    told = _PLACED.match(line)
    place, what = (told[1], told[2]) if told else ("", line)
    what = what[:1].upper() + what[1:] if told else what
    return Finding("fault", "config", what, place or "open()", "Mend it; edgeseg config check tells all.")
