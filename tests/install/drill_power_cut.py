"""Cuts the power at every change of a file that an upgrade, an install and an uninstall make. Prints JSON.

usage: drill_power_cut.py FOLDER

A process does the work and ends itself, without a word, at the n-th change (by Python's audit events); then the machine
"starts again" as a new process with a new systemd, which is held to what the design promises. n goes up until the work
is done uncut. What settles after a cut is cut as well.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from edgeseg.errors import UsageError
from edgeseg.install import release
from edgeseg.install.history import outcomes, trial
from edgeseg.install.status import is_whole
from edgeseg.testing.systemd import FAILS, FINE
from tests.install.made import UNIT, Bench, machine_folder, snapshot

CHANGES = ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.symlink", "os.link", "os.truncate")
CUT = 9


def cut_at(number: int, work: Callable[[], object]) -> bool:
    """Do the work in another process and cut it at its change of that number; whether it was cut."""
    child = os.fork()
    if child == 0:
        left = number

        def hook(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal left
            # An open that makes or empties a file is a change, too.
            is_write = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_CREAT | os.O_TRUNC)
            if event in CHANGES or is_write:
                left -= 1
                if left < 0:
                    os._exit(CUT)

        sys.addaudithook(hook)
        work()
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, CUT), code
    return code == CUT


def upgrades(folder: Path, how: str) -> dict[str, int]:
    """Cut an upgrade to a release that behaves so; how often which release ran afterwards."""
    wheels = folder / "wheels"
    wheels.mkdir()
    first = Bench(machine_folder(folder / "root"), wheels)
    empty = snapshot(first.where.root)
    first.install()
    first.upgrade("1.0.1")
    first.wheel("1.1.0")
    ran = {"1.0.1": 0, "1.1.0": 0}
    dice = random.Random(7)
    number, was_cut = 0, True
    while was_cut:
        root = folder / f"cut-{number}"
        shutil.copytree(first.where.root, root, symlinks=True)
        bench = Bench(root, wheels)
        bench.systemd.behaves["1.1.0"] = how
        bench.systemd.boot()
        was_cut = cut_at(number, lambda bench=bench: bench.upgrade("1.1.0", keep=2))
        if was_cut and trial(bench.where):  # the power goes again while it settles
            cut_at(dice.randrange(6), lambda bench=bench: bench.session.settle(at_boot=True))
        bench.reboot()
        ran[held(bench, how, was_cut)] += 1
        if number % 5 == 0:
            bench.systemd.behaves.clear()
            bench.upgrade("1.1.0", keep=2)
            assert (bench.current, bench.systemd.runs(UNIT)) == ("1.1.0", "1.1.0")
            bench.session.uninstall(keep_state=False)
            assert snapshot(root) == empty
        shutil.rmtree(root)
        number += 1
    return {"cuts": number - 1, **ran}


def held(bench: Bench, how: str, was_cut: bool) -> str:
    """What must be so after the machine started again; the release that runs."""
    runs = bench.systemd.runs(UNIT)
    assert runs is not None, "nothing runs"
    assert runs == bench.current
    assert is_whole(bench.where)
    release.verify(bench.where, runs)
    assert trial(bench.where) is None
    names = {path.name.removesuffix(".json") for path in bench.where.releases.iterdir() if path.name[0] != "."}
    last = outcomes(bench.where)[-1]
    if how != FINE:
        assert runs == "1.0.1", "a bad release was kept"
    if not was_cut:
        assert last.result == ("kept" if how == FINE else "rolled back")
    elif runs == "1.1.0":
        assert last.result == "kept"
    assert "1.0.1" in names
    return runs


def installs(folder: Path) -> dict[str, int]:
    """Cut an install, do it again, take it away; and cut the taking away, and do that again."""
    wheels = folder / "wheels"
    wheels.mkdir()
    machine_folder(folder / "root")
    empty = snapshot(folder / "root")
    counts = {}
    for what in ("install", "uninstall"):
        number, was_cut = 0, True
        while was_cut:
            root = folder / f"{what}-{number}"
            shutil.copytree(folder / "root", root, symlinks=True)
            bench = Bench(root, wheels)
            if what == "install":
                bench.wheel("1.0.0")
                was_cut = cut_at(number, bench.install)
                bench.reboot()
                assert bench.current is None or is_whole(bench.where)
                bench.install()
                assert bench.systemd.runs(UNIT) == "1.0.0"
            else:
                bench.install()
                was_cut = cut_at(number, lambda bench=bench: bench.session.uninstall(False))
                bench.reboot() if bench.current else None
            if bench.where.base.exists():
                with contextlib.suppress(UsageError):  # nothing is left to take away
                    bench.session.uninstall(False)
            left = set(snapshot(root)) - set(empty)
            assert left <= {"opt/edgeseg", "opt/edgeseg/lock"}, left
            shutil.rmtree(root)
            number += 1
        counts[what] = number - 1
    return counts


if __name__ == "__main__":
    os.sync = os.fsync = lambda *_: None  # the kernel lives on here, and disks are slow
    at = Path(sys.argv[1])
    (at / "good").mkdir()
    (at / "bad").mkdir()
    (at / "whole").mkdir()
    print(
        json.dumps({"good": upgrades(at / "good", FINE), "bad": upgrades(at / "bad", FAILS), **installs(at / "whole")})
    )
