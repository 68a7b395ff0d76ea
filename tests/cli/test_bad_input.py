"""Bad input, one table: the exit code, one sentence on stderr, and nothing half-written left behind."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from command import NO_INDEX, Done, edgeseg, words
from media import clip, frames_of, noise, picture, song

from edgeseg.assets import store
from edgeseg.assets.table import MEDIAPIPE
from edgeseg.tiers.catalogue import DEFAULT_TIER

Make = Callable[[Path], object]


@dataclass(frozen=True)
class Case:
    """What is asked for in a folder that `make` filled, and what has to come of it."""

    name: str
    args: str | tuple[str, ...]
    code: int
    says: str
    make: Make = lambda folder: None
    model: bool = False  # whether the refusal comes so late that the model is loaded before it
    env: dict[str, str] = field(default_factory=dict)


def a_clip(folder: Path) -> None:
    clip(folder / "a.mp4")


def a_picture(folder: Path) -> None:
    picture(folder / "a.png")


def bytes_at(name: str, content: bytes) -> Make:
    return lambda folder: (folder / name).write_bytes(content)


def both(*makes: Make) -> Make:
    return lambda folder: [make(folder) for make in makes]


def link(name: str, target: str) -> Make:
    return lambda folder: (folder / name).symlink_to(target)


def half_a_clip(folder: Path) -> None:
    whole = clip(folder / "half.mp4").read_bytes()
    (folder / "half.mp4").write_bytes(whole[:200])


def half_a_picture(folder: Path) -> None:
    whole = picture(folder / "half.png").read_bytes()
    (folder / "half.png").write_bytes(whole[:40])


def no_size(folder: Path) -> None:
    """A PNG whose header says 0x0."""
    whole = bytearray(picture(folder / "none.png").read_bytes())
    whole[16:24] = bytes(8)
    (folder / "none.png").write_bytes(whole)


def no_camera_at_all(folder: Path) -> None:
    if list(Path("/dev").glob("video*")):
        pytest.skip("there is a camera here")


SOURCES = [
    Case("no such file", "run --source missing.mp4", 3, r"missing\.mp4 is not there; give a video, a picture or"),
    Case("no such kind", "run --source camer:0", 3, r"no source 'camer:0'.*did you mean 'camera'\?"),
    Case("a number", "run --source 0", 3, r"There is no file 0; did you mean the camera, 'camera:0'\?"),
    Case("an empty word", ("run", "--source", ""), 2, r"--source is empty; give a file"),
    Case("a kind and no more", "run --source file:", 2, r"'file:' does not say which; write file:clip\.mp4"),
    Case("an address", "run --source http://127.0.0.1:9/a.mp4", 3, r"http://127\.0\.0\.1:9/a\.mp4 is an address"),
    Case("empty", "run --source a.mp4", 3, r"a\.mp4 is empty \(0 bytes\)", bytes_at("a.mp4", b"")),
    Case("empty picture", "run --source a.png", 3, r"a\.png is empty \(0 bytes\)", bytes_at("a.png", b"")),
    Case(
        "text", "run --source a.mp4", 3, r"a\.mp4 is no video that FFmpeg can read", bytes_at("a.mp4", b"hello\n" * 99)
    ),
    Case("truncated clip", "run --source half.mp4", 3, r"half\.mp4 (is|has) no video", half_a_clip),
    Case("truncated picture", "run --source half.png", 3, r"half\.png (is no picture|cannot be)", half_a_picture),
    Case("zero-size picture", "run --source none.png", 3, r"none\.png (is no picture|cannot be)", no_size),
    Case("audio only", "run --source a.m4a", 3, r"a\.m4a has no video", lambda folder: song(folder / "a.m4a")),
    Case("empty folder", "run --source d", 3, r"None of the files in d is a picture", lambda f: (f / "d").mkdir()),
    Case("a folder as a clip", "run --source file:d", 3, r"d is a folder.*images:d", lambda f: (f / "d").mkdir()),
    Case("a clip as a picture", "run --source images:a.mp4", 3, r"a\.mp4 is no picture", a_clip),
    Case("links in a circle", "run --source a", 3, r"a is a link that leads nowhere", link("a", "a")),
    Case("a device", "run --source /dev/zero", 3, r"/dev/zero is a device and no file"),
    Case("a device as a picture", "run --source images:/dev/zero", 3, r"/dev/zero is a device and no picture"),
    Case("a name with a new line", ("run", "--source", "a\nb.mp4"), 3, r"a\\nb\.mp4 is not there"),
    Case("a name that is too long", ("run", "--source", "x" * 5000 + ".mp4"), 3, r"cannot be read: File name too long"),
    Case("a name that is no text", ("run", "--source", os.fsdecode(b"\xff.mp4")), 3, r"\.mp4 is not there"),
    Case("no camera", "run --source auto", 3, r"No camera was found; plug one in", no_camera_at_all),
    Case("no such camera", "run --source camera:99", 3, r"There is no camera /dev/video99; "),
    Case("no camera's name", "run --source camera:abc", 3, r"There is no camera /dev/abc; "),
    Case("no camera but a file", "run --source camera:/dev/null", 3, r"/dev/null is not a video device"),
    Case("no picture", "mask missing.png m.png", 3, r"There is no file missing\.png"),
    Case("a folder to mask", "mask . m.png", 3, r"\. is a folder; give one picture \(edgeseg run --source DIR takes"),
    Case(
        "a video to mask", "mask a.mp4 m.png", 3, r"a\.mp4 is a video; give one picture \(edgeseg run --source", a_clip
    ),
    Case("text to mask", "mask a.png m.png", 3, r"a\.png is no picture", bytes_at("a.png", b"hello")),
]
GST = [
    Case("gst: no such element", "run --source gst:nosuch", 3, r"'nosuch' failed: .*no element"),
    Case("gst: no picture", ("run", "--source", "gst:videotestsrc num-buffers=0"), 3, r"ended without a picture"),
    Case("gst: a quote", "run --source gst:'abc", 3, r"has a quote that is not closed"),
    Case("gst: only sound", ("run", "--source", "gst:audiotestsrc num-buffers=1"), 3, r"audiotestsrc.*failed: "),
]
BACKGROUNDS = [
    Case("unknown background", "run --source a.png --background blurr", 2, r"'blurr'; did you mean 'blur'\?"),
    Case("a path as background", "run --source a.png --background b.jpg", 2, r"did you mean 'image:b\.jpg'\?"),
    Case("no background", ("run", "--source", "a.png", "--background", ""), 2, r"There is no background ''; choose"),
    Case("blur of nothing", "run --source a.png --background blur:0", 2, r"'0' is not a whole number from 1 to 100"),
    Case("blur of a digit", "run --source a.png --background blur:²", 2, r"'²' is not a whole number from 1 to 100"),
    Case("a colour's name", "run --source a.png --background color:red", 2, r"'red' is not of the form #RRGGBB"),
    Case(
        "no such background", "run --source a.png --background image:b.png", 2, r"b\.png cannot be read: No such file"
    ),
    Case("background without a name", "run --source a.png --background image:", 2, r"'image:' does not say which"),
    Case("background text", "run --source a.png --background image:b", 2, r"b is no picture", bytes_at("b", b"hello")),
    Case("background empty", "run --source a.png --background image:b", 2, r"b is no picture", bytes_at("b", b"")),
    Case("background a clip", "run --source a.png --background image:a.mp4", 2, r"a\.mp4 is no picture", a_clip),
    Case("background a folder", "run --source a.png --background image:.", 2, r"The background .*\. "),
    Case("no such video", "run --source a.png --background video:b.mp4", 2, r"background.* b\.mp4 "),
    Case(
        "background a device", "run --source a.png --background image:/dev/zero", 2, r"/dev/zero is a device or a pipe"
    ),
    Case(
        "background a pipe",
        "run --source a.png --background image:b",
        2,
        r"b is a device or",
        lambda f: os.mkfifo(f / "b"),
    ),
    Case(
        "video a pipe", "run --source a.png --background video:b", 2, r"b is a device or", lambda f: os.mkfifo(f / "b")
    ),
    Case("video text", "run --source a.png --background video:b", 2, r"b'? is no video", bytes_at("b", b"hello" * 99)),
    Case(
        "video of sound",
        "run --source a.png --background video:b",
        2,
        r"b'? (is|has) no video",
        lambda f: song(f / "b"),
    ),
]
SINKS = [
    Case("unknown sink", "run --source a.mp4 --sink nul", 2, r"no sink 'nul'; did you mean 'null'\?"),
    Case("no sink", ("run", "--source", "a.mp4", "--sink", ""), 2, r"There is no sink ''; choose one of"),
    Case("a path as sink", "run --source a.mp4 --sink b.mp4", 2, r"did you mean 'file:b\.mp4'\?"),
    Case("a webcam as sink", "run --source a.mp4 --sink /dev/video9", 2, r"did you mean 'v4l2:/dev/video9'\?"),
    Case("a picture as video", "run --source a.mp4 --sink file:b.png", 2, r"did you mean 'images:b\.png'\?"),
    Case("unknown ending", "run --source a.mp4 --sink file:b.avi", 2, r"ends in '\.avi', which names no kind of video"),
    Case("no ending", "run --source a.mp4 --sink file:b", 2, r"b has no ending that names a kind of video"),
    Case("sink is source", "run --source a.mp4 --sink file:./a.mp4", 2, r"would write over what is read from a\.mp4"),
    Case(
        "sink is linked to source",
        "run --source a.mp4 --sink file:b.mp4",
        2,
        r"would write over what is read from a\.mp4",
        link("b.mp4", "a.mp4"),
    ),
    Case("mask is picture", "mask a.png ./a.png", 2, r"over the picture a\.png; choose another", a_picture),
    Case("mask as JPEG", "mask a.png m.jpg", 2, r"m\.jpg has no ending for a mask; write to a \.png", a_picture),
    Case("no folder", "run --source a.mp4 --sink file:d/b.mp4", 7, r"the folder d does not exist; make it first"),
    Case("no folder for pictures", "run --source a.mp4 --sink images:d/e", 7, r"the folder d does not exist"),
    Case("no folder for a mask", "mask a.png d/m.png", 7, r"the folder d does not exist; make it", a_picture),
    Case("a file as folder", "run --source a.mp4 --sink file:a.mp4/b.mp4", 7, r"a\.mp4 is a file, not a folder"),
    Case(
        "a folder as file",
        "run --source a.mp4 --sink file:d.mp4",
        7,
        r"it is a folder",
        lambda f: (f / "d.mp4").mkdir(),
    ),
    Case(
        "a link to nowhere", "run --source a.mp4 --sink file:b.mp4", 7, r"link that leads nowhere", link("b.mp4", "d/e")
    ),
    Case("a pipe", "run --source a.mp4 --sink file:b.mp4", 7, r"a device or a pipe", lambda f: os.mkfifo(f / "b.mp4")),
    Case("a device", "run --source a.mp4 --sink images:b.png", 7, r"a device or a pipe", link("b.png", "/dev/full")),
    Case("too long a name", ("run", "--source", "a.mp4", "--sink", f"file:{'x' * 300}.mp4"), 7, r"name too long"),
    Case("no such webcam", "run --source a.mp4 --sink v4l2:/dev/video99", 7, r"there is no /dev/video99; "),
    Case("no webcam", "run --source a.mp4 --sink v4l2:/dev/null", 7, r"/dev/null is no video output device; "),
    Case("demo into a file", "demo --source a.mp4 --output a.mp4", 7, r"folder a\.mp4 cannot be made", model=True),
    Case("alpha in .mp4", "run --source a.mp4 --background alpha --sink file:b.mp4", 2, r"cannot hold transparency"),
    Case("alpha in a pipe", "run --source a.mp4 --background alpha --sink -", 2, r"cannot hold transparency"),
]
OPTIONS = [
    Case("unknown command", "runn", 2, r"No such command 'runn'\. Did you mean 'run'\?"),
    Case("unknown option", "run --sorce a.mp4", 2, r"no option '--sorce'; did you mean '--source'\?"),
    Case("unknown tier", "run --source a.mp4 --tier selfie", 2, r"no tier 'selfie'; did you mean 'selfie-"),
    Case("unknown tier, unused", "run --source a.mp4 --background none --tier x", 2, r"no tier 'x'; choose one of "),
    Case("unknown engine", "run --source a.mp4 --engine gpus", 2, r"no engine 'gpus'; did you mean 'gpu'\?"),
    Case(
        "library of cpu",
        "run --source a.mp4 --engine-library /x",
        2,
        r"--engine-library belongs to --engine npu and edg",
    ),
    Case(
        "device of gpu", "bench --engine gpu --engine-device CPU", 2, r"--engine-device belongs to --engine npu and ed"
    ),
    Case(
        "software npu", "bench --engine npu --allow-software-gpu", 2, r"--allow-software-gpu belongs to --engine gpu, a"
    ),
    Case(
        "device of openvino", "bench --engine npu --engine-device TPU", 2, r"no device 'TPU' here; did you mean 'NPU'"
    ),
    Case(
        "no vendor",
        "bench --engine npu --engine-library .",
        4,
        r"There is no libLiteRtDispatch_\*\.so in \.",
    ),
    Case("no edge tpu tier", "bench --engine edgetpu", 4, r"runs tiers that Coral's compiler made, and this is none"),
    Case("unknown segmenter", "run --source a.mp4 --segmenter key", 2, r"no segmenter 'key'; choose tier or chroma"),
    Case("key without chroma", "run --source a.mp4 --key-color #00ff00", 2, r"options belong to --segmenter chroma"),
    Case("grey key", "run --source a.mp4 --segmenter chroma --key-color #808080", 2, r"too grey or too dark"),
    Case("key of nan", "run --source a.mp4 --segmenter chroma --key-tolerance nan", 2, r"hue_tolerance_deg is nan"),
    Case("no size", "run --source a.mp4 --size 0x0", 2, r"--size is '0x0'; write WIDTHxHEIGHT"),
    Case("a size of digits", "run --source a.mp4 --size ²x²", 2, r"--size is '²x²'; write WIDTHxHEIGHT"),
    Case("no frames", "run --source a.mp4 --frames 0", 2, r"'--frames': 0 is not in the range"),
    Case("no number", "run --source a.mp4 --frames x", 2, r"'--frames': 'x' is not a valid int"),
    Case("fps of nan", "run --source a.mp4 --fps nan", 2, r"--fps is 'nan'; write a number"),
    Case("no fps", "run --source a.mp4 --fps 0", 2, r"--fps is '0'; write a number"),
    Case("huge fps", "run --source a.mp4 --fps 1e999999999", 2, r"--fps is '1e999999999'; write a number"),
    Case("threads", "run --source a.mp4 --threads 1000000", 2, r"--threads is 1000000; give 1 to 64"),
    Case("feather of nan", "run --source a.mp4 --feather nan", 2, r"--feather is nan; give 0 to 2, in percent"),
    Case("mask age of nan", "run --source a.mp4 --max-mask-age nan", 2, r"--max-mask-age is nan; write a number"),
    Case("idle after nan", "run --source a.mp4 --idle-after nan", 2, r"--idle-after is nan; write a number of seconds"),
    Case("idle before", "run --source a.mp4 --idle-after -1", 2, r"'--idle-after': -1.0 is not in the range"),
    Case("every frame less than once", "run --source a.mp4 --every 0", 2, r"'--every': 0 is not in the range"),
    Case("every fifth frame", "run --source a.mp4 --every 5", 2, r"'--every': 5 is not in the range"),
    Case("two outputs", "run --source a.mp4 --sink - --json", 2, r"--sink - .* --json .*use one of them"),
    Case("unknown asset", "assets fetch selfy", 2, r"no asset 'selfy'; did you mean 'selfie'\?"),
    Case("no golden set", "golden evaluate --dataset .", 2, r"\. is no golden dataset: give a folder"),
    Case("no golden option", "golden evaluate", 2, r"Missing option '--dataset'"),
    Case("no picture named", "mask", 2, r"Missing argument 'IN'"),
    Case(
        "broken golden set",
        "golden check .",
        5,
        r"The golden set \. has \d problems?",
        bytes_at("dataset.yaml", b"name: x\n"),
    ),
]
ASSETS = [
    Case("asset away", "demo --source a.mp4 --offline --asset-dir away", 69, r"not here and fetching is switched off"),
    Case(
        "no network",
        "assets fetch selfie --asset-dir away",
        69,
        r"selfie is not here and pip could not get mediapipe==.*; connect and try again",
        env={"PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_RETRIES": "0", "PIP_CONFIG_FILE": os.devnull},
    ),
    Case("assets missing", "assets verify --asset-dir away", 69, r"Not here: selfie-landscape, .*assets fetch"),
    Case("asset folder a file", "assets fetch selfie --asset-dir a.mp4", 7, r"asset directory .*a\.mp4 cannot take"),
    Case("a strange home", "assets list --asset-dir ~nobody-has-this-name", 2, r"'~nobody-has-this-name' is nowhere"),
]


def models(files: dict[str, bytes]) -> Make:
    """A folder `m` of models."""

    def fill(folder: Path) -> None:
        (folder / "m").mkdir()
        for name, content in files.items():
            (folder / "m" / name).write_bytes(content)

    return fill


OWN = (
    b"t: {family: t, asset: t, height: 2, width: 2, precision: fp32, bytes: 1, fit: stretch, licence: CC0-1.0,"
    b" input: {dtype: float32}, output: {dtype: float32}, sha256: '" + b"0" * 64 + b"'}"
)
AWAY = r"The folder of models 'away' is not there; check --models\.$"
NOT_THE_TIER = rf"m/{DEFAULT_TIER}\.tflite is not the tier {DEFAULT_TIER} of the catalogue, for its sha256 is another; "
ANOTHER = models({f"{DEFAULT_TIER}.tflite": b"no model"})
MODELS = [
    Case("models away", "run --source a.mp4 --models away", 2, AWAY),
    Case("models away, unused", "run --source a.mp4 --background none --models away", 2, AWAY),
    Case("models away, mask", "mask a.mp4 m.png --models away", 2, AWAY),
    Case("models away, golden", "golden evaluate --dataset . --models away", 2, AWAY),
    Case("models away, tiers", "tiers --models away", 2, AWAY),
    Case("models a file", "tiers --models a.mp4", 2, r"'a\.mp4' is not there; check --models"),
    Case("models of nobody", "tiers --models ~nobody-has-this-name", 2, r"'~nobody-has-this-name' is nowhere"),
    Case(
        "$EDGESEG_MODELS of nobody", "tiers", 2, r"is nowhere; check \$EDGESEG", env={"EDGESEG_MODELS": "~nobody-here"}
    ),
    Case("a model's own hash", "run --source a.mp4 --models m --sink file:b.mp4", 6, NOT_THE_TIER, ANOTHER),
    Case("a mask's model's hash", "mask a.png m.png --models m", 6, NOT_THE_TIER, both(a_picture, ANOTHER)),
    Case(
        "own tier away", "run --source a.mp4 --tier t --models m", 4, r"put t\.tflite", models({"catalogue.yaml": OWN})
    ),
    Case(
        "own tier broken",
        "run --source a.mp4 --tier t --models m",
        6,
        r"m/t\.tflite is not the tier t of the catalogue, .*put the right file there",
        models({"catalogue.yaml": OWN, "t.tflite": b"t"}),
    ),
    Case(
        "own row wrong",
        "run --source a.mp4 --tier t --models m",
        2,
        r"m/catalogue\.yaml: tier t: there is no field 'hight'; did you mean 'height'\?",
        models({"catalogue.yaml": OWN.replace(b"height", b"hight")}),
    ),
    Case(
        "own catalogue no YAML", "tiers --models m", 2, r"m/catalogue\.yaml cannot", models({"catalogue.yaml": b"t: {"})
    ),
    Case("models of no name", "tiers --models", 2, r"Option '--models' requires an argument"),
]
NEEDS_A_CLIP = {case.name for case in SINKS + OPTIONS + ASSETS + MODELS}
NEEDS_A_PICTURE = {case.name for case in BACKGROUNDS}


def cases(*tables: list[Case]) -> list[object]:
    return [pytest.param(case, id=case.name) for table in tables for case in table]


def tree(folder: Path) -> dict[str, bytes | str]:
    """All that is in a folder."""
    found: dict[str, bytes | str] = {}
    for path in sorted(folder.rglob("*")):
        plain = path.is_file() and not path.is_symlink()
        found[str(path.relative_to(folder))] = path.read_bytes() if plain else oct(path.lstat().st_mode)
    return found


def refused(done: Done, code: int, says: str) -> None:
    """One sentence of its own, the right one, and the right exit code."""
    (sentence,) = done.sentences
    assert done.code == code, done.err
    assert re.search(says, sentence), sentence


@pytest.mark.parametrize("case", cases(SOURCES, BACKGROUNDS, SINKS, OPTIONS, ASSETS, MODELS))
def test_bad_input(case: Case, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    if case.model:
        request.getfixturevalue("model")
        request.getfixturevalue("asset")("astronaut")
    if case.name in NEEDS_A_CLIP:
        a_clip(tmp_path)
    if case.name in NEEDS_A_PICTURE:
        a_picture(tmp_path)
    case.make(tmp_path)
    before = tree(tmp_path)
    done = edgeseg(case.args, tmp_path, env=case.env)
    refused(done, case.code, case.says)
    after = tree(tmp_path)
    after.pop("away", None)  # the folder of a fetch that failed may stay; what is in it may not
    assert after == before


@pytest.mark.skipif(shutil.which("gst-launch-1.0") is None, reason="gst-launch-1.0 is not installed")
@pytest.mark.parametrize("case", cases(GST))
def test_bad_pipelines(case: Case, tmp_path: Path) -> None:
    refused(edgeseg(case.args, tmp_path), case.code, case.says)


@pytest.mark.parametrize(
    ("size", "channels", "depth"),
    [
        pytest.param((1, 1), 3, np.uint8, id="1x1"),
        pytest.param((77, 53), 3, np.uint8, id="odd"),
        pytest.param((64, 48), 1, np.uint8, id="grey"),
        pytest.param((64, 48), 3, np.uint16, id="16-bit"),
        pytest.param((64, 48), 4, np.uint8, id="RGBA"),
        pytest.param((63, 1), 1, np.uint16, id="a row"),
    ],
)
def test_odd_pictures_are_done(model: Path, size: tuple[int, int], channels: int, depth: type, tmp_path: Path) -> None:
    picture(tmp_path / "a.png", size, channels, depth)
    for args in ("run --source a.png --background blur --sink images:b.png", "mask a.png b.png"):
        done = edgeseg(args, tmp_path)
        assert (done.code, done.sentences) == (0, []), done.err
        made = cv2.imread(str(tmp_path / "b.png"), cv2.IMREAD_UNCHANGED)
        assert made is not None
        assert made.shape[:2] == size[::-1]
        assert made.dtype == np.uint8


def test_an_8k_picture_is_done(model: Path, tmp_path: Path) -> None:
    picture(tmp_path / "a.jpg", (7680, 4320))
    done = edgeseg("run --source a.jpg --background blur --sink images:b.jpg", tmp_path)
    assert (done.code, done.sentences) == (0, []), done.err
    made = cv2.imread(str(tmp_path / "b.jpg"))
    assert made is not None
    assert made.shape == (4320, 7680, 3)


def test_a_2x2_clip_is_done(model: Path, tmp_path: Path) -> None:
    clip(tmp_path / "a.mp4", size=(2, 2))
    done = edgeseg("run --source a.mp4 --sink file:b.mp4", tmp_path)
    assert (done.code, done.sentences, frames_of(tmp_path / "b.mp4")) == (0, [], 6)


def test_a_clip_that_changes_size_midway_keeps_its_frames(model: Path, tmp_path: Path) -> None:
    parts = [clip(tmp_path / f"{name}.h264", 5, size) for name, size in (("a", (96, 64)), ("b", (64, 96)))]
    (tmp_path / "both.h264").write_bytes(b"".join(part.read_bytes() for part in parts))
    done = edgeseg("run --source both.h264 --background color:#000000 --sink file:out.mp4 --json", tmp_path)
    assert (done.code, done.sentences, done.json["frames"]) == (0, [], 10), done.err
    assert "frames changed from 96x64 to 64x96" in done.err
    with av.open(str(tmp_path / "out.mp4")) as made:
        assert {(frame.width, frame.height) for frame in made.decode(video=0)} == {(96, 64)}


def test_a_clip_that_breaks_off_is_done_as_far_as_it_goes(model: Path, tmp_path: Path) -> None:
    whole = clip(tmp_path / "a.mp4", 60, paint=noise).read_bytes()
    (tmp_path / "a.mp4").write_bytes(whole[: len(whole) // 2])
    done = edgeseg("run --source a.mp4 --sink file:b.mp4 --json", tmp_path)
    assert (done.code, done.sentences) == (0, []), done.err
    assert 10 < done.json["frames"] < 50
    assert "the rest is cut off or damaged" in done.err
    assert frames_of(tmp_path / "b.mp4") == done.json["frames"]


IN_USE = """
import fcntl, os, struct, sys
from edgeseg.capture import v4l2_devices

