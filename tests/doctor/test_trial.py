"""Engines that are really tried: the CPU's own runtime, and fakes in a child that hang, die and answer nonsense."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeseg.clock import SystemClock
from edgeseg.doctor.trial import Trial, tier_for, tried, try_engine
from edgeseg.engines.child import ChildEngine
from edgeseg.ports import EngineWish, ModelIO
from edgeseg.testing.child_engine import TARGET, orders
from edgeseg.tiers.catalogue import DEFAULT_TIER

IO = ModelIO(36, 64)


def fake(model: bytes, **options: float) -> Trial:
    """The trial of a fake in a child."""
    limits = {"start_timeout_s": 30.0, "deadline_s": 30.0, **options}

    def make() -> ChildEngine:
        return ChildEngine("gpu", model, IO, target=TARGET, warm_up=0, **limits)  # type: ignore[arg-type]

    return tried(Trial("gpu", "some-tier"), make, SystemClock())


def test_the_cpu_is_tried_with_its_own_runtime(tier_file: Callable[..., Path]) -> None:
    tier_file()
    trial = try_engine(Trial("cpu"), EngineWish(), SystemClock())
    assert trial.works, trial.refusal
    assert (trial.tier, trial.runs > 2, trial.knows) == (DEFAULT_TIER, True, True)
    assert trial.report is not None
    assert trial.report.delegated_nodes == trial.report.all_nodes > 0
    assert trial.p50_ms is not None
    assert trial.p50_ms > 0


def test_an_edge_tpu_without_library_and_tier_is_refused_with_both() -> None:
    trial = try_engine(Trial("edgetpu"), EngineWish(), SystemClock())
    assert trial.report is None
    assert trial.refusal is not None
    assert "libedgetpu.so.1" in trial.refusal
    assert "No tier here was compiled for an Edge TPU" in trial.refusal


def test_the_tier_that_goes_with_an_engine(tmp_path: Path, edgetpu_model: bytes) -> None:
    for name in ("selfie-landscape-144x256-int8", "selfie-288x288-int8"):
        (tmp_path / f"{name}_edgetpu.tflite").write_bytes(edgetpu_model)
    models = str(tmp_path)
    names = {
        ("cpu", DEFAULT_TIER): DEFAULT_TIER,
        ("cpu", "selfie-288x288-int8-edgetpu"): "selfie-288x288-int8",
        ("edgetpu", "selfie-288x288-int8"): "selfie-288x288-int8-edgetpu",
        ("edgetpu", "selfie-288x288-int8-edgetpu"): "selfie-288x288-int8-edgetpu",
    }
    for (engine, wanted), name in names.items():
        tier = tier_for(engine, wanted, models)
        assert tier is not None
        assert tier.name == name
    other = tier_for("edgetpu", DEFAULT_TIER, models)
    assert other is not None
    assert other.twin is not None


def test_a_model_that_is_another_file_is_told(tmp_path: Path) -> None:
    (tmp_path / f"{DEFAULT_TIER}.tflite").write_bytes(b"no model")
    trial = try_engine(Trial("cpu"), EngineWish(), SystemClock(), str(tmp_path))
    assert trial.refusal is not None
    assert not trial.works


def test_what_runs_and_does_not_know_the_answer_may_not_serve() -> None:
    trial = fake(orders())
    assert (trial.refusal, trial.knows, trial.works) == (None, False, False)
    assert trial.p50_ms is not None


BAD = {
    "dies while it starts": (orders(die=signal.SIGSEGV), "The gpu engine's process died of SIGSEGV"),
    "is refused": (orders(refuse=("CandidateError", "No GPU here; buy one.")), "No GPU here; buy one."),
    "dies at work": (
        orders((1, "die", signal.SIGABRT)),
        "It started, and then: The gpu engine's process died of SIGAB",
    ),
    "throws at work": (orders((2, "throw", "oh")), "It started, and then: "),
    "changes its shape": (orders((0, "shape", None)), "It started, and then: "),
    "dies at the known answer": (orders((30, "die", signal.SIGKILL)), "It started, and then: The gpu engine's process"),
}


@pytest.mark.parametrize(("model", "says"), BAD.values(), ids=BAD)
def test_an_engine_that_fails_becomes_a_refusal(model: bytes, says: str) -> None:
    trial = fake(model)
    assert trial.refusal is not None
    assert trial.refusal.startswith(says), trial.refusal
    assert not trial.works


@pytest.mark.parametrize(
    ("model", "limits", "says"),
    [
        (orders(hang=60), {"start_timeout_s": 1.0}, "was not ready after 1 s and was ended"),
        (orders((0, "hang", 60)), {"deadline_s": 1.0}, "did not answer within 1 s and was ended"),
    ],
)
def test_an_engine_that_hangs_is_ended(model: bytes, limits: dict[str, float], says: str) -> None:
    began = time.monotonic()
    trial = fake(model, **limits)
    assert trial.refusal is not None
    assert says in trial.refusal
    assert time.monotonic() - began < 30
