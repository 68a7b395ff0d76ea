"""A user's own segmenter as a tier: how it is fed and read is found out, scored, and kept in the user's catalogue."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from edgeseg.errors import UsageError
from edgeseg.ports import ModelIO
from edgeseg.tiers import catalogue as product
from edgeseg.tiers.catalogue import Fit, Numbers, Precision, Tier
from quantize import catalogue
from quantize.build import put_all
from quantize.graph.flatbuffer import read, write
from quantize.graph.graph import Graph, ModelError, Tensor
from quantize.graph.passes.activations import fuse_activations
from quantize.graph.passes.commute import conv_before_resize
from quantize.graph.passes.constants import fold_fp16, weights_fp16
from quantize.graph.passes.ports import RANGES, feed_unit_rgb, is_quantized_unit, read_probability
from quantize.graph.passes.tidy import add_signature, drop_orphans
from quantize.graph.passes.transpose_conv import builtin_transpose_conv, depth_to_space
from quantize.graph.segmenter import segmenter_of
from quantize.graph.validate import validate

LEAST_IOU = 0.5  # with the known answer: below it the model was fed or read wrongly, or finds no people
CLOSE = 0.05  # ways nearer than that could be taken for each other
# A model fed wrongly still knows the person in good light: how dark it may get tells the ways apart.
EXPOSURES = (1.0, 0.5, 0.25, 0.12)
_THROUGH = ("RESIZE_BILINEAR", "RESHAPE", "QUANTIZE", "DEQUANTIZE")


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user said; None is found out. feed: one of `RANGES`. channel: of the person, from 0. output: a name."""

    feed: str | None = None
    channel: int | None = None
    output: str | None = None
    fit: Fit = "stretch"
    name: str | None = None
    licence: str = "unknown"
    replace: bool = False


@dataclass(frozen=True, slots=True)
class Way:
    """One way to feed and read a model, and its IoU with the known answer, the mean of several exposures."""

    feed: str
    channel: int
    iou: float


def import_model(file: Path, folder: Path, golden: Path | None, wish: Wish) -> Iterator[str]:
    """Add `file` as a tier to the models in `folder`; gives lines that say what was found.

    golden: a folder of golden sets to score it on. Raises ModelError (broken, no segmenter, finds nobody), UsageError,
    OutputError; nothing is written then.
    """
    source = _source(file)
    ways = find_ways(source, wish)
    best = max(ways, key=lambda way: way.iou)
    for way in ways:
        yield f"fed as {way.feed}, person in channel {way.channel}: IoU {way.iou:.2f} with the known answer"
    if best.iou < LEAST_IOU:
        raise ModelError(
            f"{file} finds no person in the known-answer picture however it is fed (best IoU {best.iou:.2f}); say how"
            " with --feed, --channel, --output or --fit, or it is no segmenter of people."
        )
    candidate = _candidate(file, source, best, wish)
    close = [way for way in ways if way is not best and way.iou > best.iou - CLOSE]
    doubt = "; others are close: say --feed if you know it" if close else ""
    yield f"taken: {best.feed}, channel {best.channel}{doubt}"
    known = product.read(folder / "catalogue.yaml") if (folder / "catalogue.yaml").is_file() else {}
    tier = candidate.tier
    if tier.name in product.catalogue() or (tier.name in known and not wish.replace):
        raise UsageError(f"There is a tier {tier.name} already; choose another --name, or --replace it.")
    from quantize.admit import golden_sets

    catalogue.score(candidate, golden_sets(golden) if golden is not None else {})
    if golden is not None:
        yield from (f"{name}: mIoU {card.miou:.4f}" for name, card in candidate.cards.items())
    rows = {**known, tier.name: candidate.row}
    put_all(folder, [(f"{tier.name}.tflite", candidate.content), ("catalogue.yaml", catalogue.rows(rows.values()))])
    yield f"the tier {tier.name} is in {folder}"


def find_ways(source: bytes, wish: Wish) -> list[Way]:
    """Every way to feed and read the model that `wish` leaves open, tried on the known answer.

    The model is run in a process of its own: a runtime that crashes on it must not take this one with it.
    """
    graph = _readable(source)
    found = segmenter_of(graph, wish.output)
    if wish.channel is not None and not 0 <= wish.channel < found.channels:
        raise UsageError(f"--channel is {wish.channel}; the model has {found.channels}, counted from 0.")
    feeds = [wish.feed] if wish.feed else list(RANGES)
    if found.image.quantization is not None:
        low_high = is_quantized_unit(found.image)
        feeds = [name for name, span in RANGES.items() if span == low_high]
    models = [_fed(source, feed, wish.output) for feed in feeds]
    shape = found.image.shape
    try:
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            scores = [pool.submit(_ious, model, shape[1], shape[2], wish.fit).result() for model in models]
    except BrokenProcessPool:
        raise ModelError("The runtime crashes on this model; it was tried in a process of its own.") from None
    except (RuntimeError, ValueError) as error:
        raise ModelError(f"The runtime cannot run this model: {' '.join(str(error).split()).rstrip('.')}.") from None
    channels = range(found.channels) if wish.channel is None else [wish.channel]
    return [
        Way(feed, c, ious[c]) for feed, ious in zip(feeds, scores, strict=True) for c in channels if ious[c] > 0.1
    ] or [Way(feeds[0], 0, 0.0)]


