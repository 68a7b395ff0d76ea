from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
from sink_pictures import make_frame, psnr

from edgeseg.errors import OutputError, UsageError
from edgeseg.facts import Fact, Noted, ignore
from edgeseg.frames import ColorSpace, Size
from edgeseg.ports import SinkWish
from edgeseg.sinks.images import ImagesSink
from edgeseg.stages.pixels import i420_to_rgb


def expected(frame) -> np.ndarray:
    out = np.empty((frame.size.height, frame.size.width, 3), np.uint8)
    i420_to_rgb(frame.planes, frame.color, out, bgr=True)
    return out


@pytest.mark.parametrize("size", [Size(160, 120), Size(161, 91), Size(1, 1), Size(3, 2)])
@pytest.mark.parametrize("color", [ColorSpace(), ColorSpace("bt709", True)])
def test_pictures_have_their_own_size_and_exact_pixels(tmp_path: Path, size: Size, color: ColorSpace) -> None:
    sink = ImagesSink(str(tmp_path / "frames"), SinkWish(), ignore)
    assert not (tmp_path / "frames").exists()
    frames = [make_frame(i, size, color=color) for i in range(3)]
    for frame in frames:
        sink.write(frame)
    sink.close()
    names = [f"frame_{i:06d}.png" for i in range(3)]
    assert sorted(path.name for path in (tmp_path / "frames").iterdir()) == names
    for frame, name in zip(frames, names, strict=True):
        picture = cv2.imread(str(tmp_path / "frames" / name), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(picture, expected(frame))


@pytest.mark.parametrize("size", [Size(160, 120), Size(161, 91)])
def test_alpha_is_straight_rgba(tmp_path: Path, size: Size) -> None:
    sink = ImagesSink(str(tmp_path), SinkWish(alpha=True), ignore)
    frame = make_frame(0, size, alpha=True)
    assert sink.keeps_alpha
    sink.write(frame)
    picture = cv2.imread(str(tmp_path / "frame_000000.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(picture[..., 3], frame.alpha[: size.height, : size.width])
    shown = expected(frame)
    shown[picture[..., 3] == 0] = 0
    np.testing.assert_array_equal(picture[..., :3], shown)
    assert (picture[..., 3] == 0).any()


def test_sizes_may_change(tmp_path: Path) -> None:
    sink = ImagesSink(str(tmp_path), SinkWish(), ignore)
    for index, size in enumerate([Size(64, 48), Size(33, 21), Size(64, 48)]):
        sink.write(make_frame(index, size))
    assert [cv2.imread(str(tmp_path / f"frame_{i:06d}.png")).shape[:2] for i in range(3)] == [
        (48, 64),
        (21, 33),
        (48, 64),
    ]


@pytest.mark.parametrize("name", ["one.png", "one.jpg", "one.JPEG"])
def test_one_picture(tmp_path: Path, name: str, facts: list[Fact]) -> None:
    sink = ImagesSink(str(tmp_path / name), SinkWish(), facts.append)
    frames = [make_frame(i) for i in range(3)]
    for frame in frames:
        sink.write(frame)
    sink.close()
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert psnr(cv2.imread(str(tmp_path / name)), expected(frames[0])) > 35
    notes = [fact for fact in facts if isinstance(fact, Noted)]
    assert notes == [Noted("output", f"{tmp_path / name} is one picture: frames after the first are left out")]


def test_a_folder_with_pictures_is_noted(tmp_path: Path, facts: list[Fact]) -> None:
    (tmp_path / "frame_000007.png").touch()
    ImagesSink(str(tmp_path), SinkWish(), facts.append).write(make_frame())
    assert Noted("output", f"{tmp_path} holds pictures already: only those of the same name go") in facts


def test_transparency_in_a_jpeg(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"a \.jpg picture cannot hold transparency; use \.png"):
        ImagesSink(str(tmp_path / "o.jpg"), SinkWish(alpha=True), ignore)


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("no/frames", "the folder {tmp}/no does not exist; make it first"),
        ("no/one.png", "the folder {tmp}/no does not exist; make it first"),
        ("file", "{tmp}/file is a file, not a folder"),
        ("file/frames", "{tmp}/file is a file, not a folder"),
        ("folder.png", "it is a folder; name a file in it"),
        ("x" * 300, "file name too long"),
        ("x" * 300 + "/o", "file name too long"),
    ],
)
def test_places_that_cannot_be(tmp_path: Path, where: str, said: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder.png").mkdir()
    wanted = f"cannot write {tmp_path / where}: {said.format(tmp=tmp_path)}"
    with pytest.raises(OutputError, match=f"^{re.escape(wanted)}$"):
        ImagesSink(str(tmp_path / where), SinkWish(), ignore)


def test_an_encoder_that_says_no_is_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cv2, "imencode", lambda *_: (False, None))
    with pytest.raises(OutputError, match=r"frame_000000\.png: OpenCV cannot encode a picture of 160x120"):
        ImagesSink(str(tmp_path), SinkWish(), ignore).write(make_frame())


def test_a_full_disk_leaves_whole_files_only(tmp_path: Path) -> None:
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(tmp_path)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("a small disk needs root and the right to mount")
    try:
        sink = ImagesSink(str(tmp_path), SinkWish(), ignore)
        frame = make_frame(0, Size(320, 240))
        frame.planes.y[...] = np.random.default_rng(0).integers(0, 256, frame.planes.y.shape)
        with pytest.raises(OutputError, match=r"no space is left on that disk; what was written so far is kept"):  # noqa: PT012
            for _ in range(100):
                sink.write(frame)
        sink.close()
        paths = list(tmp_path.iterdir())
        assert len(paths) >= 3
        for path in paths:
            np.testing.assert_array_equal(cv2.imread(str(path)), expected(frame))
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)
