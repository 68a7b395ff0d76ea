"""The tiers and pictures that runtimes are compared on, and what LiteRT answers here."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from edgeseg.tiers.catalogue import catalogue

PROJECT = Path(__file__).parents[2]
sys.path.insert(0, str(PROJECT))

DRILL = "tests/quantize/drill_runtime.py"


class Run(NamedTuple):
    """What drill_runtime.py said of each tier, by name, and the folder of what the tiers answered."""

    said: dict[str, dict[str, Any]]
    folder: Path

    def of(self, *precisions: str) -> list[str]:
        """The names of the tiers of these precisions."""
        return [name for name in self.said if name.endswith(precisions)]

    def mask(self, tier: str) -> npt.NDArray[np.float32]:
        """The portrait's mask, (height, width), the probability of a person."""
        with np.load(self.folder / f"{tier}.npz") as answers:
            mask = answers["arr_0"][0, :, :, 0]
        return mask if mask.dtype == np.float32 else (mask.astype(np.float32) + 128) / 255


@pytest.fixture(scope="session")
def read_run() -> Callable[[str, Path], Run]:
    """read_run(what the drill printed, where it put the answers)"""

    def read(printed: str, folder: Path) -> Run:
        lines = [json.loads(line) for line in printed.splitlines()]
        return Run({line["model"]: line for line in lines}, folder)

    return read


@pytest.fixture(scope="session")
def drill_folder(
    asset: Callable[[str], Path], tier_file: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The tiers' files, and two pictures for each size: a portrait, and noise, whose values use the whole range."""
    folder = tmp_path_factory.mktemp("drill")
    rgb = cv2.cvtColor(cv2.imread(str(asset("astronaut"))), cv2.COLOR_BGR2RGB)
    for tier in catalogue().values():
        shutil.copy(tier_file(tier.name), folder)
        portrait = cv2.resize(rgb, (tier.width, tier.height), interpolation=cv2.INTER_AREA)
        noise = np.random.default_rng(0).integers(0, 256, portrait.shape, np.uint8)
        np.save(folder / f"pictures-{tier.height}x{tier.width}.npy", np.stack([portrait, noise]))
    return folder


@pytest.fixture(scope="session")
def litert(drill_folder: Path, read_run: Callable[[str, Path], Run]) -> Run:
    """All tiers by LiteRT on this machine."""
    answers = drill_folder / "answers-here"
    command = [sys.executable, DRILL, str(drill_folder), str(answers)]
    environment = {"PYTHONPATH": str(PROJECT), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return read_run(done.stdout, answers)
