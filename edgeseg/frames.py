"""Frames and masks: what flows along the line, as checked values.

A frame is planar YUV 4:2:0 (I420): cameras, encoders and virtual webcams speak it, it is half the
bytes of BGR, and blending it costs a fraction. Its planes may be views into a decoder's own
buffers, so they are read, never written, by anyone but the one who allocated them.
"""

from __future__ import annotations

import enum
import threading
import weakref
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]
Halves = tuple[tuple[U8, ...], tuple[U8, ...], tuple[U8, ...]]  # of Y, U and V
NO_HALVES: Halves = ((), (), ())

MICROSECONDS = Fraction(1, 1_000_000)


class PixelFormat(enum.Enum):
    """The layouts that cameras hand out; the value is the V4L2 four-character code."""

    I420 = "YU12"
    NV12 = "NV12"
    YUYV = "YUYV"
    MJPEG = "MJPG"
    GREY = "GREY"
    BGR = "BGR3"


class Size(NamedTuple):
    """Width and height in pixels."""

    width: int
    height: int

    @property
    def diagonal(self) -> float:
        """Length of the diagonal in pixels."""
        return float(np.hypot(self.width, self.height))

    @property
    def even(self) -> Size:
        """The smallest size of even sides that holds this one (4:2:0 needs even sides)."""
        return Size(self.width + (self.width & 1), self.height + (self.height & 1))

    @property
    def chroma(self) -> Size:
        """The size of the U and V planes of a frame of this size."""
        return Size((self.width + 1) // 2, (self.height + 1) // 2)

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


class Rect(NamedTuple):
    """A part of a picture: left, top, right and bottom edges in pixels, the last two exclusive."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def size(self) -> Size:
        """Its width and height."""
        return Size(self.right - self.left, self.bottom - self.top)

    def of(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The view of this part of `array`, whose first axes are rows and columns."""
        return array[self.top : self.bottom, self.left : self.right]

    def only(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """A copy of `array` that is 0 beside this part."""
        out = np.zeros_like(array)
        self.of(out)[...] = self.of(array)
        return out


class ColorSpace(NamedTuple):
    """How Y, U and V mean a colour: ITU-R BT.601 or BT.709, limited (16..235) or full range."""

    matrix: str = "bt601"
    full_range: bool = False

    def to_rgb(self) -> npt.NDArray[np.float64]:
        """The 3x4 matrix that takes (Y, U, V, 1) in 0..255 to (R, G, B) in 0..255.

        Source: ITU-R BT.601-7 and BT.709-6, section 3, quantized to 8 bits.
        """
        kr, kb = (0.2126, 0.0722) if self.matrix == "bt709" else (0.299, 0.114)
        kg = 1 - kr - kb
        y_gain, c_gain, y_zero = (1.0, 1.0, 0.0) if self.full_range else (255 / 219, 255 / 224, 16.0)
        linear = np.array(
            [
                [y_gain, 0.0, 2 * (1 - kr) * c_gain],
                [y_gain, -2 * (1 - kb) * kb / kg * c_gain, -2 * (1 - kr) * kr / kg * c_gain],
                [y_gain, 2 * (1 - kb) * c_gain, 0.0],
            ]
        )
        return np.column_stack([linear, -linear @ np.array([y_zero, 128.0, 128.0])])

    def from_rgb(self) -> npt.NDArray[np.float64]:
        """The inverse of `to_rgb`: (R, G, B, 1) to (Y, U, V)."""
        forward = self.to_rgb()
        linear = np.linalg.inv(forward[:, :3])
        return np.column_stack([linear, -linear @ forward[:, 3]])


BT601 = ColorSpace()


class Planes(NamedTuple):
    """Three 8-bit planes of an even-sided picture: Y (H, W), U and V (H/2, W/2), row-strided."""

    y: U8
    u: U8
    v: U8

    @classmethod
    def allocate(cls, size: Size) -> Planes:
        """New planes that hold `size`, its sides made even, in one block of memory."""
        w, h = size.even
        block = np.empty((h * 3 // 2, w), np.uint8)
        return cls.of_block(block)

    @classmethod
    def of_block(cls, block: U8) -> Planes:
        """Views into a contiguous I420 block of shape (H * 3 / 2, W) and dtype uint8."""
        h, w = block.shape[0] * 2 // 3, block.shape[1]
        chroma = block[h:].reshape(2, h // 2, w // 2)
        return cls(block[:h], chroma[0], chroma[1])

    @property
    def size(self) -> Size:
        """The size of the Y plane."""
        return Size(self.y.shape[1], self.y.shape[0])

    def block(self) -> U8 | None:
        """The (H * 3 / 2, W) block of memory that these are views of, None if each lies where it likes."""
        w, h = self.size
        block = self.y.base
        whole = isinstance(block, np.ndarray) and block.shape == (h * 3 // 2, w) and block.flags.c_contiguous
        return block if whole and self.u.base is block and self.v.base is block else None

    def copy_to(self, out: Planes) -> None:
        """Copy every pixel into `out`, which has the same size."""
        for source, target in zip(self, out, strict=True):
            np.copyto(target, source)

    def fill(self, yuv: tuple[int, int, int]) -> None:
        """Give every pixel one colour."""
        for plane, value in zip(self, yuv, strict=True):
            plane[...] = value


@dataclass(eq=False)
class Frame:
    """One picture on its way from a source to a sink.

    planes: even-sided I420; where the picture's own sides are odd the last row or column is repeated.
    size: the picture's own size; `planes.size` is `size.even`.
    index: 0, 1, 2 ... in the order the source gave them.
    pts, time_base: when to show it; `time_s` is the same in seconds.
    captured_at: when it came in, on the runtime's clock, in seconds.
    alpha: (H, W) uint8 of the planes' size on a frame that goes to a sink with transparency.
    owner: keeps the memory behind the planes alive.
    halves: each plane halved again and again, of Y (H/2, W/2), (H/4, W/4) ..., once somebody has made them (`Halver`).
    look: the part of it, in pixels, that the engine is asked about; None: all of it.
    """

    planes: Planes
    size: Size
    index: int = 0
    pts: int = 0
    time_base: Fraction = MICROSECONDS
    color: ColorSpace = BT601
    captured_at: float = 0.0
    alpha: U8 | None = None
    owner: object = field(default=None, repr=False)
    halves: Halves = field(default=NO_HALVES, init=False, repr=False)
    look: Rect | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.planes.size != self.size.even:
            raise ValueError(f"planes of {self.planes.size} cannot hold a picture of {self.size}")

    @property
    def time_s(self) -> float:
        """When to show it, in seconds."""
        return float(self.pts * self.time_base)


@dataclass(slots=True, eq=False)
class Mask:
    """How much of each place is the person, for one frame.

    alpha: (h, w) uint8, 0 background, 255 person, the whole frame at the mask's own size.
    frame_index, captured_at: of the frame it was inferred from.
    person, grey: for carrying it on (`stages.motion.Carry`): the engine's person, (h, w) uint8, near which it must
    stay, and that frame, small and grey.
    """

    alpha: U8
    frame_index: int = 0
    captured_at: float = 0.0
    person: U8 | None = None
    grey: U8 | None = None

    @property
    def coverage(self) -> float:
        """Share of the frame that is person, alpha at least one half (0..1)."""
        return float(np.count_nonzero(self.alpha >= 128)) / max(1, self.alpha.size)


class PlanesPool:
    """Lends planes of one size and takes them back when the frame that holds them is gone.

    A source that fills its own buffers uses it: nothing is allocated once the pool holds as many
    planes as frames are in flight, and no frame is overwritten while anybody still holds it.
    """

    def __init__(self, size: Size) -> None:
        self.size = size
        self._free: list[Planes] = []
        self._lock = threading.Lock()

    def take(self) -> Planes:
        """Planes that nobody holds, with whatever was in them."""
        with self._lock:
            if self._free:
                return self._free.pop()
        return Planes.allocate(self.size)

    def lend(self, frame: Frame) -> Frame:
        """Tie `frame.planes`, which came from `take`, to the frame's life; gives the frame back."""
        weakref.finalize(frame, self._give_back, frame.planes).atexit = False
        return frame

    def _give_back(self, planes: Planes) -> None:
        with self._lock:
            self._free.append(planes)
