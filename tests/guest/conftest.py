"""The lab's machines, each used once a session; EDGESEG_GUEST=1 asks for them, for they take minutes."""

import json
import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1]))

from tests.lab import guest, picamera2_root  # noqa: E402


def _wanted(missing):
    if os.environ.get("EDGESEG_GUEST") != "1":
        pytest.skip("boots or builds a machine, which takes minutes: set EDGESEG_GUEST=1")
    if reason := missing():
        pytest.skip(reason)


def _steps(drill):
    _wanted(guest.missing)
    outcome = guest.run(HERE / drill)
    print(outcome.console)
    assert outcome.exit_code == 0, outcome.console[-3000:]
    return {step["step"]: step for step in outcome.steps}


@pytest.fixture(scope="session")
def v4l2_steps():
    """What each step of drill_v4l2.py saw in the guest, by its name."""
    return _steps("drill_v4l2.py")


@pytest.fixture(scope="session")
def sensor_steps():
    """What each step of drill_sensors.py saw in the guest, by its name."""
    return _steps("drill_sensors.py")


@pytest.fixture(scope="session")
def idle_steps():
    """What each step of drill_idle.py saw in the guest, by its name."""
    return _steps("drill_idle.py")


@pytest.fixture(scope="session")
def picamera2_said():
    """What drill_picamera2.py saw in the Debian 13 root."""
    _wanted(picamera2_root.missing)
    done = picamera2_root.run("python3", "tests/guest/drill_picamera2.py", preload=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="session")
def python313():
    """Runs a command in the Debian 13 root."""
    _wanted(picamera2_root.missing)
    return picamera2_root.run
