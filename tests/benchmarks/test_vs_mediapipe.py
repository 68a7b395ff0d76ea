"""The benchmark's own arithmetic and plumbing, with sides that answer from a table."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("benchmarks", reason="run from the checkout, as python -m pytest")

from benchmarks.coprocess import Side, SideError
from benchmarks.report import BEGIN, END, environment, write_docs
from benchmarks.vs_mediapipe import Start, figures, measure

ROOT = Path(__file__).parents[2]
ANSWERS = {
    "mediapipe": {"versions": {"mediapipe": "1.2.2", "opencv": "5"}, "documented": {"ms": 20.0}, "blend8": {"ms": 15.0},
                  "first": {"s": 1.0}, "rss": {"mb": 200.0}},
    "edgeseg": {"versions": {}, "pipelined": {"ms": 4.0}, "decode": {"ms": 5.0}, "one_thread": {"ms": 6.0},
                "invoke": {"ms": 4.0}, "blend": {"ms": 8.0, "ms_dst": 4.0}, "first": {"s": 0.5}, "rss": {"mb": 100.0}},
}  # fmt: skip
SIDE = """
import json, sys
answers = json.loads(sys.argv[1])
for line in sys.stdin:
    do = json.loads(line)["do"]
    if do == "die":
        sys.exit(3)
    print(json.dumps(answers.get(do, {"error": "KeyError: no such thing"})), flush=True)
"""


@pytest.fixture
def starts(tmp_path: Path) -> dict[str, Start]:
    return {
        name: partial(Side, name, [sys.executable, "-c", SIDE, json.dumps(table)], tmp_path / f"{name}.log")
        for name, table in ANSWERS.items()
    }


def test_each_figure_is_the_ratio_it_says(starts: dict[str, Start]) -> None:
    results = {result.name: result for result in measure(figures(), starts, rounds=2, frames=1)}
    found = {name: (result.ratio, result.kept) for name, result in results.items()}
    assert found == {
        "documented loop / edgeseg, color": (5.0, True),
        "8-bit blend / edgeseg, color": (3.75, True),
        "documented loop / edgeseg that decodes, color": (4.0, True),
        "documented loop / edgeseg, image": (5.0, True),
        "8-bit blend / edgeseg, image": (3.75, True),
        "documented loop / edgeseg that decodes, image": (4.0, True),
        "one thread: all but invoke() / one BGR blend": (0.25, True),
        "one thread: all but invoke() / one BGR blend with dst=": (0.5, None),
        "first masked frame, edgeseg / MediaPipe": (0.5, False),
        "resident memory, edgeseg / MediaPipe": (0.5, True),
        "blur / colour background": (1.0, True),
    }


def test_the_docs_keep_what_is_around_the_table(starts: dict[str, Start], tmp_path: Path) -> None:
    about = environment(tmp_path, starts, Path("clip.mp4"), 2, 1)
    kept = {"environment": about, "figures": [asdict(result) for result in measure(figures(), starts, 2, 1)]}
    path = tmp_path / "docs" / "benchmarks.md"
    write_docs(path, kept)
    path.write_text(path.read_text() + "\nAnd what it means.\n")
    write_docs(path, kept)
    text = path.read_text()
    assert (text.count(BEGIN), text.count(END)) == (1, 1)
    assert "| first masked frame, edgeseg / MediaPipe | 0.50 | 0.50 .. 0.50 | <= 0.4: MISSED |" in text
    assert text.endswith("\nAnd what it means.\n")


def test_a_side_that_cannot_or_dies_says_so(starts: dict[str, Start]) -> None:
    with starts["edgeseg"]() as side:
        with pytest.raises(SideError, match=r"edgeseg cannot 'dance': KeyError: no such thing \(log: .*edgeseg\.log\)"):
            side.ask("dance")
        with pytest.raises(SideError, match=r"edgeseg ended with 3 on 'die': see .*edgeseg\.log\."):
            side.ask("die")


def test_our_side_runs_the_tiers_own_file_and_not_mediapipes(
    asset: Callable[[str], Path], tier_file: Callable[..., Path], tmp_path: Path
) -> None:
    tier_file()
    image = tmp_path / "behind.png"
    cv2.imwrite(str(image), np.zeros((144, 176, 3), np.uint8))
    command = [
        sys.executable,
        str(ROOT / "benchmarks" / "edgeseg_side.py"),
        "--clip",
        str(asset("carphone")),
        "--image",
        str(image),
    ]
    with Side("edgeseg", [*command, "--model", "/nowhere/mediapipes.tflite"], tmp_path / "log") as side:
        assert side.ask("versions")["runtime"].startswith("ai-edge-litert")
        assert side.ask("invoke", frames=2)["ms"] > 0
        for do in ("pipelined", "decode", "one_thread"):
            assert side.ask(do, background="image", frames=3)["ms"] > 0, do
        assert side.ask("first", background="color")["s"] > 0
        assert side.ask("rss", background="color", frames=3)["mb"] > 20
