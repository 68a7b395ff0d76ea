"""Frames in motion with the mask of each: a golden set's sequences, and a green-screen clip before other rooms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from edgeseg.build import Settings, make_pipeline, open_background, open_source
from edgeseg.clock import SystemClock
from edgeseg.facts import ignore
from edgeseg.frames import ColorSpace, Frame, Planes, Size
from edgeseg.golden.dataset import load
from edgeseg.golden.metrics import Bool
from edgeseg.golden.pictures import read_image, read_mask
from edgeseg.ports import SourceWish
from edgeseg.stages.pixels import bgr_to_i420

KEY = "#c4c81a"  # the screen of chroma_video.mp4
# Seconds of that clip in which its key holds (elsewhere the man is so near that the picture goes dark), and the room.
PARTS = (((0.0, 7.0), "coffee.png"), ((14.2, 18.2), "motorcycle_left.png"), ((22.3, 24.3), "chelsea.png"))
KEYED_FPS = 30


@dataclass(frozen=True, slots=True)
class Sequence:
    """Frames in order and their true masks, (H, W) bool each; fps: how many of them make a second."""

    name: str
    fps: float
    frames: list[Frame]
    truths: list[Bool]


def golden_sequences(folder: Path) -> Iterator[Sequence]:
    """The sequences of the golden set at `folder`."""
    dataset = load(folder)
    for run in dataset.runs():
        if run[0].sequence is not None:
            frames = [_frame(dataset.path(item.image), n) for n, item in enumerate(run)]
            truths = [read_mask(dataset.path(item.mask)) for item in run]
            yield Sequence(run[0].sequence, float(dataset.file.fps or 0), frames, truths)


def keyed_sequences(clip: Path) -> Iterator[Sequence]:
    """Parts of the green-screen clip at 30 frames a second, before still pictures; the mask is what its key says."""
    import skimage

    rooms = Path(skimage.__file__).parent / "data"
    for (start_s, end_s), room in PARTS:
        mode, background = open_background(f"image:{rooms / room}")
        pipeline, _ = make_pipeline(Settings(segmenter="chroma", key={"color": KEY}), mode, background, SystemClock())
        source = open_source(str(clip), SourceWish(), SystemClock(), ignore)
        step = round(float(source.info.fps or KEYED_FPS) / KEYED_FPS)
        frames, truths = [], []
        while (frame := source.read()) is not None and frame.time_s < end_s:
            if frame.time_s >= start_s and frame.index % step == 0:
                mask = pipeline.segment(frame)
                planes = Planes.allocate(frame.size)
                pipeline.show(frame, mask).planes.copy_to(planes)
                frames.append(Frame(planes, frame.size, len(frames), color=frame.color))
                truths.append(cv2.resize(mask.alpha, frame.size, interpolation=cv2.INTER_LINEAR) >= 128)
        source.close()
        pipeline.close()
        yield Sequence(f"before {Path(room).stem}", KEYED_FPS, frames, truths)


def first_frames(clip: Path, count: int) -> list[Frame]:
    """The clip's first frames, in memory of their own."""
    source = open_source(str(clip), SourceWish(), SystemClock(), ignore)
    frames = []
    while len(frames) < count and (frame := source.read()) is not None:
        planes = Planes.allocate(frame.size)
        frame.planes.copy_to(planes)
        frames.append(Frame(planes, frame.size, frame.index, color=frame.color))
    source.close()
    return frames


def _frame(path: Path, index: int) -> Frame:
    bgr = read_image(path)
    size = Size(bgr.shape[1], bgr.shape[0])
    frame = Frame(Planes.allocate(size), size, index, color=ColorSpace("bt601", full_range=True))
    bgr_to_i420(np.ascontiguousarray(bgr), frame.planes, frame.color)
    return frame
