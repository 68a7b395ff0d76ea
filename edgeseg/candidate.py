"""One candidate, scored and timed where it runs, and its card written: what the device farm asks of a device.

A fault of the candidate is part of the card. What is raised is of the device or of what was asked: no such tier, a
golden set that is broken, a card that cannot be written.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from edgeseg import __version__
from edgeseg.build import Settings, check_words, make_engine
from edgeseg.clock import Clock
from edgeseg.errors import AssetError, CandidateError, EngineFault, FellBack, NotPermitted
from edgeseg.frames import F32, U8, ColorSpace, Frame, Planes, Size
from edgeseg.golden import card
from edgeseg.golden.dataset import Dataset, load
from edgeseg.golden.pictures import read_image, read_mask
from edgeseg.pipeline import Mode, Pipeline
from edgeseg.ports import Engine, EngineReport, Sensors
from edgeseg.sinks.place import check_file, fault, put
from edgeseg.stages.pixels import bgr_to_i420
from edgeseg.tiers import files
from edgeseg.trust import KnownAnswer

Told = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is: "scoring", 3, 24."""

WARM_UP_RUNS = 3
_COLOR = ColorSpace("bt601", full_range=True)


@dataclass(frozen=True, slots=True)
class Plan:
    """How a candidate is looked at.

    items: the pictures, all if empty. masks: the folder to keep masks in. min_inferences, min_seconds: what a timing
    takes at least, both. cool_to_c, cool_max_s: before timing it is waited for so long until the chip is no hotter.
    """

    items: tuple[str, ...] = ()
    masks: Path | None = None
    min_inferences: int = 1024
    min_seconds: float = 60.0
    cool_to_c: float | None = None
    cool_max_s: float = 0.0


class _Fault(Exception):
    """What the candidate did wrong: one of the kinds of `deploy.farm.card.FaultKind`, and a sentence."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.row = {"kind": kind, "detail": detail}


def write_card(
    dataset: Path,
    settings: Settings,
    asked: card.Asked,
    plan: Plan,
    out: Path,
    clock: Clock,
    sensors: Sensors,
    told: Told,
) -> dict[str, str] | None:
    """Score and time the candidate of `settings`, write its card to `out`; the fault in it (kind, detail), if any.

    Folders above `out` are made.
    Raises UsageError, GoldenError, OutputError.
    """
    cv2.setNumThreads(1)  # as in a run
    check_words(settings)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise fault(out, error) from error
    check_file(out)
    golden = load(dataset)
    some = card.picked(golden, plan.items) if plan.items else golden
    about = {
        "name": golden.file.name,
        "version": golden.file.version,
        "sha256": card.sha256_of(golden),
        "items": len(some.file.items),
        "of": len(golden.file.items),
    }
    tier = files.tier(settings.tier, settings.models)
    row = {"precision": tier.precision, "bit_exact": False, "tier_sha256": tier.sha256}
    found = _look(some, settings, plan, out, clock, sensors, told)
    row["bit_exact"] = _is_bit_exact(tier.precision, found.get("served"))
    try:
        put(out, card.to_json(asked, row, _runtime(), about, found).encode())
    except OSError as error:
        raise fault(out, error) from error
    return found.get("fault")


def _look(
    golden: Dataset, settings: Settings, plan: Plan, out: Path, clock: Clock, sensors: Sensors, told: Told
) -> dict[str, Any]:
    """What came of it, in the words of the card; with a fault, as far as it went."""
    found: dict[str, Any] = {}
    try:
        engine = _made(settings)
        try:
            eye = _Eye(engine, clock, settings.engine_deadline_s)
            _serve(eye, settings.engine, found)
            found["items"] = rows = []
            for number, item in enumerate(golden.file.items):
                told("scoring", number, len(golden.file.items))
                picture, truth = read_image(golden.path(item.image)), read_mask(golden.path(item.mask))
                person, alpha = eye.see(picture)
                rows.append(card.scored(item, alpha, truth, person, _kept(alpha, item.image, plan.masks, out)))
            told("scoring", len(golden.file.items), len(golden.file.items))
            _time(eye, plan, clock, sensors, told, found)
        finally:
            found["rss_mb"] = _peak_mb(engine)
            engine.close()
    except _Fault as wrong:
        found.setdefault("fault", wrong.row)
    return found


def _made(settings: Settings) -> Engine:
    try:
        return make_engine(settings)
    except AssetError as error:
        raise _Fault("asset", str(error)) from error
    except FellBack as error:
        raise _Fault("fell-back", str(error)) from error
    except EngineFault as error:
        raise _Fault("died", str(error)) from error
    except (CandidateError, NotPermitted) as error:
        raise _Fault("refused", str(error)) from error


def _serve(eye: _Eye, asked: str, found: dict[str, Any]) -> None:
    """Note who does the work, and whether that is who was asked for. An accelerator must have taken all nodes."""
    report = eye.report
    known = report.all_nodes > 0
    found["served"] = {
        "engine": report.engine,
        "library": " ".join(filter(None, (report.library, report.adapter and f"({report.adapter})"))),
        "delegated": report.delegated_nodes if known else None,
        "nodes": report.all_nodes if known else None,
    }
    if report.engine != asked:
        raise _Fault("fell-back", f"The engine {asked} was asked for, and {report.engine} did the work.")
    # What the cpu engine's runtime keeps from XNNPACK is still the CPU's; a Coral's compiler leaves it some, too.
    if asked in ("gpu", "npu") and report.delegated_nodes < report.all_nodes:
        taken = f"{report.delegated_nodes} of {report.all_nodes} operations"
        found["fault"] = {"kind": "fell-back", "detail": f"The {asked} took {taken}; the CPU did the rest."}


class _Eye:
    """A candidate that looks at pictures by the stages of a live run, unrefined, and whose faults have their kind."""

    def __init__(self, engine: Engine, clock: Clock, deadline_s: float) -> None:
        self._engine, self._clock, self._deadline_s = engine, clock, deadline_s
        # Nothing is proved beforehand by the known answer: the scores say more of a model that does not know it.
        self._pipeline = Pipeline(engine, None, KnownAnswer.portrait(), clock, mode=Mode.ALPHA, refine=False)
        self._tensor: npt.NDArray[Any] | None = None

    @property
    def report(self) -> EngineReport:
        """What the engine can prove of itself."""
        return self._engine.report

    def see(self, bgr: U8) -> tuple[U8, U8]:
        """Of a picture (H, W, 3): the model's own alpha (h, w), and that of the picture's size (H, W)."""
        size = Size(bgr.shape[1], bgr.shape[0])
        planes = Planes.allocate(size)
        bgr_to_i420(bgr, planes, _COLOR)
        frame = Frame(planes, size, color=_COLOR)
        self._tensor = self._pipeline.prepare(frame)
        scores = self._answer(self._tensor)
        try:
            person = self._pipeline.read(scores, frame)
        except EngineFault as error:
            raise _Fault("no-number", str(error)) from error
        alpha = cv2.resize(self._pipeline.shape(person, frame).alpha, size, interpolation=cv2.INTER_LINEAR)
        return person, np.asarray(alpha, np.uint8)

    def infer_ms(self) -> float:
        """How long the newest picture takes once more."""
        assert self._tensor is not None
        start = self._clock.now()
        self._answer(self._tensor)
        return (self._clock.now() - start) * 1e3

    def _answer(self, tensor: npt.NDArray[Any]) -> F32:
        start = self._clock.now()
        try:
            scores = self._engine.infer(tensor)
        except EngineFault as error:
            is_late = self._clock.now() - start >= self._deadline_s
            raise _Fault("hung" if is_late else "died", str(error)) from error
        if not np.isfinite(scores).all():
            count = int(np.count_nonzero(~np.isfinite(scores)))
            raise _Fault("no-number", f"{count} of {scores.size} values of the engine's answer are no finite numbers.")
        return scores


def _time(eye: _Eye, plan: Plan, clock: Clock, sensors: Sensors, told: Told, found: dict[str, Any]) -> None:
    """One inference after the other, as MLPerf's single-stream scenario has it."""
    cooled_s = _cool(plan, clock, sensors, told)
    before = sensors.read().temp_c
    for _ in range(WARM_UP_RUNS):
        eye.infer_ms()
    times: list[float] = []
    start = said_at = clock.now()
    while len(times) < plan.min_inferences or clock.now() - start < plan.min_seconds:
        times.append(eye.infer_ms())
        if clock.now() - said_at >= 1:
            said_at = clock.now()
            told("timing", len(times), max(plan.min_inferences, len(times)))
    found["speed"] = {
        "p50": round(float(np.percentile(times, 50)), 4),
        "p90": round(float(np.percentile(times, 90)), 4),
        "inferences": len(times),
        "seconds": round(clock.now() - start, 3),
    }
    found["heat"] = {"before": before, "after": sensors.read().temp_c, "cooled_s": round(cooled_s, 1)}


