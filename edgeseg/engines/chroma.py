"""The `chroma` engine: no model, a green screen. Everything that is not the screen's colour is person, the room too."""

from __future__ import annotations

import colorsys
import re
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from edgeseg.errors import EngineFault, UsageError
from edgeseg.frames import U8
from edgeseg.ports import EngineReport, ModelIO

_SHARES = ("min_saturation", "min_value", "softness")
_LEAST_SCREEN = 0.03  # of the picture: less is no screen, and the room would be shown
_EDGE = 12  # pixels at the upper, left and right edges, where the screen is if it is anywhere
_MOSTLY = 0.25  # of those
_SKIN_HUE_DEG = 25.0  # of any tone; light thrown back by the screen shifts it some way toward the screen


@dataclass(frozen=True, slots=True)
class ChromaKey:
    """The screen's colour, in HSV.

    hue_deg: 0 red, 120 green, 240 blue. hue_tolerance_deg: how far from it is still the screen. min_saturation,
    min_value: what is paler or darker is person, 0..1. softness: each of these three borders is a ramp that starts this
    share (0..1) before it and ends this share behind it. Raises UsageError for a value out of range.
    """

    hue_deg: float = 120.0
    hue_tolerance_deg: float = 40.0
    min_saturation: float = 0.3
    min_value: float = 0.15
    softness: float = 0.25

    def __post_init__(self) -> None:
        if not 0 <= self.hue_deg < 360:
            raise UsageError(f"The key colour's hue_deg is {self.hue_deg}; it goes from 0 to below 360.")
        if not 0 < self.hue_tolerance_deg <= 90:
            raise UsageError(
                f"The key colour's hue_tolerance_deg is {self.hue_tolerance_deg}; it is above 0, at most 90."
            )
        for field in _SHARES:
            if not 0 <= getattr(self, field) <= 1:
                raise UsageError(f"The key colour's {field} is {getattr(self, field)}; it goes from 0 to 1.")

    @classmethod
    def of(cls, colour: str) -> ChromaKey:
        """The key for a screen of this colour, "#rrggbb"; raises UsageError, also for a grey, which has no hue.

        The nearer the hue is to skin's, the narrower the tolerance: a yellow wall takes faces with it otherwise.
        """
        if not re.fullmatch(r"#[0-9a-fA-F]{6}", colour):
            raise UsageError(f"The key colour {colour!r} is not of the form #RRGGBB, such as '#00ff00'.")
        red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
        hue, saturation, value = colorsys.rgb_to_hsv(red, green, blue)
        floor = cls()
        if saturation < floor.min_saturation or value < floor.min_value:
            raise UsageError(f"The key colour {colour!r} is too grey or too dark to be told from a person.")
        hue_deg = hue * 360 % 360
        from_skin_deg = abs((hue_deg - _SKIN_HUE_DEG + 180) % 360 - 180)
        if from_skin_deg < 20:
            raise UsageError(
                f"The key colour {colour!r} has the hue of skin; choose a green, blue or yellow-green one."
            )
        return cls(hue_deg=hue_deg, hue_tolerance_deg=min(floor.hue_tolerance_deg, 0.4 * from_skin_deg))

    @property
    def rgb(self) -> tuple[int, int, int]:
        """The hue at its brightest and purest, 0..255 each."""
        red, green, blue = colorsys.hsv_to_rgb(self.hue_deg / 360, 1, 1)
        return round(red * 255), round(green * 255), round(blue * 255)


