"""Kinds of devices, each one leaf file: a pydantic model of its entry in the farm file, and a `device.Device`."""

from __future__ import annotations

KINDS = {
    "local": "deploy.farm.kinds.local:Local",
}
