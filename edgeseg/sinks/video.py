"""A video file, through PyAV: H.264 in .mp4, .mov and .mkv, VP9 in .webm, transparency in .webm and .mov.

::

    edgeseg run --source talk.mp4 --sink file:talk-cut.mp4
    edgeseg run --source talk.mp4 --sink file:talk-cut.webm --background alpha
"""

from __future__ import annotations

import contextlib
import errno
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer
from av.video.stream import VideoStream

from edgeseg.errors import OutputError, UsageError, did_you_mean
from edgeseg.facts import Emit, Noted, Opened
from edgeseg.frames import U8, ColorSpace, Frame
from edgeseg.ports import SinkWish
from edgeseg.sinks.audio import AudioTrack
from edgeseg.sinks.fit import FirstSize
from edgeseg.sinks.place import check_file, fault, is_same


@dataclass(frozen=True)
class Codec:
    """An encoder of FFmpeg, the pixels it takes and how it is set; `finest` is its largest time base denominator."""

    name: str
    pixels: str = "yuv420p"
    options: dict[str, str] = field(default_factory=dict)
    finest: int = 1_000_000


_LIBVPX = {"deadline": "realtime", "lag-in-frames": "0", "auto-alt-ref": "0", "crf": "30"}
_VP9 = {**_LIBVPX, "cpu-used": "8", "row-mt": "1"}
_H264 = (
    Codec("libx264", options={"preset": "superfast", "crf": "21"}),
    Codec("libopenh264"),
    Codec("mpeg4", options={"q": "4"}, finest=65_535),  # the standard's limit
)
# In order of preference: the first that this build of FFmpeg has is used.
CODECS = {
    ".mp4": _H264,
    ".mov": _H264,
    ".mkv": _H264,
    ".webm": (Codec("libvpx-vp9", options=_VP9), Codec("libvpx", options=_LIBVPX)),
}
ALPHA_CODECS = {
    ".webm": (Codec("libvpx-vp9", "yuva420p", _VP9), Codec("libvpx", "yuva420p", _LIBVPX)),
    # Without loss. QuickTime Animation takes a seventh of the time of PNG or ProRes 4444, and three times the space.
    ".mov": (Codec("qtrle", "argb"), Codec("png", "rgba")),
}
_FORMAT = {".mp4": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
PICTURES = (".png", ".jpg", ".jpeg")
_KEYFRAME_S = 2
_MATRIX = {"bt601": 6, "bt709": 1}  # ITU-T H.273: 6 is SMPTE 170M, 1 is BT.709
_UNKNOWN_FPS = Fraction(30)

_Faults = (av.error.FFmpegError, OSError, ValueError)
_OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EFBIG)


class _File:
    """A file for FFmpeg to write to. Its own loses the error when a disk is full at the end of an .mp4 (FFmpeg 8).

    Unbuffered: what FFmpeg wrote is on its way to the disk even if this process is killed.
    """

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._raw = open(path, "wb", buffering=0)  # noqa: SIM115 - closed by `close`
        self.seek, self.tell, self.close = self._raw.seek, self._raw.tell, self._raw.close

    def write(self, data: bytes) -> int:
        """Write all of it: a disk that fills takes a part first, and refuses the rest."""
        rest = memoryview(data)
        while rest:
            rest = rest[self._raw.write(rest) or 0 :]
        return len(data)


