"""The kind ssh against a real sshd: who is trusted, which hosts are refused and why, and what a lost one leaves."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from deploy.farm import remote, wheels
from deploy.farm.device import Command, DeviceLost, Ended
from deploy.farm.kinds.ssh import Ssh
from tests.lab.farm_hosts import HOME, SMALL, Hosts

Entry = Callable[..., Any]


def opened(entry: Any, cache: Path) -> Ssh:
    device = Ssh("desk", entry, cache)
    device.setup(lambda line: None)
    device.open()
    return device


def refusal(entry: Any, cache: Path) -> str:
    device = Ssh("desk", entry, cache)
    with pytest.raises(DeviceLost) as caught:
        device.setup(lambda line: None)
    device.close()
    return str(caught.value)


def test_a_host_behind_another_is_reached_by_it_alone(hosts: Hosts, ssh_entry: Entry, tmp_path: Path) -> None:
    assert "cannot be reached" in refusal(ssh_entry(host=hosts.behind), tmp_path)
    device = opened(ssh_entry(host=hosts.behind, jump=f"farm@{hosts.gate}"), tmp_path)
    try:
        code = "import os; print(os.getuid(), os.environ['SSH_CLIENT'])"
        lines = list(device.start(["python", "-c", code], 30).lines())
    finally:
        device.close()

    assert lines[0].startswith("4711 ")
    assert hosts.gate.rpartition(".")[0] + ".9" in lines[0]


def test_an_unknown_host_is_refused_with_the_command_that_adds_it(
    hosts: Hosts, ssh_entry: Entry, tmp_path: Path
) -> None:
    known = tmp_path / "known"
    said = refusal(ssh_entry(known_hosts=str(known)), tmp_path)

    assert said == (
        f"farm@{hosts.host} is not in {known}: ssh-keyscan -p 22 {hosts.host} >> {known} adds its key, "
        "which you should compare with the host's own."
    )
    known.write_text(f"elsewhere.local {(hosts.folder / 'host_host_key.pub').read_text()}")
    assert f"is not in {known}" in refusal(ssh_entry(known_hosts=str(known)), tmp_path)


def test_an_unknown_jump_host_is_refused(hosts: Hosts, ssh_entry: Entry, tmp_path: Path) -> None:
    known = tmp_path / "known"
    known.write_text(f"{hosts.behind} {(hosts.folder / 'host_host_key.pub').read_text()}")
    said = refusal(ssh_entry(host=hosts.behind, jump=hosts.gate, known_hosts=str(known)), tmp_path)

    assert said.startswith(f"farm@{hosts.gate} is not in {known}")


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa"])
def test_a_host_with_another_key_is_refused(hosts: Hosts, ssh_entry: Entry, tmp_path: Path, kind: str) -> None:
    import asyncssh

    known = tmp_path / "known"
    other = asyncssh.generate_private_key({"ed25519": "ssh-ed25519", "ecdsa": "ecdsa-sha2-nistp256"}[kind])
    known.write_text(f"{hosts.host} {other.export_public_key().decode()}")
    said = refusal(ssh_entry(known_hosts=str(known)), tmp_path)

    assert f"shows another key than {known} has of it" in said
    assert f"ssh-keygen -f {known} -R '{hosts.host}'" in said


def _script(hosts: Hosts, name: str, text: str) -> str:
    path = hosts.folder / "home" / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return f"{HOME}/{name}"


def _told(hosts: Hosts, **changed: Any) -> str:
    """A Python that says it is another one."""
    facts = {"python": [3, 11, 2], "implementation": "cpython", "machine": "x86_64", "libc": ["glibc", "2.36"]}
    facts |= {"free": 10**10, "writable": True, "folder": f"{HOME}/x", "at": HOME, "now": 0.0, **changed}
    return _script(hosts, "python-told", f"cat >/dev/null; echo '{json.dumps(facts)}'")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"machine": "aarch64"}, "cannot run edgeseg: it is x86_64, and the farm file says aarch64."),
        ({"python": "python3.99"}, "There is no python3.99 on "),
        ({"folder": "/proc/farm"}, "/proc is not writable there: name another folder under 'folder'."),
        ({"user": "root"}, "refuses the key "),
        ({"port": 2222}, "cannot be reached: Connection refused"),
        ({"host": "no-such-host.invalid"}, "cannot be reached: "),
        ({"key": "/no/such/key"}, "There is no key /no/such/key"),
        ({"jump": "a b"}, "'a b' under 'jump' is no address"),
    ],
)
def test_what_is_wrong_is_told(ssh_entry: Entry, tmp_path: Path, changed: dict[str, Any], words: str) -> None:
    assert words in refusal(ssh_entry(**changed), tmp_path)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"libc": ["glibc", "2.24"]}, "its glibc is 2.24, and the wheels need 2.28 or newer"),
        ({"libc": ["musl or another", ""]}, "the wheels that edgeseg needs are made for glibc"),
        ({"machine": "riscv64"}, "it is riscv64, and there are wheels for x86_64, aarch64, armv7l only."),
        ({"python": [3, 9, 2]}, "its Python is cpython 3.9.2; 3.10 or newer is needed."),
    ],
)
def test_an_unfit_host_is_refused_before_anything_is_sent(
    hosts: Hosts, ssh_entry: Entry, tmp_path: Path, changed: dict[str, Any], words: str
) -> None:
    assert words in refusal(ssh_entry(python=_told(hosts, **changed)), tmp_path)
    assert not (hosts.folder / "home" / "x").exists()


def test_a_python_that_only_prints_nonsense_is_told(hosts: Hosts, ssh_entry: Entry, tmp_path: Path) -> None:
    said = refusal(ssh_entry(python=_script(hosts, "python-odd", "echo hello; exit 3")), tmp_path)

    assert said.endswith("ended with 3 and said: hello")


def test_a_key_that_it_does_not_know_is_refused(hosts: Hosts, ssh_entry: Entry, tmp_path: Path) -> None:
    assert "ssh-copy-id" in refusal(ssh_entry(key=str(hosts.folder / "other_key")), tmp_path)


def test_a_locked_key_is_told(ssh_entry: Entry, tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", str(locked)], check=True)

    assert "cannot be used" in refusal(ssh_entry(key=str(locked)), tmp_path)


def test_two_that_set_up_one_host_at_once_do_not_disturb_each_other(
    ssh_entry: Entry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = tmp_path / "large-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("large/__init__.py", "WORD = 'whole'")
        archive.writestr("large/data", os.urandom(8_000_000))
    monkeypatch.setattr(wheels, "fetch", lambda *given: [wheel])
    folder = f"{HOME}/shared"
    devices = [Ssh(name, ssh_entry(folder=folder), tmp_path) for name in ("one", "two", "three")]
    said: list[str] = []
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda device: device.setup(said.append), devices))

    assert len(said) == 1, said  # it was sent once
    devices[0].open()
    lines = list(devices[0].start(["python", "-c", "import large; print(large.WORD)"], 30).lines())
    devices[0].close()
    assert lines == ["whole"]


def test_a_clock_that_is_wrong_is_told_and_does_no_harm(ssh_entry: Entry, tmp_path: Path) -> None:
    from deploy.farm.ways import Address, way

    entry = ssh_entry()
    body = remote.Remote("desk", entry, tmp_path, lambda: time.time() - 7200)
    said: list[str] = []
    body.open(way(entry, Address(entry.host, 22, None)))
    body.setup(said.append)
    body.close()

    assert "its clock is 7200 s ahead" in said[0] or "its clock is 7199 s ahead" in said[0]


@pytest.mark.parametrize("slack", [20_000_000, 0])
def test_a_full_disk_is_told(
    ssh_entry: Entry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slack: int, hosts: Hosts
) -> None:
    """Both what is seen beforehand, and what is met on the way because others write there, too."""
    (tmp_path / "large").write_bytes(bytes(1_500_000))
    device = Ssh("desk", ssh_entry(folder=f"{SMALL}/farm-{slack}"), tmp_path)
    monkeypatch.setattr(remote, "_SLACK", 0)
    device.setup(lambda line: None)
    device.open()
    monkeypatch.setattr(remote, "_SLACK", slack)
    try:
        if slack == 0:
            device.put({"large-0": tmp_path / "large"})
            monkeypatch.setattr(remote, "_SLACK", -(10**9))
        with pytest.raises(DeviceLost, match=r"The disk of farm@.* is full"):
            device.put({"large-0": tmp_path / "large", "large-1": tmp_path / "large"})
    finally:
        list(device.start(["python", "-c", f"import shutil; shutil.rmtree('{SMALL}/farm-{slack}')"], 30).lines())
        device.close()


def _to_the_end(command: Command, lines: Iterator[str]) -> Ended:
    assert list(lines) == []
    return command.wait()


def test_a_cut_cable_is_noticed(hosts: Hosts, ssh_entry: Entry, tmp_path: Path) -> None:
    device = opened(ssh_entry(), tmp_path)
    command = device.start(["python", "-c", "import time; print('on', flush=True); time.sleep(600)"], 120)
    lines = command.lines()
    assert next(lines) == "on"
    start = time.monotonic()
    hosts.cut("host")
    try:
        with pytest.raises(DeviceLost, match=f"farm@{hosts.host} was lost"):
            _to_the_end(command, lines)
        assert time.monotonic() - start < 30
        with pytest.raises(DeviceLost):
            device.put({})
        command.kill()
        device.close()
    finally:
        hosts.join("host")


def test_what_runs_there_ends_when_the_farm_is_gone(hosts: Hosts, ssh_entry: Entry, tmp_path: Path) -> None:
    device = opened(ssh_entry(), tmp_path)
    code = "import time\nwhile True:\n open('beat', 'a').write('.')\n time.sleep(0.05)"
    device.start(["python", "-c", code], 120)
    beat = hosts.folder / "home/.cache/edgeseg-farm/devices/desk/beat"
    beat.unlink(missing_ok=True)
    _until(lambda: beat.exists() and beat.stat().st_size > 3)
    device.close()

    def silent() -> bool:
        before = beat.stat().st_size
        time.sleep(0.3)
        return beat.stat().st_size == before

    _until(silent)


def test_a_host_whose_power_goes_is_lost(hosts: Hosts, ssh_entry: Entry, tmp_path: Path) -> None:
    device = opened(ssh_entry(), tmp_path)
    command = device.start(["python", "-c", "import time; print('on', flush=True); time.sleep(60)"], 120)
    lines = command.lines()
    assert next(lines) == "on"
    threading.Timer(0.2, hosts.stop, ["host"]).start()
    try:
        with pytest.raises(DeviceLost):
            _to_the_end(command, lines)
        assert "cannot be reached: Connection refused" in refusal(ssh_entry(), tmp_path)
    finally:
        device.close()
        hosts.start("host")
    _until(lambda: _opens(ssh_entry(), tmp_path))


def _opens(entry: Any, cache: Path) -> bool:
    device = Ssh("desk", entry, cache)
    try:
        device.open()
    except DeviceLost:
        return False
    finally:
        device.close()
    return True


def _until(what: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.05)
