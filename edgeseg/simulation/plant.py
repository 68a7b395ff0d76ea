"""A board that runs the pipeline: time for each frame, heat, power, memory, and sensors that may fail.

What it leaves out is said here. All work of a frame comes out of one budget, as on one core or under a CPU quota: the
worst case of the real runtime, which infers beside composing. A frame that finds too much undone work waiting is
dropped. An inference that takes five times as long is an engine that was not run for a while: its mask is late, newer
frames take the one before, and the questions that it was too busy for are not asked. The governor sees `Observation`s
and nothing else.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

from edgeseg.governor import Kind, Observation, Rung
from edgeseg.simulation.scenarios import Scenario

MAX_WAIT_FRAMES = 3  # undone work of so many frames' time is the most; a frame that finds more is dropped
BUILD_SHARE = 0.1  # of the budget, while the next rung is built aside
LEAST_MS = 0.05


@dataclass(slots=True)
class Counts:
    """What happened since the last look."""

    frames_in: int = 0
    frames_out: int = 0
    dropped: int = 0
    infer_ms: list[float] = field(default_factory=list)
    frame_ms: list[float] = field(default_factory=list)
    work_ms: float = 0.0
    changed: bool = False


@dataclass(frozen=True, slots=True)
class Truth:
    """What really is at a moment."""

    at_s: float
    rung: Rung
    temp_c: float
    power_w: float
    memory_mb: float
    memory_limit_mb: float
    throttled: bool
    battery_percent: float | None


class Plant:
    """One scenario's board, from its start; each draw of chance belongs to a frame: all policies meet the same."""

    def __init__(self, scenario: Scenario, rung: Rung) -> None:
        self.scenario = scenario
        self.at_s = 0.0
        self.out_at: list[float] = []  # when each shown frame came
        self._rung, self._next_rung, self._next_at = rung, rung, 0.0
        self._frame_at, self._frame = 0.0, 0
        self._waiting_ms, self._waiting_at = 0.0, 0.0
        self._engine_free_at = 0.0
        self._since_asked = 0
        self._throttled = False
        self._temp_c = scenario.value("ambient_c", 0) + scenario.board.c_per_w * scenario.value(
            "cooling", 0
        ) * self._power(scenario.board.fps, rung)
        self._battery = scenario.battery_percent
        self._chance = random.Random(scenario.seed)
        self._sensor_chance = random.Random(scenario.seed + 1)
        self._last_said: dict[str, float | None] = {}
        self._power_w = 0.0

    def switch(self, rung: Rung) -> None:
        """Begin to build another rung; it serves when it is ready."""
        if rung is not self._next_rung:
            self._next_rung, self._next_at = rung, self.at_s + self.scenario.board.switch_s

    @property
    def truth(self) -> Truth:
        """What a sensor cannot get wrong."""
        limit = self.scenario.value("memory_limit_mb", self.at_s)
        memory_mb = self._rung.memory_mb
        return Truth(
            self.at_s, self._rung, self._temp_c, self._power_w, memory_mb, limit, self._throttled, self._battery
        )

    def advance(self, seconds: float) -> Observation:
        """Let time pass and look."""
        counts = Counts()
        until = self.at_s + seconds
        while self._frame_at < until - 1e-9:
            if self._next_rung is not self._rung and self._frame_at >= self._next_at:
                self._rung, self._since_asked, counts.changed = self._next_rung, 10**6, True
            self._one_frame(counts)
            self._frame_at += 1 / self.scenario.value("camera_fps", self._frame_at)
        self.at_s = until
        self._warm(counts, seconds)
        return self._look(counts, seconds)

    def _one_frame(self, counts: Counts) -> None:
        noise = self.scenario.noise
        draws = [self._chance.gauss(1.0, noise.times), self._chance.gauss(1.0, noise.times)]
        late = [self._chance.random() < noise.outlier_share, self._chance.random() < noise.outlier_share]
        frame_noise, infer_noise = (max(0.3, draw) for draw in draws)
        rung, now = self._rung, self._frame_at
        interval_ms = 1e3 / self.scenario.value("camera_fps", now)
        passed_ms = (now - self._waiting_at) * 1e3
        self._waiting_at = now
        building = self._next_rung is not self._rung
        self._waiting_ms = max(0.0, self._waiting_ms - passed_ms * (1 - BUILD_SHARE if building else 1))
        counts.frames_in += 1
        self._frame += 1
        if rung.frames > 1 and self._frame % rung.frames:
            return
        if self._waiting_ms > min(rung.every + 1, MAX_WAIT_FRAMES) * interval_ms * rung.frames:
            counts.dropped += 1
            return
        slow = self._slow(now)
        frame_ms = max(LEAST_MS, rung.frame_ms * slow * frame_noise) * (noise.outlier_times if late[0] else 1)
        counts.frame_ms.append(frame_ms)
        self._waiting_ms += frame_ms
        counts.work_ms += frame_ms / slow
        self._since_asked += 1
        if rung.kind is not Kind.COVER and self._since_asked >= rung.every and now >= self._engine_free_at:
            self._since_asked = 0
            infer_ms = max(LEAST_MS, rung.cost_ms * self.scenario.lies.get(rung.candidate, 1.0) * slow * infer_noise)
            self._waiting_ms += infer_ms
            counts.work_ms += infer_ms / slow
            seen_ms = infer_ms * (noise.outlier_times if late[1] else 1)
            counts.infer_ms.append(seen_ms)
            if late[1]:
                self._engine_free_at = now + seen_ms / 1e3
        counts.frames_out += 1
        self.out_at.append(now)

    def _slow(self, at_s: float) -> float:
        throttle = self.scenario.board.throttle_slow if self._throttled else 1.0
        return self.scenario.value("load", at_s) * throttle

    def _power(self, fps: float, rung: Rung) -> float:
        """Of the board at rest in that rung."""
        board = self.scenario.board
        return board.idle_w + board.busy_w * rung.load_ms() / 1e3 * fps / rung.frames

    def _warm(self, counts: Counts, seconds: float) -> None:
        board, value = self.scenario.board, self.scenario.value
        busy = min(1.0, counts.work_ms / 1e3 / seconds)
        self._power_w = board.idle_w + value("load_w", self.at_s) + board.busy_w * busy
        cooling = value("cooling", self.at_s)
        rest_c = value("ambient_c", self.at_s) + board.c_per_w * cooling * self._power_w
        self._temp_c += (rest_c - self._temp_c) * min(1.0, seconds / (board.tau_s * cooling))
        if self._temp_c >= board.throttle_c:
            self._throttled = True
        elif self._temp_c <= board.resume_c:
            self._throttled = False
        if self._battery is not None and self.scenario.battery_wh:
            self._battery -= self._power_w * seconds / 3600 / self.scenario.battery_wh * 100

    def _look(self, counts: Counts, seconds: float) -> Observation:
        noise, truth = self.scenario.noise, self.truth
        draw = [self._sensor_chance.gauss(0.0, 1.0) for _ in range(3)]
        said: dict[str, float | None] = {
            "temp_c": round(truth.temp_c + draw[0] * noise.temp_c, 1),
            "power_w": round(truth.power_w * (1 + draw[1] * noise.power_share), 3)
            if self.scenario.board.has_power
            else None,
            "memory_mb": round(truth.memory_mb + draw[2] * noise.memory_mb, 1),
        }
        for name in said:
            fault = next(
                (one for one in self.scenario.faults if one.sensor == name and one.at_s <= self.at_s < one.until_s),
                None,
            )
            if fault is not None:
                said[name] = {"missing": None, "says": fault.value, "stuck": self._last_said.get(name)}[fault.kind]
            else:
                self._last_said[name] = said[name]
        limit = truth.memory_limit_mb if truth.memory_limit_mb < 1e6 else None
        seen = Observation(
            now_s=self.at_s,
            span_s=seconds,
            rung=None if counts.changed else self._rung.name,
            frames_in=counts.frames_in,
            frames_out=counts.frames_out,
            dropped=counts.dropped,
            infer_ms=tuple(round(ms, 3) for ms in counts.infer_ms),
            frame_ms=tuple(round(ms, 3) for ms in counts.frame_ms),
            cgroup_memory_limit_mb=limit,
            battery_percent=round(self._battery, 2) if self._battery is not None else None,
            throttled=self._throttled,
        )
        return replace(seen, temp_c=said["temp_c"], power_w=said["power_w"], memory_mb=said["memory_mb"])
