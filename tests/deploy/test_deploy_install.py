"""edgeseg brought to hosts: what each is sent and told to do, what is said of each, and once over a real sshd."""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

from deploy import installing
from deploy.farm.wheels import Target
from deploy.installing import Order, bring
from deploy.transport import OpenSsh, Said
from edgeseg.errors import Unreachable, UsageError
from edgeseg.install.tools import PAGE_EXTRAS
from edgeseg.install.wheel import read_wheel
from tests.install.made import make_wheel

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/bin")
FACTS = {"python": [3, 11, 2], "machine": "aarch64", "libc": "glibc 2.36", "root": False, "release": None}


FINE = Said(0, "installed; see: edgeseg service status\n", "edgeseg: working\n")


class FakeHost:
    """Answers as it is told to and keeps what it was asked."""

    def __init__(self, name="pi", facts=None, ends=FINE):
        self.name = name
        self.facts = facts
        self.ends = ends
        self.asked = []
        self.sent = []

    def run(self, argv, told, stdin=""):
        self.asked.append(list(argv))
        if argv[0] == "python3" and stdin:
            return self.facts if isinstance(self.facts, Said) else Said(0, json.dumps(FACTS | (self.facts or {})), "")
        if argv[0] in ("mkdir", "rm"):
            return Said(0, "", "")
        for line in self.ends.stderr.splitlines():
            told(line)
        return self.ends

    def send(self, files, folder):
        self.sent += [file.name for file in files]
        return Said(0, "", "")


@pytest.fixture
def order(tmp_path):
    return Order(read_wheel(make_wheel(tmp_path, "1.0.0")), None, ("--camera", "camera:0"))


def brought(order, *hosts):
    told = []
    return bring(order, hosts, lambda host, line: told.append((host, line))), told


def test_a_new_host_is_installed(order):
    host = FakeHost()
    (end,), told = brought(order, host)

    assert (end.result, end.release) == ("installed", "1.0.0")
    assert host.sent == ["edgeseg-1.0.0-py3-none-any.whl"]
    command = next(argv for argv in host.asked if argv[0] == "sudo")
    assert command[:4] == ["sudo", "-n", "env", "PYTHONPATH=.cache/edgeseg-deploy/edgeseg-1.0.0-py3-none-any.whl"]
    assert command[5:10] == ["python3", "-m", "edgeseg.install", "--camera", "camera:0"]
    assert ("pi", "edgeseg: working") in told


def test_another_release_there_is_an_upgrade(order):
    host = FakeHost(facts={"release": "0.9.0", "root": True})
    (end,), _ = brought(order, host)

    assert end.result == "upgraded"
    command = next(argv for argv in host.asked if "upgrade" in argv)
    assert command[:3] == ["/opt/edgeseg/current/bin/edgeseg", "service", "upgrade"], "root needs no sudo"


def test_an_upgrade_that_was_rolled_back_says_why(order):
    told = "0.9.0 to 1.0.0: rolled back: edgeseg@camera.service: it failed (exit-code)"
    ends = Said(4, f"{told}\n", "edgeseg: 1.0.0 runs on trial for 60 s\n")
    (end,), _ = brought(order, FakeHost(facts={"release": "0.9.0"}, ends=ends))

    assert (end.result, end.reason, end.release) == ("failed", told, "0.9.0")


@pytest.fixture
def fetched(tmp_path, monkeypatch):
    """What is asked of the index: (requirements, target, held), one wheel being given; always for a page too."""
    asked = []
    (tmp_path / "numpy.whl").write_bytes(b"x")

    def fetch(wanted, target, without, folder, say, held, extras):
        assert extras == PAGE_EXTRAS
        asked.append((list(wanted), target, held))
        return [tmp_path / "numpy.whl"]

    monkeypatch.setattr(installing, "fetch", fetch)
    monkeypatch.setattr(installing, "requires", lambda wheel: ["numpy>=1.23", "opencv-python-headless>=4.8"])
    return asked


PI = {"picamera2": True, "numpy": "1.24.2"}
HELD = {"numpy": "1.24.2"}


@pytest.mark.parametrize(
    ("facts", "camera", "held"),
    [
        ({"numpy": "1.24.2"}, "auto", {}),
        (PI, "auto", HELD),
        (PI, "camera:0", {}),
        (PI | {"numpy": "2.2.4"}, "picamera2", {"numpy": "2.2.4"}),
        (PI | {"release": "0.9.0", "lent": False}, "auto", {}),
        (PI | {"release": "0.9.0", "lent": True}, "camera:0", HELD),
    ],
)
def test_a_lent_numpy_is_not_brought_and_all_else_fits_it(order, fetched, tmp_path, facts, camera, held):
    brought(Order(order.wheel, tmp_path / "house", (), camera=camera), FakeHost(facts=facts))
    assert fetched == [(["numpy>=1.23", "opencv-python-headless>=4.8"], Target((3, 11, 2), "aarch64", (2, 36)), held)]


