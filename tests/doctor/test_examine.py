"""The examination of this machine: what is tried with which wish, and surroundings that are broken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from made import works

from edgeseg.build import Settings
from edgeseg.clock import Clock, SystemClock
from edgeseg.doctor import examine as examination
from edgeseg.doctor.asked import Options
from edgeseg.doctor.examine import Report, examine
from edgeseg.doctor.load import Load
from edgeseg.doctor.trial import Trial
from edgeseg.ports import EngineWish
from edgeseg.tiers import kept


@pytest.fixture(autouse=True)
def _no_load(monkeypatch: pytest.MonkeyPatch) -> None:
    """What else runs here is no matter of these tests."""
    monkeypatch.setattr(examination.load, "measure", lambda clock: Load(0.5, 0.0, 0.0, (), 0.0))


class Attempts:
    """Stands in for trying: everything works."""

    def __init__(self) -> None:
        self.wishes: dict[str, EngineWish] = {}

    def __call__(self, trial: Trial, wish: EngineWish, clock: Clock, models: str | None) -> Trial:
        self.wishes[trial.engine] = wish
        return replace(works(trial.engine), tier=trial.tier, asked_by=trial.asked_by)


def of(attempts: Attempts | None = None, **options: object) -> Report:
    return examine(Options(**options), SystemClock(), attempt=attempts or Attempts())  # type: ignore[arg-type]


def wish(engine: str, **more: object) -> dict[str, object]:
    flags = {"engine", *more}
    return {"settings": Settings(engine=engine, tier="auto", **more), "flags": frozenset(flags)}  # type: ignore[arg-type]


def test_the_cpu_is_tried_always_and_serves(tier_file: Callable[..., Path]) -> None:
    tier_file()
    attempts = Attempts()
    report = of(attempts)
    assert "cpu" in attempts.wishes
    assert report.serves is not None
    assert report.serves.engine == "cpu"
    assert [one.severity for one in report.findings if one.area == "choice"] == ["note"]


def test_library_and_device_are_for_the_engine_that_is_named() -> None:
    attempts = Attempts()
    report = of(attempts, **wish("npu", engine_library="/lib", engine_device="CPU"))
    assert (attempts.wishes["npu"].library, attempts.wishes["npu"].device) == ("/lib", "CPU")
    assert (attempts.wishes["cpu"].library, attempts.wishes["cpu"].device) == (None, None)
    assert report.serves is not None
    assert report.serves.engine == "npu"


@pytest.mark.parametrize("content", ["", "{", '{"schema": 99}'])
def test_a_corrupt_ladder_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    monkeypatch.setenv(kept.VARIABLE, str(tmp_path))
    (tmp_path / "ladder.json").write_text(content)
    (one,) = [one for one in of().findings if one.area == "choice" and one.severity == "warning"]
    assert one.what.startswith(f"The kept ladder {tmp_path}/ladder.json is ")
    assert one.remedy == "Run edgeseg calibrate again."


def test_a_state_folder_that_cannot_be_made_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(kept.VARIABLE, str(tmp_path / "file" / "state"))
    (one,) = [one for one in of().findings if one.area == "permissions"]
    assert one.what == f"The state folder {tmp_path}/file/state cannot be made: {tmp_path}/file is no folder."


def test_a_faulty_catalogue_of_the_user_s_is_told_and_the_doctor_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGESEG_MODELS", str(tmp_path))
    (tmp_path / "catalogue.yaml").write_text("tiers: [\n")
    report = of()
    assert any(one.severity == "fault" and "catalogue.yaml" in one.what for one in report.findings)
    assert report.serves is not None


def test_a_key_of_one_colour_takes_no_model(tmp_path: Path) -> None:
    config = tmp_path / "key.yaml"
    config.write_text("segmenter: chroma\n")
    report = of(config=config)
    assert report.taken.candidate is None
    assert report.serves is None
    assert not any(one.severity == "fault" for one in report.findings)
