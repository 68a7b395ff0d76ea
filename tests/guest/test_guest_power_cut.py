"""The power goes at random moments of an upgrade: qemu is killed, and all that the guest had not written is lost."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.lab import service_guest
from tests.lab.service_guest import FIRST, SECOND, Machine

pytestmark = [pytest.mark.guest, pytest.mark.slow, pytest.mark.timeout(4 * 3600)]
CUTS = int(os.environ.get("EDGESEG_CUTS", "10"))
DRILL = Path(__file__).with_name("drill_cut.py")
_UPGRADE_S = 1800


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    if os.environ.get("EDGESEG_GUEST") != "1":
        pytest.skip("boots a machine again and again, which takes an hour: set EDGESEG_GUEST=1")
    if reason := service_guest.missing():
        pytest.skip(reason)
    copy = tmp_path / "disk.img"
    subprocess.run(["cp", "--sparse=always", str(service_guest.build() / "disk.img"), str(copy)], check=True)
    return copy


def booted(scratch: Path, disk: Path, cut_s: float) -> tuple[dict[str, object], float | None]:
    """What the guest said of itself after this boot, and how long the upgrade took if it was not cut before.

    cut_s: of the upgrade; then the power goes.
    """
    well: dict[str, object] = {}
    began = took = None
    machine = Machine(scratch, {"drill.py": DRILL}, _UPGRADE_S, disk)
    try:
        for step in machine.steps():
            if step["step"] == "well":
                well = step
            elif step["step"] == "upgrading":
                began = time.monotonic()
                machine.deadline = began + cut_s
            else:
                assert step["exit"] == 0, machine.console[-3000:]
                took = time.monotonic() - began
                break
    finally:
        machine.cut()
    assert began is not None, machine.console[-3000:]
    return well, took


def test_after_each_cut_a_checked_release_runs(tmp_path: Path, disk: Path) -> None:
    seed = random.SystemRandom().randrange(10_000)
    dice = random.Random(seed)
    first, took_s = booted(tmp_path, disk, _UPGRADE_S)
    assert took_s is not None
    print(f"an upgrade takes {took_s:.0f} s in the guest; seed {seed}", flush=True)
    moments = [took_s * (number + dice.random()) / CUTS for number in range(CUTS)] + [0.0]
    before = 0.0
    for number, moment_s in enumerate(moments):
        well, _ = booted(tmp_path, disk, moment_s)
        if number:
            print(f"cut {number} at {before:.0f} s of {took_s:.0f}: {well}", flush=True)
        assert well["release"] in (FIRST, SECOND)
        assert (well["active"], well["whole"], well["trial"], well["verified"]) == ("active", True, None, 0), well
        assert well["fps"]
        assert well["scores"] == first["scores"]
        before = moment_s
    shutil.rmtree(tmp_path)
