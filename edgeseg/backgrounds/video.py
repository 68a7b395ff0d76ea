"""A looping video: `video:waves.mp4`, at its own speed, scaled to cover the frame."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame

from edgeseg.errors import NotPermitted, UsageError
from edgeseg.frames import U8, ColorSpace, Frame, Mask, Planes, Size
from edgeseg.stages.cover import Cover
from edgeseg.stages.orient import orient, oriented
from edgeseg.stages.pixels import bgr_to_i420
from edgeseg.stages.recolor import Recolor

_CATCH_UP_S = Fraction(2)  # no frame moves the video farther: after a pause it goes on instead of decoding for long
_DEFAULT_STEP = Fraction(1, 25)
_NO_VIDEO = ("tty", "lrc", "bin")  # text, which FFmpeg would show as moving letters
# PyAV 19 lets damaged metadata pass and has no such option; those before refuse the file without it.
_LENIENT: dict[str, Any] = {"metadata_errors": "replace"} if int(av.__version__.partition(".")[0]) < 19 else {}
# ITU-T H.273 table 4, which FFmpeg's AVColorSpace numbers follow.
_MATRIX = {1: "bt709", 4: "bt601", 5: "bt601", 6: "bt601"}
_FULL_RANGE = 2  # AVCOL_RANGE_JPEG


class VideoBackground:
    """A video behind the person, played in the time of the frames in front of it, for ever.

    Shown is the last picture that is due; after the video's duration it starts over, to the exact time. Damaged
    packets are passed over, a rotation tag is obeyed. A video of one picture stands still.

    Raises UsageError or NotPermitted if there is no video that can be read.
    """

    paints_anew = False
    half = None

    def __init__(self, where: str) -> None:
        self._clip = _Clip(where)
        self._now: Fraction | None = None
        self._drawn: tuple[VideoFrame, ColorSpace] | None = None
        self._painter: _Painter | None = None

    def render(self, frame: Frame, mask: Mask | None) -> Planes:
        """See `Background.render`."""
        now = frame.pts * Fraction(frame.time_base.numerator, frame.time_base.denominator)
        if self._now is not None and now > self._now:  # time that goes back is another source: the video goes on
            self._clip.play(min(now - self._now, _CATCH_UP_S))
        self._now = now
        size, picture = frame.planes.size, self._clip.picture
        rotation = self._clip.rotation
        if self._painter is None or not self._painter.fits(picture, rotation, size):
            self._painter, self._drawn = _Painter(picture, rotation, size), None
        if self._drawn is None or self._drawn[0] is not picture or self._drawn[1] != frame.color:
            self._painter(picture, frame.color)
            self._drawn = picture, frame.color
        return self._painter.out

    def close(self) -> None:
        """See `Background.close`; the last picture stays."""
        self._clip.close()


class _Clip:
    """The pictures of a file and when they are due, in a circle.

    picture: the one that is due now. rotation: degrees clockwise that make it upright.
    """

    def __init__(self, where: str) -> None:
        self._where = where
        self._closed = False
        self._container = _open(where)
        self._pictures = self._decode()
        first = next(self._pictures, None)
        if first is None:
            self._container.close()
            raise UsageError(f"The background {where} is no video that can be read.")
        self._start, self.picture = first
        self._due = self._start  # when `picture` is
        self._at = Fraction(0)  # since the first picture, in this round
        self._period: Fraction | None = None
        self._pts = self.picture.pts
        # Asked once: PyAV's side data and its frame hold each other. The tag says counterclockwise.
        self.rotation = round(-getattr(self.picture, "rotation", 0) / 90) * 90 % 360
        self._following = self._next()

    def play(self, step_s: Fraction) -> None:
        """Go on by that many seconds."""
        if self._closed or self._period == 0:
            return
        self._at += step_s
        while True:
            if self._following is None:
                assert self._period is not None
                if self._at < self._period:
                    return
                self._at %= self._period
                self._rewind()
                if self._following is None:
                    return
            due, picture = self._following
            if due - self._start > self._at:
                return
            self._due, self.picture = due, picture
            self._following = self._next()

    def close(self) -> None:
        self._closed = True
        self._container.close()

    def _next(self) -> tuple[Fraction, VideoFrame] | None:
        following = next(self._pictures, None)
        if following is None and self._period is None:
            alone = self._due == self._start
            self._period = Fraction(0) if alone else self._due - self._start + self._lasts()
        return following

    def _lasts(self) -> Fraction:
        """How long the last picture is shown: as it says, or as long as a picture of that rate."""
        duration = getattr(self.picture, "duration", 0)
        if duration and self.picture.time_base:
            return _seconds(duration, self.picture.time_base)
        return self._step()

    def _step(self) -> Fraction:
        stream = self._container.streams.video[0]
        rate = stream.average_rate or stream.guessed_rate
        return Fraction(rate.denominator, rate.numerator) if rate else _DEFAULT_STEP

    def _rewind(self) -> None:
        """Start over: by seeking, which keeps the decoder; a file that cannot be sought is opened again."""
        try:
            self._container.seek(0)
            self._pictures = self._decode()
            first = next(self._pictures, None)
        except (av.FFmpegError, OSError):
            first = None
        if first is None or first[1].pts != self._pts:
            self._container.close()
            try:
                self._container = _open(self._where)
            except (UsageError, NotPermitted):  # the file has gone: the last picture stays
                self._period = Fraction(0)
                return
            self._pictures = self._decode()
            first = next(self._pictures, None)
            if first is None:
                self._period = Fraction(0)
                return
        self._due, self.picture = first
        self._following = self._next()

    def _decode(self) -> Iterator[tuple[Fraction, VideoFrame]]:
        """Pictures and when they are due, in seconds, each later than the one before."""
        stream = self._container.streams.video[0]
        packets = self._container.demux(stream)
        last: Fraction | None = None
        while True:
            try:
                packet = next(packets, None)
            except (av.FFmpegError, OSError):  # a damaged end: what was before it still stands
                return
            if packet is None:
                return
            try:
                pictures = packet.decode()
            except av.FFmpegError:  # a damaged packet: players go on with the next one, and so do we
                continue
            for picture in pictures:
                due = None if picture.pts is None else _seconds(picture.pts, picture.time_base or stream.time_base)
                if due is None or (last is not None and due <= last):
                    due = Fraction(0) if last is None else last + self._step()
                last = due
                yield due, picture


class _Painter:
    """Draws pictures of one kind and size into planes of one size.

    out: what was drawn last.
    """

    def __init__(self, picture: VideoFrame, rotation: int, target: Size) -> None:
        self._kind = _kind(picture, rotation, target)
        self._size = Size(picture.width, picture.height)
        name = picture.format.name
        self._full_by_format = name.startswith("yuvj")
        self._converted = None if name in ("yuv420p", "yuvj420p") else Planes.allocate(self._size)
        self._rotation = rotation
        upright = oriented(self._size, rotation)
        self._turned = Planes.allocate(upright) if rotation or upright != upright.even else None
        self._cover = Cover(upright.even, target)
        self.out = Planes.allocate(target)
        self._recolor: tuple[ColorSpace, ColorSpace, Recolor] | None = None

    def fits(self, picture: VideoFrame, rotation: int, target: Size) -> bool:
        """Whether it was made for such pictures and planes."""
        return self._kind == _kind(picture, rotation, target)

    def __call__(self, picture: VideoFrame, color: ColorSpace) -> None:
        """Fill `out` with the middle of the picture, in that colour space."""
        source, meaning = self._planes(picture)
        self._cover(source, self.out)
        if self._recolor is None or self._recolor[:2] != (meaning, color):
            self._recolor = meaning, color, Recolor(self.out.size, meaning, color)
        self._recolor[2](self.out)
        self.out = Planes(*self.out)  # a new picture in the same memory

    def _planes(self, picture: VideoFrame) -> tuple[Planes, ColorSpace]:
        """The picture upright, and what its Y, U and V mean.

        Where the file does not say, BT.709 is taken above 576 lines or from 1280 columns on, as mpv does
        (mp_csp_guess_colorspace), and limited range.
        """
        large = picture.width >= 1280 or picture.height > 576
        meaning = ColorSpace(
            _MATRIX.get(int(picture.colorspace), "bt709" if large else "bt601"),
            self._full_by_format or picture.color_range == _FULL_RANGE,
        )
        if self._converted is None:
            planes = _views(picture)
        else:
            planes, meaning = self._converted, ColorSpace()
            bgr_to_i420(cast(U8, picture.to_ndarray(format="bgr24")), planes, meaning)
        if self._turned is None:
            return planes, meaning
        orient(planes, self._turned, self._rotation, size=self._size)
        return self._turned, meaning


def _kind(picture: VideoFrame, rotation: int, target: Size) -> tuple[object, ...]:
    return picture.format.name, picture.width, picture.height, rotation, target


def _views(picture: VideoFrame) -> Planes:
    """The picture's own planes; they live as long as it does."""
    width, height = picture.width, picture.height
    views = []
    for index, (w, h) in enumerate(((width, height), *[((width + 1) // 2, (height + 1) // 2)] * 2)):
        plane: Any = picture.planes[index]
        views.append(np.frombuffer(plane, np.uint8, plane.line_size * h).reshape(h, plane.line_size)[:, :w])
    return Planes(*views)


def _seconds(count: int, unit: Any) -> Fraction:
    return Fraction(count * unit.numerator, unit.denominator)  # PyAV 19 has a rational type of its own


def _open(where: str) -> InputContainer:
    try:
        if Path(where).is_char_device() or Path(where).is_fifo():  # neither can be played again
            raise UsageError(f"The background {where} is a device or a pipe; give a video file.")
        with Path(where).open("rb"):
            pass
        # "file:" so that a colon in the name is not taken for a protocol.
        container = cast(InputContainer, av.open(f"file:{where}", mode="r", **_LENIENT))
    except PermissionError:
        raise NotPermitted(f"The background video {where} may not be read by this user.") from None
    except FileNotFoundError:
        raise UsageError(f"The background video {where} is not there.") from None
    except IsADirectoryError:
        raise UsageError(f"The background video {where} is a folder.") from None
    except (av.FFmpegError, OSError, ValueError):
        raise UsageError(f"The background {where!r} is no video that can be read.") from None
    streams = container.streams.video
    if container.format.name in _NO_VIDEO or not streams or streams[0].codec_context is None:
        container.close()
        raise UsageError(f"The background {where} is no video that can be read.")
    streams[0].codec_context.thread_count = 2
    streams[0].thread_type = "AUTO"
    return container
