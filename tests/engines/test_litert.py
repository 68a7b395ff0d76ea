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

from edgeseg.engines import litert
from edgeseg.engines.litert import CpuEngine, delegated_nodes
from edgeseg.errors import CandidateError, EngineFault
from edgeseg.frames import F32
from edgeseg.ports import ModelIO
from edgeseg.tiers.catalogue import tier


def engine_of(asset: Callable[[str], Path], name: str, threads: int = 1) -> CpuEngine:
    return CpuEngine(asset(tier(name).asset), tier(name).io, threads)


def portrait(asset: Callable[[str], Path], io: ModelIO) -> F32:
    bgr = cv2.imread(str(asset("astronaut")))
    rgb = cv2.resize(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), (io.width, io.height), interpolation=cv2.INTER_AREA)
    return rgb.astype(np.float32) / 255


@pytest.mark.parametrize(
    ("name", "nodes"),
    [("selfie-landscape-144x256-fp16", 246), ("selfie-256x256-fp16", 246), ("body-256x256-fp16", 332)],
)
def test_every_node_is_delegated_to_xnnpack(asset: Callable[[str], Path], name: str, nodes: int) -> None:
    report = engine_of(asset, name).report
    assert (report.delegate, report.delegated_nodes, report.all_nodes) == ("XNNPACK", nodes, nodes)
    assert report.library.split() == ["ai-edge-litert", report.library.split()[1]]
    assert report.library.split()[1][0].isdigit()


@pytest.mark.parametrize("name", ["selfie-landscape-144x256-fp16", "selfie-256x256-fp16"])
def test_a_portrait_is_half_person(asset: Callable[[str], Path], name: str) -> None:
    engine = engine_of(asset, name)
    mask = engine.infer(portrait(asset, engine.io))
    height, width = mask.shape
    assert 0.3 < (mask > 0.5).mean() < 0.6
    assert mask[height // 4, int(width * 0.43)] > 0.9  # the face
    assert mask[height // 4, int(width * 0.9)] < 0.1  # the shuttle behind her


def test_the_body_tier_picks_the_mask_among_its_outputs_and_gives_logits(asset: Callable[[str], Path]) -> None:
    engine = engine_of(asset, "body-256x256-fp16")
    mask = engine.infer(portrait(asset, engine.io))
    assert mask.min() < -4
    assert mask.max() > 4
    assert 0.2 < (mask > 0).mean() < 0.7
    assert mask[256 // 4, int(256 * 0.43)] > 0


def test_weights_are_half_precision_as_the_catalogue_says(asset: Callable[[str], Path]) -> None:
    for name in ("selfie-landscape-144x256-fp16", "selfie-256x256-fp16", "body-256x256-fp16"):
        engine = engine_of(asset, name)
        kinds = {detail["dtype"] for detail in engine._interpreter.get_tensor_details()}
        assert np.float16 in kinds
        assert np.int8 not in kinds


def test_threads_and_bytes_give_the_same_mask(asset: Callable[[str], Path]) -> None:
    one = tier("selfie-landscape-144x256-fp16")
    picture = portrait(asset, one.io)
    two = CpuEngine(asset(one.asset).read_bytes(), one.io, 2)
    assert two.report.threads == 2
    np.testing.assert_allclose(two.infer(picture), engine_of(asset, one.name).infer(picture), atol=1e-4)


def test_other_threads_run_while_it_computes(asset: Callable[[str], Path]) -> None:
    engine = engine_of(asset, "body-256x256-fp16")
    picture = portrait(asset, engine.io)
    engine.infer(picture)
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
            CpuEngine(model, ModelIO(144, 256), 1)


def test_a_cut_off_or_missing_model_is_refused(asset: Callable[[str], Path], tmp_path: Path) -> None:
    one = tier()
    with pytest.raises(CandidateError, match="Flatbuffer"):
        CpuEngine(asset(one.asset).read_bytes()[:100_000], one.io, 1)
    with pytest.raises(CandidateError, match=r"none\.tflite cannot be run"):
        CpuEngine(tmp_path / "none.tflite", one.io, 1)


@pytest.mark.parametrize("threads", [0, -1])
def test_no_threads_is_refused(asset: Callable[[str], Path], threads: int) -> None:
    with pytest.raises(CandidateError, match="num_threads"):
        engine_of(asset, tier().name, threads)


@pytest.mark.parametrize(
    ("io", "says"),
    [
        (ModelIO(256, 256), r"takes float32 \[1, 144, 256, 3\], and the tier says float32 \[1, 256, 256, 3\]"),
        (ModelIO(144, 256, dtype="uint8"), r"the tier says uint8"),
    ],
)
def test_a_model_that_is_not_what_the_tier_says_is_refused(
    asset: Callable[[str], Path], io: ModelIO, says: str
) -> None:
    with pytest.raises(CandidateError, match=says):
        CpuEngine(asset("selfie-landscape"), io, 1)


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
    assert delegated_nodes(Graph()) == (0, 3)
    assert delegated_nodes(Graph(first)) == (1, 3)
    assert delegated_nodes(Graph(first, last)) == (2, 3)
    assert delegated_nodes(Graph({"op_name": "DELEGATE", "inputs": [0, 10], "outputs": [3]})) == (3, 3)
    assert delegated_nodes(object()) == (0, 0)


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
        CpuEngine("selfie.tflite", ModelIO(144, 256), 1)
    assert str(caught.value) == (
        "The model selfie.tflite needs the operation Convolution2DTransposeBias, which tflite-runtime 2.14.0 does not"
        " have: install ai-edge-litert where there is a wheel of it, or choose the tier body-256x256-fp16, which runs"
        " without."
    )


def test_no_runtime_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    monkeypatch.setitem(sys.modules, "tflite_runtime", None)
    with pytest.raises(CandidateError, match=r"needs LiteRT: pip install ai-edge-litert"):
        CpuEngine(b"x", ModelIO(144, 256), 1)


def test_what_the_runtime_throws_while_it_runs_is_a_fault(
    asset: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = engine_of(asset, tier().name)

    def fail(*given: object) -> npt.NDArray[Any]:
        raise RuntimeError("Node number 7 (CONV_2D)\nfailed to invoke.")

    monkeypatch.setattr(engine._interpreter, "invoke", fail)
    with pytest.raises(EngineFault, match=r"failed: Node number 7 \(CONV_2D\) failed to invoke\.$"):
        engine.infer(np.zeros((144, 256, 3), np.float32))


def test_importing_the_adapter_loads_no_runtime() -> None:
    loaded = "import sys, edgeseg.engines.litert; sys.exit('ai_edge_litert' in sys.modules or 'cv2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", loaded], check=False).returncode == 0
    assert litert.RUNTIMES[0][0] == "ai-edge-litert"
