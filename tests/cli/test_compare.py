"""`edgeseg compare`: a side-by-side video, a page, and words that mean nothing."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from edgeseg.build import Settings
from edgeseg.cli import app
from edgeseg.compare import way_of
from edgeseg.errors import UsageError
from edgeseg.golden.pictures import read_image


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """The known portrait, moved a little from frame to frame."""
    import edgeseg.trust

    bgr = read_image(Path(edgeseg.trust.__file__).parent / "known_answer/portrait.jpg")
    folder = tmp_path / "pictures"
    folder.mkdir()
    for n in range(4):
        cv2.imwrite(str(folder / f"{n}.png"), np.roll(bgr, 2 * n, axis=1))
    return folder


def test_two_ways_beside_each_other(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    args = ["compare", "--source", str(clip), "--with", "no-refine", "--with", "follow steady tidy feather=0.3"]
    done = CliRunner().invoke(app, [*args, "--output", str(out), "--json"], catch_exceptions=False)
    assert done.exit_code == 0
    told = json.loads(done.stdout.splitlines()[-1])
    assert [way["with"] for way in told["ways"]] == ["no-refine", "follow steady tidy feather=0.3"]
    assert all(0.1 < way["person"] < 0.9 and way["covered"] == 0 and way["ms"] > 0 for way in told["ways"])
    page = (out / "compare.html").read_text()
    assert "no-refine" in page
    assert 'src="compare.webm"' in page
    video = cv2.VideoCapture(str(out / "compare.webm"))
    width = read_image(next(clip.iterdir())).shape[1]
    assert video.get(cv2.CAP_PROP_FRAME_WIDTH) >= 2 * width


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("folow", "did you mean 'follow'"),
        ("tier=nothing", "nothing"),
        ("light-rap", "did you mean 'light-wrap'"),
        ("feather=x", "^--with says 'feather=x', but 'x' is no number; write feather=0.3, in percent.$"),
        ("feather=nan", "--feather is .*; give 0 to 2"),
        ("feather=-1", "--feather is .*; give 0 to 2"),
    ],
)
def test_words_that_mean_nothing(words: str, meant: str) -> None:
    with pytest.raises(UsageError, match=meant):
        way_of(words, Settings())


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--source", "x.mp4", "--with", "follow"], "twice or more"),
        (["--source", "camera:0", "--with", "follow", "--with", "tidy"], "gives no frame twice"),
    ],
)
def test_what_cannot_be_compared(args: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        CliRunner().invoke(app, ["compare", *args], catch_exceptions=False, standalone_mode=False)
