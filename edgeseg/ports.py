"""The ports: small protocols behind which each kind of hardware, file or model is one leaf file.

What every implementation must keep is said here and checked by one contract test a port
(tests/contract/), which runs over all of them, the public fakes of `edgeseg.testing` among them.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from edgeseg.frames import U8, Frame, Mask, Planes, Size

if TYPE_CHECKING:
    from edgeseg.readings import Reading


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What a source gives, as negotiated and not as asked for.

    size: of the first frame; a later one may differ. fps: None where there is no such thing (an
    image). live: frames come by themselves, so that late ones must be dropped. frames: how many
    there will be, where that is known. audio_from: a file whose audio belongs to the frames.
    detail: one line for people. identity: of a device that keeps it wherever it is plugged in; None: it has none.
    """

    size: Size
    fps: Fraction | None
    live: bool
    detail: str
    frames: int | None = None
    audio_from: str | None = None
    identity: object | None = None


@dataclass(frozen=True, slots=True)
class SourceWish:
    """What is asked of a source, which gives the nearest it can: see `SourceInfo` for what came of it.

    size, fps: for cameras, None for the device's own. realtime: a file is paced by its timestamps, like a camera.
    identity: the device that `SourceInfo` gave it of is meant, whatever its name is now.
    """

    size: Size | None = None
    fps: Fraction | None = None
    realtime: bool = False
    identity: object | None = None


class FrameSource(Protocol):
    """Where frames come from.

    It is open when it exists: the constructor raises SourceError (NotPermitted for a device in use or
    not allowed) if there is nothing to read, so that `info` is always true. Only one thread reads.
    `close` may be called from another thread and more than once, and makes a blocked `read` return
    within a second.
    """

    @property
    def info(self) -> SourceInfo:
        """What it gives."""
        ...

    def read(self) -> Frame | None:
        """The next frame, waiting for it; None after the last one, and ever after.

        Its planes are not written again while anybody holds the frame. `index` counts from 0 and
        `time_s` never goes back. Raises SourceError when frames stop coming for a reason.
        """
        ...

    def close(self) -> None:
        """Let go of the file or device."""
        ...


@dataclass(frozen=True, slots=True)
class SinkWish:
    """What is asked of a sink: fps of the frames to come (None: unknown), audio to copy, transparency kept."""

    fps: Fraction | None = None
    audio_from: str | None = None
    alpha: bool = False


class FrameSink(Protocol):
    """Where frames go.

    Nothing is created or overwritten before the first `write`; what was written stays usable
    whatever comes after it. `close` finishes the output and may be called more than once.
    """

    @property
    def detail(self) -> str:
        """One line for people: where the output is and how it is written."""
        ...

    @property
    def keeps_alpha(self) -> bool:
        """Whether `Frame.alpha` arrives at the other end."""
        ...

    @property
    def watched(self) -> bool | None:
        """Whether anybody reads what is written, now; None where that cannot be known.

        False only for certain: a reader in doubt is one. It takes far less than a millisecond, raises nothing and
        may be asked at any time, after `close` too.
        """
        ...

    def write(self, frame: Frame) -> None:
        """Take the frame, whose planes the caller will write again after the call.

        Raises OutputError (OutputClosed if the reader of a pipe has gone).
        """
        ...

    def close(self) -> None:
        """Finish; raises OutputError if what was written cannot be completed."""
        ...


@dataclass(frozen=True, slots=True)
class ModelIO:
    """How a model is fed and read.

    height, width: of its input. fit: "stretch" squeezes the frame into it, "letterbox" keeps the
    frame's shape and pads with black. dtype: "float32" takes RGB in [0, 1], "uint8" in 0..255, "int8" in -128..127,
    which is 128 less.
    """

    height: int
    width: int
    fit: Literal["stretch", "letterbox"] = "stretch"
    dtype: Literal["float32", "uint8", "int8"] = "float32"


@dataclass(frozen=True, slots=True)
class EngineWish:
    """What is asked of an engine.

    threads: of a CPU's kernels, at least 1. software: a GPU's adapter that computes on the CPU (SwiftShader, llvmpipe)
    is welcome; else it is refused. library: where the delegate's library (edgetpu) or the vendor's folder (npu) is,
    None for where it is usually. device: which one, None for the engine's own choice.
    """

    threads: int = 1
    software: bool = False
    library: str | None = None
    device: str | None = None


@dataclass(frozen=True, slots=True)
class EngineReport:
    """What an engine can prove of itself: who computes, and how much of the graph that one took.

    engine: cpu, gpu, npu, edgetpu or chroma. library: the runtime and its version. delegate: who
    took nodes, None if nobody. delegated_nodes of all_nodes, in so many partitions (0: not known).
    adapter: the device by its own name. software: that device is the CPU in disguise. evidence: sentences that say
    what was seen: who was loaded, what the runtime said of it.
    """

    engine: str
    library: str
    threads: int
    delegate: str | None
    delegated_nodes: int
    all_nodes: int
    partitions: int = 0
    adapter: str | None = None
    software: bool = False
    evidence: tuple[str, ...] = ()


class Engine(Protocol):
    """A way to run a model on one picture after the other, from one thread.

    Those of the table are made as `Class(model: bytes, io: ModelIO, wish: EngineWish = EngineWish())` (`chroma`, which
    has no model, is the exception). The constructor raises CandidateError, with the reason and the remedy, if the
    engine cannot do what its name says, and NotPermitted if a device is there and not for us.
    """

    @property
    def io(self) -> ModelIO:
        """How it is fed and read."""
        ...

    @property
    def report(self) -> EngineReport:
        """What it can prove of itself."""
        ...

    def infer(self, rgb: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Person score of each place: (height, width) float32 for (height, width, 3) of `io.dtype`.

        The answer is valid until the next call; what it holds is checked by whoever asked. Raises EngineFault.
        """
        ...

    def close(self) -> None:
        """Free the model; more than once does no harm."""
        ...


class Background(Protocol):
    """What is shown where the person is not."""

    @property
    def paints_anew(self) -> bool:
        """Whether each `render` paints a picture of its own, into which the caller may put the person.

        What others give is read and never written.
        """
        ...

    def render(self, frame: Frame, mask: Mask | None) -> Planes:
        """Planes of `frame.planes.size` in the frame's colour space, valid until the next call.

        The same object as at the last call means the same picture: a changed one is a new `Planes`, if of the same
        memory. They must not show the room: no pixel of `frame` may be recognisable in them. `mask` is the accepted
        mask that will be used on this frame, None if there is none.
        """
        ...

    @property
    def half(self) -> U8 | None:
        """(H/2, W/2) uint8 if the last picture's luma is just that with each pixel four times; None if it is not."""
        ...

    def close(self) -> None:
        """Let go of files; more than once does no harm."""
        ...


class Sensors(Protocol):
    """What the board feels: heat, power, memory, load. Read by one thread."""

    def read(self, slow: bool = True) -> Reading:
        """All values now; without `slow` those that change slowly are the ones of the last reading that had it.

        It raises nothing, whatever the files hold: what is missing, unreadable, impossible or not believed is None, and
        never 0. Rates need a reading before. `at_s` is the clock's time and, as the clock does, never goes back.
        """
        ...

    def close(self) -> None:
        """Let go of the files; more than once does no harm, and what is read afterwards is None."""
        ...
