"""Where everything of an installed edgeseg lies."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from edgeseg.config.places import INSTANCE
from edgeseg.errors import UsageError

USER = "edgeseg"
_VERSION = re.compile(r"[0-9][0-9A-Za-z.+!_-]{0,63}")


@dataclass(frozen=True, slots=True)
class Where:
    """The places below `root`, which is another folder than / in tests.

    ::

        opt/edgeseg/releases/VERSION/     a venv
        opt/edgeseg/releases/VERSION.json its seal: made last, with the sha256 of every file
        opt/edgeseg/current               a link to the release that runs; every unit and rule is reached through it
        opt/edgeseg/previous              a link to the one before it
        opt/edgeseg/trial.json            there while an upgrade is being tried
        opt/edgeseg/history.json          what came of upgrades
        opt/edgeseg/manifest.json         what was put outside of opt/edgeseg
        opt/edgeseg/lock                  held by whoever changes any of it
    """

    root: Path = Path("/")

    def at(self, path: str) -> Path:
        """An absolute path of the machine, below the root."""
        return self.root / path.lstrip("/")

    def seen(self, path: Path) -> str:
        """How the machine itself calls `path`."""
        return f"/{path.relative_to(self.root)}"

    @property
    def base(self) -> Path:
        """The folder of all that is only root's."""
        return self.at("/opt/edgeseg")

    @property
    def releases(self) -> Path:
        """The folder of releases."""
        return self.base / "releases"

    @property
    def current(self) -> Path:
        """The link to the release that runs."""
        return self.base / "current"

    @property
    def previous(self) -> Path:
        """The link to the release before it."""
        return self.base / "previous"

    @property
    def config(self) -> Path:
        """The folder of config files."""
        return self.at("/etc/edgeseg")

    @property
    def state(self) -> Path:
        """The service's own folder."""
        return self.at("/var/lib/edgeseg")

    def release(self, version: str) -> Path:
        """The folder of a release. Raises UsageError for what cannot be a version."""
        if not _VERSION.fullmatch(version):
            raise UsageError(f"{version!r} is no version; see edgeseg service releases.")
        return self.releases / version

    def seal(self, version: str) -> Path:
        """The file that makes a release a whole one."""
        return self.release(version).with_name(f"{version}.json")


def instance_unit(name: str) -> str:
    """The unit of an instance. Raises UsageError for a name that cannot be one."""
    if not INSTANCE.fullmatch(name) or name == "config":
        raise UsageError(f"{name!r} cannot name an instance: write lower-case letters, digits, '.', '_' and '-'.")
    return f"edgeseg@{name}.service"
