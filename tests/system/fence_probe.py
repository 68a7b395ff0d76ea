"""Tries what the service must not, from inside of its fence, and prints what came of it."""

from __future__ import annotations

import ctypes
import errno
import json
import mmap
import os
import socket
import subprocess
from collections.abc import Callable

STATE, RUN = "/var/lib/edgeseg", os.environ.get("RUNTIME_DIRECTORY", "/run/nowhere")
NEW_USER_NAMESPACE = 0x10000000


def tried(do: Callable[[], object]) -> str:
    try:
        do()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    return "done"


def written(path: str) -> str:
    def write() -> None:
        with open(path, "w", encoding="ascii") as file:
            file.write("0")

    return tried(write)


def opened(path: str) -> str:
    return tried(lambda: os.close(os.open(path, os.O_RDWR)))


def run_own() -> None:
    path = f"{STATE}/program"
    with open(path, "w", encoding="ascii") as file:
        file.write("#!/bin/sh\n")
    os.chmod(path, 0o700)
    subprocess.run([path], check=True)


def unshare() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(NEW_USER_NAMESPACE):
        raise OSError(ctypes.get_errno(), "unshare")


def capabilities() -> int:
    with open("/proc/self/status", encoding="ascii") as status:
        sets = [int(line.split()[1], 16) for line in status if line.startswith(("CapEff", "CapPrm", "CapBnd"))]
    return max(sets)


print(
    json.dumps(
        {
            "write /usr": written("/usr/x"),
            "write /etc/edgeseg": written("/etc/edgeseg/x"),
            "write /opt/edgeseg": written("/opt/edgeseg/x"),
            "write /sys": written("/sys/kernel/mm/ksm/run"),
            "write /proc/sys": written("/proc/sys/kernel/hostname"),
            "write its state": written(f"{STATE}/x"),
            "write its runtime folder": written(f"{RUN}/x"),
            "look into /home": tried(lambda: os.listdir("/home")),
            "run what it wrote": tried(run_own),
            "set suid": tried(lambda: os.chmod(f"{STATE}/x", 0o4755)),
            "make a device": tried(lambda: os.mknod(f"{STATE}/null", 0o20666, os.makedev(1, 3))),
            "open a camera of its group": opened("/dev/ours"),
            "open a device of root": opened("/dev/roots"),
            "read the kernel's log": opened("/dev/kmsg"),
            "memory that is written and run": tried(lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC)),
            "a network socket": tried(lambda: socket.socket(socket.AF_INET).close()),
            "a netlink socket": tried(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW).close()),
            "be more important": tried(lambda: os.setpriority(os.PRIO_PROCESS, 0, -5)),
            "a namespace of its own": tried(unshare),
            "network interfaces": sorted(os.listdir("/sys/class/net")),
            "processes it sees": sum(name.isdigit() for name in os.listdir("/proc")),
            "capabilities": capabilities(),
        }
    )
)
