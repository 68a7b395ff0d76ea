"""What every step is given: the machine's places and the ports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edgeseg.clock import Clock
from edgeseg.errors import OutputError
from edgeseg.install.durable import read_json, write_json
from edgeseg.install.manifest import Manifest
from edgeseg.install.systemd import Systemd
from edgeseg.install.tools import Checked, Say, Tools
from edgeseg.install.where import Where


@dataclass(frozen=True, slots=True)
class Here:
    """today: the date and time in words, asked when something is written down."""

    where: Where
    systemd: Systemd
    tools: Tools
    clock: Clock
    say: Say
    today: Callable[[], str]
    manifest: Manifest

    def kept_check(self, version: str | None) -> Checked | None:
        """What a release found here when it was installed; None if that is not known."""
        data = read_json(self.where.base / "checks.json") or {}
        try:
            return Checked.of(data[version]) if version in data else None
        except (TypeError, KeyError) as error:
            raise OutputError(f"{self.where.base / 'checks.json'} is damaged; remove it.") from error

    def keep_check(self, checked: Checked) -> None:
        """Keep it, beside those of the releases that there are."""
        path = self.where.base / "checks.json"
        kept = {version: one for version, one in (read_json(path) or {}).items() if self.where.seal(version).exists()}
        write_json(path, {**kept, checked.version: checked.as_json()})
