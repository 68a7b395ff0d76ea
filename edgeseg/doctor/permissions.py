"""What this user may not open, read or write, and which group or rule would change that."""

from __future__ import annotations

from collections.abc import Iterator

from edgeseg.doctor.finding import Finding
from edgeseg.doctor.outside import Device, Outside

_USUAL = (("/dev/video", "video"), ("/dev/dri/", "render"), ("/dev/apex_", "apex"), ("/dev/bus/usb/", "plugdev"))
_RULES = "install Coral's udev rules (package libedgetpu1-std, gasket-dkms for PCIe)"


def check(outside: Outside | None) -> list[Finding]:
    """Devices, then folders and files."""
    if outside is None:
        return []
    return [*_devices(outside), *_places(outside)]


def _devices(outside: Outside) -> Iterator[Finding]:
    for device in outside.devices:
        if not device.permitted:
            what = f"{device.path} may not be opened by this user."
            yield Finding("warning", "permissions", what, f"access({device.path})", _way_in(device, outside))


def _way_in(device: Device, outside: Outside) -> str:
    usual = next((group for start, group in _USUAL if device.path.startswith(start)), None)
    if not device.group_may or device.group is None:
        if usual in ("apex", "plugdev"):
            return f"Its group may not open it: {_RULES}, and plug the device in anew."
        return f'Its group may not open it: a udev rule with GROUP="{usual or "video"}", MODE="0660" changes that.'
    if device.group in outside.listed and device.group not in outside.groups:
        return f"You are in its group {device.group} since you logged in: log in again."
    return f"Add the user to its group: sudo usermod -aG {device.group} $USER, and log in again."


def _places(outside: Outside) -> Iterator[Finding]:
    for place in outside.places:
        if place.fault is not None:
            what = f"{place.what} {place.path} {place.fault}."
            remedy = "Change its owner or its permissions"
            if place.what == "The state folder":
                remedy += ", or name another one with $EDGESEG_STATE; until then edgeseg calibrate keeps nothing"
            yield Finding("warning", "permissions", what, f"access({place.path})", f"{remedy}.")
