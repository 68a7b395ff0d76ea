"""Kernel, system, interpreter and libraries, and whether this is a container or a virtual machine.

Sources: Documentation/admin-guide/sysctl/kernel.rst (osrelease), man 5 os-release, systemd's src/basic/virt.c for the
signs of containers (/run/systemd/container, /run/.containerenv, /.dockerenv) and virtual machines
(/sys/hypervisor/type, DMI, the flag "hypervisor"), Documentation/ABI/stable/sysfs-hypervisor-xen.
"""

from __future__ import annotations

import re

from edgeseg.probe.capabilities import Board, Software
from edgeseg.probe.cpuinfo import CPUINFO, fields
from edgeseg.probe.fact import Fact
from edgeseg.probe.live import Live
from edgeseg.probe.tree import Tree

_VIRTUAL_VENDORS = re.compile(
    r"(?i)(qemu|vmware|innotek|xen\b|bochs|parallels|amazon ec2|google compute|openstack|microsoft corporation virtual"
    r"|microsoft virtual|digitalocean|hetzner|apple virtualization|kvm)"
)
# The dynamic linkers of the two kinds of userland, fixed by their ABIs.
_LINKERS = {
    64: ("/lib/ld-linux-aarch64.so.1", "/lib64/ld-linux-x86-64.so.2"),
    32: ("/lib/ld-linux-armhf.so.3", "/lib/ld-linux.so.2"),
}


def read_software(tree: Tree, live: Live, board: Board, architecture: Fact[str] | None) -> Software:
    """What is installed and runs."""
    release = _os_release(tree)
    return Software(
        kernel=tree.string("/proc/sys/kernel/osrelease"),
        os=release.get("PRETTY_NAME"),
        os_id=release.get("ID"),
        os_version=release.get("VERSION_ID"),
        libc=live.fact("libc", "confstr(CS_GNU_LIBC_VERSION)"),
        userland_bits=live.fact("bits", "the interpreter's pointers") or _bits(tree, architecture),
        page_kb=live.fact("page_kb", "sysconf(SC_PAGE_SIZE)"),
        python=live.fact("python", "the running interpreter"),
        system_pythons=_pythons(tree),
        packages={name: Fact(version, "importlib.metadata") for name, version in live.packages.items()},
        container=_container(tree),
        virtual=_virtual(tree, board),
    )


def _os_release(tree: Tree) -> dict[str, Fact[str]]:
    path = "/etc/os-release" if tree.exists("/etc/os-release") else "/usr/lib/os-release"
    found = {}
    for line in (tree.text(path) or "").splitlines():
        name, _, value = line.partition("=")
        if name in ("PRETTY_NAME", "ID", "VERSION_ID"):
            fact = tree.believed_string(value.strip().strip("\"'"), path)
            if fact:
                found[name] = fact
    return found


def _bits(tree: Tree, architecture: Fact[str] | None) -> Fact[int] | None:
    """Of a saved tree: a 32-bit kernel runs no others; of linkers of both kinds it is not known which one counts."""
    if architecture and architecture.value in ("armv6l", "armv7l", "i686"):
        return Fact(32, architecture.where)
    there = {bits: path for bits, paths in _LINKERS.items() for path in paths if tree.exists(path)}
    if len(there) != 1:
        return None
    ((bits, path),) = there.items()
    return Fact(bits, path)


def _pythons(tree: Tree) -> Fact[tuple[str, ...]] | None:
    paths = tree.names("/usr/bin", r"python3\.\d{1,2}", most=32)
    return Fact(tuple(path.rpartition("python")[2] for path in paths), "/usr/bin/python3.*") if paths else None


def _container(tree: Tree) -> Fact[str] | None:
    if tree.exists("/run/systemd/container"):
        return tree.string("/run/systemd/container")
    for path, name in (("/run/.containerenv", "podman"), ("/.dockerenv", "docker")):
        if tree.exists(path):
            return Fact(name, path)
    return None


def _virtual(tree: Tree, board: Board) -> Fact[str] | None:
    if tree.exists("/sys/hypervisor/type"):
        return tree.string("/sys/hypervisor/type")
    if board.model and _VIRTUAL_VENDORS.search(board.model.value):
        return board.model
    if board.compatible and "linux,dummy-virt" in board.compatible.value:
        return Fact("QEMU virt", board.compatible.where)
    _, cores = fields(tree)
    if cores and "hypervisor" in cores[0].get("flags", "").split():
        return Fact("a hypervisor", f"{CPUINFO} (flags)")
    return None
