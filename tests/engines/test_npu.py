from __future__ import annotations

import importlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgeseg.engines import dispatch_log, npu
from edgeseg.engines.child import ChildEngine
from edgeseg.engines.litert import CpuEngine
from edgeseg.errors import CandidateError, UsageError
from edgeseg.ports import EngineWish, ModelIO
from edgeseg.tiers.catalogue import DEFAULT_TIER, catalogue
from quantize.graph.flatbuffer import write
from quantize.graph.graph import Graph, Op
from tests.quantize.graph.small_graphs import computed, constant, conv, options

TierFile = Callable[..., Path]
TIER = catalogue()[DEFAULT_TIER]
ON_CPU = EngineWish(device="CPU")
TAKEN = (  # by LiteRT 2.3.0
    "INFO: [compiler_plugin.cc:742] Partitioned subgraph<0>, selected 245 ops, from a total of 246 ops. resulted in 2"
    " partitions.\n"
    "INFO: [compiled_model.cc:1397] 1 compiler plugins were applied successfully: IntelOpenVINO compiler plugin\n"
    "INFO: [dispatch_delegate.cc:128] DispatchDelegate::Initialize main\n"
    "INFO: [invocation_context.cc:293] Using Intel OpenVINO device: CPU\n"
)


def test_without_openvino_it_is_told_what_to_install(tier_file: TierFile) -> None:
    if importlib.util.find_spec("openvino"):
        pytest.skip("OpenVINO is installed")
    with pytest.raises(CandidateError, match=r"OpenVINO is not installed; pip install 'edgeseg\[npu-intel\]'"):
        ChildEngine("npu", tier_file().read_bytes(), TIER.io, ON_CPU)


def test_what_was_taken_is_by_the_runtimes_words() -> None:
    file = ["CONV_2D"] * 246
    assert dispatch_log.taken_of(TAKEN, file) == (245, 246, 2, "CPU")
    assert dispatch_log.taken_of(TAKEN.replace("] 1 compiler", "] 0 compiler"), file) == (0, 246, 0, None)
    assert dispatch_log.taken_of(TAKEN.replace("DispatchDelegate", "Other"), file) == (0, 246, 0, None)
    assert dispatch_log.taken_of(TAKEN.replace("Partitioned", "Other"), file) == (0, 246, 0, None)
    assert dispatch_log.taken_of("", file) == (0, 246, 0, None)


def test_of_a_model_compiled_beforehand_the_dispatch_takes_what_was_compiled() -> None:
    started = "INFO: [dispatch_delegate.cc:128] DispatchDelegate::Initialize main\n"
    assert dispatch_log.taken_of(started, ["DISPATCH_OP", "SOFTMAX"]) == (1, 2, 1, None)
    assert dispatch_log.taken_of("", ["DISPATCH_OP"]) == (0, 1, 0, None)


@pytest.mark.usefixtures("openvino")
def test_openvino_computes_and_is_named(tier_file: TierFile) -> None:
    model = tier_file().read_bytes()
    engine = ChildEngine("npu", model, TIER.io, ON_CPU, deadline_s=30)
    try:
        report = engine.report
        assert (report.adapter, report.software, report.delegate) == ("OpenVINO CPU", True, "IntelOpenvino")
        assert (report.delegated_nodes, report.partitions) == (report.all_nodes, 1)
        told = "\n".join(report.evidence)
        for seen in ("1 compiler plugins were applied", "libLiteRtDispatch_IntelOpenvino.so", "libopenvino.so"):
            assert seen in told
        picture = np.random.default_rng(0).random((TIER.height, TIER.width, 3), np.float32)
        mask, wanted = engine.infer(picture), CpuEngine(model, TIER.io).infer(picture)
        assert not np.array_equal(mask, wanted), "the very bits of XNNPACK: the CPU engine's kernels have computed"
        np.testing.assert_allclose(mask, wanted, atol=0.02)
    finally:
        engine.close()


@pytest.mark.usefixtures("openvino")
def test_what_stays_on_the_cpu_is_counted() -> None:
    image, seen, sure, mask = (computed(name, 1, 8, 8, depth) for name, depth in zip("isnm", (3, 1, 1, 1), strict=True))
    normalize = Op(
        "LOCAL_RESPONSE_NORMALIZATION", [sure], [mask], options("LocalResponseNormalization", radius=1, bias=1)
    )
    ops = [conv(image, seen, bias=constant("b", 1)), Op("LOGISTIC", [seen], [sure]), normalize]
    engine = ChildEngine("npu", write(Graph(ops, [image], [mask], "partly")), ModelIO(8, 8), ON_CPU, deadline_s=30)
    try:
        report = engine.report
    finally:
        engine.close()
    assert (report.delegated_nodes, report.all_nodes, report.partitions) == (2, 3, 1)


@pytest.mark.usefixtures("openvino")
def test_a_model_compiled_beforehand_runs_as_it_is(tier_file: TierFile, tmp_path: Path) -> None:
    tool = Path(str(importlib.import_module("ai_edge_litert").__file__)).parent / "tools" / "apply_plugin_main"
    if not tool.is_file():
        pytest.skip("this LiteRT brings no apply_plugin_main")
    compiler = npu.vendor_of(None).compiler
    assert compiler is not None
    libraries = Path(str(importlib.import_module("openvino").__file__)).parent / "libs"
    words = ["--cmd=apply", f"--model={tier_file()}", f"--o={tmp_path / 'made.tflite'}", f"--libs={compiler.parent}"]
    words += ["--soc_manufacturer=IntelOpenVINO", "--intel_openvino_graph_backends=cpu"]
    environment = os.environ | {"LD_LIBRARY_PATH": str(libraries)}
    subprocess.run([tool, *words], env=environment, capture_output=True, check=True)
    made = (tmp_path / "made.tflite").read_bytes()
    engine = ChildEngine("npu", made, TIER.io, ON_CPU, deadline_s=30)
    try:
        picture = np.random.default_rng(0).random((TIER.height, TIER.width, 3), np.float32)
        wanted = CpuEngine(tier_file().read_bytes(), TIER.io).infer(picture)
        np.testing.assert_allclose(engine.infer(picture), wanted, atol=0.02)
        assert (engine.report.delegated_nodes, engine.report.all_nodes) == (1, 1)
    finally:
        engine.close()


