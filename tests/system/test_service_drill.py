"""The service under Debian's own systemd: ready, restarted, fed, reloaded, fenced in, ended."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edgeseg.errors import Unreachable
from tests.lab import booted_root
from tests.lab.booted_root import Booted

ASKED = os.environ.get("EDGESEG_SYSTEM") == "1"
WHY_NOT = booted_root.missing() if ASKED else "boots systemd in a container: make test-system"
pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(400),
    pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT or ""),
]
UNIT = "edgeseg@cam"
FILE = "/etc/edgeseg/cam.yaml"
GOOD = """\
source: "gst:videotestsrc is-live=true ! video/x-raw,width=640,height=360,framerate=30/1"
sink: "null"
background: "color:#123456"
"""
AS_PROBE = """\
[Service]
Type=oneshot
WatchdogSec=0
Restart=no
ExecStart=
ExecStart=/usr/bin/python3 /opt/edgeseg/fence_probe.py
"""
WAIT_S = 60


@pytest.fixture(scope="module")
def machine(tier_file: Callable[..., Path]) -> Iterator[Booted]:
    tier_file()
    try:
        booted_root.build()
    except Unreachable as error:
        pytest.skip(str(error))
    with booted_root.booted() as made:
        made.run("systemd-sysusers")
        made.run("systemd-tmpfiles", "--create", check=False)
        made.write(FILE, GOOD)
        yield made


@pytest.fixture
def running(machine: Booted) -> Booted:
    """With the service running on the good config."""
    machine.write(FILE, GOOD)
    machine.run("systemctl", "reset-failed")
    machine.run("systemctl", "start", UNIT)
    return machine


def shown(machine: Booted, name: str) -> str:
    return machine.run("systemctl", "show", f"--property={name}", "--value", UNIT).stdout.strip()


def soon(true: Callable[[], object], what: str) -> None:
    until = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < until, f"waited in vain for {what}"
        time.sleep(0.1)


def facts(machine: Booted, *match: str) -> list[dict[str, str]]:
    """The journal's entries with these fields."""
    said = machine.run("journalctl", f"--unit={UNIT}", "--output=json", "--no-pager", *match).stdout
    return [json.loads(line) for line in said.splitlines()]


def back(machine: Booted, pid: str) -> None:
    """Wait until another process than `pid` is ready."""
    soon(lambda: shown(machine, "MainPID") not in (pid, "0") and shown(machine, "ActiveState") == "active", "a restart")


def test_it_is_active_once_a_frame_went_out_and_says_so(machine: Booted) -> None:
    machine.run("systemctl", "start", UNIT)  # comes back when it is ready
    assert shown(machine, "ActiveState") == "active"
    (ready,) = facts(machine, "EDGESEG_FACT=ready")
    started = [one for one in facts(machine) if one["MESSAGE"].startswith("Started edgeseg@cam")]
    assert (ready["EDGESEG_INSTANCE"], ready["_SYSTEMD_UNIT"], ready["PRIORITY"]) == ("cam", f"{UNIT}.service", "5")
    assert len(started) == 1
    soon(lambda: re.match(r"[\d.]+ fps, \S+ on cpu", shown(machine, "StatusText")), "the status line")
    assert "Status:" in machine.run("systemctl", "status", "--no-pager", UNIT).stdout


def test_without_a_source_it_shows_covers_and_says_why(machine: Booted) -> None:
    machine.write("/etc/edgeseg/none.yaml", 'source: "gst:videotestsrc num-buffers=0"\n')
    machine.run("systemctl", "start", "edgeseg@none")  # after ten seconds of covers
    status = machine.run("systemctl", "show", "--property=StatusText,NRestarts", "edgeseg@none").stdout
    machine.run("systemctl", "stop", "edgeseg@none")
    assert "covered: source_lost" in status
    assert "NRestarts=0" in status


def test_a_wrong_config_is_told_and_not_tried_again(machine: Booted) -> None:
    machine.write("/etc/edgeseg/wrong.yaml", "bogus: 1\n")
    done = machine.run("systemctl", "start", "edgeseg@wrong", check=False)
    assert done.returncode != 0
    status = machine.run("systemctl", "show", "edgeseg@wrong").stdout
    assert "ActiveState=failed" in status
    assert "NRestarts=0" in status
    assert "StatusText=failed: /etc/edgeseg/wrong.yaml:1: 'bogus' is no known key" in status


