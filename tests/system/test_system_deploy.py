"""A workstation brings edgeseg by ssh to a board that has no network: installed, upgraded, refused with a reason."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system import releases
from tests.system.boards import Board
from tests.system.releases import CRASHES, FIRST, GOOD, TRIES

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]
_CONFIG = """
Host desk-pi door-pi
    User pi
    IdentityFile {folder}/key
    IdentitiesOnly yes
    UserKnownHostsFile {folder}/known
Host desk-pi
    ProxyCommand {sshd} -i
Host door-pi
    ProxyCommand false
"""


@pytest.fixture(scope="module")
def pi(board) -> Iterator[Board]:
    """A board whose user has sudo without a password, as on Raspberry Pi OS. Its sshd is reached through a pipe."""
    if not shutil.which("ssh"):
        pytest.skip("needs ssh: apt install openssh-client")
    with board("bookworm") as machine:
        machine.run("useradd", "--create-home", "--shell", "/bin/bash", "pi")
        machine.write("/etc/sudoers.d/pi", "pi ALL=(ALL) NOPASSWD: ALL\n", "440")
        machine.run("mkdir", "-p", "/run/sshd")
        assert machine.run("cat", "/proc/net/route").stdout.count("\n") == 1, "it has a network"
        yield machine


@pytest.fixture(scope="module")
def ssh(pi: Board, tmp_path_factory) -> Path:
    """A folder of ssh and scp with settings, keys and known hosts of their own."""
    folder = tmp_path_factory.mktemp("ssh")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "key"], check=True)
    home = "/home/pi/.ssh"
    pi.run("sh", "-c", f"mkdir {home} && chmod 700 {home}")
    pi.write(f"{home}/authorized_keys", (folder / "key.pub").read_text())
    pi.run("chown", "-R", "pi:pi", home)
    host_key = pi.run("cat", "/etc/ssh/ssh_host_ed25519_key.pub").stdout
    (folder / "known").write_text(f"desk-pi {host_key}")
    (folder / "config").write_text(_CONFIG.format(folder=folder, sshd=" ".join(pi.inside("/usr/sbin/sshd"))))
    for program in ("ssh", "scp"):
        (folder / program).write_text(f'#!/bin/sh\nexec {shutil.which(program)} -F {folder}/config "$@"\n')
        (folder / program).chmod(0o755)
    return folder


def deployed(ssh: Path, wheel: Path, *hosts: str, houses: Path) -> tuple[int, dict[str, dict]]:
    words = [sys.executable, "-m", "deploy", "install", *hosts, "--wheel", str(wheel), "--wheelhouse", str(houses)]
    words += ["--camera", "file:/srv/clip.mp4", "--sink", "null", "--no-calibrate", "--watch", "8", "--json"]
    environment = {**os.environ, "PATH": f"{ssh}:{os.environ['PATH']}"}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    print(done.stderr)
    return done.returncode, {one["host"]: one for one in json.loads(done.stdout)}


def test_a_board_without_a_network(pi, ssh, brought, lab_wheelhouses, capsys):
    """Beside it one that cannot be reached, which keeps nothing from it."""
    code, ends = deployed(ssh, brought.good, "desk-pi", "door-pi", houses=lab_wheelhouses)
    assert (ends["desk-pi"]["result"], ends["desk-pi"]["release"]) == ("installed", FIRST), ends
    assert (code, ends["door-pi"]["result"]) == (69, "failed")
    assert "cannot be reached by ssh" in ends["door-pi"]["reason"]
    now = pi.status()
    assert now["instances"][0]["active"] == "active"
    assert (pi.root / "home/pi/.cache/edgeseg-deploy" / brought.good.name).exists()

    capsys.readouterr()
    assert deployed(ssh, brought.good, "desk-pi", houses=lab_wheelhouses)[1]["desk-pi"]["result"] == "nothing to do"
    assert "sending" not in capsys.readouterr().out, "it has all of them"


def test_another_release_is_an_upgrade_and_a_bad_one_says_why(pi, ssh, brought, lab_wheelhouses):
    for version, result, release in ((GOOD, "upgraded", GOOD), (CRASHES, "failed", GOOD)):
        wheel = brought.folder / Path(releases.made(brought.good, version)).name
        for _ in range(TRIES):
            _, ends = deployed(ssh, wheel, "desk-pi", houses=lab_wheelhouses)
            if releases.SLOWER not in ends["desk-pi"]["reason"]:
                break
        assert (ends["desk-pi"]["result"], ends["desk-pi"]["release"]) == (result, release), ends
    assert "systemd had to restart it" in ends["desk-pi"]["reason"]
