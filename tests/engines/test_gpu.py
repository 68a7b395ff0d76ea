from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgeseg.engines import gpu
from edgeseg.engines.child import ChildEngine
from edgeseg.engines.litert import CpuEngine
from edgeseg.errors import CandidateError, NotPermitted
from edgeseg.ports import EngineWish, ModelIO
from edgeseg.tiers.catalogue import DEFAULT_TIER, catalogue
from quantize.graph.flatbuffer import write
from quantize.graph.graph import Graph, Op
from tests.quantize.graph.small_graphs import computed, constant, conv, options

TierFile = Callable[..., Path]
TIER = catalogue()[DEFAULT_TIER]
SAID = (  # by LiteRT 2.3.0
    "INFO: [delegate_webgpu.cc:342] Create WebGPU environment (use_low_power=0, enable_host_mapped_pointer=1)\n"
    "I0000 00:00:1795557704.969442    6628 environment.cc:532] Selected adapter: {}, arch={}, vendor={}, backend=Vulkan"
    ", adapterType={}\n"
)


@pytest.mark.parametrize(
    ("name", "arch", "vendor", "kind", "software"),
    [
        ("SwiftShader Device (Subzero)", "swiftshader", "google", "CPU / Software", True),
        ("llvmpipe (LLVM 15.0.6, 256 bits)", "", "mesa", "CPU / Software", True),
        ("V3D 7.1.7.0", "", "broadcom", "Integrated GPU", False),
        ("Mali-G610", "valhall", "arm", "Integrated GPU", False),
    ],
)
def test_the_adapter_is_the_one_that_the_runtime_chose(
    name: str, arch: str, vendor: str, kind: str, software: bool, tmp_path: Path
) -> None:
    adapter = gpu.adapter_of(SAID.format(name, arch, vendor, kind), tmp_path)
    assert (adapter.name, adapter.software) == (name, software)


@pytest.mark.parametrize(
    ("driver", "software"),
    [("libvulkan_broadcom.so", False), ("libvulkan_lvp.so", True), ("libvk_swiftshader.so", True)],
)
def test_without_a_word_of_it_the_only_driver_in_memory_tells(driver: str, software: bool, tmp_path: Path) -> None:
    maps = tmp_path / "maps"
    maps.write_text(f"7f0 r-xp 0 08:01 1   /usr/lib/{driver}\n")
    assert gpu.adapter_of("", maps) == (driver, "", software)


@pytest.mark.parametrize("drivers", [(), ("libvulkan_intel.so", "libvulkan_lvp.so")])
def test_a_gpu_that_nobody_can_name_is_refused(drivers: tuple[str, ...], tmp_path: Path) -> None:
    maps = tmp_path / "maps"
    maps.write_text("".join(f"7f0 r-xp 0 08:01 1   /usr/lib/{driver}\n" for driver in drivers))
    with pytest.raises(CandidateError, match="does not say which GPU serves it"):
        gpu.adapter_of("", maps)


@pytest.mark.usefixtures("software_gpu")
def test_swiftshader_computes_and_is_named(tier_file: TierFile) -> None:
    model = tier_file().read_bytes()
    engine = ChildEngine("gpu", model, TIER.io, EngineWish(software=True), deadline_s=30)
    try:
        report = engine.report
        assert report.adapter is not None
        assert report.adapter.startswith("SwiftShader Device")
        assert report.software
        assert (report.delegate, report.delegated_nodes, report.partitions) == ("WebGPU", report.all_nodes, 1)
        assert any("adapterType=CPU" in one for one in report.evidence)
        assert any(one.endswith("libvk_swiftshader.so") for one in report.evidence)
        picture = np.random.default_rng(0).random((TIER.height, TIER.width, 3), np.float32)
        mask, wanted = engine.infer(picture), CpuEngine(model, TIER.io).infer(picture)
        assert not np.array_equal(mask, wanted), "the very bits of XNNPACK: the CPU has computed"
        np.testing.assert_allclose(mask, wanted, atol=1e-3)
    finally:
        engine.close()


@pytest.mark.usefixtures("software_gpu")
def test_a_gpu_in_software_is_refused_unless_it_is_asked_for(tier_file: TierFile) -> None:
    with pytest.raises(CandidateError) as caught:
        ChildEngine("gpu", tier_file().read_bytes(), TIER.io)
    assert str(caught.value).startswith("The only GPU here is SwiftShader Device (")
    assert "which computes on the CPU" in str(caught.value)
    assert "--allow-software-gpu" in str(caught.value)


@pytest.mark.usefixtures("software_gpu")
def test_an_operation_that_would_stay_on_the_cpu_is_named(tmp_path: Path) -> None:
    image, seen, normal, mask = (
        computed(name, 1, 8, 8, depth) for name, depth in zip("ixnm", (3, 1, 1, 1), strict=True)
    )
    normalize = Op("LOCAL_RESPONSE_NORMALIZATION", [seen], [normal], options("LocalResponseNormalization", radius=1))
    graph = [conv(image, seen, bias=constant("b", 1)), normalize, Op("LOGISTIC", [normal], [mask])]
    model = write(Graph(graph, [image], [mask], "partly"))
    with pytest.raises(
        CandidateError, match=r"\(LOCAL_RESPONSE_NORMALIZATION not\), and LiteRT would run these on the CPU"
    ):
        ChildEngine("gpu", model, ModelIO(8, 8), EngineWish(software=True))


def test_without_a_driver_it_is_told_what_to_install(tier_file: TierFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is installed here: Vulkan is told to use a driver that is not there, if it can be loaded at all."""
    monkeypatch.setenv("VK_DRIVER_FILES", "/nowhere.json")
    monkeypatch.setenv("VK_ICD_FILENAMES", "/nowhere.json")
    with pytest.raises((CandidateError, NotPermitted), match=r"libvulkan1|install the GPU's driver|its group \(render"):
        ChildEngine("gpu", tier_file().read_bytes(), TIER.io)


@pytest.mark.usefixtures("software_gpu")
def test_device_files_that_may_not_be_opened_are_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    node = tmp_path / "dev/dri/renderD128"
    node.parent.mkdir(parents=True)
    node.touch()
    monkeypatch.setattr("os.access", lambda path, mode: False)
    error = gpu.refusal("INTERNAL: No adapters found", RuntimeError(), tmp_path)
    assert isinstance(error, NotPermitted)
    assert "renderD128 may not be opened by this user; add the user to its group (render" in str(error)
    monkeypatch.setattr("os.access", lambda path, mode: True)
    assert isinstance(gpu.refusal("INTERNAL: No adapters found", RuntimeError(), tmp_path), CandidateError)


def test_without_litert_it_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert.compiled_model", None)
    with pytest.raises(
        CandidateError, match=r"^The gpu engine needs LiteRT 2 or newer, .* pip install ai-edge-litert;"
    ):
        gpu.GpuEngine(b"", TIER.io)
