"""The installed service in a guest that limits memory and CPU for real: each fault five times, no raw frame."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from tests.lab import service_guest

pytestmark = [pytest.mark.guest, pytest.mark.slow, pytest.mark.timeout(3 * 3600)]
TIMES = 5
CHOSEN = os.environ.get("EDGESEG_DRILLS", "")  # "replugged heat": these alone
BACKGROUND = (42, 138, 119)  # Y, U, V of #112233, by ITU-R BT.601, limited range


@pytest.fixture(scope="module")
def said() -> list[dict[str, Any]]:
    """All that the drill printed."""
    if os.environ.get("EDGESEG_GUEST") != "1":
        pytest.skip("boots a machine for an hour of drills: set EDGESEG_GUEST=1")
    if reason := service_guest.missing():
        pytest.skip(reason)
    steps, console = service_guest.run(Path(__file__).with_name("drill_service.py"), 3 * 3600, CHOSEN)
    print("\n".join(table(steps)))
    assert steps, console[-3000:]
    assert steps[-1] == {"exit": 0}, console[-3000:]
    return steps


def of(said: list[dict[str, Any]], drill: str) -> list[dict[str, Any]]:
    found = [one for one in said if one.get("drill") == drill and "number" in one]
    if CHOSEN and not found:
        pytest.skip("not among EDGESEG_DRILLS")
    assert len(found) == TIMES
    assert not [one["failed"] for one in found if "failed" in one]
    return found


def table(said: list[dict[str, Any]]) -> Iterator[str]:
    """The drills as docs/service.md has them."""
    yield "| drill | times | active after it | frames again after, s | restarts | frames seen | raw |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    rows = [one for one in said if "number" in one]
    for drill, group in groupby(rows, key=lambda one: one["drill"]):
        many = list(group)
        after = [one["frames_after_s"] for one in many if one.get("frames_after_s") is not None]
        span = f"{min(after)} to {max(after)}" if after else ""
        active, restarts = sum(one["active"] for one in many), sum(one["restarts"] for one in many)
        frames, raw = sum(one["frames"] for one in many), sum(one["raw_frames"] for one in many)
        yield f"| {drill} | {len(many)} | {active} | {span} | {restarts} | {frames} | {raw} |"


def test_the_check_for_raw_frames_sees_them_where_nothing_is_hidden(said):
    (control,) = [one for one in said if one.get("drill") == "control"]
    assert control["raw_frames"] > 0
    assert control["worst"] == control["pixels"]


def test_no_raw_frame_was_ever_seen(said):
    (end,) = [one for one in said if one.get("drill") == "end"]
    assert end["frames"] > 50
    assert (end["raw_frames"], end["worst"]) == (0, 0)


def test_three_programs_read_a_webcam_with_a_name(said):
    for one in of(said, "chain"):
        assert "edgeseg camera" in one["about"]
        assert "edgeseg camera" in one["list"]
        caps = one["about"].partition("Device Caps")[2].partition("Priority")[0]
        assert "Video Capture" in caps
        assert "Video Output" not in caps, "exclusive_caps: a camera that streams is no output device"
        for program in ("v4l2-ctl", "ffmpeg", "gstreamer"):
            assert (one[program]["frames"], one[program]["raw"]) == (6, 0), program
            assert all(abs(a - b) <= 3 for a, b in zip(one[program]["median"], BACKGROUND, strict=True)), one[program]


@pytest.mark.parametrize(
    "drill",
    [
        "kill -9",
        "inject_v4l2_buf_flag_error",
        "inject_vidioc_qbuf_error",
        "inject_fatal_streaming_error",
        "percentage_of_dropped_buffers",
        "MemoryMax",
        "replug under another number",
    ],
)
def test_after_each_fault_it_runs_again_by_itself(said, drill):
    for one in of(said, drill):
        assert one["active"], one
        assert one["frames_after_s"] is not None, one
        assert one["raw_frames"] == 0, one


def test_a_camera_that_is_plugged_in_again_is_found_by_the_same_process(said):
    for one in of(said, "replug under another number"):
        assert one["covered"], one
        assert one["gone"], one
        assert f"/dev/video{one['number_now']}:" in one["opened"][-1], one
        assert one["source_again_after_s"]
        assert (one["same_process"], one["restarts"]) == (True, 0)


def test_memory_beyond_its_limit_is_refused_by_the_kernel(said):
    kills = [int(one["oom_kills_in_dmesg"]) for one in of(said, "MemoryMax")]
    assert all(one["oom_killed"] for one in of(said, "MemoryMax"))
    assert kills == sorted(set(kills)), "one more each time"


def test_the_governor_is_held_back_by_a_quota(said):
    for one in of(said, "CPUQuota=30%"):
        assert one["throttled"] > 0


def test_the_governor_answers_heat_and_its_end(said):
    for one in of(said, "thermal zone to 90 C and back"):
        assert [zone for _, zone, _ in one["zone"]] == [60, 90, 45]
        warm, hot, cool = (status.partition("rung ")[2].rpartition(",")[0] for _, _, status in one["zone"])
        assert hot != warm, one
        assert "cover" not in cool, one