def test_a_second_one_by_hand_is_refused(running: Booted) -> None:
    pid = shown(running, "MainPID")
    done = running.run("/opt/edgeseg/current/bin/edgeseg", "service", "run", "--instance", "cam", check=False)
    assert (done.returncode, f"runs already as process {pid}" in done.stderr) == (8, True), done.stderr


def test_killed_it_comes_back(running: Booted) -> None:
    pid = shown(running, "MainPID")
    start = time.monotonic()
    running.run("kill", "-KILL", pid)
    back(running, pid)
    print(f"kill -9 to frames: {time.monotonic() - start:.1f} s")


def test_stopped_in_its_tracks_the_watchdog_brings_it_back(running: Booted) -> None:
    pid = shown(running, "MainPID")
    running.run("kill", "-STOP", pid)
    back(running, pid)
    assert any("watchdog" in one["MESSAGE"].lower() for one in facts(running, "_PID=1"))


def test_a_reload_is_taken_up_by_the_same_process(running: Booted) -> None:
    pid, before = shown(running, "MainPID"), len(facts(running, "EDGESEG_FACT=reloaded"))
    running.write(FILE, GOOD.replace("#123456", "#654321"))
    running.run("systemctl", "reload", UNIT)
    soon(lambda: len(facts(running, "EDGESEG_FACT=reloaded")) > before, "the reload")
    assert facts(running, "EDGESEG_FACT=reloaded")[-1]["EDGESEG_WHAT"] == "background"
    soon(lambda: shown(running, "SubState") == "running", "the end of the reload")
    assert shown(running, "MainPID") == pid


def test_a_wrong_reload_keeps_the_old_config_and_says_why(running: Booted) -> None:
    pid = shown(running, "MainPID")
    running.write(FILE, GOOD + "bogus: 1\n")
    running.run("systemctl", "reload", UNIT)
    soon(lambda: "new config refused, the old one goes on" in shown(running, "StatusText"), "the refusal")
    assert f"{FILE}:4: 'bogus' is no known key" in shown(running, "StatusText")
    assert shown(running, "MainPID") == pid
    check = running.run("/opt/edgeseg/current/bin/edgeseg", "config", "check", "--instance", "cam", check=False)
    assert check.returncode == 2
    running.write(FILE, GOOD)
    running.run("systemctl", "reload", UNIT)
    soon(lambda: "refused" not in shown(running, "StatusText"), "a good config")


def test_it_is_stopped_within_two_seconds(running: Booted) -> None:
    running.run("systemctl", "stop", UNIT)
    rows = facts(running)
    stopping = next(one for one in reversed(rows) if one["MESSAGE"].startswith("Stopping edgeseg@cam"))
    stopped = next(one for one in reversed(rows) if one["MESSAGE"].startswith("Stopped edgeseg@cam"))
    took_s = (int(stopped["__MONOTONIC_TIMESTAMP"]) - int(stopping["__MONOTONIC_TIMESTAMP"])) / 1e6
    print(f"SIGTERM to the end: {took_s:.2f} s")
    assert shown(running, "Result") == "success"  # it ends itself after 1.8 s at the latest, and systemd kills after 5
    assert not running.run("sh", "-c", "ls /run/edgeseg").stdout.strip()