def ioctl(fd, request, answer):
    "A camera that another process streams from."
    if request == v4l2_devices._VIDIOC_QUERYCAP:
        answer[16:22] = b"Webcam"
        struct.pack_into("=II", answer, 84, 0x04000001, 0)
        return 0
    raise OSError(16, "Device or resource busy")

fcntl.ioctl = ioctl
sys.argv = ["edgeseg", "run", "--source", "camera:" + sys.argv[1]]
from edgeseg.__main__ import main
main()
"""


def test_a_camera_in_use(tmp_path: Path) -> None:
    device = tmp_path / "video0"
    device.touch()
    with device.open("rb"):  # by this process
        ran = subprocess.run([sys.executable, "-c", IN_USE, str(device)], capture_output=True, text=True, check=False)
    refused(Done(ran.returncode, b"", ran.stderr), 8, rf"{device} is in use by .*\(pid {os.getpid()}\); close that")


# What may be done is asked of the system: root may all, unless it gives these powers away.
WITHOUT_POWER = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search,-fowner")


@pytest.fixture
def plain() -> tuple[str, ...]:
    """What goes before a command to run it without root's power over files."""
    if os.geteuid() != 0:
        return ()
    if shutil.which("setpriv") is None:
        pytest.skip("root may write everywhere, and setpriv is not installed")
    tried = subprocess.run([*WITHOUT_POWER, "true"], capture_output=True, check=False)
    if tried.returncode:
        pytest.skip("root may write everywhere, and may not give that power away here")
    return WITHOUT_POWER


