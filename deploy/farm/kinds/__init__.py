"""Kinds of devices, each one leaf file; they import nothing of each other.

A row is "module:Class". The class is a `device.Device`, made as `Class(name, entry, cache)`, and has `Entry`, the
pydantic model of what its entry in the farm file may say, made from `entry.DeviceEntry`. Nothing is done when it is
made. `cache` is a folder of this machine: what a kind builds goes into `cache/KIND-.../` there, and a device that is a
folder of this machine is `cache/devices/NAME`.
"""

from __future__ import annotations

KINDS = {
    "local": "deploy.farm.kinds.local:Local",
    "venv": "deploy.farm.kinds.venv:Venv",
    "root": "deploy.farm.kinds.root:Root",
    "guest": "deploy.farm.kinds.guest:Guest",
    "ssh": "deploy.farm.kinds.ssh:Ssh",
    "labgrid": "deploy.farm.kinds.labgrid:Labgrid",
}

ELSEWHERE = frozenset({"ssh", "labgrid"})
"""Kinds that compute on another machine: they take no turn with those that compute on this one."""
