"""`--engine gpu`, `npu` and `edgetpu` on the command line, and that they score what the CPU scores."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from command import edgeseg
from media import clip

from edgeseg.tiers.catalogue import DEFAULT_TIER, catalogue
from tests.lab import edgetpu_file

SAME_MIOU = 0.002  # two tenths of a point
GPU = "--engine gpu --allow-software-gpu"
NPU = "--engine npu --engine-device CPU"
FP32 = DEFAULT_TIER.replace("fp16", "fp32")


@pytest.fixture(scope="module")
def webcam(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every tenth picture of the golden set webcam, as stills: SwiftShader is slow."""
    source, folder = shared / "golden" / "webcam", tmp_path_factory.mktemp("webcam")
    if not source.is_dir():
        pytest.skip("there is no golden set webcam beside the checkout")
    pairs = re.findall(r"image: ([\w/.]+), mask: ([\w/.]+)", (source / "dataset.yaml").read_text())[::10]
    assert len(pairs) >= 10
    for name in (path for pair in pairs for path in pair):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(source / name, folder / name)
    items = "".join(f"  - {{image: {image}, mask: {mask}}}\n" for image, mask in pairs)
    (folder / "dataset.yaml").write_text(f'name: webcam\nversion: 1\nlicence: CC0-1.0\nsource: "x"\nitems:\n{items}')
    return folder


def card(folder: Path, options: str) -> dict[str, object]:
    done = edgeseg(f"golden evaluate --dataset . --tier {FP32} --json {options}", folder)
    assert done.code == 0, done.err
    scores: dict[str, object] = done.json
    return scores


@pytest.fixture(scope="module")
def by_cpu(model: Path, webcam: Path) -> dict[str, object]:
    return card(webcam, "--engine cpu --threads 1")


@pytest.mark.usefixtures("software_gpu")
def test_the_gpu_scores_what_the_cpu_does(webcam: Path, by_cpu: dict[str, float]) -> None:
    scores = card(webcam, GPU)
    assert scores["miou"] == pytest.approx(by_cpu["miou"], abs=SAME_MIOU)
    assert by_cpu["miou"] > 0.9


