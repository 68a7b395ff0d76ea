"""A small file as Coral's compiler makes them: one custom operation, its program in the options."""

from __future__ import annotations

import numpy as np

from quantize.graph.flatbuffer import write
from quantize.graph.graph import Graph, Op, Tensor


def compiled(height: int = 8, width: int = 8) -> bytes:
    """It takes a float32 picture of that size, and what it gives is up to the delegate."""
    image = Tensor("image", (1, height, width, 3), np.dtype(np.float32))
    mask = Tensor("mask", (1, height, width, 1), np.dtype(np.float32))
    op = Op("edgetpu-custom-op", [image], [mask], b"DWN1 a program", custom=True)
    return write(Graph([op], [image], [mask], "compiled"))
