"""What really goes wrong, done on purpose: to the files that a device is brought, or to the code that it runs.

`Planted` is a kind of device for the table of kinds: the real local device. Its faults are in the release that it gets
(a tier's file and the catalogue's row for it), in its vendor's libraries, or in the engine (a lever of
`planted_site/sitecustomize.py`).
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from deploy.farm.entry import DeviceEntry
from deploy.farm.kinds.local import Local
from deploy.farm.rules import Reason
from edgeseg.assets import store
from edgeseg.golden import SMALL
from edgeseg.golden.dataset import load
from edgeseg.golden.pictures import read_image
from quantize.calibrated import Calibration
from quantize.families import FAMILIES, fp32_graph
from quantize.graph.flatbuffer import read, write
from quantize.int8 import prepare, quantized
from quantize.pictures import model_inputs
from quantize.probe import Probe

SITE = Path(__file__).with_name("planted_site")
FAMILY, SIZE = "selfie-landscape", (144, 256)
NAME = f"{FAMILY}-{SIZE[0]}x{SIZE[1]}"
FP32, INT8 = f"{NAME}-fp32", f"{NAME}-int8"
DARK = 0.15  # of the light
MODELS, CATALOGUE = "edgeseg/tiers/models", "edgeseg/tiers/catalogue.yaml"

Files = Mapping[str, Path]
Broken = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Plant:
    """One fault. told: in words. reasons: those that name it rightly. tiers: those that have it, of those that run.

    broken: what becomes of the tier's file. is_known: whether the release's catalogue has the broken file's hash.
    lever: of sitecustomize. without: a library that the vendor's new version lacks. cause: what the verdict says
    besides, where the masks prove it.
    """

    name: str
    told: str
    reasons: frozenset[Reason]
    tiers: tuple[str, ...]
    broken: Broken | None = None
    is_known: bool = True
    lever: str | None = None
    without: str | None = None
    cause: str | None = None


class PlantedEntry(DeviceEntry):
    """As the local device's; plant: a name of `PLANTS`, or none."""

    plant: str | None = None


class Planted(Local):
    """The local device with a fault in it."""

    Entry = PlantedEntry
    kind = "planted"

    def __init__(self, name: str, entry: PlantedEntry, cache: Path) -> None:
        self._plant = next((plant for plant in PLANTS if plant.name == entry.plant), None)
        self._work = cache / "planted" / name
        lever = self._plant.lever if self._plant else None
        if lever is not None:
            site = os.pathsep.join(filter(None, (str(SITE), entry.env.get("PYTHONPATH"))))
            env = {**entry.env, "PYTHONPATH": site, "EDGESEG_PLANTED": lever}
            entry = entry.model_copy(update={"env": env})
        super().__init__(name, entry, cache)

    def put(self, files: Files) -> int:
        """See `device.Device`: some of the files are broken ones."""
        if self._plant is None or self._plant.broken is None:
            return super().put(files)
        return super().put({**files, **release(files, self._plant, self._work)})


def release(files: Files, plant: Plant, work: Path) -> Files:
    """The files of a release that has the broken tier, as it would be shipped: with its hash in the catalogue."""
    assert plant.broken is not None
    work.mkdir(parents=True, exist_ok=True)
    name = f"{MODELS}/{plant.tiers[0]}.tflite"
    good = files[name].read_bytes()
    bad = plant.broken(good)
    assert bad != good
    (work / "tier.tflite").write_bytes(bad)
    rows = files[CATALOGUE].read_text(encoding="utf-8")
    if plant.is_known:
        old, new = (hashlib.sha256(content).hexdigest() for content in (good, bad))
        row = re.compile(rf'("sha256": "){old}(",\s+"bytes": )\d+')
        rows, count = row.subn(rf"\g<1>{new}\g<2>{len(bad)}", rows)
        assert count == 1
    (work / "catalogue.yaml").write_text(rows, encoding="utf-8")
    return {name: work / "tier.tflite", CATALOGUE: work / "catalogue.yaml"}


