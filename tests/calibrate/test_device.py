"""What a board allows, and the whole of a calibration on this one."""

from __future__ import annotations

import dataclasses

import pytest

from edgeseg.calibrate import device, session
from edgeseg.calibrate.device import allowed_here, calibrate, kept_here, known_tiers, with_hardware
from edgeseg.clock import SystemClock
from edgeseg.errors import CandidateError, UsageError
from edgeseg.probe import probe
from edgeseg.probe.capabilities import Accelerator, VulkanDriver
from edgeseg.probe.fact import Fact
from edgeseg.tiers.catalogue import catalogue
from edgeseg.tiers.selection import Allowed

HERE = probe()
SMALL = [name for name in catalogue() if name.startswith("selfie-landscape-96x160")]


def board(cores: int, quota: float | None = None, limit_mb: float | None = None):
    cpu = dataclasses.replace(
        HERE.cpu, allowed=Fact(cores, "x"), quota=Fact(quota, "x") if quota else None, features=Fact(("asimddp",), "x")
    )
    memory = dataclasses.replace(HERE.memory, limit_mb=Fact(limit_mb, "x") if limit_mb else None)
    return dataclasses.replace(HERE, cpu=cpu, memory=memory)


@pytest.mark.parametrize(
    ("cores", "quota", "threads"), [(4, None, (1, 2, 3)), (4, 2.0, (1,)), (1, None, (1,)), (8, 0.5, (1,))]
)
def test_threads_follow_the_cores_that_may_be_used(cores, quota, threads) -> None:
    assert allowed_here(board(cores, quota), (), 30).threads == threads
    assert allowed_here(board(cores, quota), (), 30, threads=(2, 4)).threads == (2, 4)


@pytest.mark.parametrize(("limit", "wish", "most"), [(None, None, None), (500, None, 500), (500, 300, 300)])
def test_the_lower_limit_of_memory_counts(limit, wish, most) -> None:
    assert allowed_here(board(4, limit_mb=limit), (), 30, memory_mb=wish).memory_mb == most


def test_all_engines_are_tried_but_the_key() -> None:
    allowed = allowed_here(HERE, (), 30)
    assert "cpu" in allowed.engines
    assert "chroma" not in allowed.engines
    assert allowed_here(HERE, ("cpu",), 25).engines == ("cpu",)
    with pytest.raises(UsageError, match="no engine 'gpux'"):
        allowed_here(HERE, ("gpux",), 30)


def accelerator(engine: str | None) -> Accelerator:
    return Accelerator("x", "x", "usb", ("x",), None, (), engine, None)


@pytest.mark.parametrize(
    ("engines", "drivers", "tried"),
    [
        ([], [], ("cpu",)),
        (["edgetpu"], [], ("edgetpu", "cpu")),
        ([None, "npu"], [True], ("npu", "cpu")),  # a Hailo, which no engine of ours uses; a driver that is software
        ([], [True, False], ("cpu", "gpu")),
    ],
)
def test_a_profiles_engines_are_tried_where_their_hardware_is(engines, drivers, tried) -> None:
    found = dataclasses.replace(
        HERE,
        accelerators=tuple(map(accelerator, engines)),
        vulkan=tuple(VulkanDriver(Fact("x", "x"), software) for software in drivers),
    )
    assert with_hardware(found, ["edgetpu", "npu", "cpu", "gpu"]) == tried


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch, tier_file):
    """Only the three smallest tiers are here."""
    for name in SMALL:
        tier_file(name)
    rows = {name: catalogue()[name] for name in SMALL}
    monkeypatch.setattr(device, "known_tiers", lambda models: rows)
    monkeypatch.setattr(session, "_PASSES", 0)  # what it says of times is not tested here
    return rows


def run(folder, **more):
    return calibrate(Allowed(), SystemClock(), "2026-11-24", lambda step: None, time_s=600, folder=folder, **more)


def test_what_is_measured_is_kept_and_not_measured_again(few, tmp_path) -> None:
    first = run(tmp_path)
    assert first.new == len(SMALL)
    assert not first.kept.refusals
    assert first.path == tmp_path / "ladder.json"
    assert first.choice is not None
    assert first.choice.fits
    second = run(tmp_path)
    assert second.new == 0
    assert second.kept == first.kept
    third = run(tmp_path, again=True)
    assert third.new == len(SMALL)
    assert kept_here(folder=tmp_path)[0] == third.kept


def test_a_damaged_ladder_is_made_anew_and_said_so(few, tmp_path) -> None:
    (tmp_path / "ladder.json").write_text("{")
    made = run(tmp_path)
    assert made.new == len(SMALL)
    assert made.notes == (
        f"The kept ladder {tmp_path / 'ladder.json'} is damaged: it does not count, and is made anew by"
        " edgeseg calibrate.",
    )
    assert run(tmp_path).notes == ()


def test_a_model_that_has_changed_is_measured_again(few, tmp_path, monkeypatch) -> None:
    run(tmp_path)
    path = tmp_path / "ladder.json"
    path.write_text(path.read_text().replace(few[SMALL[1]].sha256, "f" * 64))
    made = run(tmp_path)
    assert made.new == 1
    assert made.notes == ("1 of 3 kept candidates are of models that have changed.",)


def test_a_folder_that_cannot_be_written_still_gives_the_result(few, tmp_path) -> None:
    (tmp_path / "file").write_text("")
    made = run(tmp_path / "file")
    assert made.choice is not None
    assert made.path is None
    assert "cannot be kept" in str(made.not_kept)


def test_nothing_usable_names_every_reason(few, tmp_path, monkeypatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise CandidateError("There is no runtime.")

    monkeypatch.setattr(device, "Line", fail)
    with pytest.raises(CandidateError, match="No candidate can be used here: There is no runtime\\."):
        run(tmp_path)
    assert not (tmp_path / "ladder.json").exists()


def test_tiers_whose_file_is_not_here_are_no_candidates(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(device.files, "BUILT", tmp_path)
    assert known_tiers(None) == {}
