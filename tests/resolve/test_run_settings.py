"""What a run takes from files, and what a flag of the command line replaces."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from edgeseg.build import Settings
from edgeseg.config.effective import Effective, lay
from edgeseg.config.profile import ConfigFile, Keys
from edgeseg.config.profiles import checked
from edgeseg.frames import Size
from edgeseg.run_settings import merged, wrong_words

PLAIN = Settings()
OWN_TESTS = {"allow_software_gpu", "engine_library", "engine_device"}


def files(folder: Path, text: str) -> Effective:
    path = folder / "config.yaml"
    path.write_text(text)
    return lay("generic", [checked(path, ConfigFile)[1]])


EVERYTHING = """\
source: gst:x
background: color:#112233
sink: images:out
tier: body-224x224-fp16
engine: cpu
threads: 2
size: 640x480
fps: 30000/1001
refine: false
follow: true
steady: false
tidy: true
hflip: true
vflip: true
max_mask_age_ms: 125
idle: false
idle_after_s: 7.5
models: folder
segmenter: chroma
key_color: "#00b140"
key_tolerance: 20
key_saturation: 0.3
key_value: 0.2
key_softness: 0.1
"""


def test_every_word_of_a_file_reaches_the_run(tmp_path: Path) -> None:
    made = merged(PLAIN, (), files(tmp_path, EVERYTHING))
    key = {"hue_tolerance_deg": 20, "min_saturation": 0.3, "min_value": 0.2, "softness": 0.1, "color": "#00b140"}
    assert made == Settings(
        source="gst:x",
        background="color:#112233",
        sink="images:out",
        tier="body-224x224-fp16",
        engine="cpu",
        segmenter="chroma",
        threads=2,
        fps=Fraction(30000, 1001),
        size=Size(640, 480),
        refine=False,
        follow=True,
        steady=False,
        tidy=True,
        hflip=True,
        vflip=True,
        max_mask_age_s=0.125,
        idle=False,
        idle_after_s=7.5,
        models="folder",
        key=key,
    )
    left_out = set(Keys.model_fields) - {line.partition(":")[0] for line in EVERYTHING.splitlines()}
    assert left_out == OWN_TESTS | {"engines", "targets", "limits", "governor"}, "the selection's, the governor's"


def test_every_flag_goes_before_the_file(tmp_path: Path) -> None:
    in_units = {"max_mask_age_ms": "max_mask_age", "idle_after_s": "idle_after"}
    words = [line.partition(":")[0] for line in EVERYTHING.splitlines()]
    flags = {in_units.get(word, word) for word in words}
    assert merged(PLAIN, flags, files(tmp_path, EVERYTHING)) == Settings(
        source="auto", size=Size(1280, 720), fps=Fraction(30)
    )


def test_flags_of_the_key_are_laid_over_the_file_s(tmp_path: Path) -> None:
    given = Settings(key={"color": "#ffffff"})
    made = merged(given, {"key_color"}, files(tmp_path, EVERYTHING))
    assert made.key == {
        "color": "#ffffff",
        "hue_tolerance_deg": 20,
        "min_saturation": 0.3,
        "min_value": 0.2,
        "softness": 0.1,
    }


def test_a_key_in_a_file_is_no_matter_where_a_model_segments(tmp_path: Path) -> None:
    assert merged(PLAIN, {"segmenter"}, files(tmp_path, EVERYTHING)).key == {}


@pytest.mark.parametrize(
    ("source", "asked"),
    [
        ("auto", True),
        ("camera:0", True),
        ("picamera2", True),
        ("clip.mp4", False),
        ("gst:x", False),
        ("pictures", False),
    ],
)
def test_targets_are_asked_of_a_camera_and_thin_out_no_file(tmp_path: Path, source: str, asked: bool) -> None:
    made = merged(PLAIN, (), files(tmp_path, f"source: {source}\ntargets: {{fps: 12, size: 320x240}}\n"))
    assert (made.fps, made.size) == ((12, Size(320, 240)) if asked else (None, None))


def test_fps_and_size_go_before_targets(tmp_path: Path) -> None:
    made = merged(PLAIN, (), files(tmp_path, "size: 800x600\nfps: 10\ntargets: {fps: 12, size: 320x240}\n"))
    assert (made.fps, made.size) == (10, Size(800, 600))


def test_words_that_name_nothing_are_told_with_their_lines(tmp_path: Path) -> None:
    text = "sink: fle:x\nbackground: color:red\ntier: selfie-288x288-fp17\nmodels: nowhere\n"
    found = files(tmp_path, text)
    lines = [line.removeprefix(f"{tmp_path}/config.yaml:") for line in wrong_words(found)]
    assert [line.partition(":")[0] for line in lines] == ["1", "2", "3", "4"]
    assert lines[0] == "1: There is no sink 'fle:x'; did you mean 'file'?"
    assert wrong_words(found, {"sink", "background", "tier", "models"}) == []


def test_no_picture_or_video_is_opened_to_check_a_word(tmp_path: Path) -> None:
    assert wrong_words(files(tmp_path, "background: image:nowhere.png\nsink: file:/nowhere/a.mp4\n")) == []
    (fault,) = wrong_words(files(tmp_path, "background: 'image:'\n"))
    assert "does not say which" in fault


def test_options_of_other_engines_in_a_file_say_nothing_and_flags_do(tmp_path: Path) -> None:
    effective = files(tmp_path, "engine: cpu\nallow_software_gpu: true\nengine_device: CPU\n")
    together = merged(Settings(engine="auto"), set(), effective)
    assert (together.engine, together.allow_software_gpu, together.engine_device) == ("cpu", False, None)
    together = merged(Settings(engine="gpu"), {"engine"}, effective)
    assert (together.engine, together.allow_software_gpu, together.engine_device) == ("gpu", True, None)
    together = merged(Settings(engine="gpu", engine_device="NPU"), {"engine", "engine_device"}, effective)
    assert together.engine_device == "NPU"  # and is refused as --engine-device with --engine gpu is
