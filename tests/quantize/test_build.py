"""python -m quantize build: the catalogue's files, the same bytes each time, or nothing."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeseg.errors import AssetError, CandidateError, OutputError
from edgeseg.tiers.catalogue import Tier, catalogue
from quantize.build import build, drop_others, put_all, recipe_of

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["fp32", "fp16", "int8"])
def tier(request: pytest.FixtureRequest, asset: Callable[[str], Path]) -> Tier:
    """The catalogue's smallest tier of each precision."""
    one = min((t for t in catalogue().values() if t.precision == request.param), key=lambda t: t.height)
    asset(one.asset)
    return one


def test_what_is_built_is_what_the_catalogue_means(tier: Tier, tmp_path: Path) -> None:
    told: list[str] = []
    build([tier], tmp_path, progress=told.append)
    content = (tmp_path / f"{tier.name}.tflite").read_bytes()
    assert (hashlib.sha256(content).hexdigest(), len(content)) == (tier.sha256, tier.bytes)
    assert told == [tier.name]
    assert [path.name for path in tmp_path.iterdir()] == [f"{tier.name}.tflite"]


def test_the_same_bytes_in_another_process(tier: Tier, tmp_path: Path) -> None:
    code = (
        "import hashlib, sys; from edgeseg.assets import store; from edgeseg.tiers.catalogue import catalogue;"
        "from quantize.build import recipe_of; t = catalogue()[sys.argv[1]];"
        "print(hashlib.sha256(recipe_of(t).make(store.load(t.asset))).hexdigest())"
    )
    seeded = {**os.environ, "PYTHONHASHSEED": "7"}
    done = subprocess.run(
        [sys.executable, "-c", code, tier.name], check=True, cwd=ROOT, env=seeded, capture_output=True, text=True
    )
    assert done.stdout.strip() == tier.sha256


def test_another_hash_is_refused_and_the_old_file_stays(tier: Tier, tmp_path: Path) -> None:
    (tmp_path / f"{tier.name}.tflite").write_bytes(b"old")
    with pytest.raises(AssetError, match=f"{tier.name} is not the file of the catalogue"):
        build([dataclasses.replace(tier, sha256="0" * 64)], tmp_path)
    with pytest.raises(AssetError, match="passes of"):
        build([dataclasses.replace(tier, passes=("other",))], tmp_path)
    assert (tmp_path / f"{tier.name}.tflite").read_bytes() == b"old"


def test_a_family_that_is_not_ours_is_refused() -> None:
    one = next(iter(catalogue().values()))
    with pytest.raises(CandidateError, match="family 'own', which is not built here"):
        recipe_of(dataclasses.replace(one, family="own"))


def test_files_come_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_all(tmp_path, [("a", b"1"), ("b", b"2")])

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left on device"):
        put_all(tmp_path, [("a", b"3"), ("b", b"4")])
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": b"1", "b": b"2"}


def test_no_folder_can_be_made_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="cannot be written to"):
        put_all(tmp_path / "file" / "models", [("a", b"1")])


def test_tiers_that_left_the_catalogue_leave_the_folder(tmp_path: Path) -> None:
    one = next(iter(catalogue().values()))
    for name in (f"{one.name}.tflite", "gone-1x1-fp32.tflite", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    drop_others([one], tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {f"{one.name}.tflite", "notes.txt"}


def test_the_command(tmp_path: Path, tier: Tier) -> None:
    command = [sys.executable, "-m", "quantize", "build"]
    done = subprocess.run([*command, tier.name, "--output", str(tmp_path)], check=False, cwd=ROOT, capture_output=True)
    assert done.returncode == 0
    assert (tmp_path / f"{tier.name}.tflite").is_file()
    wrong = subprocess.run(
        [*command, "selfie-landscape-96x160-int4"], check=False, cwd=ROOT, capture_output=True, text=True
    )
    assert (wrong.returncode, len(wrong.stderr.splitlines())) == (2, 1)
    assert "did you mean 'selfie-landscape-96x160-" in wrong.stderr
