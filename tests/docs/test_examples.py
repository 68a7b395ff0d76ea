"""The examples of the README and of docs/ that are marked `<!-- tested -->` are run here, as they stand there.

`<!-- tested: needs PROGRAM -->` skips where the program is not installed. Each runs in an empty folder with clip.mp4 (a
talking head), photo.png and beach.jpg (a portrait), green.mp4 (a person before a green screen) and a golden set
"golden" of one picture.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from edgeseg.segmenter import Segmenter

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
MARKED = re.compile(r"<!-- tested(?:: needs (?P<needs>\S+))? -->\n```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.S | re.M)


def examples() -> list[object]:
    found: list[object] = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in MARKED.finditer(text):
            line = text[: match.start("text")].count("\n") + 1
            found.append(pytest.param(*match.group("kind", "text", "needs"), id=f"{page.name}:{line}"))
    return found


@pytest.fixture(scope="module")
def folder(asset, tier_file, tmp_path_factory):
    folder = tmp_path_factory.mktemp("examples")
    shutil.copy(asset("carphone"), folder / "clip.mp4")
    shutil.copy(asset("astronaut"), folder / "photo.png")
    tier_file()
    photo = cv2.imread(str(folder / "photo.png"))
    cv2.imwrite(str(folder / "beach.jpg"), cv2.flip(photo, 0))
    segmenter = Segmenter()
    mask = segmenter.mask(photo)
    segmenter.close()
    on_green = np.where(mask[..., None] >= 128, photo, np.uint8((64, 177, 0)))
    write_video(folder / "green.mp4", cv2.resize(on_green, (320, 320)))
    golden = folder / "golden"
    golden.mkdir()
    shutil.copy(folder / "photo.png", golden / "a.png")
    cv2.imwrite(str(golden / "a-mask.png"), np.where(mask >= 128, 255, 0).astype(np.uint8))
    (golden / "dataset.yaml").write_text(
        "{name: one, version: 1, licence: public domain, source: NASA, items: [{image: a.png, mask: a-mask.png}]}"
    )
    return folder


def write_video(path: Path, bgr: np.ndarray) -> None:
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = bgr.shape[1], bgr.shape[0], "yuv420p"
        for _ in range(12):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(bgr, "bgr24")))
        out.mux(stream.encode(None))


@pytest.mark.parametrize(("kind", "text", "needs"), examples())
def test_example_runs_as_it_stands(kind, text, needs, folder, tmp_path):
    if needs and not shutil.which(needs):
        pytest.skip(f"{needs} is not installed")
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    if kind == "console":
        commands = [line[2:] for line in text.splitlines() if line.startswith("$ ")]
        assert commands
        command = ["bash", "-euo", "pipefail", "-c", "\n".join(commands)]
    else:
        assert kind == "python"
        command = [sys.executable, "-W", "error", "-c", text]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    environment = os.environ | {"PATH": path, "EDGESEG_STATE": str(tmp_path / "state")}
    done = subprocess.run(command, check=False, cwd=tmp_path, env=environment, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr


def test_every_page_that_shows_edgeseg_at_work_has_an_example_that_runs():
    assert {"README.md", "usage.md", "golden.md"} <= {page.name for page in PAGES if MARKED.search(page.read_text())}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_inside_the_project_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"
