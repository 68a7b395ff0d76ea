"""Whether a graph is whole: what a runtime, a pass or a quantizer may take for granted."""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from quantize.graph.codes import TYPE_CODES
from quantize.graph.dtypes import check_dtypes, check_quantization
from quantize.graph.flatbuffer import MAX_ELEMENTS
from quantize.graph.graph import Graph, ModelError, Op, Tensor
from quantize.graph.kinds import kind_of
from quantize.graph.shapes import MAX_SIDE, elements, misfit, work

MAX_WORK = 1 << 37  # multiplications of one inference; models for small devices take some 2 ** 30
MAX_COMPUTED = 1 << 28  # elements of all computed tensors
_ACTIVATIONS = (
    schema.ActivationFunctionType.NONE,
    schema.ActivationFunctionType.RELU,
    schema.ActivationFunctionType.RELU_N1_TO_1,
    schema.ActivationFunctionType.RELU6,
)


def validate(graph: Graph) -> None:
    """Raises ModelError with what is wrong first; a graph that passes can be written and run.

    Wiring: every tensor is made once, before it is taken. Operations are of the kinds treated, and their inputs,
    options, shapes and types fit together. Constants are finite. The signature names inputs and outputs.
    """
    for op in graph.ops:
        _check_kind(op)
    _check_wiring(graph)
    for tensor in graph.tensors():
        _check_tensor(tensor)
    total = made = 0
    for op in graph.ops:
        _check_results(op)
        check_dtypes(op)
        total += work(op)
        made += sum(elements(out.shape) for out in op.outputs)
    if total > MAX_WORK or made > MAX_COMPUTED:
        raise ModelError("The model is far too large for any small device.")
    _check_signature(graph)


def _check_kind(op: Op) -> None:
    kind = kind_of(op)
    if kind is None:
        raise ModelError(f"The model has an operation {op.name}, which is not treated.")
    if not kind.least <= len(op.inputs) <= kind.most or (not op.outputs):
        raise misfit(op, f"has {len(op.inputs)} inputs and {len(op.outputs)} outputs")
    if op.custom:
        if not isinstance(op.options, bytes):
            raise misfit(op, "has options that are not bytes")
    elif kind.options and type(op.options).__name__ != f"{kind.options}T":
        raise misfit(op, f"has no {kind.options}")
    if getattr(op.options, "fusedActivationFunction", 0) not in _ACTIVATIONS:
        raise misfit(op, f"has the activation {op.options.fusedActivationFunction}, which is not treated")


def _check_wiring(graph: Graph) -> None:
    if not graph.inputs or not graph.outputs:
        raise ModelError("The model has no input or no output.")
    made: set[int] = set()
    for tensor in graph.inputs:
        if id(tensor) in made or tensor.data is not None:
            raise ModelError(f"The input {tensor.name} is listed twice or is a constant.")
        made.add(id(tensor))
    for op in graph.ops:
        for taken in op.inputs:
            if taken is not None and taken.data is None and id(taken) not in made:
                raise misfit(op, f"takes {taken.name}, which nothing made before it")
        for out in op.outputs:
            if id(out) in made or out.data is not None:
                raise misfit(op, f"makes {out.name}, which was there already")
            made.add(id(out))
    inputs = {id(t) for t in graph.inputs}
    for tensor in graph.outputs:
        if id(tensor) not in made or id(tensor) in inputs:
            raise ModelError(f"The output {tensor.name} is not computed by any operation.")
    if len({id(t) for t in graph.outputs}) != len(graph.outputs):
        raise ModelError("The model lists an output twice.")


def _check_tensor(tensor: Tensor) -> None:
    if np.dtype(tensor.dtype) not in TYPE_CODES:
        raise ModelError(f"The tensor {tensor.name} is of type {tensor.dtype}, which is not treated.")
    count = elements(tensor.shape)
    if any(side < 1 for side in tensor.shape) or count > MAX_ELEMENTS:
        raise ModelError(f"The tensor {tensor.name} has a shape that cannot be: {list(tensor.shape)}.")
    if tensor.data is None and len(tensor.shape) == 4 and max(tensor.shape) > MAX_SIDE:
        raise ModelError(f"The tensor {tensor.name} of {list(tensor.shape)} is too large for any small device.")
    if tensor.data is not None:
        if tensor.data.shape != tensor.shape or tensor.data.dtype != tensor.dtype:
            raise ModelError(
                f"The constant {tensor.name} holds {tensor.data.dtype} {list(tensor.data.shape)} and is declared as"
                f" {tensor.dtype} {list(tensor.shape)}."
            )
        if tensor.data.dtype.kind == "f" and not np.isfinite(tensor.data).all():
            raise ModelError(f"The weights {tensor.name} hold values that are no numbers (NaN) or infinite.")
    check_quantization(tensor)


def _check_results(op: Op) -> None:
    kind = kind_of(op)
    shapes = kind.rule(op) if kind else []
    if len(shapes) != len(op.outputs):
        raise misfit(op, f"has {len(op.outputs)} outputs and computes {len(shapes)}")
    for out, shape in zip(op.outputs, shapes, strict=True):
        if out.shape != shape:
            raise misfit(op, f"computes {list(shape)}, and {out.name} is declared as {list(out.shape)}")


def _check_signature(graph: Graph) -> None:
    if not graph.signature:
        return
    for side, tensors in (("inputs", graph.inputs), ("outputs", graph.outputs)):
        named = graph.signature.get(side, {})
        if {id(t) for t in named.values()} != {id(t) for t in tensors} or len(named) != len(tensors):
            raise ModelError(f"The model's signature does not name its {side}.")
