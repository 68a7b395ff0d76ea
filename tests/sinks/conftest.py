from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from edgeseg.facts import Fact


@pytest.fixture
def facts() -> list[Fact]:
    return []


@pytest.fixture
def sine(tmp_path: Path) -> Callable[..., Path]:
    """Makes a file with two seconds of a sine, its first sample at `start_s`."""

    def make(name: str = "sine.mp4", codec: str = "aac", rate: int = 48_000, start_s: float = 0.0) -> Path:
        path = tmp_path / name
        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=rate)
            stream.codec_context.layout = "mono"
            wave = (0.3 * np.sin(2 * np.pi * 440 * np.arange(2 * rate) / rate)).astype(np.float32)[None]
            for at in range(0, wave.shape[1], 1024):
                frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(wave[:, at : at + 1024]), "fltp", "mono")
                frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
                frame.pts = at + round(start_s * rate)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return path

    return make
