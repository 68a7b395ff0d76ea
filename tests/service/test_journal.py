"""Facts in the journal: which are written, with which fields, and that no detail can forge one."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import get_args

import pytest

from edgeseg.facts import Awake, Degraded, Dropped, Fact, Idle, Noted, Opened, Recovered, RungChanged, Shown
from edgeseg.service.journal import Entry, Journal, datagram, entry

FACTS: list[tuple[Fact, dict[str, str] | None]] = [
    (Opened("source", "a camera"), {"EDGESEG_FACT": "opened", "EDGESEG_WHAT": "source", "PRIORITY": "6"}),
    (
        Degraded("engine_fault", "it fell"),
        {"EDGESEG_FACT": "degraded", "EDGESEG_CAUSE": "engine_fault", "PRIORITY": "4"},
    ),
    (Recovered("engine_fault"), {"EDGESEG_FACT": "recovered", "EDGESEG_CAUSE": "engine_fault"}),
    (Noted("sensor", "odd"), {"EDGESEG_FACT": "noted", "EDGESEG_WHAT": "sensor"}),
    (RungChanged("small", "heat", "it is hot"), {"EDGESEG_RUNG": "small", "EDGESEG_CAUSE": "heat"}),
    (Idle("nobody reads"), {"EDGESEG_FACT": "idle"}),
    (Awake("somebody reads", 61.2), {"EDGESEG_FACT": "awake", "EDGESEG_AFTER_S": "61.2"}),
    (Dropped("half_fps"), None),
    (Shown(1, "own"), None),
]


def fields(message: bytes) -> dict[str, str]:
    return dict(line.split("=", 1) for line in message.decode().rstrip("\n").split("\n"))


def test_every_kind_of_fact_has_a_row_here() -> None:
    assert {type(fact) for fact, _ in FACTS} == set(get_args(Fact))


@pytest.mark.parametrize(("fact", "wanted"), FACTS, ids=lambda one: type(one).__name__)
def test_a_fact_is_an_entry_with_fields_or_comes_with_each_frame(fact: Fact, wanted: dict[str, str] | None) -> None:
    made = entry(fact)
    if wanted is None:
        assert made is None
        return
    assert made is not None
    written = fields(datagram(made, "cam"))
    assert wanted.items() <= written.items()
    assert written["EDGESEG_INSTANCE"] == "cam"
    assert written["MESSAGE"]


def test_a_detail_cannot_bring_in_a_field_of_its_own() -> None:
    forged = datagram(Entry(6, "a\nPRIORITY=0", {"FACT": "noted", "DETAIL": "x\n_UID=0\n\0"}), "cam")
    assert set(fields(forged)) == {
        *("MESSAGE", "PRIORITY", "SYSLOG_IDENTIFIER", "EDGESEG_INSTANCE", "EDGESEG_FACT", "EDGESEG_DETAIL")
    }
    assert fields(forged)["PRIORITY"] == "6"


def test_a_password_is_not_in_the_journal() -> None:
    source = Opened("source", "gst: from rtspsrc location=rtsp://me:pa55@camera/1")
    made = entry(source)
    assert made is not None
    assert b"pa55" not in datagram(made, "cam")
    assert b"rtsp://me:***@camera/1" in datagram(made, "cam")


def test_it_goes_to_journald_where_systemd_connected_us_with_it(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journald:
        journald.bind(str(tmp_path / "socket"))
        journald.settimeout(10)
        stderr = os.fstat(2)
        environ = {"JOURNAL_STREAM": f"{stderr.st_dev}:{stderr.st_ino}"}
        journal = Journal.of("cam", environ, tmp_path / "socket")
        assert journal.is_there
        journal.take(Noted("tier", "small"), 0.0)
        assert fields(journald.recv(9000))["MESSAGE"] == "tier: small"
    journal.take(Noted("tier", "large"), 0.0)  # nobody takes it any more
    assert capfd.readouterr().err == "<5>tier: large\n"


def test_by_hand_it_goes_to_stderr(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for environ in ({}, {"JOURNAL_STREAM": "8:1"}):  # the latter is of the terminal that we were started in
        Journal.of("cam", environ, tmp_path).take(Degraded("mask_late", "old"), 0.0)
        assert capfd.readouterr().err == "degraded (mask_late): old\n"


def test_what_comes_again_and_again_is_written_every_ten_seconds(capfd: pytest.CaptureFixture[str]) -> None:
    journal = Journal("cam", None)
    for frame in range(1001):
        journal.take(Degraded("mask_late", "old"), frame / 50)
        journal.take(Degraded("engine_fault", "it fell"), frame / 50)
    lines = capfd.readouterr().err.splitlines()
    assert lines.count("degraded (mask_late): old") == lines.count("degraded (engine_fault): it fell") == 3
    assert len(lines) == 6
