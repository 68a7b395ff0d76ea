"""Makes releases for tests of a few small files, without a venv, and says of them what it is told to."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from edgeseg.errors import CandidateError, OutputError
from edgeseg.install.tools import Checked, Say, Score
from edgeseg.install.wheel import Wheel


@dataclass
class FakeTools:
    """Obeys `Tools`.

    Levers: `miou` by version; `unfit`, versions that cannot run; `faults`, what a version says against the config;
    `full`: the disk is, in the middle of a release; `tier`, `calibrated`, `memory_mb`. History: `built`, `checked`.
    """

    miou: dict[str, float] = field(default_factory=dict)
    unfit: set[str] = field(default_factory=set)
    faults: dict[str, str] = field(default_factory=dict)
    full: bool = False
    tier: str = "selfie"
    calibrated: bool = True
    memory_mb: int | None = None
    built: list[str] = field(default_factory=list)
    checked: list[str] = field(default_factory=list)

    def build(self, folder: Path, wheel: Wheel, wheelhouse: Path | None, os_packages: bool, say: Say) -> None:
        """See `Tools.build`."""
        self.built.append(wheel.version)
        (folder / "bin").mkdir(parents=True)
        (folder / "bin" / "python").write_text("#!/bin/false\n")
        if self.full:
            raise OutputError("The disk is full: make room, then install again.")
        (folder / "bin" / "edgeseg").write_text(f"#!/bin/false {wheel.version}\n")
        package = folder / "lib" / "edgeseg"
        for name, content in wheel.units.items():
            path = package / "_data" / "systemd" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        (folder / "units").symlink_to("lib/edgeseg/_data/systemd")

    def check(self, folder: Path, golden: Path | None = None) -> Checked:
        """See `Tools.check`."""
        version = folder.name
        self.checked.append(version)
        if version in self.unfit:
            raise CandidateError(f"{version} makes no mask: it was told to.")
        score = Score("camera", self.tier, "cpu", "small 1", self.miou.get(version, 0.9))
        return Checked(version, self.calibrated, (score,), self.memory_mb)

    def has_page(self, folder: Path) -> bool:
        """See `Tools.has_page`."""
        return (folder / "lib" / "fastapi").exists()

    def add_page(self, folder: Path, wheelhouse: Path | None) -> None:
        """See `Tools.add_page`."""
        (folder / "lib" / "fastapi").mkdir()
        (folder / "lib" / "fastapi" / "__init__.py").touch()

    def golden(self, folder: Path) -> Path:
        """See `Tools.golden`."""
        return folder / "golden"

    def config_faults(self, folder: Path) -> str:
        """See `Tools.config_faults`."""
        return self.faults.get(folder.name, "")
