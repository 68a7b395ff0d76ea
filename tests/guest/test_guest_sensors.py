"""SystemSensors on a real kernel's hwmon chip and control groups, in the lab's guest."""

import pytest

pytestmark = [pytest.mark.guest, pytest.mark.slow, pytest.mark.timeout(1200)]


@pytest.fixture
def step(sensor_steps):
    def get(name):
        said = sensor_steps[name]
        assert "failed" not in said, said
        return said

    return get


def test_a_chip_is_read_as_it_changes(step):
    said = step("hwmon")
    assert said["names"] == ["lm75 temp1"]
    assert all(set_to == seen for set_to, seen in said["temps"]), said["temps"]
    assert len(said["temps"]) == 4


def test_a_chip_that_is_taken_away_is_none_and_found_again(step):
    said = step("hwmon")
    assert said["unplugged"] == [None] * 4, "the kernel answers ENODEV behind the descriptor that is still open"
    assert said["back"] == 30
    assert said["told"] == ["lm75 temp1 gives nothing any more", "lm75 temp1 is there again"]


def test_limits_of_the_kernels_control_groups_are_seen_as_they_change(step):
    said = step("groups")
    assert (said["free"]["cpu_quota"], said["free"]["cgroup_memory_limit_mb"]) == (None, None)
    bound = said["bound"]
    assert bound["cpu_quota"] == 0.2
    assert 0 < bound["cpu_throttled_share"] <= 1
    assert bound["cpu_throttled_s_per_s"] > 0
    assert 0 < bound["cgroup_memory_mb"] < bound["cgroup_memory_limit_mb"]
    assert bound["cgroup_memory_limit_mb"] == pytest.approx(300, rel=0.001)
    assert said["again"]["cpu_quota"] is None
    assert all(value is None for value in said["gone"].values()), "its files are gone"
