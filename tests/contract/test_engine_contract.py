"""What `ports.Engine` promises, over every implementation, the fake among them."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from edgeseg.engines import APART, ENGINES
from edgeseg.engines.child import ChildEngine
from edgeseg.engines.chroma import ChromaEngine
from edgeseg.engines.litert import CpuEngine
from edgeseg.errors import EngineFault
from edgeseg.ports import Engine, EngineWish, ModelIO
from edgeseg.testing.child_engine import TARGET, orders
from edgeseg.testing.engine import FakeEngine
from edgeseg.tiers.catalogue import catalogue

SMALL = "selfie-landscape-96x160-fp32"
Asked = Callable[[str], Any]  # for a fixture by its name
MAKERS: dict[str, Callable[[Asked], Engine]] = {
    "fake": lambda asked: FakeEngine(ModelIO(48, 64), lambda rgb: rgb[..., 0]),
    "fake of uint8": lambda asked: FakeEngine(ModelIO(48, 64, dtype="uint8"), lambda rgb: rgb[..., 0] / 255),
    "fake of int8": lambda asked: FakeEngine(
        ModelIO(48, 64, dtype="int8"), lambda rgb: (rgb[..., 0] + np.float32(128)) / 255
    ),
    "chroma": lambda asked: ChromaEngine(90, 160),
}


def _cpu(name: str) -> Callable[[Asked], Engine]:
    return lambda asked: CpuEngine(asked("tier_file")(name), catalogue()[name].io)


def _fake_apart(dtype: Any) -> Callable[[Asked], Engine]:
    return lambda asked: ChildEngine("gpu", orders(), ModelIO(48, 64, dtype=dtype), target=TARGET)


def _apart(kind: str, name: str, wish: EngineWish, needs: str) -> Callable[[Asked], Engine]:
    def make(asked: Asked) -> Engine:
        asked(needs)
        return ChildEngine(kind, asked("tier_file")(name).read_bytes(), catalogue()[name].io, wish, deadline_s=30)

    return make


def _edgetpu(asked: Asked) -> Engine:
    wish = EngineWish(library=str(asked("edgetpu_stub")), device="usb")
    return ChildEngine("edgetpu", asked("edgetpu_model"), ModelIO(8, 8), wish)


for _tier in catalogue().values():
    MAKERS[f"cpu {_tier.name}"] = _cpu(_tier.name)
for _dtype in ("float32", "uint8", "int8"):
    MAKERS[f"fake of {_dtype} in a child"] = _fake_apart(_dtype)
for _precision in ("fp32", "int8"):
    _name = SMALL.replace("fp32", _precision)
    MAKERS[f"cpu in a child, {_precision}"] = _apart("cpu", _name, EngineWish(), "tier_file")
    MAKERS[f"gpu by SwiftShader, {_precision}"] = _apart("gpu", _name, EngineWish(software=True), "software_gpu")
    MAKERS[f"npu by OpenVINO's CPU, {_precision}"] = _apart("npu", _name, EngineWish(device="CPU"), "openvino")
MAKERS["edgetpu by a stub"] = _edgetpu


@pytest.fixture(scope="module", params=sorted(MAKERS))
def maker(request: pytest.FixtureRequest) -> Callable[[], Engine]:
    return lambda: MAKERS[request.param](request.getfixturevalue)


@pytest.fixture(scope="module")
def engine(maker: Callable[[], Engine]) -> Iterator[Engine]:
    made = maker()
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
    assert (report.partitions == 0) == (report.delegated_nodes == 0)


def test_a_report_of_an_accelerator_is_proven(engine: Engine) -> None:
    report = engine.report
    if report.engine not in APART:
        return
    assert report.adapter
    assert report.delegated_nodes == report.all_nodes > 0
    assert any("in memory: /" in one for one in report.evidence)
    assert "process of its own" in report.evidence[-1]


def test_closing_twice_does_no_harm_and_ends_it(maker: Callable[[], Engine]) -> None:
    engine = maker()
    engine.close()
    engine.close()
    with pytest.raises(EngineFault, match="closed"):
        engine.infer(picture(engine.io))


def test_the_table_names_classes_that_are_there() -> None:
    for target in ENGINES.values():
        module, _, name = target.partition(":")
        assert isinstance(getattr(importlib.import_module(module), name), type)
