"""A loss of power at any moment leaves the old release or the new one running, never neither."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.timeout(900)
def test_power_cuts(tmp_path):
    drill = [sys.executable, str(Path(__file__).with_name("drill_power_cut.py")), str(tmp_path)]

    done = subprocess.run(drill, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["good"]["cuts"] > 50
    assert min(seen["good"]["1.0.1"], seen["good"]["1.1.0"]) > 3, "cuts fell on both sides of the switch"
    assert seen["bad"]["cuts"] > 50
    assert seen["bad"]["1.1.0"] == 0
    assert min(seen["install"], seen["uninstall"]) > 30
