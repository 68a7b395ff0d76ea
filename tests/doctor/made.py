"""Boards, users and trials made for tests of what is said of them."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from edgeseg.build import Settings
from edgeseg.doctor.asked import Asked, Options, ask
from edgeseg.doctor.choice import Taken
from edgeseg.doctor.finding import Finding
from edgeseg.doctor.load import Load
from edgeseg.doctor.outside import Device, Loopback, Outside
from edgeseg.doctor.trial import Trial
from edgeseg.ports import EngineReport
from edgeseg.probe import Capabilities, probe
from edgeseg.probe.capabilities import Accelerator, Mode, VideoNode
from edgeseg.probe.fact import Fact
from edgeseg.tiers.catalogue import DEFAULT_TIER
from edgeseg.tiers.ladder import Candidate

NOTHING = Path(__file__).parent  # a root with nothing of a board in it
BOARDS = Path(__file__).parents[1] / "boards"


def fact(value: Any) -> Fact[Any]:
    return Fact(value, "/there")


def board(**parts: dict[str, Any]) -> Capabilities:
    """board(cpu={"quota": fact(1.5)}): a board of which nothing else is known."""
    found = probe(NOTHING)
    changed = {name: dataclasses.replace(getattr(found, name), **values) for name, values in parts.items()}
    return dataclasses.replace(found, **changed)


def with_accelerator(engine: str | None, kind: str = "gpu", **more: Any) -> Capabilities:
    values = {"bus": "pcie", "where": ("/sys/it",), "driver": None, "nodes": ("/dev/it",), "remark": "needs a friend"}
    one = Accelerator(kind=kind, name="Wonder 9", engine=engine, **(values | more))
    return dataclasses.replace(probe(NOTHING), accelerators=(one,))


def camera(*modes: tuple[str, int, int, float | None], kind: str = "camera", node: str = "/dev/video0") -> VideoNode:
    return VideoNode(node, kind, fact("Cam"), None, fact(tuple(Mode(*mode) for mode in modes)) if modes else None)


def with_cameras(*nodes: VideoNode) -> Capabilities:
    return board(cameras={"nodes": nodes})


def outside(**more: Any) -> Outside:
    values: dict[str, Any] = {
        **{"is_root": False, "groups": frozenset(), "listed": frozenset(), "devices": (), "places": ()},
        **{"loopback": Loopback(False, None), "usb_mbit": {}, "load": None},
    }
    return Outside(**(values | more))


def device(path: str = "/dev/video0", **more: Any) -> Device:
    values: dict[str, Any] = {"group": "video", "group_may": True, "permitted": True, "held_by": ()}
    return Device(path, **(values | more))


def load(**more: Any) -> Load:
    return Load(**({"seconds": 0.5, "busy": 0.0, "stolen": 0.0, "programs": (), "swapped_mb_s": 0.0} | more))


def asked(engine: str = "auto", tier: str = "auto", found: Capabilities | None = None, **more: Any) -> Asked:
    """Of a run with these options and no files."""
    flags = {name for name, value in (("engine", engine), ("tier", tier)) if value != "auto"}
    made, findings = ask(found or probe(NOTHING), Options(Settings(tier=tier, engine=engine, **more), frozenset(flags)))
    assert findings == []
    return made


def taken(engine: str = "cpu", tier: str = DEFAULT_TIER, **more: Any) -> Taken:
    return Taken(Candidate(tier, engine, 1), "not calibrated: run edgeseg calibrate", **more)


def report(engine: str = "cpu", **more: Any) -> EngineReport:
    return EngineReport(engine, "fake 1", 1, "XNNPACK", 10, 10, 1, **more)


def works(engine: str = "cpu", ms: float = 5.0, **more: Any) -> Trial:
    values: dict[str, Any] = {"report": report(engine), "p50_ms": ms, "runs": 30, "knows": True, "start_s": 0.1}
    return Trial(engine, **({"tier": DEFAULT_TIER} | values | more))


def refused(engine: str, sentence: str, **more: Any) -> Trial:
    return Trial(engine, DEFAULT_TIER, refusal=sentence, **more)


def told(findings: list[Finding]) -> list[str]:
    """Severity and sentence of each, for tests to look into."""
    return [f"{one.severity}: {one.what}" for one in findings]