@pytest.mark.usefixtures("openvino")
def test_the_npu_scores_what_the_cpu_does(webcam: Path, by_cpu: dict[str, float]) -> None:
    scores = card(webcam, NPU)
    assert scores["miou"] == pytest.approx(by_cpu["miou"], abs=SAME_MIOU)
    assert scores["per_item"] != by_cpu["per_item"]


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a clip of three frames."""
    folder = tmp_path_factory.mktemp("three")
    clip(folder / "a.mp4", 3)
    return folder


@pytest.mark.usefixtures("software_gpu")
def test_a_run_on_a_gpu_says_which(model: Path, three: Path) -> None:
    done = edgeseg(f"run --source a.mp4 --background color:#ff0000 {GPU} --json", three)
    assert done.code == 0, done.err
    figures = done.json
    assert figures["engine"] == "gpu"
    assert figures["adapter"].startswith("SwiftShader")
    took, of = figures["delegated"].split("/")
    assert took == of != "0"
    assert (figures["frames"], figures["degraded"]) == (3, {})
    assert "LiteRT" not in done.err, "the runtime's own words belong into the child's log"


@pytest.mark.usefixtures("software_gpu")
def test_a_gpu_in_software_ends_a_run_that_requires_one(model: Path, three: Path) -> None:
    done = edgeseg("run --source a.mp4 --background color:#ff0000 --require-engine gpu", three)
    assert done.code == 4
    assert "The only GPU here is SwiftShader" in done.sentences[0]


@pytest.mark.usefixtures("software_gpu")
def test_a_gpu_in_software_has_the_cpu_in_its_place(model: Path, three: Path) -> None:
    done = edgeseg("run --source a.mp4 --background color:#ff0000 --engine gpu --json", three)
    assert done.code == 0
    assert "degraded (engine_lost): No device for the gpu engine is seen on this board." in done.err
    assert "The only GPU here is SwiftShader" in done.err
    assert (done.json["requested"], done.json["engine"], done.json["degraded"]) == ("gpu", "cpu", {"engine_lost": 1})


@pytest.mark.usefixtures("software_gpu")
def test_a_gpu_that_is_killed_comes_back(model: Path, three: Path) -> None:
    """The real engine in its real child, in a live run of the real command."""
    command = [sys.executable, "-m", "edgeseg", "run", "--source", "long.mp4", "--realtime", "--json", "--no-refine"]
    command += ["--engine", "gpu", "--allow-software-gpu", "--background", "color:#ff0000"]
    clip(three / "long.mp4", 3000)
    running = subprocess.Popen(command, cwd=three, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert running.stderr is not None
    said: list[str] = []
    try:
        child = soon(lambda: children(running.pid))
        time.sleep(3)  # into the run; a kill before it would be a refusal
        os.kill(child[0], signal.SIGKILL)
        for line in running.stderr:
            said.append(line)
            if line.startswith("recovered (engine_lost)"):
                break
        again = soon(lambda: children(running.pid))
        assert again != child
        running.send_signal(signal.SIGINT)
        out, rest = running.communicate(timeout=60)
    finally:
        running.kill()
    assert running.returncode == 0, rest
    figures = json.loads(out)
    assert (figures["engine"], figures["degraded"]["engine_lost"]) == ("gpu", 1)
    assert any("died of SIGKILL" in line for line in said)


def children(pid: int) -> list[int]:
    return [one.pid for one in psutil.Process(pid).children() if "child_main" in " ".join(one.cmdline())]


def soon(found: Callable[[], list[int]]) -> list[int]:
    for _ in range(600):
        if got := found():
            return got
        time.sleep(0.1)
    raise TimeoutError


@pytest.mark.usefixtures("openvino")
def test_bench_shows_what_was_seen(model: Path, tmp_path: Path) -> None:
    done = edgeseg(f"bench {NPU} --runs 3", tmp_path)
    assert done.code == 0, done.err
    text = done.out.decode()
    assert "on npu, OpenVINO CPU (ai-edge-litert" in text
    assert "seen: LiteRT: 1 compiler plugins were applied successfully" in text
    figures = json.loads(edgeseg(f"bench {NPU} --runs 3 --json", tmp_path).out)
    assert figures["delegated"] == figures["nodes"] > 0
    assert figures["adapter"] == "OpenVINO CPU"


@pytest.fixture
def on_edgetpu(edgetpu_stub: Path, tmp_path: Path) -> str:
    """The command for a compiled tier in this folder, run by the stub. It is of float32, as the stub is."""
    tier = catalogue()[FP32]
    (tmp_path / f"{FP32}_edgetpu.tflite").write_bytes(edgetpu_file.compiled(tier.height, tier.width))
    return f"bench --runs 3 --engine edgetpu --engine-library {edgetpu_stub} --models . --tier {FP32}-edgetpu"


def test_an_edge_tpu_runs_a_compiled_tier(on_edgetpu: str, tmp_path: Path) -> None:
    done = edgeseg(f"{on_edgetpu} --engine-device usb --json", tmp_path, env={"EDGESEG_STUB": ""})
    assert done.code == 0, done.err
    figures = done.json
    assert (figures["engine"], figures["delegate"], figures["adapter"]) == ("edgetpu", "Edge TPU", "usb")
    assert (figures["delegated"], figures["nodes"]) == (1, 1)


@pytest.mark.parametrize("behaviour", ["constructor", "create", "invoke"])
def test_a_library_that_aborts_takes_only_its_own_process(behaviour: str, on_edgetpu: str, tmp_path: Path) -> None:
    done = edgeseg(on_edgetpu, tmp_path, env={"EDGESEG_STUB": behaviour})
    assert done.code == 4
    (sentence,) = done.sentences
    assert sentence.startswith("The edgetpu engine's process died of SIGABRT, a library gave up")
