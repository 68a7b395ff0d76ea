"""The real command, `python -m deploy.farm`, on this machine and a few small tiers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def command(cache: Path, output: Path, *more: str) -> list[str]:
    """Run the farm of `farm_cache` into `output`; later words win."""
    farm = [sys.executable, "-m", "deploy.farm", "run", "--farm", str(cache / "farm.yaml"), "--cache", str(cache)]
    wheel = ["--wheel", str(cache / "edgeseg.zip"), "--baselines", str(output / "baselines")]
    return [*farm, *wheel, "--output", str(output), *more]


def finished(cache: Path, output: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """The same, at its end."""
    return done(*command(cache, output, *more))


def done(*words: str) -> subprocess.CompletedProcess[str]:
    """Any command at its end, in the checkout."""
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=240)


def farm(*words: str) -> subprocess.CompletedProcess[str]:
    """Another of its commands."""
    return done(sys.executable, "-m", "deploy.farm", *words)