class ChromaEngine:
    """Tells the person from a screen of one colour, pixel by pixel. An Engine, see `ports`.

    height, width: of the pictures it is given, (height, width, 3) uint8 RGB; small ones are enough, they are
    averages of what the camera saw. A picture without a screen, in which everything would be a person, is a fault.
    """

    def __init__(self, height: int, width: int, key: ChromaKey = ChromaKey()) -> None:
        self._io = ModelIO(height, width, "stretch", "uint8")
        self._table = _table(key)
        self._hsv = np.empty((height, width, 3), np.uint8)
        self._plane = np.empty((height, width), np.uint8)
        self._person = np.empty((height, width), np.uint8)
        self._answer = np.empty((height, width), np.float32)
        self._closed = False

    @property
    def io(self) -> ModelIO:
        """See `ports.Engine`."""
        return self._io

    @property
    def report(self) -> EngineReport:
        """See `ports.Engine`."""
        return EngineReport("chroma", f"OpenCV {cv2.__version__}", 1, None, 0, 0)

    def infer(self, rgb: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """See `ports.Engine`."""
        if self._closed:
            raise EngineFault("The chroma engine was asked for a mask after it was closed.")
        if rgb.shape != self._hsv.shape or rgb.dtype != np.uint8:
            raise EngineFault(f"The chroma engine takes uint8 {self._hsv.shape}, not {rgb.dtype} {rgb.shape}.")
        cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV_FULL, dst=self._hsv)
        cv2.LUT(self._hsv, self._table, dst=self._hsv)
        cv2.extractChannel(self._hsv, 0, dst=self._person)
        for channel in (1, 2):
            cv2.extractChannel(self._hsv, channel, dst=self._plane)
            cv2.max(self._person, self._plane, dst=self._person)
        if np.count_nonzero(self._person < 128) < _LEAST_SCREEN * self._person.size:
            raise EngineFault(f"Next to nothing in the picture has the key's colour; {_advice(rgb)}")
        np.multiply(self._person, np.float32(1 / 255), out=self._answer)
        return self._answer

    def close(self) -> None:
        """See `ports.Engine`."""
        self._closed = True


def _advice(rgb: U8) -> str:
    """The end of a sentence: the colour at the picture's edges that would do as a key, where there is one."""
    edge = np.concatenate([rgb[:_EDGE].reshape(-1, 3), rgb[:, :_EDGE].reshape(-1, 3), rgb[:, -_EDGE:].reshape(-1, 3)])
    hue, saturation, value = cv2.cvtColor(edge[np.newaxis], cv2.COLOR_RGB2HSV_FULL)[0].T
    least = ChromaKey()
    vivid = (saturation >= 255 * least.min_saturation) & (value >= 255 * least.min_value)
    bins = np.bincount(hue[vivid] // 16, minlength=16)
    most = int(bins.argmax())
    if bins[most] >= _MOSTLY * len(edge):
        red, green, blue = np.median(edge[vivid & (hue // 16 == most)], axis=0).astype(int)
        colour = f"#{red:02x}{green:02x}{blue:02x}"
        try:
            ChromaKey.of(colour)
        except UsageError:
            return f"its edges are mostly {colour}, which cannot be told from a person."
        return f"its edges are mostly {colour}: try --key-color '{colour}'."
    return "its edges have no colour of their own that would do; is the screen in the picture?"


def _table(key: ChromaKey) -> U8:
    """(1, 256, 3) uint8: how much each value of H, S and V by itself speaks for a person, 0..255.

    OpenCV's HSV_FULL has the hue in 256 steps of the circle, saturation and value in 0..255.
    """
    steps = np.arange(256)
    off_deg = np.abs((steps * (360 / 256) - key.hue_deg + 180) % 360 - 180)
    hue = _ramp(off_deg, key.hue_tolerance_deg, key.softness)
    pale = 1 - _ramp(steps / 255, key.min_saturation, key.softness)
    dark = 1 - _ramp(steps / 255, key.min_value, key.softness)
    table: U8 = np.rint(np.stack([hue, pale, dark], axis=-1)[np.newaxis] * 255).astype(np.uint8)
    return table


def _ramp(value: npt.NDArray[Any], border: float, softness: float) -> npt.NDArray[np.float64]:
    """0 below the border, 1 above it, straight in between; without softness a step."""
    half = max(border * softness, 1e-9)
    return np.clip((value - border) / (2 * half) + 0.5, 0.0, 1.0)
