"""What `ports.Engine` promises, over every implementation, the fake among them."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from edgeseg.engines import ENGINES
from edgeseg.engines.chroma import ChromaEngine
from edgeseg.engines.litert import CpuEngine
from edgeseg.errors import EngineFault
from edgeseg.ports import Engine, ModelIO
from edgeseg.testing.engine import FakeEngine
from edgeseg.tiers.catalogue import catalogue

TierFile = Callable[[str], Path]
MAKERS: dict[str, Callable[[TierFile], Engine]] = {
    "fake": lambda tier_file: FakeEngine(ModelIO(48, 64), lambda rgb: rgb[..., 0]),
    "fake of uint8": lambda tier_file: FakeEngine(ModelIO(48, 64, dtype="uint8"), lambda rgb: rgb[..., 0] / 255),
    "fake of int8": lambda tier_file: FakeEngine(
        ModelIO(48, 64, dtype="int8"), lambda rgb: (rgb[..., 0] + np.float32(128)) / 255
    ),
    "chroma": lambda tier_file: ChromaEngine(90, 160),
}
for _tier in catalogue().values():
    MAKERS[f"cpu {_tier.name}"] = lambda tier_file, tier=_tier: CpuEngine(  # type: ignore[misc]
        tier_file(tier.name), tier.io
    )


@pytest.fixture(params=sorted(MAKERS))
def engine(request: pytest.FixtureRequest, tier_file: TierFile) -> Iterator[Engine]:
    made = MAKERS[request.param](tier_file)
    yield made
    made.close()


def picture(io: ModelIO, seed: int = 0) -> npt.NDArray[Any]:
    """Noise of the shape and range that `io` asks for."""
    noise = np.random.default_rng(seed).random((io.height, io.width, 3), np.float32)
    if io.dtype == "float32":
        return noise
    return (noise * 255 - (128 if io.dtype == "int8" else 0)).astype(io.dtype)


def test_the_answer_has_the_size_of_the_picture(engine: Engine) -> None:
    answer = engine.infer(picture(engine.io))
    assert answer.shape == (engine.io.height, engine.io.width)
    assert answer.dtype == np.float32
    assert np.isfinite(answer).all()
    assert answer.min() >= 0
    assert answer.max() <= 1 + 1e-6


def test_the_same_picture_gives_the_same_answer(engine: Engine) -> None:
    first = engine.infer(picture(engine.io)).copy()
    engine.infer(picture(engine.io, seed=1))
    np.testing.assert_array_equal(engine.infer(picture(engine.io)), first)


def test_the_picture_is_not_written(engine: Engine) -> None:
    given = picture(engine.io)
    given.flags.writeable = False
    engine.infer(given)


def test_a_picture_of_another_shape_or_dtype_is_a_fault_and_no_harm(engine: Engine) -> None:
    good = picture(engine.io)
    for wrong in (good[:-2], good[..., :2], good.astype(np.float64), good[..., 0]):
        with pytest.raises(EngineFault):
            engine.infer(np.ascontiguousarray(wrong))
    assert np.isfinite(engine.infer(good)).all()


def test_the_report_says_who_computes(engine: Engine) -> None:
    report = engine.report
    assert report.engine in ENGINES
    assert report.library
    assert report.threads >= 1
    assert 0 <= report.delegated_nodes <= report.all_nodes
    assert (report.delegate is None) == (report.delegated_nodes == 0)


def test_closing_twice_does_no_harm_and_ends_it(engine: Engine) -> None:
    engine.close()
    engine.close()
    with pytest.raises(EngineFault, match="closed"):
        engine.infer(picture(engine.io))


def test_the_table_names_classes_that_are_there() -> None:
    for target in ENGINES.values():
        module, _, name = target.partition(":")
        assert isinstance(getattr(importlib.import_module(module), name), type)