def _cool(plan: Plan, clock: Clock, sensors: Sensors, told: Told) -> float:
    """Wait until the chip has cooled down, where a sensor tells and it is wished for; the seconds that it took."""
    start = clock.now()
    while plan.cool_to_c is not None and (waited := clock.now() - start) < plan.cool_max_s:
        temp_c = sensors.read().temp_c
        if temp_c is None or temp_c <= plan.cool_to_c:
            break
        told("cooling", int(waited), int(plan.cool_max_s))
        clock.sleep(min(5.0, plan.cool_max_s - waited))
    return clock.now() - start if plan.cool_to_c is not None else 0.0


def _kept(alpha: U8, item: str, masks: Path | None, out: Path) -> str | None:
    """The mask's file, as a path from the card's folder."""
    if masks is None:
        return None
    try:
        masks.mkdir(parents=True, exist_ok=True)
        return os.path.relpath(card.write_mask(alpha, masks, item), out.parent)
    except OSError as error:
        raise fault(masks, error) from error


def _is_bit_exact(precision: str, served: dict[str, Any] | None) -> bool:
    """INT8 of which XNNPACK took every node has the same bits on every instruction set; see docs/farm.md."""
    if precision != "int8" or served is None or served["engine"] != "cpu":
        return False
    return bool(served["nodes"] and served["delegated"] == served["nodes"])


def _peak_mb(engine: Engine) -> float | None:
    """The most that this process, and the engine's own where it has one, ever held, in MB (10**6 bytes)."""
    pids = ["self", *([str(pid)] if (pid := getattr(engine, "pid", None)) is not None else [])]
    peaks = [_high_water_mb(Path("/proc") / pid / "status") for pid in pids]
    known = [peak for peak in peaks if peak is not None]
    return round(sum(known), 1) if known else None


def _high_water_mb(status: Path) -> float | None:
    """VmHWM of proc(5), which unlike getrusage's knows nothing of the program that started this one."""
    try:
        for line in status.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    except (OSError, ValueError, IndexError):
        pass
    return None


def _runtime() -> dict[str, str]:
    versions = {"edgeseg": __version__, "python": platform.python_version(), "machine": platform.machine()}
    for name in ("ai-edge-litert", "tflite-runtime", "numpy", "opencv-python-headless"):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions
