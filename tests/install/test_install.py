"""An install on a machine in a folder: done once, said before, taken away whole."""

from __future__ import annotations

import io
import json
import re
import zipfile

import pytest

from edgeseg.errors import AssetError, CandidateError, NotPermitted, OutputError, UsageError
from edgeseg.install import release
from edgeseg.install.lock import alone
from edgeseg.install.status import lines, status
from edgeseg.testing.systemd import COVERED, FAILS, NEVER_READY
from tests.install.made import UNIT, make_wheel, snapshot


def test_one_install_and_frames_flow(bench):
    bench.install()

    root = bench.where.root
    assert bench.systemd.runs(UNIT) == "1.0.0"
    assert bench.systemd.show(UNIT).enabled
    assert (root / "etc/edgeseg/camera.yaml").read_text().splitlines()[2:] == [
        'source: "auto"',
        'background: "blur"',
        'sink: "v4l2:/dev/video10"',
    ]
    unit = root / "etc/systemd/system/edgeseg@.service"
    assert not unit.is_symlink()
    assert unit.read_text().splitlines()[1:] == ["[Install]", "WantedBy=multi-user.target"]
    its_release = unit.with_name("edgeseg@.service.d") / "00-release.conf"
    assert str(its_release.readlink()) == "/opt/edgeseg/current/units/edgeseg@.service"
    assert release.verify(bench.where, "1.0.0").files
    assert not list(root.rglob("*.part"))


def test_a_second_install_has_nothing_to_do(bench):
    assert len(bench.install()) > 10
    before, calls = snapshot(bench.where.root), list(bench.systemd.calls)

    assert bench.install() == []
    assert snapshot(bench.where.root) == before
    assert bench.systemd.calls == calls


def test_dry_run_says_it_all_and_changes_nothing(bench):
    before = snapshot(bench.where.root)
    bench.tools.memory_mb = 400

    said = bench.install(dry_run=True)

    assert snapshot(bench.where.root) == before
    assert bench.systemd.calls == []
    assert said == bench.install(), "what was said is what is done"
    assert any("/opt/edgeseg/releases/1.0.0" in words for words in said)


@pytest.mark.parametrize("wish", [{}, {"sink": "null"}, {"network": True}])
def test_nothing_is_left_after_uninstall(bench, wish):
    before = snapshot(bench.where.root)
    bench.install(**wish)
    (bench.where.state / "ladder.json").write_text("{}")
    (bench.where.root / "run/edgeseg").mkdir()

    gone = bench.session.uninstall(keep_state=False)

    assert snapshot(bench.where.root) == before
    assert "/etc/edgeseg/camera.yaml" in gone
    assert not bench.systemd.running()


def test_state_is_kept_when_asked_and_goes_the_next_time(bench):
    before = snapshot(bench.where.root)
    bench.install()
    (bench.where.state / "ladder.json").write_text("{}")
    bench.session.uninstall(keep_state=True)

    left = set(snapshot(bench.where.root)) - set(before)
    assert left == {
        "etc/edgeseg",
        "etc/edgeseg/camera.yaml",
        "opt/edgeseg",
        "opt/edgeseg/manifest.json",
        "var/lib/edgeseg",
        "var/lib/edgeseg/ladder.json",
    }
    assert "edgeseg:" in (bench.where.root / "etc/passwd").read_text(), "the state's owner stays"
    bench.install()
    bench.session.uninstall(keep_state=False)
    assert snapshot(bench.where.root) == before


def test_a_users_own_files_stay(bench):
    config = bench.where.root / "etc/edgeseg"
    config.mkdir()
    (config / "config.yaml").write_text("fps: 15\n")
    (config / "camera.yaml").write_text("sink: null\n")
    before = snapshot(bench.where.root)

    bench.install()
    assert (config / "camera.yaml").read_text() == "sink: null\n"
    bench.session.uninstall(keep_state=False)

    assert snapshot(bench.where.root) == before


def test_a_command_of_somebody_else_is_not_taken_over(bench):
    (bench.where.root / "usr/local/bin/edgeseg").write_text("#!/bin/sh\n")
    before = snapshot(bench.where.root)

    with pytest.raises(OutputError, match="/usr/local/bin/edgeseg is there, and not by this install"):
        bench.install()
    assert snapshot(bench.where.root) == before


