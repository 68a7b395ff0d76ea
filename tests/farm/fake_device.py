"""A device in memory: it writes cards as the real command would, and fails as it is told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from cards import GOLDEN, digest

from deploy.farm.card import Candidate, Card, Timing
from deploy.farm.device import DeviceLost, Ended, Say
from deploy.farm.jobs import Job
from edgeseg.tiers.catalogue import catalogue

TIERS = [name for name in catalogue() if name.startswith("selfie-landscape-96x160")]


def job(device: str = "fake", tier: str = TIERS[0], timing: Timing = "emulated", key: str = "0123456789ab") -> Job:
    candidate = Candidate(tier, "cpu", 1)
    argv = ("python", "-m", "edgeseg", "golden", "card", "--out", f"out/{candidate.key}.json")
    return Job(device, "fake", timing, candidate, catalogue()[tier], GOLDEN, (), 60.0, argv, key)


def jobs(device: str = "fake") -> list[Job]:
    return [job(device, tier, key=digest(tier)[:12]) for tier in TIERS]


class FakeCommand:
    """Says one line of progress; with `waits` it then lasts until it is killed."""

    def __init__(self, code: int | None, stderr: str = "", waits: bool = False) -> None:
        self._ended = Ended(code, stderr)
        self._killed = threading.Event()
        self.started = threading.Event()
        if not waits:
            self._killed.set()

    def lines(self) -> Iterator[str]:
        self.started.set()
        yield "progress scoring 1 7"
        assert self._killed.wait(30)

    def wait(self) -> Ended:
        return self._ended

    def kill(self) -> None:
        self._killed.set()


class FakeDevice:
    """A `device.Device`. next: what the coming commands of jobs do, a command or an error each; then all is well.

    opening: errors of the coming `open`s. history: what was asked of it.
    """

    kind = "fake"
    timing: Timing = "emulated"
    python = ("cp311", "linux_x86_64")

    def __init__(self, name: str = "fake") -> None:
        self.name = name
        self.next: list[FakeCommand | Exception] = []
        self.opening: list[Exception] = []
        self.hello: Ended | None = None
        self.putting: Exception | None = None
        self.history: list[str] = []
        self.changed: Callable[[Card], Card] = lambda made: made
        self._last = ""

    def setup(self, say: Say) -> None:
        pass

    def open(self) -> None:
        self.history.append("open")
        if self.opening:
            raise self.opening.pop(0)

    def put(self, files: Mapping[str, Path]) -> int:
        if self.putting is not None:
            raise self.putting
        return 0

    def start(self, argv: Sequence[str], timeout_s: float) -> FakeCommand:
        if argv[1] == "-c":
            return FakeCommand(self.hello.code, self.hello.stderr) if self.hello else FakeCommand(0)
        self._last = argv[-1].removeprefix("out/").removesuffix(".json")
        self.history.append(self._last)
        if self.next:
            does = self.next.pop(0)
            if isinstance(does, Exception):
                raise does
            return does
        return FakeCommand(0)

    def get(self, path: str, to: Path) -> None:
        tier = self._last.split(".")[0]
        made = Card(
            self.name,
            "fake",
            self.timing,
            Candidate(tier, "cpu", 1),
            "int8",
            False,
            catalogue()[tier].sha256,
            {},
            GOLDEN,
        )
        to.write_text(self.changed(replace(made, miou=0.9)).to_json(), encoding="utf-8")

    def close(self) -> None:
        self.history.append("close")


def lost(why: str) -> DeviceLost:
    return DeviceLost(why)
