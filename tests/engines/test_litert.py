from __future__ import annotations

import subprocess
import sys
import threading
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from edgeseg.engines.interpreter import RUNTIMES, counted
from edgeseg.engines.litert import CpuEngine
from edgeseg.errors import CandidateError, EngineFault
from edgeseg.ports import EngineWish, ModelIO
from edgeseg.tiers.catalogue import DEFAULT_TIER, catalogue

TierFile = Callable[..., Path]
EVERY_TIER = pytest.mark.parametrize("name", list(catalogue()))


def engine_of(tier_file: TierFile, name: str = DEFAULT_TIER, threads: int = 1) -> CpuEngine:
    return CpuEngine(tier_file(name), catalogue()[name].io, EngineWish(threads))


def portrait(asset: Callable[[str], Path], io: ModelIO) -> npt.NDArray[Any]:
    bgr = cv2.imread(str(asset("astronaut")))
    rgb = cv2.resize(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), (io.width, io.height), interpolation=cv2.INTER_AREA)
    if io.dtype == "float32":
        return rgb.astype(np.float32) / 255
    return (rgb.astype(int) - (128 if io.dtype == "int8" else 0)).astype(io.dtype)


@EVERY_TIER
def test_every_node_is_delegated_to_xnnpack(tier_file: TierFile, name: str) -> None:
    report = engine_of(tier_file, name).report
    assert (report.delegate, report.delegated_nodes) == ("XNNPACK", report.all_nodes)
    assert report.all_nodes > 50
    assert report.library.split() == ["ai-edge-litert", report.library.split()[1]]
    assert report.library.split()[1][0].isdigit()


