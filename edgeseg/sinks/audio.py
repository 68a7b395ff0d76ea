"""The audio of a file beside video that is written: copied packet by packet, or encoded anew where it must be."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet

from edgeseg.facts import Emit, Noted

# What an ending is given whose container cannot hold the codec of the source.
_ENCODER = {".mp4": "aac", ".mov": "aac", ".mkv": "aac", ".webm": "libopus"}
_RATE_HZ = 48_000
_KEEPS_NEGATIVE_TIMES = (".mp4", ".mov")


class AudioTrack:
    """Feeds the first audio stream of a file into a container that is open for writing, as far as it is told to."""

    def __init__(
        self,
        packets: Iterator[Packet[AudioStream]],
        source: InputContainer,
        target: AudioStream,
        out: OutputContainer,
        copied: bool,
        earliest_s: float,
    ) -> None:
        self._source = source
        self._target = target
        self._out = out
        self._copied = copied
        self._packets = packets
        self._next = next(self._packets, None)
        self._last_dts: int | None = None
        self._earliest_s = earliest_s

    @classmethod
    def open(cls, path: str, out: OutputContainer, ending: str, emit: Emit, anew: bool) -> AudioTrack | None:
        """Add an audio stream to `out`, whose header is not written yet; None if there is none to copy.

        It is encoded `anew`, or where the container of this ending says that it cannot hold it as it is.

        What cannot be copied or encoded is said in a `Noted` and left out: it never stops the video.
        """
        source: InputContainer | None = None
        try:
            source = av.open(f"file:{path}")  # "file:" so that a colon in the name is not taken for a protocol
            if not source.streams.audio:
                source.close()
                return None
            target, copied = _add_stream(out, source.streams.audio[0], ending, emit, anew)
            # Matroska would move every stream to make room for the samples before 0 that prime a decoder.
            earliest_s = float("-inf") if ending in _KEEPS_NEGATIVE_TIMES else 0.0
            return cls(_timed(source, emit), source, target, out, copied, earliest_s)
        except (av.error.FFmpegError, OSError, ValueError) as error:
            emit(Noted("audio", f"the audio of {path} is left out: {error}"))
            if source is not None:
                source.close()
            return None

    def copy_until(self, time_s: float) -> None:
        """Write what starts before `time_s`, in seconds of the source; errors of `out` come through."""
        while self._next is not None:
            packet = self._next
            assert packet.pts is not None
            start_s = float(packet.pts * packet.time_base)
            if start_s >= time_s:
                return
            if start_s >= self._earliest_s:
                self._feed(packet)
            self._next = next(self._packets, None)

    def finish(self) -> None:
        """Write what an encoder still holds."""
        if not self._copied:
            self._out.mux(self._target.encode(None))

    def close(self) -> None:
        """Let go of the source."""
        self._source.close()

    def _feed(self, packet: Packet[AudioStream]) -> None:
        if self._copied:
            assert packet.dts is not None
            if self._last_dts is not None and packet.dts <= self._last_dts:
                return  # a broken source; the container would refuse the packet and the video with it
            self._last_dts = packet.dts
            packet.stream = self._target
            self._out.mux(packet)
            return
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            return
        for frame in frames:
            self._out.mux(self._target.encode(frame))


def _add_stream(
    out: OutputContainer, audio: AudioStream, ending: str, emit: Emit, anew: bool
) -> tuple[AudioStream, bool]:
    if not anew:
        with contextlib.suppress(ValueError):
            return out.add_stream_from_template(audio), True
    encoder = _ENCODER[ending]
    added = out.add_stream(encoder, rate=_RATE_HZ)
    assert isinstance(added, AudioStream)
    added.codec_context.layout = "mono" if audio.codec_context.layout.nb_channels == 1 else "stereo"
    was = audio.codec_context.name
    emit(Noted("audio", f"{ending} cannot hold {was} audio: it is encoded anew as {encoder}"))
    return added, False


def _timed(source: InputContainer, emit: Emit) -> Iterator[Packet[AudioStream]]:
    """The packets that have times; a source that breaks off ends the audio and not the video."""
    try:
        for packet in source.demux(source.streams.audio[0]):
            if packet.pts is not None and packet.dts is not None:
                yield packet
    except (av.error.FFmpegError, OSError) as error:
        emit(Noted("audio", f"the audio of {source.name} breaks off: {error}"))
