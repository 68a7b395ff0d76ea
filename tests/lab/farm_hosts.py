"""Two hosts for the device farm on this machine: each an sshd in a network of its own, which a kernel keeps apart.

    this machine .1 ---- .2 host .10 ---- .9 gate .6 ---- .5 this machine

The host is reached directly at .2, and at .10 by the gate alone. Both are this machine's Debian seen through mounts of
their own: a plain user `farm`, its home, and SMALL, a disk of 2 MB. Keys are made for each lab and kept nowhere else.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from tests.lab import roots

TOOLS = {"ip": "iproute2", "sshd": "openssh-server", "ssh-keygen": "openssh-client", "unshare": "util-linux"}
USER, UID = "farm", 4711
HOME, SMALL = "/srv/home", "/srv/small"
_WAIT_S = 15

_SSHD = """
Port 22
HostKey {folder}/{name}_host_key
AuthorizedKeysFile /srv/key.pub
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
AllowUsers {user}
Subsystem sftp internal-sftp
"""

# What is mounted here is seen by this sshd alone, and goes with it. The folder may lie where only root may look.
_ENTER = """
mount --make-rprivate /
mount --bind "$1/passwd" /etc/passwd
mount --bind "$1/shadow" /etc/shadow
mount -t tmpfs -o mode=0755 none /run
mkdir /run/sshd
mount -t tmpfs -o mode=0755 none /srv
mkdir /srv/home && mount --bind "$1/home" /srv/home
cp "$1/key.pub" /srv/
mkdir /srv/small && mount -t tmpfs -o mode=0777,size=2m none /srv/small
exec "$2" -D -e -f "$1/$3.conf"
"""


@dataclass(frozen=True)
class Hosts:
    """A lab in a folder. number: 0 to 255, of its networks; labs at the same time need different ones."""

    folder: Path
    number: int

    @property
    def host(self) -> str:
        """The host's address from here."""
        return self._at(2)

    @property
    def behind(self) -> str:
        """Its address from the gate."""
        return self._at(10)

    @property
    def gate(self) -> str:
        """The gate's address from here."""
        return self._at(6)

    def namespace(self, name: str) -> str:
        """What the kernel calls the network of `host` or `gate`."""
        return f"edgeseg-{name}-{self.number}"

    def up(self) -> None:
        """Make keys and networks and start both; it is done when they answer."""
        self.down()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.folder.chmod(0o755)
        self._write_users()
        for key in ("key", "other_key", "host_host_key", "gate_host_key"):
            _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"edgeseg-lab-{key}", "-f", self.folder / key)
        self._networks()
        for name in ("host", "gate"):
            self.start(name)
        keys = {name: (self.folder / f"{name}_host_key.pub").read_text().rsplit(" ", 1)[0] for name in ("host", "gate")}
        rows = [f"{self.host},{self.behind} {keys['host']}", f"{self.gate} {keys['gate']}"]
        (self.folder / "known_hosts").write_text("\n".join(rows) + "\n")
        for address in (self.host, self.gate):
            _wait_for(address, 22)

    def is_up(self) -> bool:
        """Whether both answer."""
        try:
            for address in (self.host, self.gate):
                socket.create_connection((address, 22), 1).close()
        except OSError:
            return False
        return (self.folder / "known_hosts").is_file()

    def start(self, name: str) -> None:
        """Start the sshd of `host` or `gate`."""
        (self.folder / f"{name}.conf").write_text(_SSHD.format(folder=self.folder, name=name, user=USER))
        inside = ["unshare", "--mount", "sh", "-euc", _ENTER, "sh", str(self.folder), str(roots.find("sshd")), name]
        with open(self.folder / f"{name}.log", "ab") as log:
            subprocess.run(
                ["setsid", "--fork", str(roots.find("ip")), "netns", "exec", self.namespace(name), *inside],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=True,
            )

    def stop(self, name: str) -> None:
        """End all that runs in the network of `host` or `gate`, at once, as when its plug is pulled."""
        listed = subprocess.run(
            ["ip", "netns", "pids", self.namespace(name)], capture_output=True, text=True, check=False
        )
        for pid in listed.stdout.split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)

    def cut(self, name: str) -> None:
        """Take its network cable out: nothing is answered any more."""
        _run("ip", "netns", "exec", self.namespace(name), "ip", "link", "set", "up0", "down")

    def join(self, name: str) -> None:
        """Put it back in."""
        _run("ip", "netns", "exec", self.namespace(name), "ip", "link", "set", "up0", "up")
        _wait_for(self.host if name == "host" else self.gate, 22)

    def inside(self, command: str) -> str:
        """What a shell command on the host prints, run as root."""
        done = _run("ip", "netns", "exec", self.namespace("host"), "sh", "-c", command)
        return done.stdout

    def down(self) -> None:
        """End it, and take its networks away."""
        for name in ("host", "gate"):
            if (Path("/run/netns") / self.namespace(name)).exists():
                self.stop(name)
                subprocess.run(["ip", "netns", "del", self.namespace(name)], check=False)

    def _at(self, last: int) -> str:
        return f"198.18.{self.number}.{last}"

    def _write_users(self) -> None:
        home = self.folder / "home"
        home.mkdir()
        os.chown(home, UID, UID)
        row = f"{USER}:x:{UID}:{UID}:edgeseg's lab:{HOME}:/bin/sh\n"
        (self.folder / "passwd").write_text(Path("/etc/passwd").read_text() + row)
        (self.folder / "shadow").write_text(Path("/etc/shadow").read_text() + f"{USER}:*:19000:0:99999:7:::\n")
        (self.folder / "shadow").chmod(0o600)

    def _networks(self) -> None:
        """Links are made of veth pairs; a namespace that goes takes its ends along."""
        host, gate, number = self.namespace("host"), self.namespace("gate"), self.number
        for namespace in (host, gate):
            _run("ip", "netns", "add", namespace)
            _run("ip", "-n", namespace, "link", "set", "lo", "up")
        for here, namespace, mine, its in ((f"esh{number}", host, 1, 2), (f"esg{number}", gate, 5, 6)):
            _run("ip", "link", "add", here, "type", "veth", "peer", "name", "up0", "netns", namespace)
            _run("ip", "address", "add", f"{self._at(mine)}/30", "dev", here)
            _run("ip", "link", "set", here, "up")
            _run("ip", "-n", namespace, "address", "add", f"{self._at(its)}/30", "dev", "up0")
            _run("ip", "-n", namespace, "link", "set", "up0", "up")
        _run("ip", "-n", gate, "link", "add", "in0", "type", "veth", "peer", "name", "in0", "netns", host)
        for namespace, its in ((gate, 9), (host, 10)):
            _run("ip", "-n", namespace, "address", "add", f"{self._at(its)}/30", "dev", "in0")
            _run("ip", "-n", namespace, "link", "set", "in0", "up")


def missing() -> str | None:
    """Why there can be no such hosts here, None if there can."""
    if reason := roots.missing(TOOLS):
        return reason
    tried = subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True, text=True, check=False)
    return f"no network namespace may be made here: {tried.stderr.strip()}" if tried.returncode else None


def _run(*argv: str | Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([*map(str, argv)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{shlex.join(map(str, argv))}: {done.stderr.strip()}")
    return done


def _wait_for(address: str, port: int) -> None:
    end = time.monotonic() + _WAIT_S
    while True:
        try:
            socket.create_connection((address, port), 1).close()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
        else:
            return
