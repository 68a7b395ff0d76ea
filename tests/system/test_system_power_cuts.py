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

pytestmark = [pytest.mark.system, pytest.mark.timeout(3600)]
# Of upgrades to a release that is there already, which are scored, switched, watched; and of those that make it first.
SHORT, WHOLE = 6, 4


def test_after_each_cut_a_checked_release_runs(board, brought):
    seed = random.SystemRandom().randrange(10_000)
    print(f"seed {seed}")
    dice = random.Random(seed)
    with board("bookworm") as machine:
        argv, environment = releases.install(brought.good, "--no-calibrate")
        machine.run(*argv, timeout_s=500, **environment)
        wanted = scores(machine)
        whole_s, short_s = uncut(machine, brought, GOOD), uncut(machine, brought, FIRST)
        held(machine, wanted)
        for number in range(SHORT):
            new = FIRST if machine.status()["release"] == GOOD else GOOD
            cut(machine, brought, new, short_s * (number + dice.random()) / SHORT, wanted)
        for number in range(WHOLE):
            now = machine.status()["release"]
            for other in {FIRST, GOOD, BETTER} - {now}:  # each is made anew
                machine.run("edgeseg", "service", "releases", "--remove", other, check=False)
            new = BETTER if now == GOOD else GOOD
            cut(machine, brought, new, whole_s * (number + dice.random()) / WHOLE, wanted)


def uncut(machine: Board, brought, version: str) -> float:
    """How long an upgrade takes, seconds. That it was on trial is enough: it may be kept or be found too slow."""
    began = time.monotonic()
    with upgrade(machine, brought, version) as running:
        said = running.stderr.read()
    assert "runs on trial" in said, said
    return time.monotonic() - began


def cut(machine: Board, brought, new: str, moment_s: float, wanted: list[dict]) -> None:
    """Cut an upgrade so many seconds after its begin, start the machine again, and look at what runs."""
    old = machine.status()["release"]
    with upgrade(machine, brought, new) as running:
        time.sleep(moment_s)
        machine.cut()
        said = running.stderr.read().strip().splitlines() or ["the beginning"]
    machine.boot()
    runs = held(machine, wanted)
    print(f"cut at {moment_s:.1f} s, after {said[-1].removeprefix('edgeseg: ')[:70]!r}: {runs} runs of {old} and {new}")
    assert runs in (old, new)


def scores(machine: Board) -> list[dict]:
    said = machine.run("edgeseg", "service", "self-check", "--json", timeout_s=200).stdout
    return [{"tier": row["tier"], "miou": row["miou"]} for row in json.loads(said)["scores"]]


def upgrade(machine: Board, brought, version: str) -> subprocess.Popen[str]:
    words = ["edgeseg", "service", "upgrade", "--wheelhouse", "/mnt", "--watch", "8"]
    words.append(releases.made(brought.good, version))
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
    assert scores(machine) == wanted
    return now["release"]
