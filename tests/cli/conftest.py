"""Every test of the command needs the default model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def model(asset: Callable[[str], Path]) -> Path:
    """The default tier's model, fetched: the path of its file."""
    return asset("selfie-landscape")
