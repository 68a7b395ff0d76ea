"""What the sides of a benchmark are fed: a 720p clip, a background picture, and a Python that has MediaPipe."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np

from edgeseg.assets.store import find

WIDTH, HEIGHT, FPS, SECONDS = 1280, 720, 25, 10
MEDIAPIPE = "mediapipe==1.2.2"


def clip(root: Path, out: Path) -> Path:
    """The shared clip of people at a table (1280x720, 25 fps) if it is there, else one made of the astronaut."""
    shared = root.parent / "shared" / "clips" / "meeting.webm"
    if shared.is_file():
        return shared
    path = out / "astronaut.mp4"
    if not path.is_file():
        part = path.with_suffix(".part.mp4")
        make_clip(part)
        part.replace(path)
    return path


def make_clip(path: Path) -> None:
    """Encode ten seconds of the astronaut, who fills the height and sways through a 1280x720 picture."""
    import av
    import cv2

    person = np.asarray(cv2.imread(str(find("astronaut"))), np.uint8)
    person = np.asarray(cv2.resize(person, (HEIGHT, HEIGHT)), np.uint8)
    left = np.rint((WIDTH - HEIGHT) * (0.5 + 0.5 * np.sin(np.linspace(0, 4 * np.pi, FPS * SECONDS)))).astype(int)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(FPS))
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for x in left.tolist():
            picture = np.pad(person, ((0, 0), (x, WIDTH - HEIGHT - x), (0, 0)), mode="reflect")
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode(None))


def repeated(path: Path, frames: int, out: Path, fps: int | None = None) -> Path:
    """A file of at least `frames` frames: the video of `path` over and over, its packets copied.

    fps: what it is to be played at, if not as it was.
    """
    import av

    long = out / (f"{path.stem}-{frames}.mkv" if fps is None else f"{path.stem}-{frames}-{fps}fps.mkv")
    if long.is_file():
        return long
    part = long.with_suffix(".part.mkv")
    written, shift = 0, 0
    with av.open(str(part), "w") as target:
        copy = None
        while written < frames:
            with av.open(str(path)) as source:
                stream = source.streams.video[0]
                copy = copy or target.add_stream_from_template(stream)
                end = shift
                for packet in source.demux(stream):
                    if packet.dts is None or packet.pts is None:
                        continue
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    if fps is not None and stream.time_base is not None:
                        packet.pts = packet.dts = round(written / fps / stream.time_base)
                    end = max(end, packet.pts + (packet.duration or 1))
                    packet.stream = copy
                    target.mux(packet)
                    written += 1
                shift = end
    part.replace(long)
    return long


def background(out: Path) -> Path:
    """A smooth 1280x720 picture in colour, the same on every machine."""
    import cv2

    path = out / "background.png"
    if not path.is_file():
        coarse = np.random.default_rng(0).integers(0, 256, (9, 16, 3), np.uint8)
        cv2.imwrite(str(path), cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC))
    return path


def mediapipe_python(out: Path) -> Path:
    """The interpreter of a venv that holds MediaPipe and nothing of edgeseg; made on first use, by pip."""
    venv = out / "mediapipe-venv"
    python = venv / "bin" / "python"
    ready = venv / ".ready"
    if not ready.is_file() or ready.read_text() != MEDIAPIPE:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(venv)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", MEDIAPIPE], check=True)
        ready.write_text(MEDIAPIPE)
    return python
