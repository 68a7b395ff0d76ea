"""No test here depends on this machine's config files."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeseg.config import places


@pytest.fixture(autouse=True)
def _no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert not places.places().has_config
