"""The power goes at random moments of an upgrade on a booted machine; after each a release runs that was checked."""

from __future__ import annotations

import json
import random
import subprocess
import time

import pytest

from tests.system import releases
from tests.system.boards import Board
from tests.system.releases import BETTER, FIRST, GOOD

pytestmark = [pytest.mark.system, pytest.mark.timeout(1800)]
CUTS = 10


def test_after_each_cut_a_checked_release_runs(board, brought):
    seed = random.SystemRandom().randrange(10_000)
    dice = random.Random(seed)
    with board("bookworm") as machine:
        argv, environment = releases.install(brought.good, "--no-calibrate")
        machine.run(*argv, timeout_s=500, **environment)
        wanted = json.loads(machine.run("edgeseg", "service", "self-check", "--json", timeout_s=200).stdout)["scores"]
        began = time.monotonic()
        with upgrade(machine, brought, GOOD) as whole:
            said = whole.stderr.read()
        took_s = time.monotonic() - began
        assert "runs on trial" in said
        held(machine, wanted)
        ended = []
        for number in range(CUTS):
            now = machine.status()["release"]
            for other in {FIRST, GOOD, BETTER} - {now}:  # each is made anew, so that this is cut too
                machine.run("edgeseg", "service", "releases", "--remove", other, check=False)
            new = BETTER if now == GOOD else GOOD
            moment_s = took_s * (number + dice.random()) / CUTS
            with upgrade(machine, brought, new) as cut:
                time.sleep(moment_s)
                machine.cut()
                said = cut.stderr.read().strip().splitlines()
            machine.boot()
            runs = held(machine, wanted)
            assert runs in (now, new)
            ended.append((now, new, runs))
            at = said[-1].removeprefix("edgeseg: ")[:70] if said else "the beginning"
            print(
                f"cut {number + 1} (seed {seed}), {moment_s:.1f} s of {took_s:.0f}, at {at!r}:"
                f" {runs} runs of {now} and {new}"
            )
    assert len(ended) == CUTS


def upgrade(machine: Board, brought, version: str) -> subprocess.Popen[str]:
    words = [
        "edgeseg",
        "service",
        "upgrade",
        "--wheelhouse",
        "/mnt",
        "--watch",
        "8",
        releases.made(brought.good, version),
    ]
    return subprocess.Popen(
        machine.inside(*words), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def held(machine: Board, wanted: list[dict]) -> str:
    """The release that runs; it must be whole, on no trial, shows frames, and scores what the first one scored."""
    until = time.monotonic() + 60
    while (one := (now := machine.status())["instances"][0])["active"] != "active" or not one["fps"]:
        assert time.monotonic() < until, now
        time.sleep(0.5)
    assert (now["is_whole"], now["upgrade"]) == (True, None), now
    machine.run("edgeseg", "service", "releases", "--verify", timeout_s=200)
    scores = json.loads(machine.run("edgeseg", "service", "self-check", "--json", timeout_s=200).stdout)["scores"]
    assert [(row["tier"], row["miou"]) for row in scores] == [(row["tier"], row["miou"]) for row in wanted]
    return now["release"]