def one_light(good: bytes) -> bytes:
    """INT8 with ranges as plain calibration takes them, the least and most of a few dark pictures, and nothing else."""
    golden = load(SMALL)
    dark = [
        cv2.convertScaleAbs(read_image(golden.path(item.image)), alpha=DARK)
        for item in golden.file.items
        if not item.is_empty
    ]
    family = FAMILIES[FAMILY]
    graph = fp32_graph(family, store.load(family.asset), *SIZE)
    learned = Calibration(FAMILY, *SIZE)
    prepare(graph, learned)
    computed = [tensor for tensor in graph.tensors() if tensor.data is None and graph.producer(tensor)]
    probe = Probe(graph, computed)
    learned.ranges = {tensor.name: (0.0, 1.0) for tensor in graph.inputs}
    for rgb in model_inputs([np.asarray(bgr, np.uint8) for bgr in dark], family.fit, *SIZE):
        for name, values in probe(rgb).items():
            low, high = learned.ranges.get(name, (0.0, 1e-3))
            learned.ranges[name] = (min(low, float(values.min())), max(high, float(values.max())))
    for op in graph.ops:
        if op.name == "LOGISTIC":
            learned.ranges[op.output.name] = (0.0, 255 / 256)
    return write(quantized(graph, learned))


def zeroed(good: bytes) -> bytes:
    """The weights of one convolution in the middle are nothing."""
    graph = read(good)
    convolutions = [op for op in graph.ops if op.name == "CONV_2D"]
    weights = convolutions[len(convolutions) // 2].input(1)
    assert weights.data is not None
    weights.data = np.zeros_like(weights.data)
    return write(graph)


def flipped(good: bytes) -> bytes:
    """One byte in the middle of the file is turned over, as a bad disk does."""
    at = len(good) // 2
    return good[:at] + bytes([good[at] ^ 0xFF]) + good[at + 1 :]


def without(site: Path, library: str, to: Path) -> Path:
    """A copy of a folder of packages, by links, in which a library is missing."""
    if not to.is_dir():
        shutil.copytree(site, to, copy_function=os.link, symlinks=True)
        next(to.rglob(library)).unlink()
    return to


_SCORES = frozenset({Reason.SCORE_MEAN, Reason.SINGLE_PICTURE, Reason.SCORE_P10, Reason.BOUNDARY})
ALL = (FP32, f"{NAME}-fp16", INT8)
BACKEND = "libopenvino_intel_cpu_plugin.so"

PLANTS = (
    Plant("one-light", "INT8 with default calibration on one light level", _SCORES, (INT8,), one_light),
    Plant("swapped", "two channels swapped", _SCORES, ALL, lever="swapped"),
    Plant("halved", "input scale off by 2x", _SCORES, ALL, lever="halved"),
    Plant("signed", "[-1,1] fed as [0,1]", _SCORES, ALL, lever="signed"),
    Plant("zeroed", "one weight tensor zeroed", _SCORES, (FP32,), zeroed),
    Plant("flipped", "one byte of the model flipped", frozenset({Reason.ASSET}), (INT8,), flipped, is_known=False),
    Plant("shifted", "mask shifted by 4 px", _SCORES, ALL, lever="shifted", cause="shifted"),
    Plant("fell-back", "silent CPU fall-back", frozenset({Reason.FELL_BACK}), (FP32,), without=BACKEND),
    Plant("slower", "30 % slower", frozenset({Reason.SPEED}), (INT8,), lever="slower"),
    Plant("no-number", "NaN output", frozenset({Reason.NO_NUMBER}), ALL, lever="no_number"),
    Plant("hang", "hang", frozenset({Reason.HUNG}), ALL, lever="hanging"),
    Plant("dying", "process dies", frozenset({Reason.DIED}), ALL, lever="dying"),
    Plant("fatter", "memory doubled", frozenset({Reason.MEMORY}), ALL, lever="fatter"),
)
