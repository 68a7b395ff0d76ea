"""Tiers on the cores of a Raspberry Pi, emulated: what they answer, and that they are built there as here.

Emulation says nothing about speed. It runs the kernels that XNNPACK chooses on these cores: the A76 has instructions
for dot products, which its INT8 kernels use, the A72 and the A53 have none.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from edgeseg.errors import Unreachable
from edgeseg.tiers.catalogue import Tier, catalogue
from tests.lab import arm_root

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

# An emulator takes seconds for a float picture, and FP16 weights are FP32 once loaded: one core each will do.
DRILLED = {"cortex-a72": ("int8", "fp32"), "cortex-a76": ("int8", "fp16"), "cortex-a53": ("int8",)}


@pytest.fixture(scope="module")
def root() -> Path:
    """The arm64 userland, built if need be."""
    if reason := arm_root.missing():
        pytest.skip(reason)
    try:
        return arm_root.build()
    except Unreachable as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def arm(root: Path, drill_folder: Path, read_run: Callable[[str, Path], object]):
    """CPU -> what all tiers answered on it; two at a time."""

    def run(cpu: str):
        command = ["python3", "tests/quantize/drill_runtime.py", "/scratch", f"/scratch/answers-{cpu}", *DRILLED[cpu]]
        done = arm_root.run(root, cpu, command, drill_folder, timeout_s=600)
        assert done.returncode == 0, f"{cpu}: {done.returncode} {done.stderr}"
        return read_run(done.stdout, drill_folder / f"answers-{cpu}")

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(DRILLED, pool.map(run, DRILLED), strict=True))


@pytest.mark.parametrize("cpu", DRILLED)
def test_int8_answers_are_this_machine_s_to_the_bit(arm, litert, cpu: str) -> None:
    tiers = litert.of("int8")

    assert tiers
    assert arm[cpu].of("int8") == tiers
    assert {name: arm[cpu].said[name]["sha256"] for name in tiers} == {
        name: litert.said[name]["sha256"] for name in tiers
    }


@pytest.mark.parametrize(("cpu", "precision"), [("cortex-a72", "fp32"), ("cortex-a76", "fp16")])
def test_float_masks_are_this_machine_s_but_for_rounding(arm, litert, cpu: str, precision: str) -> None:
    """Sums are taken in another order. The body model makes much of that: 1e-7 more in its input moves a pixel 2e-3."""
    tiers = litert.of(precision)

    assert tiers
    assert arm[cpu].of(precision) == tiers
    for name in tiers:
        off = np.abs(arm[cpu].mask(name) - litert.mask(name))
        assert np.mean(off < 1e-4) > 0.995, f"{name}: {np.mean(off >= 1e-4):.2%} of the pixels differ"
        assert off.max() < (0.02 if name.startswith("body") else 1e-4), f"{name}: a pixel differs by {off.max():.5f}"


@pytest.mark.parametrize("cpu", DRILLED)
def test_every_node_is_xnnpack_s(arm, cpu: str) -> None:
    assert [one for one in arm[cpu].said.values() if one["delegated"] != one["nodes"]] == []


def test_tiers_built_on_arm_are_the_same_to_the_byte(root: Path, tmp_path: Path, tier_file) -> None:
    by_precision: dict[str, Tier] = {}
    for tier in sorted(catalogue().values(), key=lambda one: one.height * one.width, reverse=True):
        by_precision[tier.precision] = tier  # the smallest of each
    names = [tier.name for tier in by_precision.values()]
    expected = {name: hashlib.sha256(tier_file(name).read_bytes()).hexdigest() for name in names}

    command = ["python3", "-m", "quantize", "build", "--output", "/scratch/built", *names]
    done = arm_root.run(root, "cortex-a72", command, tmp_path, timeout_s=300)

    assert done.returncode == 0, done.stderr
    built = {path.stem: hashlib.sha256(path.read_bytes()).hexdigest() for path in tmp_path.glob("built/*.tflite")}
    assert built == expected


def test_the_cores_are_those_of_the_boards(root: Path, tmp_path: Path) -> None:
    code = "import json, platform; print(json.dumps([platform.machine(), open('/proc/cpuinfo').read()]))"
    machine, cpuinfo = json.loads(arm_root.run(root, "cortex-a76", ["python3", "-c", code], tmp_path).stdout)

    assert machine == "aarch64"
    assert "Raspberry Pi 5" in cpuinfo
    assert "asimddp" in cpuinfo


def test_a_command_that_takes_too_long_is_stopped_with_all_that_it_started(root: Path, tmp_path: Path) -> None:
    code = """
import pathlib, subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("started", flush=True)
time.sleep(600)
"""
    done = arm_root.run(root, "cortex-a53", ["python3", "-c", code, str(tmp_path)], tmp_path, timeout_s=6)

    assert (done.returncode, done.stdout) == (-9, "started\n")
    left = [path.parent.name for path in Path("/proc").glob("[0-9]*/cmdline") if _names(path, tmp_path)]
    assert left == []
    assert str(root) not in Path("/proc/self/mounts").read_text(encoding="utf-8")


def _names(cmdline: Path, what: Path) -> bool:
    try:
        return str(what).encode() in cmdline.read_bytes()
    except OSError:
        return False  # it has just ended


def test_the_checkout_cannot_be_written_to(root: Path, tmp_path: Path) -> None:
    done = arm_root.run(root, "cortex-a72", ["python3", "-c", "open('/project/new', 'w')"], tmp_path)

    assert "Read-only file system" in done.stderr
