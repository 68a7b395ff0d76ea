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


def test_without_a_source_it_is_never_active(machine: Booted) -> None:
    machine.write("/etc/edgeseg/none.yaml", 'source: "gst:videotestsrc num-buffers=0"\n')
    done = machine.run("systemctl", "start", "edgeseg@none", check=False)
    machine.run("systemctl", "stop", "edgeseg@none")
    assert done.returncode != 0


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
