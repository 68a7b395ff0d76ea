"""Cameras: whether there is one, whether it may be opened and is free, and what its formats cost at the wished size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from edgeseg.doctor.finding import Finding
from edgeseg.doctor.outside import Outside
from edgeseg.frames import Size
from edgeseg.probe.capabilities import Capabilities, Mode, VideoNode

_COMPRESSED = frozenset(("MJPG", "JPEG"))
_READABLE = frozenset(("YU12", "I420", "NV12", "YUYV", "GREY", "BGR3")) | _COMPRESSED
_USB2_MBIT = 480


def check(found: Capabilities, outside: Outside | None, source: str, size: Size, fps: float) -> list[Finding]:
    """source: as in `edgeseg run`; size and fps: what it asks a camera for."""
    cameras = [node for node in found.cameras.nodes if node.kind == "camera"]
    wants = source in ("auto", "picamera2") or source.startswith(("camera:", "picamera2:"))
    findings = [*_none(found, cameras, wants, source)]
    for node in cameras:
        findings += _permission(node, outside)
        findings += _formats(node, size, fps, outside.usb_mbit if outside else {})
    return findings


def _none(found: Capabilities, cameras: list[VideoNode], wants: bool, source: str) -> Iterator[Finding]:
    if cameras:
        return
    where = "/sys/class/video4linux"
    if found.cameras.sensors:
        sensors = ", ".join(fact.value for fact in found.cameras.sensors)
        what = f"The camera on the board's connector ({sensors}) is driven by libcamera: take it by --source picamera2."
        if "picamera2" not in found.software.packages:
            remedy = (
                "Install it from the system: sudo apt install python3-picamera2; a venv needs --system-site-packages."
            )
            yield Finding("warning" if wants else "note", "cameras", what, found.cameras.sensors[0].where, remedy)
        else:
            yield Finding("fine", "cameras", what, found.cameras.sensors[0].where)
        return
    asked = f", and --source {source} wants one" if wants and source != "auto" else ""
    remedy = "Plug one in, or give --source a file."
    yield Finding("fault" if asked else "note", "cameras", f"There is no camera{asked}.", where, remedy)


def _permission(node: VideoNode, outside: Outside | None) -> Iterator[Finding]:
    device = next((one for one in outside.devices if one.path == node.node), None) if outside else None
    if device is None:
        return
    if device.held_by:
        what = f"{node.node} is in use by {', '.join(device.held_by)}."
        remedy = "If edgeseg is to have this camera, close the other program."
        yield Finding("note", "cameras", what, "/proc/*/fd", remedy, device.held_by)


def _formats(node: VideoNode, size: Size, fps: float, usb_mbit: Mapping[str, int]) -> Iterator[Finding]:
    if node.modes is None or not node.modes.value:
        return
    modes, where = node.modes.value, node.modes.where
    usable = [mode for mode in modes if mode.format in _READABLE]
    wished = f"{size} at {fps:g} fps"
    if not usable:
        names = ", ".join(sorted({mode.format for mode in modes}))
        what = f"{node.node} gives {names} only, which edgeseg does not read itself."
        yield Finding("warning", "cameras", what, where, "Take it by --source gst:PIPELINE with a decoder for it.")
        return
    fitting = [mode for mode in usable if _holds(mode, size, fps)]
    if not fitting:
        best = max(usable, key=_rank)
        what = f"{node.node} has no mode for {wished}; its greatest is {_named(best)}."
        yield Finding("note", "cameras", what, where, "Ask for what it has: --size WIDTHxHEIGHT and --fps N.")
        return
    if all(mode.format in _COMPRESSED for mode in fitting):
        slow = max((mode for mode in usable if mode.format not in _COMPRESSED), key=_rank, default=None)
        on_usb2 = usb_mbit.get(node.node, 0) and usb_mbit[node.node] <= _USB2_MBIT
        why = " on USB 2" if on_usb2 else ""
        raw = f"; without compression it goes to {_named(slow)}" if slow else ""
        what = f"{node.node} gives {wished} as MJPEG only{why}, and decoding that takes part of a core{raw}."
        remedy = "Ask for a smaller picture, such as --size 640x480"
        remedy += ", or plug a USB 3 camera into a USB 3 port." if on_usb2 else "."
        yield Finding("note", "cameras", what, where, remedy)
        return
    what = f"{node.node} gives {wished} as {_names(fitting)}."
    yield Finding("fine", "cameras", what, where)


def _holds(mode: Mode, size: Size, fps: float) -> bool:
    """Whether a mode is of the size, and as fast; one that says no rate is believed."""
    return (mode.width, mode.height) == tuple(size) and (mode.fps is None or mode.fps >= fps * 0.95)


def _rank(mode: Mode) -> tuple[int, float]:
    return mode.width * mode.height, mode.fps or 0.0


def _named(mode: Mode) -> str:
    return f"{mode.format} {mode.width}x{mode.height}{f' at {mode.fps:g} fps' if mode.fps else ''}"


def _names(modes: Iterable[Mode]) -> str:
    return ", ".join(dict.fromkeys(mode.format for mode in modes))
