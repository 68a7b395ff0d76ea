"""INT8 tiers: the passes before the quantizer keep the sums, the file is whole, and the mask stays what it was."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from edgeseg.frames import Size
from edgeseg.golden.dataset import load
from edgeseg.golden.metrics import iou
from edgeseg.golden.pictures import read_image, read_mask
from edgeseg.ports import ModelIO
from edgeseg.stages.preprocess import content_rect
from quantize.calibrated import Calibration
from quantize.families import FAMILIES, fp32_graph
from quantize.graph.flatbuffer import read, write
from quantize.graph.graph import Graph, ModelError
from quantize.graph.passes.equalize import groups, rescale
from quantize.graph.passes.rounding import round_filters
from quantize.int8 import int8_model, prepare
from quantize.pictures import Labelled, model_inputs

SHARED = Path(__file__).parents[3] / "shared"
SIZES = {"selfie-landscape": (144, 256), "selfie": (256, 256), "body": (256, 256)}
SMALL = {"selfie-landscape": (96, 160), "selfie": (128, 128), "body": (160, 160)}

Float = npt.NDArray[np.float32]


@pytest.fixture
def fresh(asset: Callable[[str], Path]) -> Callable[[str, tuple[int, int]], Graph]:
    """fresh(family, (height, width)): its FP32 graph"""
    return lambda name, size: fp32_graph(FAMILIES[name], asset(FAMILIES[name].asset).read_bytes(), *size)


class Run:
    """A model that is run: called with a picture it gives the mask, (height, width) float32."""

    def __init__(self, model: bytes) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self.interpreter: Any = Interpreter(model_content=model, num_threads=1)
        self.interpreter.allocate_tensors()
        self.given = self.interpreter.get_input_details()[0]
        outputs = self.interpreter.get_output_details()
        self.mask = next(detail for detail in outputs if len(detail["shape"]) == 4)

    def __call__(self, rgb: npt.NDArray[np.uint8]) -> Float:
        fed = (rgb ^ 128).view(np.int8) if self.given["dtype"] is np.int8 else rgb * np.float32(1 / 255)
        self.interpreter.set_tensor(self.given["index"], fed[np.newaxis])
        self.interpreter.invoke()
        mask: Float = self.interpreter.get_tensor(self.mask["index"])[0, :, :, 0]
        return (mask.astype(np.float32) + 128) / 256 if mask.dtype == np.int8 else mask


def _picture(height: int, width: int) -> npt.NDArray[np.uint8]:
    portrait = read_image(Path(__file__).parents[2] / "edgeseg/known_answer/portrait.jpg")
    return next(iter(model_inputs([portrait], "stretch", height, width)))


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_done_before_quantizing_leaves_the_mask_as_it_was(family: str, fresh: Any) -> None:
    height, width = SMALL[family]
    rgb = _picture(height, width)
    calibration = Calibration.of(family, height, width)
    graph = fresh(family, (height, width))
    before = Run(write(graph))(rgb)
    prepare(graph, calibration)
    after = Run(write(graph))(rgb)
    assert np.abs(after - before).max() < 1e-4
    assert not [op for op in graph.ops if op.name == "HARD_SWISH"]


@pytest.mark.parametrize("family", ["selfie-landscape", "selfie"])
def test_scales_of_powers_of_two_change_no_bit(family: str, fresh: Any) -> None:
    height, width = SMALL[family]
    rgb = _picture(height, width)
    graph = fresh(family, (height, width))
    prepare(graph, Calibration(family, height, width))
    before = Run(write(graph))(rgb)
    rng = np.random.default_rng(0)
    found = groups(graph)
    assert len(found) > 20
    rescale(graph, {g.name: np.exp2(rng.integers(-3, 4, g.channels)).astype(np.float32) for g in found})
    after = Run(write(graph))(rgb)
    assert np.abs(after - before).max() < 1e-5


def test_scales_as_calibrated_leave_the_mask_as_it_was(fresh: Any) -> None:
    height, width = SMALL["selfie-landscape"]
    calibration = Calibration.of("selfie-landscape", height, width)
    graph = fresh("selfie-landscape", (height, width))
    before = Run(write(graph))(_picture(height, width))
    prepare(graph, calibration)
    rescale(graph, {name: np.array(values, np.float32) for name, values in calibration.factors.items()})
    after = Run(write(graph))(_picture(height, width))
    assert np.abs(after - before).max() < 1e-4


def test_filters_are_rounded_so_that_an_even_picture_is_answered_as_before(fresh: Any) -> None:
    graph = fresh("body", SMALL["body"])
    exact = {op.outputs[0].name: op.input(1).value for op in graph.ops if op.name == "DEPTHWISE_CONV_2D"}
    round_filters(graph)
    for op in graph.ops:
        if op.name != "DEPTHWISE_CONV_2D":
            continue
        was, now = exact[op.outputs[0].name], op.input(1).value
        step = np.abs(was).max((0, 1, 2)) / 127
        assert np.all(np.abs(now.sum((0, 1, 2)) - was.sum((0, 1, 2))) <= 0.51 * step + 1e-5)
        assert np.abs(now - was).max() <= 1.01 * step.max()


@pytest.mark.parametrize("family", FAMILIES)
def test_the_file_is_whole_in_8_bits_and_the_same_every_time(family: str, fresh: Any) -> None:
    height, width = SMALL[family]
    calibration = Calibration.of(family, height, width)
    model = int8_model(fresh(family, (height, width)), calibration)
    again = int8_model(fresh(family, (height, width)), Calibration.from_json(calibration.to_json()))
    assert hashlib.sha256(model).digest() == hashlib.sha256(again).digest()
    assert {str(t.dtype) for t in read(model).tensors()} == {"int8", "int32"}
    run = Run(model)
    given, mask = run.given, run.mask
    assert (given["dtype"], mask["dtype"]) == (np.int8, np.int8)
    assert given["quantization"] == (pytest.approx(1 / 255), -128)
    assert mask["quantization"] == (1 / 256, -128)
    assert sum(op["op_name"] == "DELEGATE" for op in run.interpreter._get_ops_details()) == 1


@pytest.fixture(scope="module")
def golden() -> Callable[[str], list[Labelled]]:
    """golden(set) -> its pictures and masks, every second one for speed"""
    if not (SHARED / "golden").is_dir():
        pytest.skip(f"there are no golden sets at {SHARED}")

    @functools.cache
    def pictures(name: str) -> list[Labelled]:
        dataset = load(SHARED / "golden" / name)
        items = dataset.file.items[::2]
        return [Labelled(read_image(dataset.path(i.image)), read_mask(dataset.path(i.mask))) for i in items]

    return pictures


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", ["stills", "webcam"])
def test_the_mask_is_as_good_as_in_fp32_but_for_3_points_in_1000(
    family: str, name: str, fresh: Any, golden: Any
) -> None:
    height, width = SIZES[family]
    integer = int8_model(fresh(family, (height, width)), Calibration.of(family, height, width))
    io = ModelIO(height, width, "letterbox" if FAMILIES[family].fit == "letterbox" else "stretch")
    scores = [_score(model, golden(name), io) for model in (write(fresh(family, (height, width))), integer)]
    assert scores[1] > scores[0] - 0.003


def _score(model: bytes, pictures: list[Any], io: ModelIO) -> float:
    """mIoU where alpha is one half."""
    mask_of = Run(model)
    scores = []
    for picture, rgb in zip(
        pictures, model_inputs((p.bgr for p in pictures), io.fit, io.height, io.width), strict=True
    ):
        size = Size(picture.bgr.shape[1], picture.bgr.shape[0])
        mask = content_rect(io, size).of(mask_of(rgb))
        scores.append(iou(cv2.resize(mask, size) >= 0.5, picture.person))
    return float(np.mean(scores))


def test_a_calibration_of_another_model_is_refused(fresh: Any) -> None:
    calibration = Calibration.of("selfie-landscape", 96, 160)
    calibration.ranges.pop("conv2d")
    with pytest.raises(ModelError, match="no range for conv2d; run python -m quantize calibrate"):
        int8_model(fresh("selfie-landscape", (96, 160)), calibration)
    other = Calibration.of("body", 160, 160)
    with pytest.raises(ModelError, match="calibrate it again"):
        int8_model(fresh("selfie-landscape", (96, 160)), other)