@pytest.mark.usefixtures("openvino")
def test_a_silent_fall_back_is_found_out_and_named(asset: Callable[[str], Path]) -> None:
    """MediaPipe's own file has a custom operation. LiteRT runs it on the CPU and calls it fully accelerated."""
    with pytest.raises(CandidateError) as caught:
        ChildEngine("npu", asset("selfie-landscape").read_bytes(), TIER.io, ON_CPU)
    assert str(caught.value).startswith(
        "LiteRT fell back to the CPU in silence, although LiteRT calls it fully accelerated: IntelOpenvino took none of"
        " the model's operations: it does not know the operation CUSTOM"
    )


@pytest.mark.usefixtures("openvino")
def test_litert_still_says_so(asset: Callable[[str], Path]) -> None:
    """What the test before this one stands on: once LiteRT tells the truth the engine can be simpler."""
    code = (
        "import sys\n"
        "from edgeseg.engines import npu\n"
        "from ai_edge_litert.compiled_model import CompiledModel, HardwareAccelerator as H, Options\n"
        "npu._load_openvino()\n"
        "model = CompiledModel.from_file(sys.argv[1], options=Options(hardware_accelerators=H.NPU | H.CPU))\n"
        "print(model.is_fully_accelerated())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, asset("selfie-landscape")], capture_output=True, text=True, check=True
    )
    assert done.stdout == "True\n"
    assert "0 compiler plugins were applied successfully" in done.stderr


@pytest.mark.usefixtures("openvino")
def test_without_an_npu_it_is_told_what_lacks(tier_file: TierFile) -> None:
    if Path("/dev/accel/accel0").exists():
        pytest.skip("there is an NPU")
    with pytest.raises(CandidateError, match=r"took none of the model's operations: .*; .*choose .*--engine cpu\.$"):
        ChildEngine("npu", tier_file().read_bytes(), TIER.io)


@pytest.mark.usefixtures("openvino")
def test_a_model_that_it_takes_and_cannot_run_is_refused(tier_file: TierFile) -> None:
    body = next(tier for name, tier in catalogue().items() if name.startswith("body-") and tier.precision == "fp32")
    with pytest.raises(CandidateError, match="compiled the model, and its first inference fails: Can't set the output"):
        ChildEngine("npu", tier_file(body.name).read_bytes(), body.io, ON_CPU)


def test_a_device_that_openvino_has_not_is_a_wrong_word(tier_file: TierFile) -> None:
    with pytest.raises(UsageError, match=r"OpenVINO has no device 'CPI' here; did you mean 'CPU'\?"):
        ChildEngine("npu", tier_file().read_bytes(), TIER.io, EngineWish(device="CPI"))


class TestAVendorsFolder:
    def intel(self) -> Path:
        from edgeseg.engines import compiled

        compiled.package("npu")
        folder = compiled.folder() / "vendors" / "intel_openvino"
        if not folder.is_dir():
            pytest.skip("this LiteRT brings no vendor's libraries")
        return folder

    def test_is_found_by_its_parts_or_flat(self, tmp_path: Path) -> None:
        vendor = npu.vendor_of(str(self.intel()))
        assert (vendor.name, vendor.is_intel) == ("IntelOpenvino", True)
        assert vendor.compiler is not None
        for library in (vendor.dispatch, vendor.compiler):
            shutil.copy(library, tmp_path)
        flat = npu.vendor_of(str(tmp_path))
        assert flat.compiler == tmp_path / vendor.compiler.name
        flat.compiler.unlink()
        assert npu.vendor_of(str(tmp_path)).compiler is None

    def test_without_a_dispatch_library_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(
            CandidateError, match=r"There is no libLiteRtDispatch_\*\.so in .* or its dispatch/; name a"
        ):
            npu.vendor_of(str(tmp_path))
        with pytest.raises(CandidateError, match="There is no libLiteRtDispatch"):
            npu.vendor_of(str(tmp_path / "none"))

    def test_with_a_file_that_is_no_library_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "libLiteRtDispatch_X.so").write_text("nothing")
        with pytest.raises(CandidateError, match=r"The NPU vendor's library .*_X\.so is no shared library"):
            npu.vendor_of(str(tmp_path))

    def test_takes_no_device_but_intels(self, tmp_path: Path, tier_file: TierFile) -> None:
        shutil.copy(npu.vendor_of(str(self.intel())).dispatch, tmp_path / "libLiteRtDispatch_Qualcomm.so")
        with pytest.raises(UsageError, match="Qualcomm has no choice of devices, and --engine-device is 'CPU'"):
            ChildEngine("npu", tier_file().read_bytes(), TIER.io, EngineWish(library=str(tmp_path), device="CPU"))

    def test_where_litert_brings_none_one_must_be_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.intel()
        monkeypatch.setattr("platform.machine", lambda: "aarch64")
        with pytest.raises(CandidateError, match="brings no NPU's libraries for this machine; name the folder"):
            npu.vendor_of(None)
