"""Every test of the command needs the default model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def model(tier_file: Callable[..., Path]) -> Path:
    """The default tier's file."""
    return tier_file()
