"""Small golden sets, built where a test may break them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

HEADER = 'name: small\nversion: 1\nlicence: CC0-1.0\nsource: "drawn by the test"\n'

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes dataset.yaml into a folder of its own; gives the folder."""

    def _write(text: str) -> Path:
        (tmp_path / "dataset.yaml").write_text(text)
        return tmp_path

    return _write


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder with still0..2, seq0..3 and an empty room: images/*.png of 48x32 and masks/*.png."""
    rng = np.random.default_rng(7)
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    for n, name in enumerate(["still0", "still1", "still2", "seq0", "seq1", "seq2", "seq3", "room"]):
        cv2.imwrite(str(tmp_path / f"images/{name}.png"), rng.integers(0, 256, (32, 48, 3), np.uint8))
        mask = np.zeros((32, 48), np.uint8)
        if name != "room":
            mask[8:24, 4 + n : 20 + n] = 255
        cv2.imwrite(str(tmp_path / f"masks/{name}.png"), mask)
    return tmp_path


def item(name: str, **more: object) -> str:
    """One line of dataset.yaml."""
    extra = "".join(f", {key}: {value}" for key, value in more.items())
    return f"  - {{image: images/{name}.png, mask: masks/{name}.png{extra}}}\n"


SOUND = (
    HEADER
    + "fps: 10\nitems:\n"
    + item("still0", framing="upper-body")
    + item("still1", framing="upper-body", tags="[glasses]")
    + item("still2", framing="full-body")
    + "".join(item(f"seq{n}", sequence="seq", frame=n) for n in range(4))
    + item("room", tags="[empty]")
)


@pytest.fixture
def sound(pictures: Path) -> Path:
    """A golden set with nothing wrong in it."""
    (pictures / "dataset.yaml").write_text(SOUND)
    return pictures
