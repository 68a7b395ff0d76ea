"""Whether a model is a segmenter: one picture in, one map of the same view out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from quantize.graph.graph import Graph, ModelError, Tensor

_DTYPES = tuple(np.dtype(kind) for kind in (np.float32, np.uint8, np.int8))
_MOST_CLASSES = 1024


@dataclass(frozen=True, slots=True)
class Segmenter:
    """image: (1, height, width, 3). mask: (1, h, w, channels) of the same aspect, which may be smaller.

    channels: 1 (a mask), 2 (background and person) or as many as there are classes.
    """

    image: Tensor
    mask: Tensor
    channels: int


def segmenter_of(graph: Graph, output: str | None = None) -> Segmenter:
    """What a segmenter takes and gives; output: the tensor name of the mask where several could be it.

    Raises ModelError if the model is no segmenter, or if it does not say which output is the mask.
    """
    if len(graph.inputs) != 1:
        raise ModelError(f"The model is no segmenter: it takes {len(graph.inputs)} inputs and not one picture.")
    image = graph.inputs[0]
    if len(image.shape) != 4 or image.shape[0] != 1 or image.shape[3] != 3 or image.dtype not in _DTYPES:
        raise ModelError(f"The model is no segmenter: it takes {_said(image)} and not one picture of three channels.")
    if output is not None:
        named = [t for t in graph.outputs if t.name == output]
        if not named:
            raise ModelError(f"The model has no output {output}; it has {', '.join(t.name for t in graph.outputs)}.")
        masks = [t for t in named if _is_map(t, image)]
    else:
        masks = [t for t in graph.outputs if _is_map(t, image)]
    if not masks:
        gives = ", ".join(_said(t) for t in graph.outputs)
        raise ModelError(f"The model is no segmenter: it gives {gives} for pictures of {list(image.shape)}.")
    if len(masks) > 1:
        could = ", ".join(_said(t) for t in masks)
        raise ModelError(f"The model has several outputs that could be the mask; name one: {could}.")
    return Segmenter(image, masks[0], masks[0].shape[3])


def _is_map(tensor: Tensor, image: Tensor) -> bool:
    """Whether it is a picture of the aspect of `image`, give or take a pixel of rounding."""
    if len(tensor.shape) != 4 or tensor.dtype not in _DTYPES:
        return False
    (_, height, width, _), (batch, h, w, channels) = image.shape, tensor.shape
    # Where a side is 1 every aspect would do: a score of the whole picture is no map.
    similar = min(h, w) > 1 and abs(h * width - w * height) < max(height, width)
    return batch == 1 and 1 <= channels <= _MOST_CLASSES and similar


def _said(tensor: Tensor) -> str:
    return f"{tensor.name} ({tensor.dtype} {list(tensor.shape)})"
