"""What a board is and has: plain values, each with where it was read. What is not known is None, never 0."""

from __future__ import annotations

from dataclasses import dataclass

from edgeseg.probe.fact import Fact, Note
from edgeseg.probe.sensed import Power, Thermal


@dataclass(frozen=True, slots=True)
class PiRevision:
    """A Raspberry Pi's revision code and what it says."""

    code: str
    type: str | None
    pcb: str
    memory_mb: int | None
    soc: str | None
    maker: str | None


@dataclass(frozen=True, slots=True)
class Board:
    """The board. l4t: release of NVIDIA's Jetson Linux; jetpack: the series that it belongs to."""

    model: Fact[str] | None
    compatible: Fact[tuple[str, ...]] | None
    vendor: Fact[str] | None
    pi: Fact[PiRevision] | None
    l4t: Fact[str] | None
    jetpack: Fact[str] | None


@dataclass(frozen=True, slots=True)
class Soc:
    """The system on a chip, where there is one."""

    name: Fact[str] | None
    vendor: Fact[str] | None
    family: Fact[str] | None


@dataclass(frozen=True, slots=True)
class Cluster:
    """Cores that are alike and share a clock. limit_mhz: what somebody allows now; capacity: 1024 is the biggest."""

    cores: tuple[int, ...]
    model: Fact[str] | None
    min_mhz: Fact[float] | None
    max_mhz: Fact[float] | None
    now_mhz: Fact[float] | None
    limit_mhz: Fact[float] | None
    governor: Fact[str] | None
    driver: Fact[str] | None
    capacity: Fact[int] | None


@dataclass(frozen=True, slots=True)
class Cpu:
    """The processor. allowed: cores that this process may use; quota: how many of them its cgroup pays for."""

    architecture: Fact[str] | None
    model: Fact[str] | None
    cores: Fact[int] | None
    present: Fact[int] | None
    allowed: Fact[int] | None
    quota: Fact[float] | None
    features: Fact[tuple[str, ...]] | None
    clusters: tuple[Cluster, ...]


@dataclass(frozen=True, slots=True)
class Zram:
    """Compressed swap in memory."""

    name: str
    size_mb: Fact[float]
    algorithm: Fact[str] | None


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory in MB of 10^6 bytes. limit_mb: of the cgroup; pressure: what the kernel tells stalls of."""

    total_mb: Fact[float] | None
    available_mb: Fact[float] | None
    swap_mb: Fact[float] | None
    swap_free_mb: Fact[float] | None
    cma_mb: Fact[float] | None
    limit_mb: Fact[float] | None
    zram: tuple[Zram, ...]
    pressure: Fact[tuple[str, ...]] | None


@dataclass(frozen=True, slots=True)
class Accelerator:
    """Something that could run a model. engine: ours that may use it, None if there is none; remark: what it takes."""

    kind: str
    name: str
    bus: str
    where: tuple[str, ...]
    driver: Fact[str] | None
    nodes: tuple[str, ...]
    engine: str | None
    remark: str | None


@dataclass(frozen=True, slots=True)
class VulkanDriver:
    """An installed Vulkan driver; software: it computes on the CPU."""

    library: Fact[str]
    software: bool


@dataclass(frozen=True, slots=True)
class Mode:
    """What a camera offers; fps None where it does not say."""

    format: str
    width: int
    height: int
    fps: float | None


@dataclass(frozen=True, slots=True)
class VideoNode:
    """A Video4Linux node. kind: camera, loopback, test, raw (a stage of a camera or a codec) or metadata.

    modes: None where nobody was asked, as in a saved tree.
    """

    node: str
    kind: str
    name: Fact[str] | None
    driver: Fact[str] | None
    modes: Fact[tuple[Mode, ...]] | None


@dataclass(frozen=True, slots=True)
class Cameras:
    """Video nodes, and camera sensors on the board's own connectors, which libcamera drives."""

    nodes: tuple[VideoNode, ...]
    sensors: tuple[Fact[str], ...]


@dataclass(frozen=True, slots=True)
class Software:
    """What is installed. userland_bits: of the programs, which may be fewer than the kernel's."""

    kernel: Fact[str] | None
    os: Fact[str] | None
    os_id: Fact[str] | None
    os_version: Fact[str] | None
    libc: Fact[str] | None
    userland_bits: Fact[int] | None
    page_kb: Fact[int] | None
    python: Fact[str] | None
    system_pythons: Fact[tuple[str, ...]] | None
    packages: dict[str, Fact[str]]
    container: Fact[str] | None
    virtual: Fact[str] | None


@dataclass(frozen=True, slots=True)
class Capabilities:
    """All that the probe found. advice: what is in the way here, and the way out, a sentence each."""

    board: Board
    soc: Soc
    cpu: Cpu
    memory: Memory
    thermal: Thermal
    power: Power
    accelerators: tuple[Accelerator, ...]
    vulkan: tuple[VulkanDriver, ...]
    cameras: Cameras
    software: Software
    advice: tuple[str, ...]
    notes: tuple[Note, ...]
