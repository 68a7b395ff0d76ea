"""What whoever installs asks for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

DEFAULT_SINK = "v4l2:/dev/video10"  # the device that the shipped modprobe.d file makes


@dataclass(frozen=True, slots=True)
class Wish:
    """An instance and the release that it runs.

    camera, sink, background: as `edgeseg run` takes them. wheel: of edgeseg; None: the one that is at hand. wheelhouse:
    a folder of wheels for a machine without a network. network: open the instance's, for a camera that is there.
    os_packages: lend the system's Python packages to the release; None: if a Raspberry Pi camera is meant.
    calibrate: measure the tiers if that was not done. wait_s: in which frames must flow.
    """

    instance: str = "camera"
    camera: str = "auto"
    sink: str = DEFAULT_SINK
    background: str = "blur"
    wheel: Path | None = None
    wheelhouse: Path | None = None
    network: bool = False
    os_packages: bool | None = None
    calibrate: bool = True
    wait_s: float = 90.0