def read_only(folder: Path) -> None:
    (folder / "ro").mkdir()
    (folder / "ro").chmod(0o555)


def read_only_file(folder: Path) -> None:
    (folder / "b.mp4").write_bytes(b"mine")
    (folder / "b.mp4").chmod(0o444)


def unreadable(name: str) -> Make:
    return lambda folder: (folder / name).chmod(0)


def locked_model(folder: Path) -> None:
    ANOTHER(folder)
    unreadable(f"m/{DEFAULT_TIER}.tflite")(folder)


def locked_models(folder: Path) -> None:
    ANOTHER(folder)
    unreadable("m")(folder)


CONFIG = bytes_at("c.yaml", b"sink: null")


def locked_config(folder: Path) -> None:
    (folder / "user" / "edgeseg").mkdir(parents=True)
    unreadable("user/edgeseg")(folder)


def locked_profiles(folder: Path) -> None:
    (folder / "user" / "edgeseg" / "profiles").mkdir(parents=True)
    unreadable("user/edgeseg/profiles")(folder)


def also(make: Make) -> Make:
    return both(a_clip, a_picture, make)


FORBIDDEN = [
    Case("clip", "run --source a.mp4", 8, r"a\.mp4 may not be read by this user", also(unreadable("a.mp4"))),
    Case("picture", "run --source a.png", 8, r"a\.png may not be read", also(unreadable("a.png"))),
    Case("picture to mask", "mask a.png m.png", 8, r"a\.png may not be read", also(unreadable("a.png"))),
    Case("background", "run --source a.mp4 --background image:a.png", 8, r"may not be read", also(unreadable("a.png"))),
    Case("video behind", "run --source a.png --background video:a.mp4", 8, r"may not", also(unreadable("a.mp4"))),
    Case("folder of a video", "run --source a.mp4 --sink file:ro/b.mp4", 7, r"ro is not writable", also(read_only)),
    Case("folder of pictures", "run --source a.mp4 --sink images:ro/b", 7, r"ro is not writable", also(read_only)),
    Case("folder of a mask", "mask a.png ro/m.png", 7, r"folder ro is not writable", also(read_only)),
    Case("demo", "demo --source a.mp4 --output ro/d", 7, r"ro/d cannot be made", also(read_only), model=True),
    Case("file", "run --source a.mp4 --sink file:b.mp4", 7, r"not writable by this user", also(read_only_file)),
    Case("assets", "assets fetch selfie --asset-dir ro/a", 7, r"ro/a cannot take .* denied", read_only, env=NO_INDEX),
    Case("model", "run --source a.mp4 --models m", 8, r"The model m/.* cannot be read: Permission", also(locked_model)),
    Case(
        "config", "run --config c.yaml", 8, r"c\.yaml may not be read: Permission", both(CONFIG, unreadable("c.yaml"))
    ),
    Case("configs", "run", 8, r"config\.yaml may not be read", locked_config, env={"XDG_CONFIG_HOME": "user"}),
    Case(
        "profiles",
        "profile list",
        8,
        r"edgeseg/profiles may not be read",
        locked_profiles,
        env={"XDG_CONFIG_HOME": "user"},
    ),
    Case("models", "run --source a.mp4 --models m", 8, r"folder of models m cannot be read", also(locked_models)),
]


