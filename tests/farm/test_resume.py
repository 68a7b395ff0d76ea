"""The real `python -m deploy.farm run` on this machine, killed and run again: the same cards, nothing twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from pathlib import Path

from farm_command import ROOT, command, finished

from deploy.farm import card, runs
from deploy.farm.card import Card


def bare(made: Card) -> object:
    """What must be the same whenever it is made: not the times, nor the memory."""
    items = [
        (item.item, item.iou, item.boundary_f, item.false_area, item.mask_sha256, item.mask) for item in made.items
    ]
    return (made.device, made.candidate, made.golden, made.served, made.miou, made.fault, items)


def of(output: Path) -> tuple[Path, dict[str, object], dict[str, int]]:
    (name,) = runs.names(output)
    paths = sorted((output / name).glob("*/*.json"))
    return (
        output / name,
        {path.name: bare(card.read(path)) for path in paths},
        {path.name: path.stat().st_mtime_ns for path in paths},
    )


def is_complete(output: Path) -> bool:
    return any(runs.about(output / name)["complete"] for name in runs.names(output))


def test_killed_at_any_moment_it_goes_on_where_it_was(farm_cache: Path, tmp_path: Path) -> None:
    whole = finished(farm_cache, tmp_path / "whole")
    assert whole.returncode == 0, whole.stderr
    _, expected, _ = of(tmp_path / "whole")
    assert len(expected) == 3
    output, rng, kept = tmp_path / "killed", random.Random(6), {}
    for _ in range(int(os.environ.get("EDGESEG_FARM_KILLS", "3"))):
        process = subprocess.Popen(
            command(farm_cache, output), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(rng.uniform(0.5, 3.0))
        process.send_signal(signal.SIGKILL)
        process.wait()
        if runs.names(output):
            _, _, now = of(output)
            assert {name: now[name] for name in kept} == kept  # what was done was not done again
            kept = now
            if is_complete(output):
                break  # it was faster than the kill; once more would be another run
    if not is_complete(output):
        last = finished(farm_cache, output)
        assert last.returncode == 0, last.stderr
    _, made, now = of(output)
    assert made == expected
    assert {name: now[name] for name in kept} == kept
    for name in made:
        masks = output / runs.names(output)[0] / "here" / name.rpartition("-")[0]
        assert len(list(masks.glob("*.png"))) == 7
    assert finished(farm_cache, output).returncode == 0
    assert len(runs.names(output)) == 2  # a run that is whole is not taken up


def test_ctrl_c_ends_the_candidate_too(farm_cache: Path, tmp_path: Path) -> None:
    farm = (farm_cache / "farm.yaml").read_text(encoding="utf-8").replace("quick: true, ", "")
    (tmp_path / "farm.yaml").write_text(farm, encoding="utf-8")
    words = [
        str(tmp_path / "farm.yaml") if word == str(farm_cache / "farm.yaml") else word
        for word in command(farm_cache, tmp_path / "out")
    ]
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    devices = farm_cache / "devices" / "here"
    until = time.monotonic() + 60
    while not _at_work(devices) and time.monotonic() < until:
        time.sleep(0.1)
    assert _at_work(devices)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "farm: Stopped; the same command goes on from here." in said
    assert not _at_work(devices)


def _at_work(folder: Path) -> list[str]:
    """The candidates that run in a device's folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink() == folder and b"golden" in (process / "cmdline").read_bytes():
                found.append(process.name)
        except OSError:
            continue
    return found
