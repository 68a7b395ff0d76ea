"""The card that a device writes of a candidate, read by the farm."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields
from pathlib import Path

import cv2
import numpy as np
import pytest

from deploy.farm import card as farm
from edgeseg.build import Settings
from edgeseg.candidate import Plan, faults, write_card
from edgeseg.errors import AssetError, CandidateError, EngineFault, FellBack, GoldenError, OutputError, UsageError
from edgeseg.golden import SMALL
from edgeseg.golden.card import Asked
from edgeseg.golden.dataset import load
from edgeseg.ports import EngineReport, ModelIO
from edgeseg.readings import Reading
from edgeseg.stills import score

TIER = "selfie-landscape-96x160-int8"
QUICK = Plan(min_inferences=5, min_seconds=0)


class Ticking:
    """A clock that goes on by `tick` each time it is asked."""

    def __init__(self, tick: float = 0.0) -> None:
        self._now, self._tick = 0.0, tick

    def now(self) -> float:
        self._now += self._tick
        return self._now

    def sleep(self, seconds: float) -> None:
        self._now += seconds


class Thermometer:
    """A chip that cools by a degree with each look at it."""

    def __init__(self, temp_c: float | None = None) -> None:
        self.temp_c = temp_c

    def read(self, slow: bool = True) -> Reading:
        if self.temp_c is not None:
            self.temp_c -= 1
        return Reading(0.0, temp_c=self.temp_c)

    def close(self) -> None:
        pass


class Odd:
    """An engine that does as it is told."""

    io = ModelIO(96, 160)

    def __init__(self, answer: float | Exception = 0.5, clock: Ticking | None = None, **report: object) -> None:
        self._answer, self._clock, self._report = answer, clock, report

    @property
    def report(self) -> EngineReport:
        said = {"engine": "cpu", "delegated_nodes": 5, "all_nodes": 5, **self._report}
        return EngineReport(library="odd 1", threads=1, delegate=None, **said)  # type: ignore[arg-type]

    def infer(self, rgb: np.ndarray) -> np.ndarray:
        if self._clock is not None:
            self._clock.sleep(31)
        if isinstance(self._answer, Exception):
            raise self._answer
        scores = np.full((96, 160), 0.5, np.float32)
        scores[3, 4] = self._answer
        return scores

    def close(self) -> None:
        pass


def carded(folder: Path, plan: Plan = QUICK, tier: str = TIER, engine: str = "cpu", **more: object) -> farm.Card:
    settings = Settings(tier=tier, engine=engine, threads=1, engine_deadline_s=30)
    asked = Asked("bench", "local", "real", tier, engine, 1)
    clock, sensors = more.get("clock") or Ticking(tick=0.001), more.get("sensors") or Thermometer()
    write_card(SMALL, settings, asked, plan, folder / "card.json", clock, sensors, lambda *told: None)  # type: ignore[arg-type]
    return farm.read(folder / "card.json")


@pytest.fixture
def odd(monkeypatch: pytest.MonkeyPatch) -> object:
    def put(engine: Odd | Exception) -> None:
        def made(settings: Settings) -> Odd:
            if isinstance(engine, Exception):
                raise engine
            return engine

        monkeypatch.setattr(faults, "make_engine", made)

    return put


def test_the_card_says_what_evaluate_says(tmp_path: Path) -> None:
    made = carded(tmp_path)
    expected = score(SMALL, Settings(tier=TIER, threads=1, refine=False))
    assert (made.miou, made.p10_iou, made.boundary_f, made.false_area) == (
        expected.miou,
        expected.p10_iou,
        expected.boundary_f,
        expected.false_area,
    )
    assert made.fault is None
    assert made.bit_exact
    assert made.served is not None
    assert made.served.delegated == made.served.nodes
    assert made.golden.items == made.golden.of == len(made.items) == 7
    assert made.rss_mb is not None
    assert 20 < made.rss_mb < 2000
    assert {"edgeseg", "python"} < set(made.runtime)


def test_a_mask_of_another_size_is_the_sets_fault(sound: Path) -> None:
    mask = sound / "masks/still0.png"
    cv2.imwrite(str(mask), cv2.imread(str(mask), cv2.IMREAD_UNCHANGED)[:-10])
    asked = Asked("bench", "local", "real", TIER, "cpu", 1)
    told = (sound / "card.json", Ticking(tick=0.001), Thermometer(), lambda *told: None)
    with pytest.raises(
        GoldenError, match=r"^masks/still0\.png and images/still0\.png of dataset 'small' differ in size"
    ):
        write_card(sound, Settings(tier=TIER, threads=1), asked, QUICK, *told)  # type: ignore[arg-type]


def test_what_a_device_writes_is_what_the_farm_reads_and_writes(tmp_path: Path) -> None:
    made = carded(tmp_path)
    written = json.loads((tmp_path / "card.json").read_text(encoding="utf-8"))
    assert set(written) == {field.name for field in fields(farm.Card)} - {"fault"}
    assert farm.from_json(made.to_json()) == made


def test_masks_are_kept_beside_the_card_and_hashes_repeat(tmp_path: Path) -> None:
    plan = Plan(("images/car.jpg", "images/desk.jpg"), tmp_path / "masks", 5, 0)
    first, second = carded(tmp_path, plan), carded(tmp_path, plan)
    assert [row.item for row in first.items] == ["images/desk.jpg", "images/car.jpg"]
    assert (first.golden.items, first.golden.of) == (2, 7)
    assert [row.mask_sha256 for row in first.items] == [row.mask_sha256 for row in second.items]
    for row in first.items:
        assert row.mask is not None
        kept = cv2.imread(str(tmp_path / row.mask), cv2.IMREAD_UNCHANGED)
        picture = cv2.imread(str(SMALL / row.item))
        assert kept is not None
        assert picture is not None
        assert kept.shape == picture.shape[:2]


def test_the_golden_digest_changes_with_any_file(tmp_path: Path) -> None:
    import shutil

    from edgeseg.golden.card import sha256_of

    copy = tmp_path / "copy"
    shutil.copytree(SMALL, copy)
    assert sha256_of(load(copy)) == sha256_of(load(SMALL))
    with (copy / "masks" / "car.png").open("ab") as file:
        file.write(b"x")
    assert sha256_of(load(copy)) != sha256_of(load(SMALL))


def test_timing_takes_both_the_number_and_the_time(tmp_path: Path) -> None:
    few = carded(tmp_path, Plan(min_inferences=40, min_seconds=0)).speed
    long = carded(tmp_path, Plan(min_inferences=5, min_seconds=2)).speed
    assert few is not None
    assert long is not None
    assert few.inferences == 40
    assert long.inferences > 40
    assert long.seconds >= 2
    assert long.p90 >= long.p50 > 0


def test_without_a_timing_the_last_picture_s_time_is_kept(tmp_path: Path) -> None:
    speed = carded(tmp_path, Plan(min_inferences=0, min_seconds=0)).speed
    assert speed is not None
    assert speed.inferences == 1
    assert speed.p90 == speed.p50 > 0


def test_it_waits_until_the_chip_has_cooled_down(tmp_path: Path) -> None:
    heat = carded(tmp_path, Plan((), None, 5, 0, 60, 600), sensors=Thermometer(66), clock=Ticking()).heat
    assert heat is not None
    assert heat.cooled_s == 25.0
    assert heat.before is not None
    assert heat.before <= 60
    limited = carded(tmp_path, Plan((), None, 5, 0, 20, 30), sensors=Thermometer(66), clock=Ticking()).heat
    assert limited is not None
    assert limited.cooled_s == 30.0
    none = carded(tmp_path, Plan((), None, 5, 0, 20, 30)).heat
    assert none is not None
    assert (none.before, none.after, none.cooled_s < 1) == (None, None, True)


@pytest.mark.parametrize(
    ("engine", "kind", "words"),
    [
        (Odd(float("nan")), "no-number", "1 of 15360 values"),
        (Odd(float("inf")), "no-number", "no finite numbers"),
        (Odd(7.0), "no-number", "values from 0.5 to 7"),
        (Odd(EngineFault("it is gone")), "died", "it is gone"),
        (Odd(EngineFault("silence"), Ticking()), "died", "silence"),
        (Odd(engine="chroma"), "fell-back", "chroma did the work"),
        (CandidateError("no such kernel"), "refused", "no such kernel"),
        (FellBack("in silence"), "fell-back", "in silence"),
        (AssetError("another hash"), "asset", "another hash"),
    ],
)
def test_a_candidates_fault_is_in_the_card(
    odd: object, tmp_path: Path, engine: Odd | Exception, kind: str, words: str
) -> None:
    odd(engine)  # type: ignore[operator]
    made = carded(tmp_path)
    assert made.fault is not None
    assert made.fault.kind == kind
    assert words in made.fault.detail
    assert made.miou is None
    assert made.speed is None


def test_an_engine_that_is_silent_for_its_time_hung(odd: object, tmp_path: Path) -> None:
    clock = Ticking()
    odd(Odd(EngineFault("did not answer"), clock))  # type: ignore[operator]
    made = carded(tmp_path, clock=clock)
    assert made.fault == farm.Fault("hung", "did not answer")


def test_an_accelerator_that_left_operations_to_the_cpu_fell_back_and_is_scored(odd: object, tmp_path: Path) -> None:
    odd(Odd(engine="npu", delegated_nodes=4))  # type: ignore[operator]
    made = carded(tmp_path, engine="npu")
    assert made.fault == farm.Fault("fell-back", "The npu took 4 of 5 operations; the CPU did the rest.")
    assert made.miou is not None


def test_nodes_that_nobody_can_count_are_none(odd: object, tmp_path: Path) -> None:
    odd(Odd(delegated_nodes=0, all_nodes=0))  # type: ignore[operator]
    made = carded(tmp_path)
    assert made.served == farm.Served("cpu", "odd 1", None, None)
    assert made.fault is None


def test_what_is_not_the_candidates_fault_is_raised(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"has no picture 'images/dask.jpg'; did you mean 'images/desk.jpg'"):
        carded(tmp_path, Plan(("images/dask.jpg",), None, 5, 0))
    with pytest.raises(UsageError, match="There is no tier"):
        carded(tmp_path, tier="selfie-landscape-96x160-int9")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError):
        carded(tmp_path / "file" / "folder")


def test_another_file_than_the_catalogue_means_is_the_assets_fault(tmp_path: Path) -> None:
    from edgeseg.tiers import files

    models = tmp_path / "models"
    models.mkdir()
    content = bytearray(files.load(files.tier(TIER)))
    content[-100] ^= 1
    (models / f"{TIER}.tflite").write_bytes(content)
    settings = Settings(tier=TIER, threads=1, models=str(models))
    asked = Asked("bench", "local", "real", TIER, "cpu", 1)
    out = tmp_path / "card.json"
    found = write_card(SMALL, settings, asked, QUICK, out, Ticking(tick=0.001), Thermometer(), lambda *told: None)
    assert found is not None
    assert found["kind"] == "asset"
    made = farm.read(out)
    assert made.fault is not None
    assert made.fault.kind == "asset"
    assert made.tier_sha256 != hashlib.sha256(content).hexdigest()