@pytest.mark.parametrize("case", cases(FORBIDDEN))
def test_not_permitted(case: Case, tmp_path: Path, plain: tuple[str, ...], request: pytest.FixtureRequest) -> None:
    if case.model:
        request.getfixturevalue("model")
        for name in ("astronaut", "carphone"):
            request.getfixturevalue("asset")(name)
    case.make(tmp_path)
    before = sorted(path.name for path in tmp_path.rglob("*"))
    refused(edgeseg(case.args, tmp_path, before=plain, env=case.env), case.code, case.says)
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


def test_the_home_of_another_user_is_no_hindrance(tmp_path: Path, plain: tuple[str, ...]) -> None:
    """Its files are not ours, and a run does not fail for them."""
    (tmp_path / "other" / "home").mkdir(parents=True)
    (tmp_path / "other").chmod(0)
    home = {"XDG_CONFIG_HOME": str(tmp_path / "other" / "home")}
    refused(edgeseg("run --source missing.mp4", tmp_path, before=plain, env=home), 3, r"missing\.mp4 is not there")
    assert edgeseg("profile check", tmp_path, before=plain, env=home).code == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], check=False)
    if mounted.returncode:
        pytest.skip("a tmpfs cannot be mounted here")
    try:
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("ending", ["mp4", "mov", "mkv", "webm"])
def test_a_disk_that_fills_in_the_middle_of_a_video(small_disk: Path, ending: str, tmp_path: Path) -> None:
    clip(tmp_path / "a.mp4", 150, (320, 240), audio=True, paint=noise)
    done = edgeseg(f"run --source a.mp4 --background none --sink file:disk/b.{ending}", tmp_path)
    refused(done, 7, rf"cannot write disk/b\.{ending}: no space is left on that disk; what was written so far is kept")
    assert 5 < frames_of(small_disk / f"b.{ending}") < 150