def test_a_second_instance_shares_the_release(bench):
    bench.install()
    said = bench.install(instance="door", sink="null")

    assert not any("make the release" in words for words in said)
    assert bench.systemd.running() == [UNIT, "edgeseg@door.service"]
    assert bench.tools.built == ["1.0.0"]


def test_the_network_is_closed_unless_it_is_asked_for(bench):
    drop_in = bench.where.root / "etc/systemd/system" / f"{UNIT}.d" / "network.conf"
    bench.install()
    assert not drop_in.exists()
    bench.install(network=True)
    assert drop_in.exists()


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (FAILS, "it failed"),
        (NEVER_READY, "not ready within 90 s, saying: looking"),
        (COVERED, "it shows a cover, saying: 29.9 fps, 61 C, covered: source_lost"),
    ],
)
def test_no_frames_is_a_failure_that_can_be_gone_on_from(bench, how, said):
    bench.systemd.behaves["1.0.0"] = how
    with pytest.raises(CandidateError, match=said):
        bench.install()
    bench.systemd.behaves.clear()
    bench.systemd.stop(UNIT)

    assert len(bench.install()) == 1, "only the start was left"


def test_what_a_full_disk_left_is_swept_away(bench):
    bench.tools.full = True
    with pytest.raises(OutputError, match="disk is full"):
        bench.install()
    assert release.versions(bench.where) == []
    bench.tools.full = False
    bench.install()
    assert bench.systemd.runs(UNIT) == "1.0.0"
    bench.session.uninstall(keep_state=False)


def test_two_at_once(bench):
    with alone(bench.where), pytest.raises(NotPermitted, match=r"Another install or upgrade is at work here \(process"):
        bench.install()
    bench.install()


@pytest.mark.parametrize("change", ["changed", "extra", "lacks", "cut", "other"])
def test_a_wheel_that_is_not_whole(bench, change, tmp_path):
    path = make_wheel(tmp_path, "1.0.0")
    data = path.read_bytes()
    if change == "changed":
        path.write_bytes(data.replace(b'__version__ = "1.0.0"', b'__version__ = "6.6.6"'))
    elif change == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif change == "other":
        path.write_bytes(data.replace(b"edgeseg-1.0.0.dist-info", b"segedge-1.0.0.dist-info"))
    elif change == "extra":
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("edgeseg/more.py", "")
    else:
        with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(path, "w") as new:
            for name in old.namelist():
                if name != "edgeseg/__init__.py":
                    new.writestr(name, old.read(name))
    kind = UsageError if change == "other" else AssetError
    bench.wheel = lambda version: path
    before = snapshot(bench.where.root)

    with pytest.raises(kind):
        bench.install()
    assert snapshot(bench.where.root) == before


def test_status_for_people_and_programs(bench):
    assert lines(status(bench.where, bench.systemd)) == ["edgeseg is not installed as a service here."]
    bench.install()

    found = json.loads(json.dumps(status(bench.where, bench.systemd)))

    assert found["release"] == "1.0.0"
    assert found["is_whole"]
    assert (found["instances"][0]["fps"], found["instances"][0]["temp_c"]) == (29.9, 61.0)
    assert re.fullmatch(r"camera: active \(running\): 29.9 fps, 61 C", lines(found)[-1])


def test_what_the_board_wants_lies_in_drop_ins(bench):
    folder = bench.where.root / "etc/systemd/system" / f"{UNIT}.d"
    before = snapshot(bench.where.root)
    bench.tools.memory_mb = 400
    bench.install(machine=bench.machine(is_jetson=True))

    assert {path.name for path in folder.iterdir()} == {"jetson.conf", "memory.conf"}
    assert "MemoryHigh=400000000\nMemoryMax=500000000\n" in (folder / "memory.conf").read_text()
    bench.session.uninstall(False)
    assert snapshot(bench.where.root) == before


def test_a_config_with_a_password_is_not_for_everybody(bench):
    bench.install(camera="gst:rtspsrc location=rtsp://me:secret@10.0.0.9/ ! decodebin")

    assert (bench.where.config / "camera.yaml").stat().st_mode & 0o777 == 0o640
    assert "own camera.yaml" in bench.systemd.calls


def test_the_network_is_opened_for_an_instance_that_runs(bench):
    bench.install()
    started = len(bench.systemd.started)
    said = bench.install(network=True)

    assert len(bench.systemd.started) == started + 1, "a drop-in holds from the next start on"
    assert said[-1].startswith(f"start {UNIT}")
    assert bench.install(network=True) == []
