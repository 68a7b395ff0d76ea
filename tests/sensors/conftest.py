"""A clock that a test moves, and small boards whose files a test changes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from edgeseg.facts import Fact, Noted
from edgeseg.readings import Reading
from edgeseg.sensors.system import SystemSensors


class HandClock:
    def __init__(self, now_s: float = 1000.0) -> None:
        self.now_s = now_s

    def now(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += max(seconds, 0.0)


class Board:
    """A root of its own, its sensors, and the sentences that they said."""

    def __init__(self, root: Path) -> None:
        self.root, self.clock = root, HandClock()
        self.facts: list[Fact] = []
        self._sensors: SystemSensors | None = None

    def write(self, files: Mapping[str, str | bytes | None]) -> Board:
        """None takes the file away."""
        for name, content in files.items():
            path = self.root / name.lstrip("/")
            if content is None:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return self

    @property
    def sensors(self) -> SystemSensors:
        if self._sensors is None:
            self._sensors = SystemSensors(self.root, clock=self.clock, emit=self.facts.append)
        return self._sensors

    def read(self, after_s: float = 2.0, slow: bool = True) -> Reading:
        self.sensors.read  # noqa: B018 - found before the time goes on
        self.clock.now_s += after_s
        return self.sensors.read(slow)

    @property
    def sentences(self) -> list[str]:
        return [fact.detail for fact in self.facts if isinstance(fact, Noted) and fact.what == "sensor"]


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(tmp_path)