@EVERY_TIER
def test_a_portrait_is_half_person(asset: Callable[[str], Path], tier_file: TierFile, name: str) -> None:
    engine = engine_of(tier_file, name)
    mask = engine.infer(portrait(asset, engine.io))
    height, width = mask.shape
    assert 0.3 < (mask > 0.5).mean() < 0.6
    assert mask[height // 4, int(width * 0.43)] > 0.9  # the face
    assert mask[height // 4, int(width * 0.9)] < 0.1  # the shuttle behind her


@EVERY_TIER
def test_the_file_computes_as_the_catalogue_says(tier_file: TierFile, name: str) -> None:
    engine = engine_of(tier_file, name)
    kinds = {np.dtype(detail["dtype"]).name for detail in engine._interpreter.get_tensor_details()}
    wanted = {"fp32": set(), "fp16": {"float16"}, "int8": {"int8"}}[catalogue()[name].precision]
    assert kinds & {"float16", "int8"} == wanted


def test_threads_and_bytes_give_the_same_mask(asset: Callable[[str], Path], tier_file: TierFile) -> None:
    one = engine_of(tier_file)
    picture = portrait(asset, one.io)
    two = CpuEngine(tier_file().read_bytes(), one.io, EngineWish(2))
    assert two.report.threads == 2
    np.testing.assert_allclose(two.infer(picture), one.infer(picture), atol=1e-4)


def test_other_threads_run_while_it_computes(tier_file: TierFile) -> None:
    largest = max(catalogue().values(), key=lambda tier: tier.bytes)
    engine = engine_of(tier_file, largest.name)
    engine._interpreter.invoke()
    done, ticks = threading.Event(), [0]

    def tick() -> None:
        while not done.wait(0.0005):
            ticks[0] += 1

    other = threading.Thread(target=tick)
    other.start()
    for _ in range(10):
        engine._interpreter.invoke()
    done.set()
    other.join()
    assert ticks[0] >= 10


@pytest.mark.parametrize("content", [b"", b"garbage" * 1000, b"\x1c\x00\x00\x00TFL3" + b"\xff" * 500])
def test_a_broken_model_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "broken.tflite"
    path.write_bytes(content)
    for model in (content, path):
        with pytest.raises(CandidateError, match=r"cannot be run by ai-edge-litert"):
            CpuEngine(model, ModelIO(144, 256))


def test_a_cut_off_or_missing_model_is_refused(tier_file: TierFile, tmp_path: Path) -> None:
    io = catalogue()[DEFAULT_TIER].io
    with pytest.raises(CandidateError, match="Flatbuffer"):
        CpuEngine(tier_file().read_bytes()[:100_000], io)
    with pytest.raises(CandidateError, match=r"none\.tflite cannot be run"):
        CpuEngine(tmp_path / "none.tflite", io)


@pytest.mark.parametrize("threads", [0, -1])
def test_no_threads_is_refused(tier_file: TierFile, threads: int) -> None:
    with pytest.raises(CandidateError, match="num_threads"):
        engine_of(tier_file, threads=threads)


@pytest.mark.parametrize(
    ("io", "says"),
    [
        (ModelIO(256, 256), r"takes float32 \[1, 144, 256, 3\], and the tier says float32 \[1, 256, 256, 3\]"),
        (ModelIO(144, 256, dtype="uint8"), r"the tier says uint8"),
        (ModelIO(144, 256, dtype="int8"), r"the tier says int8"),
    ],
)
def test_a_model_that_is_not_what_the_tier_says_is_refused(tier_file: TierFile, io: ModelIO, says: str) -> None:
    with pytest.raises(CandidateError, match=says):
        CpuEngine(tier_file(), io)


class Graph:
    """An interpreter's list of nodes: three of its own, and what a delegate took of them."""

    def __init__(self, *delegates: dict[str, Any]) -> None:
        self.delegates = delegates

    def _get_ops_details(self) -> list[dict[str, Any]]:
        own = [
            {"op_name": "CONV_2D", "inputs": [0, 10], "outputs": [1]},
            {"op_name": "CUSTOM", "inputs": [1], "outputs": [2]},
            {"op_name": "ADD", "inputs": [2, 1], "outputs": [3]},
        ]
        return own + list(self.delegates)


def test_nodes_are_counted_per_partition() -> None:
    first = {"op_name": "DELEGATE", "inputs": [0, 10], "outputs": [1]}
    last = {"op_name": "DELEGATE", "inputs": [1, 2], "outputs": [3]}
    assert counted(Graph()) == (0, 3, 0)
    assert counted(Graph(first)) == (1, 3, 1)
    assert counted(Graph(first, last)) == (2, 3, 2)
    assert counted(Graph({"op_name": "DELEGATE", "inputs": [0, 10], "outputs": [3]})) == (3, 3, 1)
    assert counted(object()) == (0, 0, 0)


def _runtime(monkeypatch: pytest.MonkeyPatch, interpreter: type) -> None:
    """Stand in for LiteRT: it cannot be imported, and tflite-runtime is there."""
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    package, module = types.ModuleType("tflite_runtime"), types.ModuleType("tflite_runtime.interpreter")
    package.__version__ = "2.14.0"  # type: ignore[attr-defined]
    module.Interpreter = interpreter  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tflite_runtime", package)
    monkeypatch.setitem(sys.modules, "tflite_runtime.interpreter", module)


def test_tflite_runtime_stands_in_and_its_missing_operation_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class Lacking:
        def __init__(self, num_threads: int, model_path: str) -> None:
            pass

        def allocate_tensors(self) -> None:
            # what tflite-runtime 2.14.0 says of selfie_segmentation.tflite
            raise RuntimeError(
                "Encountered unresolved custom op: Convolution2DTransposeBias.\nSee instructions: "
                "ops_custom Node number 244 (Convolution2DTransposeBias) failed to prepare."
            )

    _runtime(monkeypatch, Lacking)
    with pytest.raises(CandidateError) as caught:
        CpuEngine("selfie.tflite", ModelIO(144, 256))
    assert str(caught.value) == (
        "The model selfie.tflite needs the operation Convolution2DTransposeBias, which tflite-runtime 2.14.0 does not"
        " have: install ai-edge-litert where there is a wheel of it, or choose a tier that `edgeseg tiers` lists, which"
        " run without."
    )


Numbers = tuple[type[np.generic], tuple[float, int]]


def quantized(taken: Numbers, given: Numbers, levels: npt.NDArray[Any]) -> type:
    """A runtime whose model takes and gives these numbers, and answers `levels`."""

    class Interpreter:
        def __init__(self, num_threads: int, model_content: bytes) -> None:
            self.given: list[npt.NDArray[Any]] = []

        def allocate_tensors(self) -> None:
            pass

        def get_input_details(self) -> list[dict[str, Any]]:
            return [{"index": 0, "shape": np.array([1, 2, 2, 3]), "dtype": taken[0], "quantization": taken[1]}]

        def get_output_details(self) -> list[dict[str, Any]]:
            return [{"index": 1, "shape": np.array([1, 2, 2, 1]), "dtype": given[0], "quantization": given[1]}]

        def set_tensor(self, index: int, value: npt.NDArray[Any]) -> None:
            assert (value.shape, value.dtype) == ((1, 2, 2, 3), np.dtype(taken[0]))

        def invoke(self) -> None:
            pass

        def get_tensor(self, index: int) -> npt.NDArray[Any]:
            return levels.astype(given[0])

    return Interpreter


SIGNED: Numbers = (np.int8, (1 / 255, -128))
UNSIGNED: Numbers = (np.uint8, (1 / 255, 0))


@pytest.mark.parametrize(
    ("given", "levels", "probabilities"),
    [
        (SIGNED, [-128, 0, 126, 127], [0, 128 / 255, 254 / 255, 1]),
        ((np.int8, (1 / 256, -128)), [-128, 0, 126, 127], [0, 0.5, 254 / 256, 255 / 256]),
        (UNSIGNED, [0, 128, 254, 255], [0, 128 / 255, 254 / 255, 1]),
        ((np.uint8, (1 / 256, 0)), [0, 128, 254, 255], [0, 0.5, 254 / 256, 255 / 256]),
        ((np.float32, (0.0, 0)), [0, 0.25, 0.5, 1], [0, 0.25, 0.5, 1]),
    ],
)
def test_a_mask_in_steps_becomes_probabilities(
    monkeypatch: pytest.MonkeyPatch, given: Numbers, levels: list[float], probabilities: list[float]
) -> None:
    _runtime(monkeypatch, quantized(SIGNED, given, np.reshape(levels, (1, 2, 2, 1))))
    engine = CpuEngine(b"model", ModelIO(2, 2, dtype="int8"))
    answer = engine.infer(np.zeros((2, 2, 3), np.int8))
    assert (answer.shape, answer.dtype) == ((2, 2), np.float32)
    np.testing.assert_allclose(answer.ravel(), probabilities, atol=1e-6)


@pytest.mark.parametrize(
    ("taken", "given", "says"),
    [
        ((np.int8, (1 / 127.5, 0)), SIGNED, r"takes int8 of scale 0\.00784314 and zero point 0, which is no RGB"),
        ((np.int8, (1 / 255, 0)), SIGNED, r"takes int8 of scale 0\.00392157 and zero point 0, which is no RGB"),
        (
            SIGNED,
            (np.int8, (1 / 127.5, -128)),
            r"gives int8 of scale 0\.00784314 and zero point -128, which is no prob",
        ),
        (SIGNED, (np.int8, (0.1, 20)), r"gives int8 of scale 0\.1 and zero point 20, which is no probability"),
        (SIGNED, (np.uint8, (1 / 255, -128)), r"gives uint8 of scale .* zero point -128, which is no probability"),
        (SIGNED, (np.int16, (1 / 32768, 0)), r"gives int16 \[1, 2, 2, 1\], and the tier says a mask"),
        (UNSIGNED, SIGNED, r"takes uint8 \[1, 2, 2, 3\], and the tier says int8"),
        (SIGNED, (np.int8, (0.0, 0)), r"gives int8 of scale 0 and zero point 0, which is no probability"),
    ],
)
def test_other_numbers_than_those_of_the_unit_are_refused(
    monkeypatch: pytest.MonkeyPatch, taken: Numbers, given: Numbers, says: str
) -> None:
    _runtime(monkeypatch, quantized(taken, given, np.zeros((1, 2, 2, 1))))
    with pytest.raises(CandidateError, match=says):
        CpuEngine(b"model", ModelIO(2, 2, dtype="int8"))


def test_no_runtime_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    monkeypatch.setitem(sys.modules, "tflite_runtime", None)
    with pytest.raises(CandidateError, match=r"needs LiteRT: pip install ai-edge-litert"):
        CpuEngine(b"x", ModelIO(144, 256))


def test_what_the_runtime_throws_while_it_runs_is_a_fault(tier_file: TierFile, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = engine_of(tier_file)

    def fail(*given: object) -> npt.NDArray[Any]:
        raise RuntimeError("Node number 7 (CONV_2D)\nfailed to invoke.")

    monkeypatch.setattr(engine._interpreter, "invoke", fail)
    with pytest.raises(EngineFault, match=r"failed: Node number 7 \(CONV_2D\) failed to invoke\.$"):
        engine.infer(np.zeros((144, 256, 3), np.float32))


def test_importing_the_adapter_loads_no_runtime() -> None:
    loaded = "import sys, edgeseg.engines.litert; sys.exit('ai_edge_litert' in sys.modules or 'cv2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", loaded], check=False).returncode == 0
    assert RUNTIMES[0][0] == "ai-edge-litert"
