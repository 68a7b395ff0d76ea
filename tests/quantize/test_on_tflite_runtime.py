"""Every tier on tflite-runtime 2.14, all that 32-bit systems have: it runs there, and answers as LiteRT does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from edgeseg.errors import Unreachable
from tests.lab import tflite_runtime


@pytest.fixture(scope="module")
def old(drill_folder, read_run: Callable[[str, Path], object]):
    if reason := tflite_runtime.missing():
        pytest.skip(reason)
    answers = drill_folder / "answers-tflite-runtime"
    try:
        done = tflite_runtime.run("tests/quantize/drill_runtime.py", str(drill_folder), str(answers))
    except Unreachable as error:
        pytest.skip(str(error))
    assert done.returncode == 0, done.stderr
    return read_run(done.stdout, answers)


def test_every_tier_runs(old, drill_folder: Path) -> None:
    assert sorted(old.said) == sorted(path.stem for path in drill_folder.glob("*.tflite"))


def test_every_node_of_a_float_tier_is_xnnpack_s(old) -> None:
    said = [old.said[name] for name in old.of("fp32", "fp16")]
    assert said
    assert [one["model"] for one in said if one["delegated"] != one["nodes"]] == []


def test_float_masks_are_litert_s(old, litert) -> None:
    assert np.mean(litert.mask(old.of("fp32")[0]) > 0.5) > 0.2, "the astronaut is not seen"
    for name in old.of("fp32", "fp16"):
        assert np.abs(old.mask(name) - litert.mask(name)).max() < 1e-3, name


def test_int8_masks_are_as_good_as_litert_s(old, litert) -> None:
    """Other kernels round otherwise: the runtime's own, for its XNNPACK takes no INT8."""
    tiers = old.of("int8")

    assert tiers
    for name in tiers:
        ours, theirs = litert.mask(name) > 0.5, old.mask(name) > 0.5
        exact = litert.mask(name.replace("int8", "fp32")) > 0.5
        assert _iou(ours, theirs) > 0.9, f"{name}: IoU {_iou(ours, theirs):.4f}"
        assert _iou(theirs, exact) > _iou(ours, exact) - 0.03, f"{name} is further from FP32 than with LiteRT"


def _iou(a: npt.NDArray[np.bool_], b: npt.NDArray[np.bool_]) -> float:
    return float((a & b).sum() / (a | b).sum())
