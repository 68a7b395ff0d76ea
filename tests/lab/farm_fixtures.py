"""Devices of the farm for tests: a host by ssh and a labgrid place on this machine, an Arm root; skipped where none."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from tests.lab import farm_hosts, farm_places
from tests.lab.farm_hosts import Hosts
from tests.lab.farm_places import Places


def nothing_needed() -> dict[str, list[str]]:
    """Of an entry: a device with no packages, as what is tested of it needs none."""
    return {"without": sorted({Requirement(one).name for one in metadata.requires("edgeseg") or ()})}


@pytest.fixture(scope="session")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    """Two hosts; whoever stops or cuts one puts it right again."""
    if reason := farm_hosts.missing():
        pytest.skip(reason)
    lab = Hosts(tmp_path_factory.mktemp("hosts"), 50 + os.getpid() % 200)
    try:
        lab.up()
        yield lab
    finally:
        lab.down()


@pytest.fixture(scope="session")
def places(tmp_path_factory: pytest.TempPathFactory, hosts: Hosts) -> Iterator[Places]:
    """A labgrid lab with one place: the host."""
    if reason := farm_places.missing():
        pytest.skip(reason)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    lab = Places(tmp_path_factory.mktemp("places"), port, hosts.host)
    try:
        lab.up()
        yield lab
    finally:
        lab.down()


@pytest.fixture(scope="session")
def ssh_entry(hosts: Hosts) -> Callable[..., Any]:
    """Makes an entry of the host, with these keys of it changed."""
    from deploy.farm.kinds.ssh import SshEntry

    def entry(**changed: Any) -> SshEntry:
        keys = {"key": str(hosts.folder / "key"), "known_hosts": str(hosts.folder / "known_hosts")}
        plain = {"kind": "ssh", "host": hosts.host, "user": farm_hosts.USER, "alive_s": 1.0}
        return SshEntry.model_validate({**plain, **keys, **nothing_needed(), **changed})

    return entry


@pytest.fixture(scope="session")
def place_entry(hosts: Hosts, places: Places) -> Callable[..., Any]:
    """Makes an entry of the place, with these keys of it changed."""
    from deploy.farm.kinds.labgrid import LabgridEntry

    def entry(**changed: Any) -> LabgridEntry:
        keys = {"key": str(hosts.folder / "key"), "known_hosts": str(hosts.folder / "known_hosts")}
        plain = {"kind": "labgrid", "coordinator": places.coordinator, "tags": {"board": "lab"}, "wait_s": 5.0}
        return LabgridEntry.model_validate({**plain, **keys, **nothing_needed(), **changed})

    return entry


@pytest.fixture(scope="session")
def root_entry() -> Callable[..., Any]:
    """Makes an entry of an arm64 root."""
    from deploy.farm import roots
    from deploy.farm.kinds.root import RootEntry

    if reason := roots.missing("arm64"):
        pytest.skip(reason)

    def entry(**changed: Any) -> RootEntry:
        plain = {"kind": "root", "cpu": "cortex-a76", "board": "raspberry-pi-5"}
        return RootEntry.model_validate({**plain, **nothing_needed(), **changed})

    return entry


@pytest.fixture(scope="session")
def guest_entry() -> Callable[..., Any]:
    """Makes an entry of an emulated Raspberry Pi 3."""
    from deploy.farm import guests
    from deploy.farm.kinds.guest import GuestEntry

    if os.environ.get("EDGESEG_GUEST") != "1":
        pytest.skip("boots an emulated board, which takes minutes: set EDGESEG_GUEST=1")
    if reason := guests.missing():
        pytest.skip(reason)

    def entry(**changed: Any) -> GuestEntry:
        return GuestEntry.model_validate({"kind": "guest", **nothing_needed(), **changed})

    return entry


@pytest.fixture(scope="session")
def farm_cache() -> Path:
    """Where roots are kept from run to run, as those of the lab are."""
    folder = Path(os.environ.get("EDGESEG_LAB_CACHE") or Path.home() / ".cache" / "edgeseg-lab") / "farm"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
