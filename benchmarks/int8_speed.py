"""INT8 as it is built here, against the same size in FP32 and against INT8 as the quantizer makes it by default.

    python -m benchmarks.int8_speed

By default means: what ai-edge-quantizer's static recipe makes of the pinned model as soon as it takes it, that is with
the FP16 constants folded, the custom operation made a built-in and a signature added; ranges from the known-answer
picture, which do not matter for the time. Bare `invoke()`, one thread, all in turns; see `quantize.turns`.
"""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Callable, Sequence

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from ai_edge_quantizer import quantizer, recipe

from edgeseg.assets import store
from edgeseg.tiers import files
from edgeseg.tiers.catalogue import catalogue
from edgeseg.trust import KnownAnswer
from quantize.families import FAMILIES, Family
from quantize.graph.flatbuffer import read, write
from quantize.graph.passes.activations import fuse_activations
from quantize.graph.passes.constants import fold_fp16
from quantize.graph.passes.resize import pool_edges, resize
from quantize.graph.passes.tidy import drop_orphans, keep_outputs
from quantize.graph.passes.transpose_conv import builtin_transpose_conv
from quantize.turns import quiet, ratio, times_in_turns


def default_int8(family: Family, height: int, width: int) -> bytes:
    """What the quantizer makes of the family's model at that size without our passes for INT8."""
    graph = read(store.load(family.asset))
    for step in (fold_fp16, builtin_transpose_conv, fuse_activations, pool_edges):
        step(graph)
    keep_outputs(graph, family.outputs)
    drop_orphans(graph)
    resize(graph, height, width)
    made = quantizer.Quantizer(write(graph), recipe.static_wi8_ai8())
    planes = KnownAnswer.portrait().frame.planes
    picture = cv2.resize(cv2.merge([planes.y] * 3), (width, height))[np.newaxis] / np.float32(255)
    name = next(iter(graph.signature["inputs"]))
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        ranges = made.calibrate({"serving_default": [{name: picture}]})
        return bytes(made.quantize(ranges).quantized_model)


def main() -> None:
    """Print a table of every INT8 tier."""
    print(f"{'tier':34} {'fp32 ms':>8} {'int8 ms':>8} {'int8/fp32':>10} {'default ms':>11} {'int8/default':>13}")
    for tier in catalogue().values():
        if tier.precision != "int8":
            continue
        fp32 = files.load(files.tier(tier.name.replace("int8", "fp32")))
        models = [fp32, files.load(tier), default_int8(FAMILIES[tier.family], tier.height, tier.width)]

        def load(models: list[bytes] = models) -> Sequence[Callable[[], object]]:
            interpreters = [Interpreter(model_content=model, num_threads=1) for model in models]
            for interpreter in interpreters:
                interpreter.allocate_tensors()
            return [interpreter.invoke for interpreter in interpreters]

        times = times_in_turns(load)
        a, b, c = (quiet(column) for column in times.T)
        shares = ratio(times[:, 1], times[:, 0]), ratio(times[:, 1], times[:, 2])
        print(f"{tier.name:34} {a:8.2f} {b:8.2f} {shares[0]:10.2f} {c:11.2f} {shares[1]:13.2f}")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