@pytest.mark.parametrize("ending", ["mp4", "mkv", "webm"])
def test_a_disk_that_fills_at_the_end_of_a_video(small_disk: Path, ending: str, tmp_path: Path) -> None:
    clip(tmp_path / "a.mp4", 30, (320, 240), paint=noise)
    (small_disk / "full").write_bytes(bytes(1024 * (1024 - 40)))
    done = edgeseg(f"run --source a.mp4 --background none --sink file:disk/b.{ending}", tmp_path)
    refused(done, 7, r"no space is left on that disk")


def test_a_disk_that_fills_in_the_middle_of_pictures(small_disk: Path, tmp_path: Path) -> None:
    clip(tmp_path / "a.mp4", 30, (160, 120), paint=noise)
    done = edgeseg("run --source a.mp4 --background none --sink images:disk/b", tmp_path)
    refused(done, 7, r"cannot write disk/b/frame_0000\d\d\.png: no space is left")
    made = sorted((small_disk / "b").iterdir())
    assert 5 < len(made) < 30
    assert all(path.suffix == ".png" and cv2.imread(str(path)) is not None for path in made)


def test_a_full_disk_leaves_the_mask_that_was_there(model: Path, small_disk: Path, tmp_path: Path) -> None:
    picture(tmp_path / "a.png", (640, 480))
    (small_disk / "m.pgm").write_bytes(b"the mask of yesterday")
    free = os.statvfs(small_disk)
    (small_disk / "full").write_bytes(bytes(free.f_bfree * free.f_frsize))
    refused(edgeseg("mask a.png disk/m.pgm", tmp_path), 7, r"cannot write disk/m\.pgm: no space is left")
    assert (small_disk / "m.pgm").read_bytes() == b"the mask of yesterday"
    assert sorted(path.name for path in small_disk.iterdir()) == ["full", "m.pgm"]


