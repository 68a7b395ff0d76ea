"""Memory that was freed goes back to the system."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from edgeseg.allocator import give_back


def resident_mb() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's own")
def test_what_lies_between_kept_pieces_goes_back() -> None:
    pieces = [
        np.ones(60_000, np.uint8) for _ in range(2000)
    ]  # below the size from which memory is mapped piece by piece
    kept = pieces[::50]
    held = resident_mb()
    del pieces
    give_back()
    assert resident_mb() < held - 60
    assert len(kept) == 40