def test_the_fence_is_there(machine: Booted) -> None:
    """Devices are not in this: nspawn has no such control group. The guest's drill looks at them."""
    probe = Path(__file__).with_name("fence_probe.py").read_text(encoding="utf-8")
    machine.write("/opt/edgeseg/fence_probe.py", probe)
    machine.run("mkdir", "-p", "/etc/systemd/system/edgeseg@probe.service.d")
    machine.write("/etc/systemd/system/edgeseg@probe.service.d/probe.conf", AS_PROBE)
    machine.run("sh", "-c", "mknod /dev/ours c 1 3; chgrp video /dev/ours; chmod 660 /dev/ours")
    machine.run("sh", "-c", "mknod /dev/roots c 1 3; chmod 660 /dev/roots")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "start", "edgeseg@probe")
    said = machine.run("journalctl", "--unit=edgeseg@probe", "--output=cat", "--no-pager").stdout
    seen = json.loads(next(line for line in said.splitlines() if line.startswith("{")))
    assert seen == {
        "write /usr": "EROFS",
        "write /etc/edgeseg": "EROFS",
        "write /opt/edgeseg": "EROFS",
        "write /sys": "EROFS",
        "write /proc/sys": "EROFS",
        "write its state": "done",
        "write its runtime folder": "done",
        "look into /home": "EACCES",
        "run what it wrote": "EACCES",
        "set suid": "EPERM",
        "make a device": "EPERM",
        "open a camera of its group": "done",
        "open a device of root": "EACCES",
        "read the kernel's log": "ENOENT",
        "memory that is written and run": "EPERM",
        "a network socket": "EAFNOSUPPORT",
        "a netlink socket": "EAFNOSUPPORT",
        "be more important": "EPERM",
        "a namespace of its own": "EPERM",
        "network interfaces": ["lo"],
        "processes it sees": 1,
        "capabilities": 0,
    }


def test_the_drop_in_opens_the_network(machine: Booted) -> None:
    dropin = (booted_root.roots.PROJECT / "systemd" / "dropins" / "network.conf").read_text(encoding="utf-8")
    machine.run("mkdir", "-p", "/etc/systemd/system/edgeseg@open.service.d")
    machine.write("/etc/systemd/system/edgeseg@open.service.d/network.conf", dropin)
    machine.write("/etc/systemd/system/edgeseg@open.service.d/probe.conf", AS_PROBE)
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "start", "edgeseg@open")
    said = machine.run("journalctl", "--unit=edgeseg@open", "--output=cat", "--no-pager").stdout
    seen = json.loads(next(line for line in said.splitlines() if line.startswith("{")))
    assert (seen["a network socket"], seen["write /usr"]) == ("done", "EROFS")


def test_calibrating_runs_in_its_fence_and_keeps_the_ladder(machine: Booted) -> None:
    machine.run("systemctl", "stop", UNIT)
    machine.run("mkdir", "-p", "/etc/systemd/system/edgeseg-calibrate.service.d")
    short = "[Service]\nExecStart=\nExecStart=/opt/edgeseg/current/bin/edgeseg calibrate --time 8\n"
    machine.write("/etc/systemd/system/edgeseg-calibrate.service.d/short.conf", short)
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "start", "edgeseg-calibrate", timeout_s=120)
    kept = machine.run("stat", "--format=%U", "/var/lib/edgeseg/ladder.json").stdout.strip()
    assert kept == "edgeseg"
    machine.write(FILE, GOOD)
    machine.run("systemctl", "start", UNIT)
    soon(lambda: ", rung '" in shown(machine, "StatusText"), "the governor's rung in the status")


RED = """\
source: "gst:videotestsrc is-live=true pattern=red ! video/x-raw,width=640,height=360,framerate=30/1"
sink: "file:/var/lib/edgeseg/drill/out.mkv"
background: "color:#123456"
"""
TIMES = 5
LOOK = """
import json, pathlib, av
seen = {"frames": 0, "raw": 0, "files": 0}
for path in sorted(pathlib.Path("/var/lib/edgeseg/drill").glob("*.mkv")):
    seen["files"] += 1
    try:
        for picture in av.open(str(path)).decode(video=0):
            yuv = picture.to_ndarray(format="yuv420p")
            red = yuv[picture.height * 5 // 4:]  # V: of the red pattern 240, of the background 110, of the person none
            seen["frames"] += 1
            seen["raw"] += int(red.max() > 150)
    except av.error.FFmpegError:
        pass  # to where it breaks off
print(json.dumps(seen))
"""


def at(entry: dict[str, str]) -> float:
    return int(entry["__MONOTONIC_TIMESTAMP"]) / 1e6


def pid_of_pipeline(machine: Booted) -> str:
    return machine.run("pidof", "gst-launch-1.0", check=False).stdout.split(" ")[0].strip()


