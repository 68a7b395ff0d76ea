"""What is left out of a saved board: serial numbers, MAC addresses, host names, who runs what."""

from __future__ import annotations

import re

LEFT_OUT = "serial numbers, MAC and other hardware addresses, names of control groups, user and process ids"

_SERIAL = re.compile(rb"(?im)^[\w \t]*serial[\w \t]*[:=].*\n?")
_MAC = re.compile(rb"(?<![0-9a-fA-F])(?:[0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}(?![0-9a-fA-F])")
_CGROUP_ROOT = "/sys/fs/cgroup/"
# Names that say nothing of who or where: systemd's own, and the controllers of cgroup v1.
_PLAIN = re.compile(
    r"(?:user|system|init|app|session|background|machine|edgeseg)(?:\.slice|\.scope|\.service)|user-\d+\.slice"
    r"|user@\d+\.service|session-c?\d+\.scope|edgeseg[\w@.-]*\.service"
    r"|unified|systemd|memory|cpu|cpuacct|cpu,cpuacct|hidden"
)


def shown_path(path: str) -> str:
    """`path` as it is told to others."""
    if path.startswith(_CGROUP_ROOT):
        folder, _, name = path[len(_CGROUP_ROOT) :].rpartition("/")
        return _CGROUP_ROOT + "/".join(filter(None, (shown_cgroup(folder), name)))
    return _MAC.sub(b"00:00:00:00:00:00", path.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")


def shown_cgroup(path: str) -> str:
    """A control group's path without names that somebody gave: a container's id, a machine's name."""
    return "/".join(part if not part or _PLAIN.fullmatch(part) else "hidden" for part in path.split("/"))


def shown_content(path: str, data: bytes) -> bytes:
    """What is kept of the file `path`. What the readers look at stays as it is."""
    if path == "/proc/self/status":
        return b"".join(line for line in data.splitlines(keepends=True) if line.startswith(b"Cpus_allowed"))
    if path == "/proc/self/cgroup":
        text = data.decode("utf-8", "replace")
        parts = (line.split(":", 2) for line in text.splitlines() if line.count(":") >= 2)
        return "".join(f"{number}:{names}:{shown_cgroup(group)}\n" for number, names, group in parts).encode()
    return _MAC.sub(b"00:00:00:00:00:00", _SERIAL.sub(b"", data))
