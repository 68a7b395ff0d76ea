"""The virtual camera: what a v4l2loopback device lacks."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edgeseg.doctor.finding import Finding
from edgeseg.doctor.outside import Outside
from edgeseg.frames import Size
from edgeseg.probe.capabilities import Capabilities

_MAKE = "sudo modprobe v4l2loopback exclusive_caps=1 card_label=edgeseg"
_FORMAT = re.compile(r"(.{4}):(\d+)x(\d+)@")


def check(found: Capabilities, outside: Outside | None, sink: str, size: Size) -> list[Finding]:
    """sink: as in `edgeseg run`. Where nobody wants a virtual camera and none is there, nothing is said."""
    wanted = sink.removeprefix("v4l2:") if sink.startswith("v4l2:") else None
    nodes = [node.node for node in found.cameras.nodes if node.kind == "loopback"]
    if any(node.node == wanted and node.kind != "loopback" for node in found.cameras.nodes):
        wanted = None  # another driver's output, which lacks nothing of this
    if outside is None or (wanted is None and not nodes and not outside.loopback.loaded):
        return []
    return [*_missing(outside, nodes, wanted), *_caps(outside, nodes), *_each(outside, nodes, wanted, size)]


def _missing(outside: Outside, nodes: list[str], wanted: str | None) -> Iterator[Finding]:
    loopback = outside.loopback
    severity = "fault" if wanted else "note"
    if not loopback.loaded:
        if loopback.installed is False:
            what, remedy = "v4l2loopback is not installed", f"sudo apt install v4l2loopback-dkms, then {_MAKE}"
            where = "/lib/modules/*/modules.dep"
        else:
            what, remedy, where = "v4l2loopback is not loaded", _MAKE, "/sys/module/v4l2loopback"
        asked = f", and the sink is v4l2:{wanted}" if wanted else ""
        yield Finding(severity, "virtual camera", f"{what}{asked}.", where, remedy)  # type: ignore[arg-type]
    elif not nodes:
        remedy = f"Load it anew: sudo modprobe -r v4l2loopback; {_MAKE}"
        what = "v4l2loopback is loaded and has no device."
        yield Finding(severity, "virtual camera", what, "/sys/devices/virtual/video4linux", remedy)  # type: ignore[arg-type]
    elif wanted and wanted not in nodes:
        what = f"The sink is v4l2:{wanted}, and that is no device of v4l2loopback; there are {', '.join(nodes)}."
        yield Finding("fault", "virtual camera", what, "/sys/class/video4linux", f"Take --sink v4l2:{nodes[0]}.")


def _caps(outside: Outside, nodes: list[str]) -> Iterator[Finding]:
    """Browsers list a device only if it says that it is a camera and nothing else."""
    caps = outside.loopback.exclusive_caps
    if caps is None or not nodes:
        return
    own = caps[: len(nodes)]
    if all(own):
        return
    which = "No virtual camera has" if not any(own) else "Not every virtual camera has"
    what = f"{which} exclusive_caps=1, without which Chrome and others do not show it as a camera."
    remedy = f"Load it anew: sudo modprobe -r v4l2loopback; {_MAKE}"
    yield Finding("warning", "virtual camera", what, "/sys/module/v4l2loopback/parameters/exclusive_caps", remedy)


def _each(outside: Outside, nodes: list[str], wanted: str | None, size: Size) -> Iterator[Finding]:
    devices = {device.path: device for device in outside.devices}
    for node in nodes:
        folder = f"/sys/devices/virtual/video4linux/{node.rpartition('/')[2]}"
        openers = outside.loopback.max_openers.get(node)
        if openers is not None and openers < 2:
            what = f"{node} may be opened {'once' if openers == 1 else 'by nobody'}: a writer and a reader are two."
            remedy = f"echo 10 | sudo tee {folder}/max_openers"
            yield Finding("warning", "virtual camera", what, f"{folder}/max_openers", remedy)
        set_to, device = _FORMAT.match(outside.loopback.format.get(node, "")), devices.get(node)
        held = device.held_by if device else ()
        if set_to and (set_to[1], int(set_to[2]), int(set_to[3])) != ("YU12", *size.even):
            who = f"by {', '.join(held)}" if held else "by somebody else"
            what = (
                f"{node} has the format {set_to[1]} {set_to[2]}x{set_to[3]}, set {who}; edgeseg wants YU12 {size.even}."
            )
            remedy = (
                f"Close what writes to it, or free it: v4l2-ctl -d {node} -c keep_format=0; or take another device."
            )
            severity = "warning" if node == wanted else "note"
            yield Finding(severity, "virtual camera", what, f"{folder}/format", remedy, held)  # type: ignore[arg-type]
        elif held:
            what = f"{node} is open in {', '.join(held)}."
            yield Finding("note", "virtual camera", what, "/proc/*/fd", "Nothing, if that one is to show it.", held)
