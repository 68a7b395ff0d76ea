"""The best that could be done: rungs found by dynamic programming over the plant's own equations.

Its plan knows loads, ambients, limits and lies before they come, but not the noise. Value iteration runs backwards
over windows of a second; the state is temperature (in steps of half a degree), whether the board throttles, and the
rung. What counts, in this order: hard limits, the frame rate, quality, few changes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeseg.governor import Kind, Rung
from edgeseg.simulation.plant import Plant, Truth
from edgeseg.simulation.scenarios import Scenario

F64 = npt.NDArray[np.float64]
STEP_C = 0.5
SPAN_C = (0.0, 110.0)
LIMIT_COST, FPS_COST, CHANGE_COST = 1e3, 1e1, 0.05
FULL = 0.97  # of a frame's time that the work of a rung may take on average: nearer to 1 noise alone costs windows
SAFE_C, SAFE_SHARE, SAFE_S = 0.15, 0.995, 5  # its own margins: it plans with means, and the battery's end is a forecast


@dataclass(frozen=True, slots=True)
class Second:
    """What holds in one second of a scenario."""

    load: float
    load_w: float
    ambient_c: float
    cooling: float
    interval_ms: float
    memory_limit_mb: float
    power_max_w: float


class Oracle:
    """Plans once; `choose` looks the plan up with the plant's true state."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._ladder = scenario.board.ladder
        self._temps = np.arange(*SPAN_C, STEP_C)
        self._best = self._plan()

    def first(self) -> Rung:
        """The rung to start in: the plan's, for the temperature at which any start is at rest."""
        board, scenario = self._scenario.board, self._scenario
        watts = board.idle_w + board.busy_w * 0.5
        temp_c = scenario.value("ambient_c", 0) + board.c_per_w * scenario.value("cooling", 0) * watts
        return self._ladder[int(self._best[0, self._bin(temp_c), 0, len(self._ladder) - 1])]

    def act(self, plant: Plant) -> None:
        """Give the plant the next second's rung, so early that it serves when that second begins, and no earlier."""
        truth = plant.truth
        second, into = divmod(truth.at_s, 1.0)
        rung = self._choose(truth, int(second) + 1)
        cheaper = rung.load_ms() / rung.frames < truth.rung.load_ms() / truth.rung.frames
        if into >= (0.5 if cheaper else 0.75) - 1e-6:
            plant.switch(rung)

    def _choose(self, truth: Truth, second: int) -> Rung:
        second = min(second, len(self._best) - 1)
        current = self._ladder.index(truth.rung)
        return self._ladder[int(self._best[second, self._bin(truth.temp_c), int(truth.throttled), current])]

    def _bin(self, temp_c: float) -> int:
        return int(np.clip(round((temp_c - SPAN_C[0]) / STEP_C), 0, len(self._temps) - 1))

    def _plan(self) -> npt.NDArray[np.int16]:
        """(seconds, temperatures, throttled or not, rung before) -> rung."""
        seconds = [self._second(at) for at in range(self._scenario.seconds)]
        shape = (len(self._temps), 2, len(self._ladder))
        value: F64 = np.zeros(shape)
        best = np.zeros((len(seconds), *shape), dtype=np.int16)
        rungs = np.arange(len(self._ladder), dtype=np.int16)
        for at in range(len(seconds) - 1, -1, -1):
            gain = np.stack([self._gain(seconds[at], index, value) for index in range(len(self._ladder))], axis=-1)
            most = gain.max(axis=-1, keepdims=True) - CHANGE_COST
            best[at] = np.where(gain >= most, rungs, gain.argmax(axis=-1)[..., None])
            value = np.maximum(gain, most)
        return best

    def _gain(self, second: Second, index: int, after: F64) -> F64:
        """(temperatures, throttled or not): what running a rung for this second brings, with all that follows."""
        board, policy, rung = self._scenario.board, self._scenario.policy, self._ladder[index]
        lies, noise = self._scenario.lies.get(rung.candidate, 1.0), self._scenario.noise
        outliers = noise.outlier_share * (noise.outlier_times - 1)  # what they add to the mean
        gains = []
        for throttled in (0, 1):
            slow = second.load * (board.throttle_slow if throttled else 1.0)
            work_ms = rung.load_ms(1.0, lies) + rung.frame_ms * outliers
            need = work_ms * slow / (second.interval_ms * rung.frames)
            rate = min(1.0, 1 / need) / rung.frames
            busy = min(1.0, work_ms / second.interval_ms * rate)
            power_w = board.idle_w + second.load_w + board.busy_w * busy
            rest_c = second.ambient_c + board.c_per_w * second.cooling * power_w
            temps = self._temps + (rest_c - self._temps) * (1 - np.exp(-1 / (board.tau_s * second.cooling)))
            gain = np.full(temps.shape, rung.quality * rate * rung.frames)
            if need > FULL or rung.kind is not Kind.NORMAL:
                gain -= FPS_COST * (2 - rate)
            broken = (power_w > second.power_max_w * SAFE_SHARE) + (
                rung.memory_mb > second.memory_limit_mb * SAFE_SHARE
            )
            gain -= LIMIT_COST * float(broken)
            if policy.temp_max_c is not None:
                over = np.maximum(0.0, temps - (policy.temp_max_c - SAFE_C))
                gain -= np.where(over > 0, LIMIT_COST + over, 0.0)
            gains.append(gain + self._after(temps, throttled, after[:, :, index]))
        return np.stack(gains, axis=-1)

    def _after(self, temps: F64, throttled: int, after: F64) -> F64:
        board = self._scenario.board
        stays = temps > board.resume_c if throttled else temps >= board.throttle_c
        rates = [np.interp(temps, self._temps, after[:, state]) for state in (0, 1)]
        return np.where(stays, rates[1], rates[0])

    def _second(self, at: int) -> Second:
        value, middle = self._scenario.value, at + 0.5
        return Second(
            load=value("load", middle),
            load_w=value("load_w", middle),
            ambient_c=value("ambient_c", middle),
            cooling=value("cooling", middle),
            interval_ms=1e3 / value("camera_fps", middle),
            memory_limit_mb=memory_limit_mb(self._scenario, middle),
            power_max_w=power_limit_w(self._scenario, self._battery_at(middle + SAFE_S)),
        )

    def _battery_at(self, at_s: float) -> float | None:
        """A forecast: as if the best rung that the frame rate allows ran all the time."""
        scenario, board = self._scenario, self._scenario.board
        if scenario.battery_percent is None or not scenario.battery_wh:
            return None
        interval_ms = 1e3 / board.fps
        busy = (
            max(r.load_ms() for r in self._ladder if r.kind is Kind.NORMAL and r.load_ms() <= interval_ms) / interval_ms
        )
        return scenario.battery_percent - (board.idle_w + board.busy_w * busy) * at_s / 36 / scenario.battery_wh


def power_limit_w(scenario: Scenario, battery_percent: float | None) -> float:
    """What the policy lets the board take, with so much in its battery; infinite where there is no limit."""
    policy = scenario.policy
    limits = [policy.power_max_w] if policy.power_max_w is not None else []
    low, saving = policy.battery_low_percent, policy.battery_power_w
    if low is not None and saving is not None and battery_percent is not None and battery_percent <= low:
        limits.append(saving)
    return min(limits, default=float("inf"))


def memory_limit_mb(scenario: Scenario, at_s: float) -> float:
    """What the process may hold at a time."""
    most = scenario.policy.memory_max_mb
    return min(scenario.value("memory_limit_mb", at_s), float("inf") if most is None else most)
