from __future__ import annotations

import os

import pytest

from tests.install.made import Bench, machine_folder


@pytest.fixture
def bench(tmp_path):
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    return Bench(machine_folder(tmp_path / "root"), wheels)


@pytest.fixture(autouse=True)
def _no_sync(monkeypatch):
    """Forcing a busy machine's files to its disk takes long, and nothing here loses its power."""
    monkeypatch.setattr(os, "sync", lambda: None)
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
