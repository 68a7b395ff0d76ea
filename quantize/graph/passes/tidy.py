"""What a model does not need goes; what runtimes ask for is added."""

from __future__ import annotations

import numpy as np

from quantize.graph.graph import Graph, ModelError, Op, Tensor

_KEEPS_PROBABILITY = (
    "RESIZE_BILINEAR",
    "RESIZE_NEAREST_NEIGHBOR",
    "RESHAPE",
    "SQUEEZE",
    "EXPAND_DIMS",
    "DEPTH_TO_SPACE",
)


def drop_orphans(graph: Graph) -> None:
    """Operations whose results nothing takes go; tensors and buffers that nothing points at are never written."""
    kept: list[Op] = []
    needed = {id(t) for t in graph.outputs}
    for op in reversed(graph.ops):
        if any(id(out) in needed for out in op.outputs):
            needed.update(id(t) for t in op.inputs if t is not None)
            kept.append(op)
    graph.ops = kept[::-1]


def keep_outputs(graph: Graph, names: dict[str, str]) -> None:
    """Keep the outputs of these tensor names, in this order, and name them in the signature: tensor -> name there.

    Raises ModelError if one is not there or a name is not unique.
    """
    by_name = {t.name: t for t in graph.outputs}
    if len(by_name) != len(graph.outputs) or len(set(names.values())) != len(names):
        raise ModelError("Two outputs of the model have the same name, so that none can be chosen by it.")
    missing = [name for name in names if name not in by_name]
    if missing:
        raise ModelError(f"The model has no output {missing[0]}; it has {', '.join(by_name)}.")
    graph.outputs = [by_name[name] for name in names]
    add_signature(graph, list(names.values()))


def add_signature(graph: Graph, outputs: list[str] | None = None) -> None:
    """A signature `serving_default`, by which quantizers and delegates find inputs and outputs."""
    outs = outputs or ["mask", *(f"output_{i}" for i in range(1, len(graph.outputs)))]
    ins = ["image", *(f"input_{i}" for i in range(1, len(graph.inputs)))]
    graph.signature = {
        "inputs": dict(zip(ins, graph.inputs, strict=True)),
        "outputs": dict(zip(outs, graph.outputs, strict=True)),
    }


def mask_as_probability(graph: Graph) -> None:
    """A first output that is not computed by LOGISTIC is taken for logits and gets one: a mask is in [0, 1].

    What only lays out or enlarges a LOGISTIC's result leaves it a probability. Raises ModelError for a mask of several
    channels or of integers, whose logits are read otherwise.
    """
    mask = graph.outputs[0]
    maker = graph.producer(mask)
    while maker is not None and maker.name in _KEEPS_PROBABILITY:
        maker = graph.producer(maker.input(0))
    if maker is not None and maker.name == "LOGISTIC":
        return
    if mask.shape[-1:] != (1,) or mask.dtype != np.float32:
        raise ModelError(f"The output {mask.name}, {mask.dtype} {list(mask.shape)}, is no mask of logits.")
    probability = Tensor(f"{mask.name}_probability", mask.shape, mask.dtype)
    # Only the output changes: other operations go on with the logits.
    graph.outputs[0] = probability
    names = graph.signature.get("outputs", {})
    names.update({name: probability for name, tensor in names.items() if tensor is mask})
    graph.ops.append(Op("LOGISTIC", [mask], [probability]))
