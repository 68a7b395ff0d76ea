"""What an instance's config files say, as the settings of its run and what its governor goes by."""

from __future__ import annotations

from typing import NamedTuple

from edgeseg.build import Settings
from edgeseg.config.profile import Governor, Limits, Targets
from edgeseg.errors import ConfigError
from edgeseg.probe import probe
from edgeseg.resolve import resolve
from edgeseg.run_settings import merged, wrong_words
from edgeseg.tiers.catalogue import AUTO


class Loaded(NamedTuple):
    """settings: as they were asked for, "auto" not settled. policy: what the governor goes by."""

    settings: Settings
    policy: tuple[Limits, Governor, Targets]


def load(instance: str) -> Loaded:
    """Read the files of this instance. Raises UsageError, ConfigError with all faults, NotPermitted."""
    effective = resolve(probe, instance=instance)
    faults = wrong_words(effective)
    if faults:
        raise ConfigError("\n".join(faults))
    keys = effective.keys
    settings = merged(Settings(tier=AUTO, engine=AUTO, realtime=True, seek_s=None), (), effective)
    return Loaded(settings, (keys.limits, keys.governor, keys.targets))
