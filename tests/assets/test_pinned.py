"""The pinned files themselves: of the size that the table gives (their hash is checked by finding them)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edgeseg.assets.table import ASSETS


@pytest.mark.parametrize("name", sorted(ASSETS))
def test_size(name: str, asset: Callable[[str], Path]) -> None:
    assert asset(name).stat().st_size == ASSETS[name].bytes
