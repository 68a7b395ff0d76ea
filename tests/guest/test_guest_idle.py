"""Idle with a real driver: v4l2loopback's readers, vivid's camera, in the lab's guest. No speed is judged."""

import pytest

pytestmark = [pytest.mark.guest, pytest.mark.slow, pytest.mark.timeout(1200)]


@pytest.fixture
def step(idle_steps):
    def get(name):
        said = idle_steps[name]
        assert "failed" not in said, said
        return said

    return get


def test_the_sink_knows_its_readers(step):
    said = step("counted")
    assert said["nobody"] == 0
    assert said["ours"] == [1, False]
    assert said["a_reader"] == [2, True]
    assert said["of_another"] is True, "in doubt somebody reads"
    assert said["again_ours"] is False
    assert said["closed"] is None


def test_the_camera_is_let_go_and_taken_again(step):
    said = step("rests")
    assert said["rested"]
    assert (said["camera_at_work"], said["camera_at_rest"]) == (True, False)
    assert "320/180" in said["format"], "readers find a format while nobody reads"
    assert len(said["wakes"]) == 3
    assert said["idles"] == 3
    print(said["wakes"], said["cpu_percent"])


def test_a_reader_sees_black_and_then_the_camera(step):
    said = step("read")
    assert said["first"] == [16]
    assert said["last"] >= 8