@pytest.fixture
def recording(machine: Booted) -> Iterator[Booted]:
    """The service records what it shows of a red room; afterwards each frame is looked at: no red went out."""
    machine.run("systemctl", "stop", UNIT)
    machine.run("rm", "-rf", "/var/lib/edgeseg/drill")
    machine.run("install", "-d", "-o", "edgeseg", "-g", "edgeseg", "/var/lib/edgeseg/drill")
    machine.write(FILE, RED)
    machine.run("systemctl", "reset-failed")
    machine.run("systemctl", "start", UNIT)
    yield machine
    machine.run("systemctl", "stop", UNIT)
    machine.write("/root/look.py", LOOK)
    site = f"/{booted_root.SITE}"
    done = machine.run("env", f"PYTHONPATH={site}", "python3", "/root/look.py", timeout_s=120)
    seen = json.loads(done.stdout)
    print(f"recorded: {seen}")
    assert seen["frames"] > 30
    assert seen["raw"] == 0
    machine.write(FILE, GOOD)


def lost_and_found(machine: Booted, before: int) -> list[dict[str, str]]:
    """Of the source's entries after so many: where it was lost, and where it was found after that; else nothing."""
    news = facts(machine, "EDGESEG_CAUSE=source_lost")[before:]
    while news and news[0]["EDGESEG_FACT"] != "degraded":  # a busy machine had lost it by itself
        news.pop(0)
    return news[:2] if len(news) > 1 and news[1]["EDGESEG_FACT"] == "recovered" else []


@pytest.mark.parametrize("signal", ["KILL", "STOP"])
def test_a_source_that_falls_or_is_still_comes_back_without_a_restart(recording: Booted, signal: str) -> None:
    pid, took_s = shown(recording, "MainPID"), []
    for _ in range(TIMES):
        child, lost = pid_of_pipeline(recording), len(facts(recording, "EDGESEG_CAUSE=source_lost"))
        recording.run("kill", f"-{signal}", child)
        soon(lambda lost=lost: lost_and_found(recording, lost), "the source")  # type: ignore[misc]
        degraded, recovered = lost_and_found(recording, lost)
        took_s.append(at(recovered) - at(degraded))
        time.sleep(11)  # the journal says the same again after ten seconds
    print(f"source {signal} to frames: {', '.join(f'{one:.2f}' for one in took_s)} s")
    assert shown(recording, "MainPID") == pid
    assert shown(recording, "NRestarts") == "0"


def test_killed_again_and_again_it_comes_back_counts_and_keeps_what_it_recorded(recording: Booted) -> None:
    took_s = []
    for _ in range(TIMES):
        time.sleep(3)  # for something that is worth keeping
        pid, ready = shown(recording, "MainPID"), len(facts(recording, "EDGESEG_FACT=ready"))
        start = time.monotonic()
        recording.run("kill", "-KILL", pid)
        soon(lambda ready=ready: len(facts(recording, "EDGESEG_FACT=ready")) > ready, "frames")  # type: ignore[misc]
        took_s.append(time.monotonic() - start)
    print(f"kill -9 to frames: {', '.join(f'{one:.2f}' for one in took_s)} s, a second of it systemd's pause")
    assert shown(recording, "NRestarts") == str(TIMES)
    soon(lambda: f"restarted {TIMES} times" in shown(recording, "StatusText"), "the count in the status")
    assert facts(recording, "EDGESEG_FACT=restarted")[-1]["EDGESEG_RESTARTS"] == str(TIMES)
    files = recording.run("ls", "/var/lib/edgeseg/drill").stdout.split()
    assert len(files) == TIMES + 1, files


def test_halted_for_a_while_as_by_a_suspend_it_goes_on(recording: Booted) -> None:
    pid = shown(recording, "MainPID")
    for _ in range(TIMES):
        recording.run("kill", "-STOP", pid)
        time.sleep(3)
        recording.run("kill", "-CONT", pid)
        time.sleep(2)
        soon(lambda: re.match(r"[\d.]+ fps, \S+ on cpu(, rung '[^']*')?$", shown(recording, "StatusText")), "frames")
    assert shown(recording, "MainPID") == pid
    assert shown(recording, "NRestarts") == "0"
