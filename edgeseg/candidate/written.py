"""One candidate, scored and timed where it runs, and its card written: what the device farm asks of a device.

A fault of the candidate is part of the card. What is raised is of the device or of what was asked: no such tier, a
golden set that is broken, a card that cannot be written.
"""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

import cv2

from edgeseg import __version__
from edgeseg.build import Settings, check_words
from edgeseg.candidate.eye import Eye
from edgeseg.candidate.faults import CandidateFault, made, serve
from edgeseg.candidate.plan import Plan, Told
from edgeseg.candidate.timing import peak_mb, time
from edgeseg.clock import Clock
from edgeseg.frames import U8
from edgeseg.golden import card
from edgeseg.golden.dataset import Dataset, load
from edgeseg.golden.evaluate import read_pair
from edgeseg.ports import Sensors
from edgeseg.sinks.place import check_file, fault, put
from edgeseg.tiers import files
from edgeseg.tiers.identity import board_identity


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
        put(out, card.to_json(asked, row, _runtime(asked.timing), about, found).encode())
    except OSError as error:
        raise fault(out, error) from error
    return found.get("fault")


def _look(
    golden: Dataset, settings: Settings, plan: Plan, out: Path, clock: Clock, sensors: Sensors, told: Told
) -> dict[str, Any]:
    """What came of it, in the words of the card; with a fault, as far as it went."""
    found: dict[str, Any] = {}
    try:
        engine = made(settings)
        try:
            eye = Eye(engine, clock, settings.engine_deadline_s)
            serve(eye.report, settings.engine, found)
            found["items"] = rows = []
            for number, item in enumerate(golden.file.items):
                told("scoring", number, len(golden.file.items))
                picture, truth = read_pair(golden, item)
                person, alpha = eye.see(picture)
                rows.append(card.scored(item, alpha, truth, person, _kept(alpha, item.image, plan.masks, out)))
            told("scoring", len(golden.file.items), len(golden.file.items))
            time(eye, plan, clock, sensors, told, found)
        finally:
            found["rss_mb"] = peak_mb(engine)
            engine.close()
    except CandidateFault as wrong:
        found.setdefault("fault", wrong.row)
    return found


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


def _runtime(timing: str) -> dict[str, str]:
    versions = {"edgeseg": __version__, "python": platform.python_version(), "machine": platform.machine()}
    for name in ("ai-edge-litert", "tflite-runtime", "numpy", "opencv-python-headless"):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions if timing == "emulated" else {**versions, "board": board_identity()}