def test_only_what_is_not_there_already_is_sent(order, fetched, tmp_path):
    """What there is of others goes: a folder of wheels is a wheelhouse."""
    numpy = hashlib.sha256(b"x").hexdigest()
    host = FakeHost(facts={"kept": {"numpy.whl": numpy, "edgeseg-1.0.0-py3-none-any.whl": "0", "old.whl": "1"}})
    _, told = brought(Order(order.wheel, tmp_path / "house", ()), host)
    assert host.sent == ["edgeseg-1.0.0-py3-none-any.whl"]
    assert ["rm", "-f", ".cache/edgeseg-deploy/old.whl"] in host.asked
    assert any("sending 1 of 2 wheels" in line for _, line in told)

    whole = hashlib.sha256(order.wheel.path.read_bytes()).hexdigest()
    again = FakeHost(facts={"kept": {"numpy.whl": numpy, "edgeseg-1.0.0-py3-none-any.whl": whole}})
    (end,), told = brought(Order(order.wheel, tmp_path / "house", ()), again)
    assert (again.sent, end.result) == ([], "installed")
    assert not any("sending" in line for _, line in told)


def test_a_wheelhouse_is_of_the_hosts_kind(order, fetched, tmp_path):
    host = FakeHost()
    order = Order(order.wheel, tmp_path / "house", ())
    brought(order, host)

    assert fetched[0][1] == Target((3, 11, 2), "aarch64", (2, 36))
    assert host.sent == ["edgeseg-1.0.0-py3-none-any.whl", "numpy.whl"]
    assert any("--wheelhouse" in argv for argv in host.asked)


FAILURES = [
    (
        {"facts": Said(None, "", "ssh: connect to host pi port 22: No route to host\n")},
        "cannot be reached by ssh: ssh: conn",
    ),
    ({"facts": Said(127, "", "sh: python3: not found\n")}, "There is no python3 there"),
    ({"facts": Said(0, "Welcome!\n", "")}, "does its shell print something"),
    ({"ends": Said(1, "", "sudo: a password is required\n")}, "sudo asks for a password there"),
    ({"ends": Said(3, "", "edgeseg: There is no camera: plug one in.\n")}, "There is no camera: plug one in."),
    ({"ends": Said(None, "", "client_loop: send disconnect: Broken pipe\n")}, "cannot be reached"),
]


@pytest.mark.parametrize(("host", "reason"), FAILURES, ids=[reason[:30] for _, reason in FAILURES])
def test_a_host_that_fails_keeps_none_from_the_others(order, host, reason):
    ends, _ = brought(order, FakeHost("bad", **host), FakeHost("good"))

    assert [(end.host, end.result) for end in ends] == [("bad", "failed"), ("good", "installed")]
    assert reason in ends[0].reason


@pytest.mark.parametrize("name", ["", "-oProxyCommand=x", "a b"])
def test_what_is_no_host(name):
    with pytest.raises(UsageError, match="is no host"):
        OpenSsh(name)


@pytest.fixture
def sshd(tmp_path):
    """A real one on this machine, with keys of its own; the options that reach it."""
    if SSHD is None or not shutil.which("ssh") or os.geteuid() != 0:
        pytest.skip("needs root and sshd: apt install openssh-server openssh-client")
    Path("/run/sshd").mkdir(exist_ok=True)
    for key in ("host", "user"):
        make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / key]
        subprocess.run(make, check=True)
    shutil.copy(tmp_path / "user.pub", tmp_path / "authorized")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    keys = [
        "-o",
        f"AuthorizedKeysFile={tmp_path}/authorized",
        "-o",
        "StrictModes=no",
        "-o",
        "PidFile=none",
        "-o",
        "UsePAM=no",
    ]
    server = [
        SSHD,
        "-D",
        "-e",
        "-f",
        "/dev/null",
        "-h",
        tmp_path / "host",
        "-p",
        str(port),
        "-o",
        "ListenAddress=127.0.0.1",
    ]
    subsystem = ["-o", "Subsystem=sftp internal-sftp"]
    process = subprocess.Popen([*server, *keys, *subsystem], stderr=subprocess.DEVNULL)
    until = time.monotonic() + 10
    while time.monotonic() < until and socket.socket().connect_ex(("127.0.0.1", port)):
        time.sleep(0.05)
    known = f"[127.0.0.1]:{port} {(tmp_path / 'host.pub').read_text()}"
    (tmp_path / "known").write_text(known)
    options = ["-F", "/dev/null", "-o", f"Port={port}", "-i", str(tmp_path / "user")]
    yield [*options, "-o", f"UserKnownHostsFile={tmp_path}/known", "-o", "IdentitiesOnly=yes"]
    process.terminate()
    process.wait()


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_over_a_real_sshd(order, sshd, tmp_path):
    """Only what has no effect is asked of this machine."""
    kept = Path.home() / ".cache/edgeseg-deploy"
    assert not kept.exists()
    host = OpenSsh(f"{getpass.getuser()}@127.0.0.1", sshd)
    told = []

    assert host.run(["sh", "-c", "cat; echo told >&2; exit 3"], told.append, "in") == Said(3, "in", "told\n")
    assert told == ["told"]
    dry = Order(
        order.wheel,
        None,
        (
            "--camera",
            "file:/no such 'file'",
        ),
        dry_run=True,
    )
    (end,), said = brought(dry, host)

    assert end.result == "failed"
    assert any("sending 1 of 1 wheels" in line for _, line in said)
    _, said = brought(dry, host)
    assert not any("sending" in line for _, line in said), "it was there"
    shutil.rmtree(kept)
    lost = OpenSsh("127.0.0.1", ["-o", f"UserKnownHostsFile={tmp_path}/none", *sshd])
    (end,), _ = brought(dry, lost)
    assert "cannot be reached by ssh" in end.reason
    assert Unreachable.exit_code == 69
