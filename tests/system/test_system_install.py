"""One command puts the service on a clean Debian 12 and 13; it is upgraded, rolled back by itself, taken away whole.

The tests of a board follow one another: what one leaves is where the next begins.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.roots import PROJECT
from tests.system import releases
from tests.system.asking import ask, state
from tests.system.boards import Board
from tests.system.releases import BETTER, BLIND, CRASHES, FIRST, GOOD, NEVER_STARTS, SLOW, TRIES

pytestmark = [pytest.mark.system, pytest.mark.timeout(1800)]
UNIT = "edgeseg@camera.service"
DROP_IN = "/etc/systemd/system/edgeseg@.service.d/00-release.conf"
ONE_MB = 1 << 20
QUIET = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def machine(board, request) -> Iterator[Board]:
    with board(request.param) as one:
        yield one


@pytest.fixture(scope="module")
def wheel(brought) -> Path:
    return brought.good


def camera(machine: Board) -> dict:
    (one,) = (one for one in machine.status()["instances"] if one["instance"] == "camera")
    return one


def ran(machine: Board, argv: list[str], **variables: str) -> subprocess.CompletedProcess[str]:
    return machine.run(*argv, check=False, timeout_s=500, **variables)


def upgraded(machine: Board, wheel: Path, version: str, watch_s: float = 8) -> tuple[int, dict]:
    words = ["edgeseg", "service", "upgrade", "--wheelhouse", "/mnt", "--watch", f"{watch_s:g}", "--json"]
    for _ in range(TRIES):
        done = ran(machine, [*words, releases.made(wheel, version)])
        assert done.returncode in (0, 4), done.stderr
        outcome = json.loads(done.stdout)
        if version == SLOW or releases.SLOWER not in outcome["reason"]:
            break
    return done.returncode, outcome


def test_what_stands_in_the_way_is_said_and_nothing_is_changed(machine, wheel):
    argv, environment = releases.install(wheel)
    plain = ["python3", "-m", "edgeseg.install"]
    refused = [
        (["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *argv], 8, "run the same with sudo"),
        (plain, 3, "There is no camera: plug one in"),
        (plain, 3, "sudo apt install v4l2loopback-dkms"),
        ([*plain, "--camera", "camera:0", "--sink", "null"], 3, "There is no camera /dev/video0"),
        ([*argv, "--instance", "../up"], 2, "cannot name an instance"),
        ([*argv, "--instance", "Küche"], 2, "cannot name an instance"),
        ([*argv, "--instance=-rf"], 2, "cannot name an instance"),
        (["unshare", "-m", "sh", "-c", 'mount -o remount,bind,ro / && exec "$@"', "sh", *argv], 7, "is read-only"),
        (
            ["unshare", "-m", "sh", "-c", 'umount --lazy /run && exec "$@"', "sh", *argv],
            2,
            "does not run systemd",
        ),
    ]
    for words, code, sentence in refused:
        done = ran(machine, words, **environment)
        assert (done.returncode, sentence in done.stderr, "Traceback" in done.stderr) == (code, True, False), (
            words,
            done.returncode,
            done.stderr,
        )
    assert machine.files() == machine.before


def test_a_dry_run_says_it_all_and_changes_nothing(machine, wheel):
    argv, environment = releases.install(wheel, "--dry-run")
    said = ran(machine, argv, **environment).stdout
    for words in (f"make the release /opt/edgeseg/releases/{FIRST}", "make the user edgeseg", "measure which tiers"):
        assert words in said
    assert machine.files() == machine.before


def test_a_full_card(machine, wheel):
    """Full before it begins, and full in its middle; then the same command goes on."""
    argv, environment = releases.install(wheel)
    memory = machine.root.parent
    used = shutil.disk_usage(memory).used
    for free_mb, sentence in ((500, "MB free, and 1200 MB are needed"), (1300, "The disk is full: make room")):
        subprocess.run(["mount", "-o", f"remount,size={used + free_mb * ONE_MB}", memory], check=True)
        filler = machine.root / "root" / "filler"
        try:
            with subprocess.Popen(machine.inside(*argv, **environment), **QUIET) as running:
                said = ""
                for line in running.stderr:
                    said += line
                    if "what it needs" in line:
                        subprocess.run(["fallocate", "-l", f"{1100 * ONE_MB}", filler], check=True)
        finally:
            filler.unlink(missing_ok=True)
            subprocess.run(["mount", "-o", "remount,size=6g", memory], check=True)
        assert (running.returncode, sentence in said, "Traceback" in said) == (7, True, False), said


def test_one_command_and_frames_flow(machine, wheel):
    argv, environment = releases.install(wheel)
    began = time.monotonic()
    done = ran(machine, argv, **environment)
    assert (done.returncode, done.stdout) == (0, "installed; see: edgeseg service status\n"), done.stderr
    print(f"install: {time.monotonic() - began:.0f} s\n{done.stderr}")
    now = machine.status()
    assert (now["release"], now["is_whole"], now["upgrade"]) == (FIRST, True, None)
    assert (camera(machine)["active"], camera(machine)["enabled"]) == ("active", True)
    assert camera(machine)["fps"] > 0
    assert machine.run("stat", "-c", "%U", "/var/lib/edgeseg/ladder.json").stdout == "edgeseg\n", "it was calibrated"
    assert "on small" in machine.run("edgeseg", "service", "self-check").stdout
    shown = machine.run("systemctl", "show", UNIT, "--property=FragmentPath,DropInPaths,User").stdout
    assert f"FragmentPath=/etc/systemd/system/edgeseg@.service\nDropInPaths={DROP_IN}" in shown
    assert "User=edgeseg" in shown


def test_all_that_is_shipped_is_where_it_belongs(machine, wheel):
    for path in ("sysusers.d/edgeseg.conf", "tmpfiles.d/edgeseg.conf", "udev/rules.d/60-edgeseg.rules"):
        link = machine.root / "etc" / path
        assert link.is_symlink(), path
        assert machine.run("test", "-s", f"/etc/{path}", check=False).returncode == 0, path
    groups = set(machine.run("id", "-nG", "edgeseg").stdout.split())
    assert groups == {"edgeseg", "video", "render", "plugdev"}
    assert not (machine.root / "etc/modprobe.d/edgeseg.conf").exists(), "no virtual webcam was asked for"
    assert machine.run("systemd-tmpfiles", "--create", "/etc/tmpfiles.d/edgeseg.conf", check=False).returncode == 0


def test_again_there_is_nothing_to_do(machine, wheel):
    before = machine.files()
    pid = camera(machine)["pid"]
    argv, _ = releases.install(wheel)
    done = ran(machine, ["edgeseg", "service", "install", "--wheel", f"/srv/{wheel.name}", *argv[3:]])
    assert done.stdout == "nothing to do: it is installed, and it runs\n", done.stderr
    assert machine.files() == before
    assert camera(machine)["pid"] == pid


def test_a_password_that_everybody_may_read_is_refused(machine):
    machine.write("/etc/edgeseg/leak.yaml", 'source: "gst:rtspsrc location=rtsp://me:secret@10.0.0.9/"\nsink: "null"\n')
    done = ran(machine, ["systemctl", "start", "edgeseg@leak"])
    said = machine.run("systemctl", "show", "edgeseg@leak", "--property=StatusText,NRestarts").stdout
    machine.run("rm", "/etc/edgeseg/leak.yaml")
    machine.run("systemctl", "reset-failed", "edgeseg@leak")
    assert done.returncode != 0
    assert "leak.yaml" in said
    assert "NRestarts=0" in said
    assert "secret" not in said


def test_a_good_release_is_kept(machine, wheel):
    _, outcome = upgraded(machine, wheel, GOOD)
    assert (outcome["old"], outcome["new"], outcome["result"]) == (FIRST, GOOD, "kept")
    now = machine.status()
    assert (now["release"], now["previous"], camera(machine)["active"]) == (GOOD, FIRST, "active")
    assert (
        f"/opt/edgeseg/releases/{GOOD}/bin/python"
        in machine.run("cat", f"/proc/{camera(machine)['pid']}/cmdline").stdout
    )


def test_its_systemd_finds_nothing_wrong(machine):
    """252 on Debian 12, 257 on Debian 13; the units as they are installed, with their drop-ins."""
    for unit in (UNIT, "edgeseg-calibrate.service", "edgeseg-settle.service"):
        said = machine.run("systemd-analyze", "verify", "--man=no", unit, check=False)
        assert "edgeseg" not in said.stdout + said.stderr, said.stderr
        if unit != "edgeseg-settle.service":
            score = machine.run("systemd-analyze", "security", "--no-pager", unit, check=False).stdout
            assert float(score.rsplit(": ", 1)[1].split()[0]) <= 1.2
    if "verify" in machine.run("udevadm", "--help").stdout:  # since 254
        rules = machine.run("udevadm", "verify", "/etc/udev/rules.d/60-edgeseg.rules", check=False)
        assert rules.returncode == 0, rules.stdout + rules.stderr
    machine.write("/root/webcam.conf", (PROJECT / "systemd/modprobe.d/edgeseg.conf").read_text())
    options = machine.run("modprobe", "-C", "/root/webcam.conf", "--showconfig").stdout
    machine.run("rm", "/root/webcam.conf")
    assert 'options v4l2loopback devices=1 video_nr=10 card_label="edgeseg camera" exclusive_caps=1' in options


@pytest.mark.parametrize(
    ("version", "result", "reason"),
    [
        (NEVER_STARTS, "rolled back", "systemd had to restart it"),
        (CRASHES, "rolled back", "systemd had to restart it"),
        (SLOW, "rolled back", "and before it "),  # fewer frames, or nothing but covers
        (BLIND, "refused", ""),
    ],
)
def test_a_bad_release_does_not_stay(machine, wheel, version, result, reason):
    pid = camera(machine)["pid"]
    code, outcome = upgraded(machine, wheel, version)
    print(outcome["reason"])
    assert (code, outcome["result"]) == (4, result), outcome
    assert reason in outcome["reason"]
    now = machine.status()
    assert (now["release"], now["last"]["new"], now["last"]["reason"]) == (GOOD, version, outcome["reason"])
    assert camera(machine)["active"] == "active", "the way back waits for it"
    if result == "refused":
        assert camera(machine)["pid"] == pid, "what ran was not touched"
    assert outcome["reason"] in machine.run("edgeseg", "service", "releases").stdout


def test_two_at_once(machine, wheel):
    words = ["edgeseg", "service", "upgrade", "--wheelhouse", "/mnt", releases.made(wheel, BETTER)]
    with subprocess.Popen(machine.inside(*words), **QUIET) as first:
        assert first.stderr is not None
        first.stderr.readline()  # it is at work
        second = ran(machine, words)
        machine.run("pkill", "-INT", "-x", "edgeseg", "-U", "0", check=False)
        first.stderr.read()
    assert (second.returncode, "Another install or upgrade is at work here (process" in second.stderr) == (8, True)
    assert first.returncode != 0
    assert machine.status()["release"] == GOOD


def test_one_that_was_tampered_with_is_not_gone_back_to(machine):
    (folder,) = (machine.root / f"opt/edgeseg/releases/{FIRST}").glob("lib/python3*/site-packages/edgeseg")
    (folder / "trust.py").write_text((folder / "trust.py").read_text() + "\n")
    said = ran(machine, ["edgeseg", "service", "rollback"])
    assert (said.returncode, "was tampered with" in said.stderr) == (6, True), said.stderr
    assert ran(machine, ["edgeseg", "service", "releases", "--verify"]).returncode == 6
    text = (folder / "trust.py").read_text()
    (folder / "trust.py").write_text(text[:-1])
    assert ran(machine, ["edgeseg", "service", "releases", "--verify"]).returncode == 0


def test_back_by_hand(machine):
    done = ran(machine, ["edgeseg", "service", "rollback", "--json"])
    assert json.loads(done.stdout)["new"] == FIRST, done.stderr
    assert (machine.status()["release"], camera(machine)["active"]) == (FIRST, "active")
    for words in (["status"], ["releases"], ["logs", "-n", "5"]):
        print(machine.run("edgeseg", "service", *words).stdout)
    print(machine.run("systemctl", "status", "--no-pager", UNIT).stdout)


def test_a_page_comes_goes_and_outlives_an_upgrade(machine, wheel):
    in_use = (
        "import socket, subprocess, sys; s = socket.create_server(('', 8080)); sys.exit(subprocess.call(sys.argv[1:]))"
    )
    words = ["edgeseg", "service", "web", "on", "--listen", "0.0.0.0:8080", "--wheelhouse", "/mnt"]
    taken = ran(machine, ["python3", "-c", in_use, *words])
    assert (taken.returncode, "Port 8080 is in use" in taken.stderr) == (8, True), taken.stderr
    bearer = ("Authorization", "Bearer " + taken.stdout.split()[-1])
    assert ask(machine, "GET", "/")[0] == 0
    began = time.monotonic()
    done = ran(machine, words)
    print(f"web on: {time.monotonic() - began:.0f} s\n{done.stderr}")
    assert done.returncode == 0, done.stderr + machine.run("edgeseg", "service", "logs", "-n", "30").stdout
    assert done.stdout == "the page of camera: http://0.0.0.0:8080/\n", "the token was shown already"
    assert ran(machine, ["edgeseg", "service", "releases", "--verify"]).returncode == 0
    for version in (FIRST, BETTER):
        if version != FIRST:
            assert upgraded(machine, wheel, version)[1]["result"] == "kept"
        assert ask(machine, "GET", "/healthz")[0] == 200
        assert ask(machine, "GET", "/api/v1/state")[0] == 401
        now = state(machine, bearer)
        assert (now["status"], now["instance"], machine.status()["release"]) == ("running", "camera", version)
    done = ran(machine, ["edgeseg", "service", "web", "off"])
    assert (done.returncode, done.stdout) == (0, "the page of camera is off\n"), done.stderr
    assert ask(machine, "GET", "/")[0] == 0
    assert machine.run("systemctl", "show", "--property=PrivateNetwork", "--value", UNIT).stdout == "yes\n"
    assert camera(machine)["active"] == "active"


def test_nothing_is_left(machine):
    machine.run("edgeseg", "service", "uninstall", timeout_s=120)
    after = machine.files()
    assert set(after) - set(machine.before) == set()
    assert {name for name in machine.before if after.get(name) != machine.before[name]} == set()
    left = machine.run("systemctl", "list-units", "--all", "--no-legend", "--plain", "edgeseg*").stdout
    assert " loaded " not in left  # one that was there may be remembered for a while, as not found
