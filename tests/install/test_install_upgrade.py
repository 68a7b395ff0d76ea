"""From release to release: kept, refused before anything changes, rolled back by itself, and by hand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edgeseg.errors import AssetError, CandidateError, NotPermitted, UsageError
from edgeseg.install import release
from edgeseg.install.durable import link, write
from edgeseg.install.health import Limits, Seen, verdict
from edgeseg.install.history import Trial, begin, outcomes
from edgeseg.install.lock import alone
from edgeseg.install.status import lines, status
from edgeseg.install.systemd import UnitState
from edgeseg.testing.systemd import FAILS, HOT, NEVER_READY, NO_FRAMES, RESTARTS, SLOW
from tests.install.made import UNIT, make_wheel, snapshot


def test_a_good_one_is_kept(bench):
    bench.install()
    bench.tools.calibrated = False

    outcome = bench.upgrade("1.1.0")

    assert (outcome.result, bench.current) == ("kept", "1.1.0")
    assert bench.systemd.runs(UNIT) == "1.1.0"
    assert release.current(bench.where, "previous") == "1.0.0"
    assert [(one.old, one.new, one.result) for one in outcomes(bench.where)] == [("1.0.0", "1.1.0", "kept")]
    assert not (bench.where.base / "trial.json").exists()
    assert bench.systemd.calls[-1] == "start edgeseg-calibrate.service", "another runtime is measured anew"


def test_a_file_that_is_new_with_a_release_comes_with_it_and_goes(bench):
    before = snapshot(bench.where.root)
    bench.install()
    new = {"edgeseg/_data/systemd/udev/61-edgeseg.rules": "# new\n", "edgeseg/_data/systemd/udev/62-theirs.rules": ""}
    make_wheel(bench.wheels, "1.1.0", **new)
    theirs = bench.where.root / "etc/udev/rules.d/62-theirs.rules"
    theirs.write_text("# of somebody else\n")

    assert bench.upgrade("1.1.0").result == "kept"
    assert (theirs.with_name("61-edgeseg.rules")).is_symlink()
    assert theirs.read_text() == "# of somebody else\n"
    assert any("62-theirs.rules is there, and not by this install" in line for line in bench.said)
    theirs.unlink()
    bench.session.uninstall(False)
    assert snapshot(bench.where.root) == before


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (FAILS, "it failed (exit-code)"),
        (RESTARTS, "systemd had to restart it once"),
        (NEVER_READY, "it was not ready within 90 s"),
        (NO_FRAMES, "no frames flow"),
        (SLOW, "it shows 9.8 frames a second, and before it was 29.9"),
        (HOT, "the board is at 91 C"),
    ],
)
def test_a_bad_one_is_rolled_back_by_itself(bench, how, said):
    bench.install()
    bench.systemd.behaves["1.1.0"] = how

    outcome = bench.upgrade("1.1.0")

    assert outcome.result == "rolled back"
    assert said in outcome.reason
    assert (bench.current, bench.systemd.runs(UNIT)) == ("1.0.0", "1.0.0")
    assert any(said in line for line in lines(status(bench.where, bench.systemd)))
    assert not (bench.where.base / "trial.json").exists()
    assert release.current(bench.where, "previous") is None, "there is none before the one that runs"
    assert any(line.startswith("1.0.0 is put back: ") and said in line for line in bench.said)
    assert bench.said[-1] == "It is ready."


def test_a_way_back_waits_for_the_old_one_and_says_if_it_does_not_come(bench):
    bench.install()
    bench.systemd.behaves["1.1.0"] = FAILS
    watched = bench.systemd.show

    def not_again(unit):
        if bench.systemd.started[-2:] == [(UNIT, "1.1.0"), (UNIT, "1.0.0")]:
            bench.systemd.behaves["1.0.0"] = NEVER_READY
        return watched(unit)

    bench.systemd.show = not_again
    assert bench.upgrade("1.1.0").result == "rolled back"
    assert "it was not ready within 90 s, saying: looking for a camera" in bench.said[-1]


def test_after_a_way_back_one_can_still_go_farther_back(bench):
    bench.install()
    bench.upgrade("1.1.0")
    bench.systemd.behaves["1.2.0"] = FAILS
    assert bench.upgrade("1.2.0").result == "rolled back"

    assert release.current(bench.where, "previous") == "1.0.0"
    assert bench.session.roll_back(None, 30).new == "1.0.0"


def refuse_score(bench):
    bench.tools.miou["1.1.0"] = 0.87


def refuse_engine(bench):
    bench.tools.unfit.add("1.1.0")


def refuse_config(bench):
    bench.tools.faults["1.1.0"] = "/etc/edgeseg/camera.yaml:3: sink is unknown"


@pytest.mark.parametrize(
    ("lever", "said"),
    [
        (refuse_score, "scores 87.0% here, and 1.0.0 scored 90.0%"),
        (refuse_engine, "makes no mask"),
        (refuse_config, "camera.yaml:3: sink is unknown"),
    ],
)
def test_an_unfit_one_is_refused_before_the_switch(bench, lever, said):
    bench.install()
    started = list(bench.systemd.started)
    lever(bench)

    outcome = bench.upgrade("1.1.0")

    assert outcome.result == "refused"
    assert said in outcome.reason
    assert bench.current == "1.0.0"
    assert bench.systemd.started == started, "what ran was not touched"


def test_the_same_tier_is_compared(bench):
    """What was scored at the install may be of another tier than what is taken since it was measured."""
    bench.install()
    bench.tools.tier = "smaller"
    bench.tools.miou.update({"1.0.0": 0.8, "1.1.0": 0.8})

    assert bench.upgrade("1.1.0").result == "kept"
    bench.tools.miou["1.2.0"] = 0.7
    assert "scores 70.0% here, and 1.1.0 scored 80.0% (smaller" in bench.upgrade("1.2.0").reason


def test_a_small_loss_is_none(bench):
    bench.install()
    bench.tools.miou["1.1.0"] = 0.885
    assert bench.upgrade("1.1.0").result == "kept"


def test_a_refused_one_may_be_tried_again(bench):
    bench.install()
    refuse_score(bench)
    bench.upgrade("1.1.0")
    bench.tools.miou.clear()

    assert bench.upgrade("1.1.0").result == "kept"
    assert bench.tools.built == ["1.0.0", "1.1.0"]


def test_ctrl_c_in_the_watch_goes_back(bench, monkeypatch):
    bench.install()

    def stop(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(bench.session.clock, "sleep", stop)
    with pytest.raises(KeyboardInterrupt):
        bench.upgrade("1.1.0")
    assert (bench.current, bench.systemd.runs(UNIT)) == ("1.0.0", "1.0.0")
    assert outcomes(bench.where)[-1].reason == "the upgrade was stopped"


def test_old_ones_are_pruned(bench):
    bench.install()
    for minor in range(1, 5):
        bench.upgrade(f"1.{minor}.0", keep=2)

    assert release.versions(bench.where) == ["1.3.0", "1.4.0"]
    assert {path.name for path in bench.where.releases.iterdir()} == {"1.3.0", "1.3.0.json", "1.4.0", "1.4.0.json"}


def test_back_by_hand(bench):
    bench.install()
    bench.upgrade("1.1.0")
    bench.upgrade("1.2.0")

    assert bench.session.roll_back(None, 30).new == "1.1.0"
    assert bench.systemd.runs(UNIT) == "1.1.0"
    bench.session.roll_back("1.0.0", 30)
    assert bench.systemd.runs(UNIT) == "1.0.0"
    with pytest.raises(UsageError, match="runs already"):
        bench.session.roll_back("1.0.0", 30)
    with pytest.raises(UsageError, match="There is no release 9"):
        bench.session.roll_back("9.9.9", 30)


def test_nothing_to_go_back_to(bench):
    bench.install()
    with pytest.raises(UsageError, match="no release before"):
        bench.session.roll_back(None, 30)


@pytest.mark.parametrize("what", ["changed", "gone", "new", "link"])
def test_one_tampered_with_is_refused(bench, what):
    bench.install()
    bench.upgrade("1.1.0")
    folder = bench.where.release("1.0.0")
    file = folder / "bin" / "edgeseg"
    if what == "changed":
        file.write_text("#!/bin/sh\n")
    elif what == "gone":
        file.unlink()
    elif what == "new":
        (folder / "lib" / "sitecustomize.py").write_text("")
    else:
        (folder / "units").unlink()
        (folder / "units").symlink_to("/tmp")

    with pytest.raises(AssetError, match=r"1\.0\.0 was tampered with"):
        bench.session.roll_back(None, 30)
    assert bench.current == "1.1.0"
    bench.session.discard("1.0.0")
    assert release.versions(bench.where) == ["1.1.0"]


def test_a_release_whose_python_went_is_not_switched_to(bench):
    bench.install()
    bench.upgrade("1.1.0")
    python = bench.where.release("1.0.0") / "bin" / "python"
    python.unlink()
    python.symlink_to("/usr/bin/python3.99")
    sealed = release.read_seal(bench.where, "1.0.0")
    release.seal(bench.where, "1.0.0", sealed.wheel, sealed.made, sealed.os_packages)

    with pytest.raises(CandidateError, match="has lost its Python"):
        bench.session.roll_back(None, 30)


@pytest.mark.parametrize("do", ["upgrade", "roll_back", "settle", "uninstall", "discard"])
def test_one_at_a_time(bench, do):
    bench.install()
    calls = {
        "upgrade": lambda: bench.upgrade("1.1.0"),
        "roll_back": lambda: bench.session.roll_back(None, 1),
        "settle": bench.session.settle,
        "uninstall": lambda: bench.session.uninstall(False),
        "discard": lambda: bench.session.discard("1.0.0"),
    }
    with alone(bench.where), pytest.raises(NotPermitted, match="Another install"):
        calls[do]()


def test_the_same_version_from_another_wheel(bench):
    bench.install()
    other = make_wheel(bench.wheels, "1.0.0", **{"edgeseg/new.py": "x = 1\n"})
    with pytest.raises(UsageError, match=r"1\.0\.0 is installed already, from another wheel"):
        bench.session.upgrade(other, None, 1, 3)
    with pytest.raises(UsageError, match="from another wheel"):
        bench.install()


def test_installing_another_version_is_an_upgrade(bench):
    bench.install()
    with pytest.raises(UsageError, match="sudo edgeseg service upgrade"):
        bench.install("1.1.0")
    with pytest.raises(UsageError, match="runs; it can only be uninstalled"):
        bench.session.discard("1.0.0")


def test_upgrade_of_nothing(bench):
    before = snapshot(bench.where.root)
    with pytest.raises(UsageError, match="not installed"):
        bench.upgrade("1.1.0")
    with pytest.raises(UsageError, match="nothing to take away"):
        bench.session.uninstall(False)
    assert set(snapshot(bench.where.root)) - set(before) <= {"opt/edgeseg", "opt/edgeseg/lock"}


def test_an_interrupted_one_is_shown_and_settled(bench):
    bench.install()
    bench.upgrade("1.1.0")
    begin(bench.where, Trial("2026-01-01", "1.0.0", "1.1.0", (UNIT,)))
    write(bench.where.base / "history.json", b"[]\n")

    assert any(
        "was interrupted: sudo edgeseg service settle" in line for line in lines(status(bench.where, bench.systemd))
    )
    assert bench.session.settle().result == "rolled back"
    assert bench.systemd.runs(UNIT) == "1.0.0"


def test_uninstall_takes_all_releases(bench):
    before = snapshot(bench.where.root)
    bench.install()
    bench.upgrade("1.1.0")
    bench.session.uninstall(False)
    assert snapshot(bench.where.root) == before


def test_what_is_written_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    order = []
    fsync, replace = os.fsync, type(tmp_path).replace

    def synced(descriptor):
        order.append(f"fsync {Path(f'/proc/self/fd/{descriptor}').readlink().name}")
        fsync(descriptor)

    def replaced(path, to):
        order.append(f"rename {to.name}")
        return replace(path, to)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(type(tmp_path), "replace", replaced)
    write(tmp_path / "file", b"text")
    link(tmp_path / "current", "releases/1")

    folder = f"fsync {tmp_path.name}"
    assert order == ["fsync .file.part", "rename file", folder, "rename current", folder]


def test_the_verdict_needs_a_unit_that_is_ready():
    seen = [Seen(0, UnitState("loaded", "activating")), Seen(5, UnitState("loaded", "activating"))]
    assert "not ready" in (verdict(seen, None, Limits()) or "")
    ended = [Seen(0, UnitState("loaded", "active")), Seen(1, UnitState("loaded", "inactive", status="bye"))]
    assert verdict(ended, None, Limits()) == "it ended, saying: bye"


def test_what_was_broken_before_says_nothing_of_a_release(bench):
    bench.install()
    bench.systemd.behaves.update({"1.0.0": FAILS, "1.1.0": FAILS})
    assert bench.upgrade("1.1.0").result == "kept"
