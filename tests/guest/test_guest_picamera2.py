"""Picamera2Source on the real picamera2 and libcamera's virtual camera, and Python 3.13: the lab's Debian 13 root."""

import pytest

pytestmark = [pytest.mark.guest, pytest.mark.slow, pytest.mark.timeout(900)]

# The virtual camera's bars in BT.601, limited range: cyan, green, magenta, red, blue, black, white, yellow.
BARS = [[170, 166, 16], [145, 54, 34], [106, 202, 222], [81, 90, 240]]
BARS += [[41, 240, 110], [16, 128, 128], [235, 128, 128], [210, 16, 146]]


def test_thirty_frames_arrive_in_order_with_the_colours_that_the_camera_shows(picamera2_said):
    said = picamera2_said

    assert said["detail"] == "picamera2 0: YUV420 640x480 at 30 fps"
    assert said["size"] == [640, 480]
    assert said["indexes"] == list(range(30))
    assert said["times"] == sorted(set(said["times"]))
    for seen, shown in zip(said["columns"], BARS, strict=True):
        assert seen == pytest.approx(shown, abs=3)


def test_a_camera_in_use_is_not_permitted(picamera2_said):
    assert picamera2_said["in_use"].startswith("NotPermitted: The camera 0 cannot be had")


def test_a_missing_camera_and_a_wrong_format_are_said(picamera2_said):
    assert "libcamera sees no camera 7" in picamera2_said["no_such_camera"]
    assert "0 (Virtual Video Device)" in picamera2_said["no_such_camera"]
    assert picamera2_said["not_yuv420"].startswith("SourceError: The camera gives NV12 640x480")


def test_closing_is_quick_and_gives_the_camera_back(picamera2_said):
    assert picamera2_said["close_s"] < 1
    assert picamera2_said["after_close"]
    assert picamera2_said["reopened"]


def test_edgeseg_imports_on_python_3_13_and_loads_nothing_heavy(picamera2_said, python313):
    heavy = "{'cv2', 'av', 'ai_edge_litert', 'picamera2'} & set(sys.modules)"

    done = python313("python3", "-c", f"import sys, edgeseg; sys.exit(str({heavy} or ''))")

    assert picamera2_said["python"] == [3, 13]
    assert done.stderr.strip() == ""