@pytest.mark.parametrize("args", ["run --source a.mp4 --sink -", "run --source a.mp4 --json", "tiers", "tiers --json"])
def test_a_standard_output_that_is_full(model: Path, args: str, tmp_path: Path) -> None:
    a_clip(tmp_path)
    with Path("/dev/full").open("wb") as full:
        ran = subprocess.run(words(args), cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, check=False)
    refused(Done(ran.returncode, b"", ran.stderr.decode()), 7, r"[Nn]o space (is )?left on ")


@pytest.mark.parametrize(("closed", "code"), [("0<&-", 0), (">&-", 7), ("2>&-", 0), ("0<&- >&- 2>&-", 7)])
def test_standard_streams_that_are_closed(model: Path, closed: str, code: int, tmp_path: Path) -> None:
    a_clip(tmp_path)
    command = f'"$0" run --source a.mp4 --sink file:b.mp4 --json {closed}'
    ran = subprocess.run(["sh", "-c", command, *words("")], cwd=tmp_path, capture_output=True, check=False)
    assert ran.returncode == code, ran.stderr
    assert frames_of(tmp_path / "b.mp4") == 6  # the figures had nowhere to go; the video is whole


def test_a_standard_error_that_is_gone_stops_no_run(model: Path, tmp_path: Path) -> None:
    a_clip(tmp_path)
    with Path("/dev/full").open("wb") as full:
        ran = subprocess.run(words("run --source a.mp4 --sink file:b.mp4"), cwd=tmp_path, stderr=full, check=False)
    assert (ran.returncode, frames_of(tmp_path / "b.mp4")) == (0, 6)