def _source(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UsageError(f"The model {file} cannot be read: {error.strerror}.") from error


def _readable(source: bytes) -> Graph:
    graph = read(source)
    validate(graph)
    return graph


def _fed(source: bytes, feed: str, output: str | None) -> bytes:
    """The model fed as `feed` says, giving the probabilities of all its channels."""
    graph = _readable(source)
    mask = segmenter_of(graph, output).mask
    kind = _kind(graph, mask)
    feed_unit_rgb(graph, *RANGES[feed])
    read_probability(graph, mask, None, kind)
    drop_orphans(graph)
    add_signature(graph)
    validate(graph)
    return write(graph)


def _candidate(file: Path, source: bytes, way: Way, wish: Wish) -> catalogue.Candidate:
    graph = _readable(source)
    found = segmenter_of(graph, wish.output)
    precision = _precision(graph)
    kind = _kind(graph, found.mask)
    steps = ["feed_unit_rgb", "read_probability", "drop_orphans"]
    if precision != "int8":
        for step in (fold_fp16, builtin_transpose_conv, fuse_activations):
            step(graph)
            steps.insert(-3, step.__name__)
    feed_unit_rgb(graph, *RANGES[way.feed])
    read_probability(graph, found.mask, way.channel, kind)
    drop_orphans(graph)
    if precision != "int8":
        for step in (conv_before_resize, depth_to_space):
            step(graph)
            steps.append(step.__name__)
    if precision == "fp16":
        weights_fp16(graph)
        steps.append("weights_fp16")
    add_signature(graph)
    validate(graph)
    content = write(graph)
    height, width = found.image.shape[1:3]
    slug = re.sub("[^a-z0-9]+", "-", (wish.name or file.stem).lower()).strip("-") or "own"
    tier = Tier(
        name=wish.name or f"{slug}-{height}x{width}-{precision}",
        family=slug,
        asset=file.name,
        height=height,
        width=width,
        precision=precision,
        sha256=hashlib.sha256(content).hexdigest(),
        bytes=len(content),
        fit=wish.fit,
        input=Numbers("float32"),
        output=Numbers("float32"),
        licence=wish.licence,
        passes=tuple(steps),
    )
    return catalogue.Candidate(tier, content)


def _kind(graph: Graph, mask: Tensor) -> str:
    """Whether a mask holds probabilities or logits, by the operation that makes it."""
    op = graph.producer(mask)
    while op is not None and op.name in _THROUGH:
        op = graph.producer(op.input(0))
    return "probability" if op is not None and op.name in ("LOGISTIC", "SOFTMAX") else "logit"


def _precision(graph: Graph) -> Precision:
    dtypes = {np.dtype(t.dtype) for t in graph.tensors() if t.data is not None and t.data.ndim == 4}
    if dtypes & {np.dtype(np.int8), np.dtype(np.uint8)}:
        return "int8"
    return "fp16" if np.dtype(np.float16) in dtypes else "fp32"


def _ious(model: bytes, height: int, width: int, fit: Fit) -> list[float]:
    """Each channel's IoU with the known answer, the mean over exposures. Runs in a process of its own."""
    from ai_edge_litert.interpreter import Interpreter

    from edgeseg.stages.preprocess import ModelInput
    from edgeseg.trust import KnownAnswer

    known = KnownAnswer.portrait()
    fill = ModelInput(ModelIO(height, width, fit), known.frame.size, known.frame.color)
    picture = fill.fill(known.frame.planes)[np.newaxis]
    interpreter: Any = Interpreter(model_content=model, num_threads=1)
    interpreter.allocate_tensors()
    ious = []
    for exposure in EXPOSURES:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], picture * np.float32(exposure))
        interpreter.invoke()
        answer = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0]
        ious.append([_soft_iou(fill.rect.of(answer[..., c]), known.person) for c in range(answer.shape[2])])
    return [float(value) for value in np.mean(ious, axis=0)]


def _soft_iou(probability: npt.NDArray[np.float32], person: npt.NDArray[np.bool_]) -> float:
    """IoU that counts how sure a mask is (Rahman and Wang 2016, "Optimizing Intersection-Over-Union")."""
    size = (person.shape[1], person.shape[0])
    grown = np.clip(cv2.resize(np.ascontiguousarray(probability), size), 0, 1)
    return float(np.minimum(grown, person).sum() / np.maximum(grown, person).sum())
