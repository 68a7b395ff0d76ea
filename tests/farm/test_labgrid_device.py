"""The kind labgrid against a real coordinator and exporter: which place it gets, and that it is given back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.farm.device import Command, DeviceLost, Ended
from deploy.farm.kinds.labgrid import Labgrid
from tests.lab.farm_places import Places
from tests.lab.roots import PROJECT

Entry = Callable[..., Any]
PLACE = "edgeseg-lab"

# A farm that has the place and is ended from outside.
HOLDER = """
import sys, time
from pathlib import Path
from deploy.farm.kinds.labgrid import Labgrid, LabgridEntry

entry = LabgridEntry.model_validate_json(sys.argv[1])
device = Labgrid("held", entry, Path(sys.argv[2]))
try:
    device.setup(lambda line: None)
    device.open()
    device.start(["python", "-c", "import time; time.sleep(300)"], 300)
    print("held", flush=True)
    time.sleep(300)
finally:
    device.close()
"""


def opened(entry: Any, cache: Path) -> Labgrid:
    device = Labgrid("lab", entry, cache)
    device.setup(lambda line: None)
    device.open()
    return device


def refusal(entry: Any, cache: Path) -> str:
    device = Labgrid("lab", entry, cache)
    with pytest.raises(DeviceLost) as caught:
        device.open()
    device.close()
    return str(caught.value)


def is_free(places: Places) -> bool:
    return places.client("reservations").stdout == ""


def until_free(places: Places, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not is_free(places):
        assert time.monotonic() < end, places.client("reservations").stdout


def _to_the_end(command: Command, lines: Iterator[str]) -> Ended:
    assert list(lines) == []
    return command.wait()


def test_while_it_is_held_nobody_else_gets_it(places: Places, place_entry: Entry, tmp_path: Path) -> None:
    device = opened(place_entry(), tmp_path)
    try:
        other = places.client("-p", PLACE, "acquire")
        assert (other.returncode, other.stdout) == (1, "")
        assert f"Place {PLACE} was not reserved for" in other.stderr
        # Nor does another farm of the same user on this machine.
        assert refusal(place_entry(wait_s=1.0), tmp_path).startswith("All places with board=lab are taken, for 1 s now")
    finally:
        device.close()
    assert is_free(places)


def test_it_waits_for_a_place_in_use(places: Places, place_entry: Entry, tmp_path: Path) -> None:
    assert places.client("-p", PLACE, "acquire").returncode == 0
    try:
        assert "All places with board=lab are taken" in refusal(place_entry(wait_s=0.5), tmp_path)
    finally:
        assert places.client("-p", PLACE, "release").returncode == 0
    opened(place_entry(), tmp_path).close()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"tags": {"board": "pi9"}}, "knows no place with board=pi9"),
        ({"tags": {"name": "nowhere"}}, "knows no place with name=nowhere"),
        ({"coordinator": "127.0.0.1:1"}, "The labgrid coordinator 127.0.0.1:1 does not answer"),
        ({"key": "/no/such/key"}, "There is no key /no/such/key"),
        ({"known_hosts": "/no/such/hosts"}, "is not in /no/such/hosts"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_stays_reserved(
    places: Places, place_entry: Entry, tmp_path: Path, changed: dict[str, Any], words: str
) -> None:
    assert words in refusal(place_entry(**changed), tmp_path)
    assert is_free(places)


def test_a_place_by_its_name(place_entry: Entry, tmp_path: Path) -> None:
    opened(place_entry(tags={"name": PLACE}), tmp_path).close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_it_is_given_back_however_the_farm_ends(
    places: Places, place_entry: Entry, tmp_path: Path, number: signal.Signals
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, place_entry().model_dump_json(), str(tmp_path)],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as farm:
        assert farm.stdout is not None
        assert farm.stdout.readline() == "held\n"
        assert not is_free(places)
        os.killpg(farm.pid, number)
        farm.wait(30)
    until_free(places, 20)


def test_a_coordinator_that_goes_away_ends_what_runs(places: Places, place_entry: Entry, tmp_path: Path) -> None:
    """For somebody else may have the place next."""
    device = opened(place_entry(), tmp_path)
    command = device.start(["python", "-c", "import time; print('on', flush=True); time.sleep(300)"], 300)
    lines = command.lines()
    assert next(lines) == "on"
    places.stop("labgrid-coordinator")
    try:
        with pytest.raises(DeviceLost, match=r"coordinator .* does not answer"):
            _to_the_end(command, lines)
        with pytest.raises(DeviceLost, match=r"coordinator .* does not answer"):
            device.put({})
        device.close()
        assert "does not answer" in refusal(place_entry(), tmp_path)
    finally:
        device.close()
        places.down()
        places.up()
