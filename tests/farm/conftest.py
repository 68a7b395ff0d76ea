"""Cards that the real command wrote, once for all tests of this folder."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.farm import approval, card
from deploy.farm.approval import Done
from edgeseg.golden import SMALL
from edgeseg.tiers.catalogue import catalogue

ROOT = Path(__file__).parents[2]
TIER = "selfie-landscape-144x256-int8"


@pytest.fixture(scope="session")
def real_run(tmp_path_factory: pytest.TempPathFactory, tier_file: Callable[..., Path]) -> list[Done]:
    """What an INT8 tier did here, by `edgeseg golden card`: the card and the folder of its masks."""
    tier_file(TIER)
    folder = tmp_path_factory.mktemp("run")
    command = [sys.executable, "-m", "edgeseg", "golden", "card", "--quick", "--dataset", str(SMALL), "--tier", TIER]
    subprocess.run([*command, "--out", str(folder / "card.json"), "--masks", str(folder / "masks")], check=True)
    return [(replace(card.read(folder / "card.json"), device="here"), folder)]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    pytest.importorskip("hatchling", reason="the wheel is built without the network, by the hatchling of the dev extra")
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-index", "--no-deps"]
    subprocess.run([*pip, "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT)], check=True)
    return next(folder.glob("*.whl"))


@pytest.fixture
def baselines(tmp_path: Path, real_run: list[Done]) -> Path:
    """A folder in which that run is accepted."""
    folder = tmp_path / "baselines"
    approval.approve(folder, real_run, "the first", "Ann", "2026-11-25", "0.1.0")
    return folder


@pytest.fixture(scope="session")
def farm_cache(tmp_path_factory: pytest.TempPathFactory, tier_file: Callable[..., Path]) -> Path:
    """A folder for `farm_command.command`: a farm file of three small tiers on this machine, and a wheel with them."""
    folder = tmp_path_factory.mktemp("cache")
    farm = f"golden: {SMALL}\ndevices:\n  here: {{kind: local, quick: true, tiers: ['*-96x160-*']}}\n"
    (folder / "farm.yaml").write_text(farm, encoding="utf-8")
    with zipfile.ZipFile(folder / "edgeseg.zip", "w") as wheel:  # the checkout's, made in no time
        for file in sorted((ROOT / "edgeseg").rglob("*")):
            if file.is_file() and file.suffix not in (".pyc", ".tflite"):
                wheel.write(file, file.relative_to(ROOT))
        for name in catalogue():
            if "-96x160-" in name:
                wheel.write(tier_file(name), f"edgeseg/tiers/models/{name}.tflite")
    return folder
