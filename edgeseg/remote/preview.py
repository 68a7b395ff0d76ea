"""What goes out, as JPEG, for whoever looks: the newest frame wins, each size encoded once for all.

Nothing is copied or encoded while nobody looks. The showing thread only copies planes, and only if the encoder is free
and the next picture is due; shrinking and encoding are another thread's, which runs no Python meanwhile.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from edgeseg.clock import Clock
from edgeseg.frames import ColorSpace, Frame, Planes, Size
from edgeseg.stages.preprocess import Shrink
from edgeseg.stages.recolor import Recolor

WIDTHS = (1920, 960, 640, 400)  # the first is for snapshots; a smaller picture is never made larger
FPS = 30.0
SHARE = 0.25  # of one core, at most, that encoding takes
QUALITY = 75
_JFIF = ColorSpace("bt601", full_range=True)  # what a JPEG's planes mean (ITU-T T.871, 7)
_EARLY = 0.25  # of the interval: a picture that comes so much too soon is taken, for cameras are not punctual


@dataclass(frozen=True, slots=True)
class Picture:
    """One frame as JPEG. index, captured_at: of the frame. width: one of WIDTHS. source: it shows the room."""

    jpeg: bytes
    index: int
    captured_at: float
    width: int
    size: Size
    source: bool = False


class Preview:
    """Makes `Picture`s of offered frames for those who look, and hands them to `given` in its own thread.

    now: the clock. fps: pictures a second, at most.
    """

    def __init__(self, clock: Clock, given: Callable[[Picture], object], fps: float = FPS) -> None:
        self._now, self._given, self._interval_s = clock.now, given, 1 / fps
        self._wanted: Counter[tuple[int, bool]] = Counter()  # viewers by (width, source)
        self._lock = threading.Lock()
        self._work = threading.Event()
        self._taken: list[tuple[Frame, bool]] = []  # copies that wait for the encoder
        self._buffers: dict[tuple[Size, bool], Planes] = {}
        self._is_free = True
        self._due_s = 0.0
        self._encoders: dict[tuple[Size, ColorSpace, int], _Encoder] = {}
        self._closed = False
        self.encoded = 0
        self._source_index = -1
        self._thread = threading.Thread(target=self._run, name="edgeseg-preview", daemon=True)
        self._thread.start()

    def look(self, width: int, source: bool = False) -> None:
        """Somebody looks at pictures of this width from now on."""
        with self._lock:
            self._wanted[width, source] += 1

    def leave(self, width: int, source: bool = False) -> None:
        """And now no longer."""
        with self._lock:
            self._wanted[width, source] -= 1
            self._wanted += Counter()  # drops those that are 0

    @property
    def viewers(self) -> int:
        """How many look now."""
        return self._wanted.total()

    def offer_source(self, frame: Frame) -> None:
        """The frame as the camera gave it, before `offer` of what is shown of it. Called only if the owner said so."""
        if self._is_due() and any(source for _, source in self._wanted):
            self._take(frame, True)
            self._source_index = frame.index

    def offer(self, frame: Frame) -> None:
        """A frame that goes out, from the showing thread; it is copied only if it will be encoded."""
        if not self._is_due():
            return
        if any(not source for _, source in self._wanted):
            self._take(frame, False)
        if self._taken:
            now = self._now()
            self._is_free, self._due_s = False, max(self._due_s + self._interval_s, now + self._interval_s / 2)
            self._work.set()

    def close(self) -> None:
        """Encode no more."""
        self._closed = True
        self._work.set()
        self._thread.join(timeout=1.0)

    def _is_due(self) -> bool:
        return self._is_free and bool(self._wanted) and self._now() >= self._due_s - self._interval_s * _EARLY

    def _take(self, frame: Frame, source: bool) -> None:
        size = frame.planes.size
        planes = self._buffers.get((size, source))
        if planes is None:
            self._buffers = {key: old for key, old in self._buffers.items() if key[0] == size}
            planes = self._buffers[size, source] = Planes.allocate(size)
        frame.planes.copy_to(planes)
        copy = Frame(planes, frame.size, frame.index, color=frame.color, captured_at=frame.captured_at)
        self._taken.append((copy, source))

    def _run(self) -> None:
        while True:
            self._work.wait()
            self._work.clear()
            if self._closed:
                return
            start = self._now()
            with self._lock:
                wanted = sorted(self._wanted)
            for frame, of_source in self._taken:
                for width, source in wanted:
                    if source is of_source:
                        self._given(self._encoded(frame, width, source))
                        self.encoded += 1
            self._taken.clear()
            end = self._now()
            self._due_s = max(self._due_s, start + (end - start) / SHARE)
            self._is_free = True

    def _encoded(self, frame: Frame, width: int, source: bool) -> Picture:
        key = frame.planes.size, frame.color, width
        encoder = self._encoders.get(key)
        if encoder is None:
            self._encoders = {old: one for old, one in self._encoders.items() if old[:2] == key[:2]}
            encoder = self._encoders[key] = _Encoder(*key)
        return Picture(encoder(frame.planes), frame.index, frame.captured_at, width, encoder.size, source)


class _Encoder:
    """JPEG of planes of one size and colour space, at most `width` wide."""

    def __init__(self, planes: Size, color: ColorSpace, width: int) -> None:
        import simplejpeg  # of the extra web: home automation alone needs none of it

        self._encode = simplejpeg.encode_jpeg_yuv_planes
        self.size = fitted(planes, width)
        chroma = self.size.chroma
        self._shrinks = (
            [Shrink(planes, self.size), *(Shrink(planes.chroma, chroma) for _ in range(2))]
            if self.size != planes
            else []
        )
        self._out = Planes.allocate(self.size)
        self._recolor = Recolor(self.size, color, _JFIF)

    def __call__(self, planes: Planes) -> bytes:
        """The picture of `planes`."""
        out = self._out
        if self._shrinks:
            for shrink, plane, small in zip(self._shrinks, planes, out, strict=True):
                made = shrink(plane, small)
                if made is not small:
                    small[...] = made
        else:
            planes.copy_to(out)
        self._recolor(out)
        return bytes(self._encode(*out, quality=QUALITY, fastdct=True))


def fitted(size: Size, width: int) -> Size:
    """`size` with even sides and no wider than `width`."""
    if size.width <= width:
        return size.even
    return Size(width, max(2, round(size.height * width / size.width / 2) * 2)).even
