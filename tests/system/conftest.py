"""What the drills on boards need; see `boards`."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edgeseg.errors import Unreachable
from tests.lab import container, roots
from tests.system import wheels
from tests.system.boards import PACKAGES, Board, Brought


@pytest.fixture(scope="session")
def asked() -> None:
    """Skips where no board can or shall be booted, before anything is made for one."""
    if os.environ.get("EDGESEG_SYSTEM") != "1":
        pytest.skip("boots systemd in a container: make test-system")
    if reason := container.missing():
        pytest.skip(reason)


@pytest.fixture(scope="session")
def brought(
    asked: None, tmp_path_factory: pytest.TempPathFactory, asset: Callable[[str], Path], tier_file: Callable[..., Path]
) -> Brought:
    """The checkout's wheel, and a clip of 40 minutes, which the service plays at its own speed."""
    tier_file()
    folder = tmp_path_factory.mktemp("brought")
    folder.chmod(0o755)  # the service's own user reads the clip
    wheels.looped(asset("carphone"), folder / "clip.mp4", 200)
    return Brought(folder, wheels.build_wheel(folder))


@pytest.fixture(scope="session")
def lab_wheelhouses() -> Path:
    """Where wheels for boards are collected and kept."""
    return roots.cache() / "wheelhouses"


@pytest.fixture(scope="session")
def board(brought: Brought, tmp_path_factory: pytest.TempPathFactory):
    """board(suite) -> a clean Debian of that name, booted, with what is brought in /srv and wheels for it in /mnt."""

    @contextlib.contextmanager
    def boot(suite: str, held: bool = False) -> Iterator[Board]:
        try:
            made = container.debian(suite, PACKAGES, "board")
            needed = wheels.wheelhouse(brought.good, made, held)
        except Unreachable as error:
            pytest.skip(str(error))
        folder = tmp_path_factory.mktemp("board") / suite
        binds = {"/srv": brought.folder, "/mnt": needed}
        with container.copied(made, folder) as root, Board(made, root, binds) as machine:
            yield machine

    return boot
