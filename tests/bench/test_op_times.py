from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgeseg.bench import op_times as module
from edgeseg.bench import profiler
from edgeseg.bench.cut import Cut, NotCut
from edgeseg.bench.graph import graph_of
from edgeseg.bench.op_times import OpTimes, op_times
from edgeseg.engines import interpreter as tflite
from edgeseg.errors import CandidateError
from quantize.graph.graph import Graph, Op, Quantization, Tensor
from quantize.graph.writer import write

RUNS = 8
profiled = pytest.mark.skipif(
    tflite.runtime()[0] not in profiler.CHECKED, reason="LiteRT's profiler is used with a checked version only"
)


@pytest.fixture(scope="module")
def original(asset: Callable[[str], Path]) -> bytes:
    """The model as MediaPipe gives it, with its custom operation."""
    return asset("selfie-landscape").read_bytes()


@pytest.fixture(scope="module")
def int8() -> bytes:
    """ADD, HARD_SWISH, ADD of int8: XNNPACK has no kernel for the one in the middle."""
    from ai_edge_litert import schema_py_generated as schema

    def tensor(name: str) -> Tensor:
        steps = Quantization(np.array([0.05], np.float32), np.array([0], np.int64))
        return Tensor(name, (1, 16, 16, 8), np.dtype(np.int8), quantization=steps)

    x, a, b, y = (tensor(name) for name in "xaby")
    ops = [
        Op("ADD", [x, x], [a], schema.AddOptionsT(), version=2),
        Op("HARD_SWISH", [a], [b]),
        Op("ADD", [b, a], [y], schema.AddOptionsT(), version=2),
    ]
    return write(Graph(ops, [x], [y], signature={"inputs": {"x": x}, "outputs": {"y": y}}))


def check(times: OpTimes) -> None:
    assert sum(op.share for op in times.ops) == pytest.approx(1)
    assert sum(op.ms for op in times.ops) == pytest.approx(max(times.ms, sum(op.ms for op in times.ops[:-1])))
    assert all(op.ms >= 0 for op in times.ops)
    assert times.ops[-1].kind == "runtime"
    assert 0 < times.ms < 10_000


@profiled
def test_the_profiler_times_every_op_of_the_delegate(original: bytes) -> None:
    times = op_times(original, 1, RUNS)
    check(times)
    assert (times.method, times.note, times.runs, times.threads) == ("profiler", "", RUNS, 1)
    assert (times.delegated, times.nodes, times.partitions, times.not_delegated) == (246, 246, 1, ())
    ran = times.ops[:-1]
    assert all(op.delegated and op.node is not None and op.kernel for op in ran)
    assert [op.node for op in ran] == sorted(op.node or 0 for op in ran)
    (transposed,) = (op for op in ran if op.kind == "Convolution2DTransposeBias")
    assert (transposed.name, transposed.node) == ("Convolution2DTransposeBias 144x256x1", 244)
    assert transposed.kernel.startswith("Deconvolution")
    assert transposed.ms > 0


@profiled
def test_threads_are_the_profilers_too(original: bytes) -> None:
    times = op_times(original, 2, RUNS)
    check(times)
    assert times.threads == 2


@profiled
def test_what_is_not_delegated_is_timed_and_its_reason_shown(int8: bytes) -> None:
    times = op_times(int8, 1, RUNS)
    check(times)
    assert [(op.kind, op.delegated, op.node) for op in times.ops[:-1]] == [
        ("ADD", True, 0),
        ("HARD_SWISH", False, 1),
        ("ADD", True, 2),
    ]
    assert (times.delegated, times.nodes, times.partitions, times.note) == (2, 3, 2, "")
    (left,) = times.not_delegated
    assert (left.op, left.node) == ("HARD_SWISH", 1)
    assert left.why == "the delegate takes HARD_SWISH of float32 and not of int8 (each tried alone)"


