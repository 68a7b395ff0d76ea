"""The source models, and golden pictures to run them on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from quantize.families import FAMILIES, Family


@pytest.fixture(params=list(FAMILIES))
def family(request: pytest.FixtureRequest) -> Family:
    return FAMILIES[request.param]


@pytest.fixture
def source(family: Family, asset: Callable[[str], Path]) -> bytes:
    """The bytes of the family's asset."""
    return asset(family.asset).read_bytes()


@pytest.fixture(scope="session")
def pictures(asset: Callable[[str], Path]) -> list[npt.NDArray[np.uint8]]:
    """A handful of golden pictures; the pinned portrait where there are none."""
    golden = Path(__file__).parents[4] / "shared" / "golden"
    paths = [p for name in ("stills", "webcam") for p in sorted((golden / name / "images").glob("*.jpg"))[::40][:2]]
    read = [cv2.imread(str(path)) for path in paths or [asset("astronaut")]]
    return [np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)) for bgr in read]
