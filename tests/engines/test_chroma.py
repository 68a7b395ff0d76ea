from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edgeseg.engines.chroma import ChromaEngine, ChromaKey
from edgeseg.errors import EngineFault, UsageError
from edgeseg.frames import U8

SKIN, SHIRT, GREY = (224, 172, 140), (40, 60, 160), (128, 128, 128)


def on_screen(screen: tuple[int, int, int], person: tuple[int, int, int]) -> U8:
    """A person, one square of 20 x 20, before a screen of 60 x 80 with a little noise."""
    rgb = np.empty((60, 80, 3), np.int16)
    rgb[...] = screen
    rgb[20:40, 30:50] = person
    rgb += np.random.default_rng(0).integers(-6, 7, rgb.shape, np.int16)
    return rgb.clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("person", [SKIN, SHIRT, GREY, (255, 255, 255), (10, 10, 10), (90, 56, 37)])
@pytest.mark.parametrize(
    ("key", "screen"),
    [
        (ChromaKey(), (60, 190, 80)),
        (ChromaKey(), (30, 110, 50)),
        (ChromaKey.of("#00ff00"), (0, 255, 0)),
        (ChromaKey.of("#d3d618"), (185, 193, 13)),
    ],
)
def test_the_screen_is_background_and_the_person_is_not(
    key: ChromaKey, screen: tuple[int, int, int], person: tuple[int, int, int]
) -> None:
    mask = ChromaEngine(60, 80, key).infer(on_screen(screen, person))
    inside = np.zeros(mask.shape, bool)
    inside[20:40, 30:50] = True
    assert mask[~inside].max() < 0.1
    assert mask[inside].min() > 0.9


def test_softness_makes_a_ramp_and_none_makes_a_step() -> None:
    hues = np.empty((1, 120, 3), np.uint8)
    hues[0, :, 0], hues[0, :, 1:] = np.arange(120), 255
    rgb = cv2.cvtColor(hues, cv2.COLOR_HSV2RGB_FULL)
    hard = ChromaEngine(1, 120, ChromaKey(softness=0)).infer(rgb)
    assert set(np.unique(hard)) == {0.0, 1.0}
    soft = ChromaEngine(1, 120, ChromaKey(softness=0.5)).infer(rgb)
    assert len(np.unique(soft)) > 10
    assert (np.diff(soft[0, :80]) <= 0).all()


@pytest.mark.parametrize(("colour", "hue"), [("#00ff00", 120), ("#00B140", 142), ("#0047bb", 217), ("#c8c814", 60)])
def test_a_key_is_read_from_a_colour(colour: str, hue: int) -> None:
    assert round(ChromaKey.of(colour).hue_deg) == hue
    assert ChromaKey.of(colour).rgb != (0, 0, 0)


def test_the_nearer_to_skin_the_narrower() -> None:
    assert ChromaKey.of("#c8c814").hue_tolerance_deg < ChromaKey.of("#00ff00").hue_tolerance_deg


@pytest.mark.parametrize(
    "colour", ["", "green", "#0f0", "#00ff0g", "00ff00", "#808080", "#001000", "#e0ac8c", "#ff0000\n"]
)
def test_a_colour_that_is_none_or_will_not_do_is_a_usage_error(colour: str) -> None:
    with pytest.raises(UsageError, match="The key colour"):
        ChromaKey.of(colour)


@pytest.mark.parametrize(
    "field",
    [{"hue_deg": 360}, {"hue_deg": -1}, {"hue_tolerance_deg": 0}, {"softness": 1.1}, {"min_value": float("nan")}],
)
def test_a_value_out_of_range_is_a_usage_error(field: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=next(iter(field))):
        ChromaKey(**field)


def test_a_real_yellow_green_wall(shared: Path) -> None:
    clip = cv2.VideoCapture(str(shared / "clips" / "chroma_video.mp4"))
    read, bgr = clip.read()
    clip.release()
    assert read
    mask = ChromaEngine(192, 320, ChromaKey.of("#c8c814")).infer(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB))
    assert 0.3 < (mask > 0.5).mean() < 0.5
    assert mask[:100, :80].max() < 0.1
    assert mask[60:130, 110:180].mean() > 0.98  # the face


@pytest.mark.parametrize(
    ("screen", "says"),
    [
        ((212, 215, 25), r"its edges are mostly #d\wd\w1\w: try --key-color '#d\wd\w1\w'\.$"),
        ((200, 110, 60), r"its edges are mostly #c\w6\w3\w, which cannot be told from a person\.$"),
        ((128, 128, 128), r"its edges have no colour of their own that would do; is the screen in the picture\?$"),
    ],
)
def test_a_picture_without_the_screen_is_a_fault_and_no_person(screen: tuple[int, int, int], says: str) -> None:
    engine = ChromaEngine(60, 80, ChromaKey.of("#0047bb"))
    with pytest.raises(EngineFault, match=says):
        engine.infer(on_screen(screen, SKIN))