def test_without_the_profiler_groups_are_timed(original: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiler, "CHECKED", ("ai-edge-litert 1.0",))
    times = op_times(original, 1, RUNS)
    check(times)
    assert times.method == "prefixes"
    assert times.note.startswith("LiteRT's profiler is used with ai-edge-litert 1.0 only, and this is ")
    assert len(times.ops) == 13
    assert {op.kind for op in times.ops[:-1]} == {"group"}
    assert all(op.delegated for op in times.ops[:-1])


def test_a_crash_of_the_profiler_is_said_and_groups_are_timed(
    int8: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    crash = tmp_path / "crash.py"
    crash.write_text("import os; os.abort()")
    monkeypatch.setattr(profiler, "CHECKED", (tflite.runtime()[0],))
    monkeypatch.setattr(profiler, "CHILD", crash)
    times = op_times(int8, 1, RUNS)
    check(times)
    assert times.method == "prefixes"
    assert times.note.startswith("LiteRT's profiler died of SIGABRT; so the times are of groups")


@profiled
@pytest.mark.parametrize("model", [b"", b"garbage" * 1000, b"\x1c\x00\x00\x00TFL3" + b"\xff" * 500])
def test_the_child_says_what_failed(model: bytes) -> None:
    with pytest.raises(
        profiler.Unavailable, match=r"LiteRT's profiler (failed: LiteRt\w+ returned status|died of SIG)"
    ):
        profiler.profile(model, profiler.CHECKED[0], 1, 1)


def test_a_broken_model_is_refused() -> None:
    with pytest.raises(CandidateError, match="cannot be run by"):
        op_times(b"garbage" * 1000, 1, 1)


def test_a_kernel_that_fits_no_node_leaves_the_kernels_own_names(
    original: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernels = [profiler.Kernel("Convolution (NHWC, F32) IGEMM", 30.0, 0, 0), profiler.Kernel("New (NC)", 10.0, 1, 0)]
    monkeypatch.setattr(module, "profile", lambda *_: (50.0, kernels))
    times = op_times(original, 1, 1)
    assert [(op.name, op.kind, op.node, op.share) for op in times.ops] == [
        ("Convolution (NHWC, F32) IGEMM", "Convolution", None, 0.6),
        ("New (NC)", "New", None, pytest.approx(0.2)),
        ("between the ops", "runtime", None, pytest.approx(0.2)),
    ]


def test_a_prefix_gives_what_the_whole_gives_there(original: bytes) -> None:
    graph = graph_of(original, 1)
    node = next(node for node in graph.nodes if node.op == "RESIZE_BILINEAR")
    cut = graph_of(Cut(original).prefix(node.index + 1, node.outputs), 1)
    assert len(cut.nodes) == node.index + 1
    (given,) = cut.interpreter.get_output_details()
    assert tuple(given["shape"]) == node.shape == (1, 18, 32, 128)


@pytest.mark.parametrize("size", [0, 3, 40, 400, 4000])
def test_a_cut_off_file_is_not_cut(original: bytes, size: int) -> None:
    with pytest.raises(NotCut):
        Cut(original[:size]).prefix(1, [0])


def test_a_damaged_file_is_cut_or_refused(int8: bytes) -> None:
    rng = np.random.default_rng(0)
    for _ in range(2000):
        damaged = bytearray(int8[: rng.integers(len(int8) // 2, len(int8))])
        damaged[rng.integers(len(damaged))] = rng.integers(256)
        for cut in (lambda one: one.prefix(2, [1]), lambda one: one.alone(1, [1], [2], {1: "float32"})):
            with contextlib.suppress(NotCut):
                cut(Cut(bytes(damaged)))


def test_importing_the_command_line_loads_none_of_it() -> None:
    loaded = "import sys, edgeseg.cli; sys.exit('edgeseg.bench' in sys.modules or 'ai_edge_litert' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", loaded], check=False).returncode == 0
