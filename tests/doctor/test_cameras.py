"""Cameras and virtual cameras: formats at the wished size, permissions, who has them, what a loopback device lacks."""

from __future__ import annotations

from typing import Any

import pytest
from made import board, camera, device, fact, outside, told, with_cameras

from edgeseg.doctor import cameras, loopback
from edgeseg.doctor.outside import Loopback, Outside
from edgeseg.frames import Size
from edgeseg.probe import Capabilities

HD = Size(1280, 720)
USB2 = outside(usb_mbit={"/dev/video0": 480})
CASES: dict[str, tuple[Capabilities, Outside | None, str, list[str]]] = {
    "none": (board(), None, "auto", ["note: There is no camera."]),
    "none, and a file": (board(), None, "a.mp4", ["note: There is no camera."]),
    "none, and asked for": (board(), None, "camera:0", ["fault: There is no camera, and --source camera:0 wants one."]),
    "libcamera": (
        board(cameras={"sensors": (fact("imx708"),)}),
        None,
        "auto",
        ["warning: The camera on the board's connector (imx708) is driven by libcamera: take it by --source picamera2"],
    ),
    "libcamera, and picamera2": (
        board(cameras={"sensors": (fact("imx708"),)}, software={"packages": {"picamera2": fact("0.3.20")}}),
        None,
        "auto",
        ["fine: The camera on the board's connector (imx708) is driven by libcamera"],
    ),
    "raw": (with_cameras(camera(("YUYV", 1280, 720, 30.0))), None, "auto", ["fine: /dev/video0 gives 1280x720 at 30"]),
    "a rate that is not told": (with_cameras(camera(("NV12", 1280, 720, None))), None, "auto", ["fine: /dev/video0"]),
    "slow raw, MJPEG on USB 2": (
        with_cameras(camera(("YUYV", 1280, 720, 10.0), ("MJPG", 1280, 720, 30.0), ("MJPG", 1920, 1080, 30.0))),
        USB2,
        "auto",
        [
            "note: /dev/video0 gives 1280x720 at 30 fps as MJPEG only on USB 2, and decoding that takes part of a core;"
            " without compression it goes to YUYV 1280x720 at 10 fps."
        ],
    ),
    "only small": (
        with_cameras(camera(("YUYV", 640, 480, 30.0), ("GREY", 320, 240, 60.0))),
        None,
        "auto",
        ["note: /dev/video0 has no mode for 1280x720 at 30 fps; its greatest is YUYV 640x480 at 30 fps."],
    ),
    "only slow": (
        with_cameras(camera(("YUYV", 1280, 720, 10.0))),
        None,
        "auto",
        ["note: /dev/video0 has no mode for 1280x720 at 30 fps; its greatest is YUYV 1280x720 at 10 fps."],
    ),
    "H264 alone": (
        with_cameras(camera(("H264", 1920, 1080, 30.0))),
        None,
        "auto",
        ["warning: /dev/video0 gives H264 only, which edgeseg does not read itself."],
    ),
    "not asked": (with_cameras(camera()), None, "auto", []),
    "held": (
        with_cameras(camera()),
        outside(devices=(device(held_by=("zoom (pid 7)",)),)),
        "auto",
        ["note: /dev/video0 is in use by zoom (pid 7)."],
    ),
    "a loopback is no camera": (with_cameras(camera(kind="loopback")), None, "auto", ["note: There is no camera."]),
}  # fmt: skip


@pytest.mark.parametrize(("found", "seen", "source", "said"), CASES.values(), ids=CASES)
def test_cameras(found: Capabilities, seen: Outside | None, source: str, said: list[str]) -> None:
    findings = cameras.check(found, seen, source, HD, 30.0)
    assert [line[: len(start)] for line, start in zip(told(findings), said, strict=True)] == said
    assert all(one.remedy or one.severity == "fine" for one in findings)


def lo(**more: Any) -> Loopback:
    values: dict[str, Any] = {"exclusive_caps": (True,), "max_openers": {"/dev/video9": 10}, "format": {}}
    return Loopback(**({"loaded": True, "installed": True} | values | more))


NINE = with_cameras(camera(kind="loopback", node="/dev/video9"))
SINK = "v4l2:/dev/video9"
VIRTUAL: dict[str, tuple[Capabilities, Outside | None, str, list[str], str]] = {
    "nobody wants one": (board(), outside(), "null", [], ""),
    "a saved board": (NINE, None, SINK, [], ""),
    "not installed": (
        board(),
        outside(loopback=Loopback(False, False)),
        SINK,
        ["fault: v4l2loopback is not installed, and the sink is v4l2:/dev/video9."],
        "sudo apt install v4l2loopback-dkms",
    ),
    "not loaded": (
        board(),
        outside(loopback=Loopback(False, True)),
        SINK,
        ["fault: v4l2loopback is not loaded, and the sink is v4l2:/dev/video9."],
        "sudo modprobe v4l2loopback exclusive_caps=1",
    ),
    "no device": (board(), outside(loopback=lo()), "null", ["note: v4l2loopback is loaded and has no"], "modprobe -r"),
    "another driver's": (with_cameras(camera(kind="test", node="/dev/video9")), outside(), SINK, [], ""),
    "another device": (
        NINE,
        outside(loopback=lo()),
        "v4l2:/dev/video3",
        ["fault: The sink is v4l2:/dev/video3, and that is no device of v4l2loopback; there are /dev/video9."],
        "Take --sink v4l2:/dev/video9.",
    ),
    "no exclusive_caps": (
        NINE,
        outside(loopback=lo(exclusive_caps=(False, True, True))),
        "null",
        ["warning: No virtual camera has exclusive_caps=1, without which Chrome"],
        "exclusive_caps=1",
    ),
    "one opener": (
        NINE,
        outside(loopback=lo(max_openers={"/dev/video9": 1})),
        "null",
        ["warning: /dev/video9 may be opened once: a writer and a reader are two."],
        "max_openers",
    ),
    "another's format": (
        NINE,
        outside(
            loopback=lo(format={"/dev/video9": "YUYV:640x480@30"}),
            devices=(device("/dev/video9", held_by=("obs (pid 3)",)),),
        ),
        SINK,
        ["warning: /dev/video9 has the format YUYV 640x480, set by obs (pid 3); edgeseg wants YU12 1280x720."],
        "keep_format=0",
    ),
    "our format": (NINE, outside(loopback=lo(format={"/dev/video9": "YU12:1280x720@30"})), SINK, [], ""),
    "open": (
        NINE,
        outside(loopback=lo(), devices=(device("/dev/video9", held_by=("zoom (pid 3)",)),)),
        SINK,
        ["note: /dev/video9 is open in zoom (pid 3)."],
        "Nothing",
    ),
    "well": (NINE, outside(loopback=lo()), SINK, [], ""),
}


@pytest.mark.parametrize(("found", "seen", "sink", "said", "remedy"), VIRTUAL.values(), ids=VIRTUAL)
def test_virtual_cameras(found: Capabilities, seen: Outside | None, sink: str, said: list[str], remedy: str) -> None:
    findings = loopback.check(found, seen, sink, HD)
    assert [line[: len(start)] for line, start in zip(told(findings), said, strict=True)] == said
    assert all(remedy in (one.remedy or "") for one in findings)
    assert all("pid" not in one.for_others().what for one in findings)