class VideoSink:
    """Writes frames to the file `where` as they are timed, and the audio of `wish.audio_from` beside them.

    The codec follows from the ending. Timestamps are kept exactly (.mkv and .webm know milliseconds only). Frames
    have the first one's size with sides made even; one of another size is scaled into it. With `wish.alpha`,
    `Frame.alpha` is kept (opaque where it is None). A process that is killed, or a full disk, leaves a file that
    plays to within two seconds of where it broke off.

    Raises UsageError for an ending or a wish it cannot serve, OutputError for a place where nothing can be written.
    """

    watched = None

    def __init__(self, where: str, wish: SinkWish, emit: Emit) -> None:
        self._path = Path(where)
        self._wish = wish
        self._emit = emit
        self._codec = choose_codec(self._path, wish.alpha)
        check_file(self._path)
        if wish.audio_from and is_same(self._path, Path(wish.audio_from)):
            raise UsageError(f"{self._path} is both the source and the output; name another output")
        self._fit = FirstSize(emit)
        self._file: _File | None = None
        self._out: OutputContainer | None = None
        self._video: VideoStream | None = None
        self._audio: AudioTrack | None = None
        self._closed = False
        self._last_pts: int | None = None
        self._step = 1

    @property
    def keeps_alpha(self) -> bool:
        """Whether transparency was asked for."""
        return self._wish.alpha

    @property
    def detail(self) -> str:
        """The file and its encoder."""
        preferred = (ALPHA_CODECS if self._wish.alpha else CODECS)[self._path.suffix.lower()][0].name
        instead = "" if preferred == self._codec.name else f" ({preferred} is not in this build of FFmpeg)"
        return f"{self._path}: {self._codec.name}{instead}"

    def write(self, frame: Frame) -> None:
        """Encode `frame`. Raises OutputError, after which the file is finished as far as it goes."""
        if self._closed:
            raise OutputError(f"cannot write {self._path}: it was closed")
        frame = self._fit(frame)
        try:
            if self._out is None:
                self._open(frame)
            assert self._out is not None
            assert self._video is not None
            self._out.mux(self._video.encode(self._picture(frame)))
            if self._audio is not None:
                self._audio.copy_until(frame.time_s)
        except _Faults as error:
            self._abandon()
            raise fault(self._path, error) from error

    def close(self) -> None:
        """Finish the file: its last frames, the audio up to where they end. Raises OutputError."""
        if self._closed:
            return
        self._closed = True
        if self._out is None or self._video is None or self._last_pts is None:
            return
        try:
            self._out.mux(self._video.encode(None))
            if self._audio is not None:
                time_base = self._video.codec_context.time_base
                assert time_base is not None
                self._audio.copy_until(float((self._last_pts + self._step) * time_base))
                self._audio.finish()
            self._out.close()
        except _Faults as error:
            raise fault(self._path, error) from error
        finally:
            self._abandon()

    def _abandon(self) -> None:
        """Let go of everything; what cannot be finished any more has been reported already."""
        self._closed = True
        if self._audio is not None:
            self._audio.close()
        if self._out is not None:
            with contextlib.suppress(*_Faults):
                self._out.close()
        if self._file is not None:
            self._file.close()
        self._file = self._out = self._video = self._audio = None

    def _open(self, first: Frame) -> None:
        # A container may accept an audio codec when asked and refuse it when the header is written: then the audio
        # is encoded anew, and left out if that is refused too.
        for anew in (False, True, None):
            try:
                self._start(first, anew)
                break
            except _Faults as error:
                if self._audio is None or getattr(error, "errno", None) in _OF_THE_DISK:
                    raise
                self._audio.close()
                self._audio = None
                if anew:
                    self._emit(Noted("audio", f"the audio of {self._wish.audio_from} is left out: {error}"))
        self._emit(Opened("output", self.detail))

    def _start(self, first: Frame, audio_anew: bool | None) -> None:
        codec = self._codec
        base = first.time_base if first.time_base.denominator <= codec.finest else Fraction(1, codec.finest)
        if self._file is not None:
            self._file.close()
        self._file = _File(self._path)
        self._out = av.open(
            self._file,
            "w",
            format=_FORMAT[self._path.suffix.lower()],
            container_options=_container_options(self._path, base),
        )
        rate = self._wish.fps or _UNKNOWN_FPS
        video = self._out.add_stream(codec.name, rate=rate, options=dict(codec.options))
        assert isinstance(video, VideoStream)
        video.width, video.height = first.planes.size
        video.pix_fmt = codec.pixels
        context = video.codec_context
        context.time_base = base
        context.max_b_frames = 0  # frames leave in order: less is lost when the process is killed
        context.gop_size = max(1, round(_KEYFRAME_S * rate))
        context.colorspace, context.color_range = _tags(first.color)
        self._video = video
        if self._wish.audio_from and audio_anew is not None:
            ending = self._path.suffix.lower()
            self._audio = AudioTrack.open(self._wish.audio_from, self._out, ending, self._emit, audio_anew)
        self._out.start_encoding()

    def _picture(self, frame: Frame) -> av.VideoFrame:
        """`frame` as FFmpeg wants it. A new one each time: encoders with threads keep them for a while."""
        assert self._video is not None
        size = frame.planes.size
        picture = av.VideoFrame(size.width, size.height, "yuva420p" if self._wish.alpha else "yuv420p")
        for source, target in zip(frame.planes, picture.planes[:3], strict=True):
            _fill(target, source)
        if self._wish.alpha:
            _fill(picture.planes[3], 255 if frame.alpha is None else frame.alpha)
        picture.colorspace, picture.color_range = _tags(frame.color)
        if "rgb" in self._codec.pixels:
            picture = _as_rgb(picture, self._codec.pixels, frame.color)
        base = self._video.codec_context.time_base
        assert base is not None
        pts = frame.pts if frame.time_base == base else round(frame.pts * frame.time_base / base)
        if self._last_pts is not None:
            pts = max(pts, self._last_pts + 1)  # no container takes two frames at one time
            self._step = pts - self._last_pts
        else:
            self._step = max(1, round(1 / (self._wish.fps or _UNKNOWN_FPS) / base))
        self._last_pts = picture.pts = pts
        picture.time_base = base
        return picture