MISSING = """
import sys
from pathlib import Path
from edgeseg.tiers import files
files.BUILT = files.MACHINE = Path("/nowhere")
from edgeseg.__main__ import main
main()
"""


@pytest.mark.parametrize("args", ["run --source a.mp4 --sink file:b.mp4", "mask a.png b.png"])
def test_a_tier_that_is_not_built(args: str, tmp_path: Path) -> None:
    a_clip(tmp_path)
    a_picture(tmp_path)
    before = tree(tmp_path)
    env = os.environ | {"EDGESEG_MODELS": str(tmp_path / "none")}
    command = [sys.executable, "-c", MISSING, *args.split()]
    ran = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    says = rf"The tier {DEFAULT_TIER} is in none of the folders of models: run make setup in .* or install a wheel"
    refused(Done(ran.returncode, b"", ran.stderr), 4, says)
    assert tree(tmp_path) == before


def test_verify_names_what_has_a_wrong_hash_and_does_not_keep_it(tmp_path: Path) -> None:
    wrong = store.path_of("selfie", tmp_path / "assets")
    wrong.parent.mkdir(parents=True)
    wrong.write_bytes(b"no model")
    done = edgeseg("assets verify --json --asset-dir assets", tmp_path)
    refused(done, 6, r"Not the pinned files: selfie; they were removed, run edgeseg assets fetch")
    assert {row["name"]: row["state"] for row in done.json}["selfie"] == "wrong hash"
    assert not wrong.exists()


