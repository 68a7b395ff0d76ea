"""What systemd is told: by the protocol, to whom, and by whom."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import pytest
from notified import Manager, soon

from edgeseg.service.notify import Notifier


def test_it_tells_the_socket_of_the_environment_and_hides_it_from_children(tmp_path: Path) -> None:
    manager = Manager(tmp_path / "notify")
    environ = {
        "NOTIFY_SOCKET": manager.address,
        "WATCHDOG_USEC": "10000000",
        "WATCHDOG_PID": str(os.getpid()),
        "A": "b",
    }
    notifier = Notifier.of(environ)
    notifier.ready("all is well")
    soon(lambda: manager.heard)
    manager.close()
    assert manager.heard == [{"READY": "1", "STATUS": "all is well"}]
    assert (notifier.watchdog_s, environ) == (10.0, {"A": "b"})


def test_it_tells_a_socket_in_the_abstract_namespace() -> None:
    name = f"edgeseg-{os.getpid()}-{time.monotonic_ns()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0{name}")
        manager.settimeout(10)
        Notifier(f"@{name}").send(WATCHDOG=1)
        assert manager.recv(100) == b"WATCHDOG=1"


def test_a_reload_is_told_with_the_time_on_systemds_clock(tmp_path: Path) -> None:
    manager = Manager(tmp_path / "notify")
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    Notifier(manager.address).reloading()
    soon(lambda: manager.heard)
    manager.close()
    (told,) = manager.heard
    assert told["RELOADING"] == "1"
    assert before <= int(told["MONOTONIC_USEC"]) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000


@pytest.mark.parametrize(
    ("environ", "watchdog_s"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "5000000"}, 5.0),
        ({"WATCHDOG_USEC": "5000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
    ],
)
def test_the_watchdog_is_ours_if_the_environment_says_so(environ: dict[str, str], watchdog_s: float | None) -> None:
    assert Notifier.of(dict(environ)).watchdog_s == watchdog_s


@pytest.mark.parametrize("address", [None, "", "/nowhere/notify"])
def test_without_a_manager_nothing_is_told_and_nothing_fails(address: str | None) -> None:
    Notifier(address).send(READY=1)