def choose_codec(path: Path, alpha: bool) -> Codec:
    """The codec for the ending of `path`. Raises UsageError for endings that cannot, OutputError if none is there."""
    ending = path.suffix.lower()
    if ending in PICTURES:
        raise UsageError(f"{path} would be a picture and no video: did you mean 'images:{path}'?")
    if ending not in CODECS:
        said = f"{path} ends in {ending!r}, which names no" if ending else f"{path} has no ending that names a"
        raise UsageError(f"{said} kind of video file: {did_you_mean(ending, CODECS)}")
    if alpha and ending not in ALPHA_CODECS:
        able = " or ".join(ALPHA_CODECS)
        raise UsageError(f"{path}: a {ending} file cannot hold transparency; use {able}, or a folder of PNGs")
    candidates = (ALPHA_CODECS if alpha else CODECS)[ending]
    for codec in candidates:
        try:
            av.Codec(codec.name, "w")
        except ValueError:
            continue
        return codec
    names = ", ".join(codec.name for codec in candidates)
    raise OutputError(f"cannot write {path}: this build of FFmpeg has none of the encoders {names}")


def _container_options(path: Path, base: Fraction) -> dict[str, str]:
    """How the file is laid out, so that every part that reached the disk can be played."""
    if path.suffix.lower() in (".mp4", ".mov"):
        # delay_moov and not empty_moov: only so can the header say when the first frame of each track starts.
        # It is written with the first fragment, before which there is nothing to play anyway.
        flags = "frag_keyframe+delay_moov+default_base_moof"
        return {"movflags": flags, "movie_timescale": str(base.denominator), "flush_packets": "1"}
    return {"cluster_time_limit": "1000", "flush_packets": "1"}


def _tags(color: ColorSpace) -> tuple[int, int]:
    """Matrix and range by their numbers in ITU-T H.273 and FFmpeg (1 limited, 2 full)."""
    return _MATRIX.get(color.matrix, 2), 2 if color.full_range else 1


def _as_rgb(picture: av.VideoFrame, pixels: str, color: ColorSpace) -> av.VideoFrame:
    """What the encoder would do by itself, but before PyAV 17 as if every frame were BT.601 and limited."""
    return picture.reformat(
        format=pixels,
        src_colorspace="itu709" if color.matrix == "bt709" else "itu601",
        dst_colorspace="itu601",  # of no meaning for RGB, but PyAV looks at the source's only where the two differ
        src_color_range="JPEG" if color.full_range else "MPEG",
        dst_color_range="JPEG",
    )


def _fill(plane: av.video.plane.VideoPlane, pixels: U8 | int) -> None:
    rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)  # type: ignore[call-overload]
    np.copyto(rows[:, : plane.width], pixels, casting="unsafe")