def test_a_package_with_another_model_is_not_kept(tmp_path: Path) -> None:
    tags = f"{MEDIAPIPE.abi}-{MEDIAPIPE.abi}-{MEDIAPIPE.platform}"
    info = f"mediapipe-{MEDIAPIPE.version}.dist-info"
    index = tmp_path / "index"
    index.mkdir()
    with zipfile.ZipFile(index / f"mediapipe-{MEDIAPIPE.version}-{tags}.whl", "w") as wheel:
        wheel.writestr(store.pinned("selfie-landscape").member, b"no model")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: mediapipe\nVersion: {MEDIAPIPE.version}\n")
        wheel.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tags}\n")
        wheel.writestr(f"{info}/RECORD", "")
    env = NO_INDEX | {"PIP_FIND_LINKS": str(index)}
    refused(
        edgeseg("assets fetch selfie-landscape --asset-dir assets", tmp_path, env=env),
        6,
        r"is not the pinned selfie-landscape.*not kept",
    )
    assert [path for path in (tmp_path / "assets").rglob("*") if path.is_file()] == []


def test_a_home_that_is_not_there(model: Path, tmp_path: Path) -> None:
    a_clip(tmp_path)
    env = {name: value for name, value in os.environ.items() if name not in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")}
    ran = subprocess.run(
        words("run --source a.mp4"), cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr


def test_python_m_edgeseg_is_the_same_command(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "edgeseg", "run", "--source", "missing.mp4"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    refused(Done(ran.returncode, b"", ran.stderr), 3, r"missing\.mp4 is not there")
