"""Graphs of a few operations, and how they are run."""

from __future__ import annotations

import copy
import struct
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from quantize.graph.graph import Graph, Op, Tensor
from quantize.graph.validate import validate
from quantize.graph.writer import write

F32 = npt.NDArray[np.float32]
SAME, VALID = schema.Padding.SAME, schema.Padding.VALID
NONE, RELU = schema.ActivationFunctionType.NONE, schema.ActivationFunctionType.RELU
RELU6 = schema.ActivationFunctionType.RELU6


def numbers(*shape: int, seed: int = 0) -> F32:
    """Reproducible numbers around nought."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def computed(name: str, *shape: int) -> Tensor:
    return Tensor(name, shape, np.dtype(np.float32))


def constant(name: str, *shape: int, seed: int = 1) -> Tensor:
    return Tensor.constant(name, numbers(*shape, seed=seed))


def whole(name: str, *values: Any) -> Tensor:
    return Tensor.constant(name, np.array(values, np.int32))


def options(kind: str, **values: Any) -> Any:
    made = getattr(schema, f"{kind}OptionsT")()
    for name, value in values.items():
        assert hasattr(made, name)
        setattr(made, name, value)
    return made


def conv(
    x: Tensor, out: Tensor, kernel: int = 1, stride: int = 1, padding: int = SAME, activation: int = NONE, **more: Any
) -> Op:
    """CONV_2D with weights and a bias of its own; bias=None: without."""
    inputs: list[Tensor | None] = [x, constant(f"{out.name}_w", out.shape[3], kernel, kernel, x.shape[3], seed=2)]
    inputs.append(more.pop("bias", constant(f"{out.name}_b", out.shape[3], seed=3)))
    set_to = options("Conv2D", padding=padding, strideW=stride, strideH=stride, fusedActivationFunction=activation)
    return Op("CONV_2D", inputs, [out], set_to)


def depthwise(x: Tensor, out: Tensor, kernel: int = 3, **more: Any) -> Op:
    weights = constant(f"{out.name}_w", 1, kernel, kernel, x.shape[3], seed=4)
    set_to = options("DepthwiseConv2D", padding=SAME, strideW=1, strideH=1, depthMultiplier=1, **more)
    return Op("DEPTHWISE_CONV_2D", [x, weights, constant(f"{out.name}_b", x.shape[3], seed=5)], [out], set_to)


def relu(x: Tensor, out: Tensor, name: str = "RELU") -> Op:
    return Op(name, [x], [out])


def binary(name: str, a: Tensor, b: Tensor, out: Tensor, activation: int = NONE) -> Op:
    return Op(name, [a, b], [out], options(name.title(), fusedActivationFunction=activation))


def resize_bilinear(x: Tensor, out: Tensor, align: bool = False, half: bool = False) -> Op:
    set_to = options("ResizeBilinear", alignCorners=align, halfPixelCenters=half)
    return Op("RESIZE_BILINEAR", [x, whole(f"{out.name}_size", *out.shape[1:3])], [out], set_to)


def pool(name: str, x: Tensor, out: Tensor, window: tuple[int, int], stride: tuple[int, int], **more: Any) -> Op:
    set_to = options(
        "Pool2D", filterHeight=window[0], filterWidth=window[1], strideH=stride[0], strideW=stride[1], **more
    )
    return Op(name, [x], [out], set_to)


def transpose_conv(
    x: Tensor, out: Tensor, kernel: int = 2, stride: int = 2, padding: int = SAME, activation: int = NONE, **more: Any
) -> Op:
    weights = constant(f"{out.name}_w", out.shape[3], kernel, kernel, x.shape[3], seed=6)
    inputs: list[Tensor | None] = [whole(f"{out.name}_size", *out.shape), weights, x]
    bias = more.pop("bias", constant(f"{out.name}_b", out.shape[3], seed=7))
    if bias is not None:
        inputs.append(bias)
    values = {"padding": padding, "strideW": stride, "strideH": stride, "fusedActivationFunction": activation} | more
    version = 3 if bias is not None else 1
    return Op("TRANSPOSE_CONV", inputs, [out], options("TransposeConv", **values), version)


def deconvolution(x: Tensor, out: Tensor, kernel: int, stride: int, padding: int = 1) -> Op:
    """MediaPipe's custom operation."""
    weights = constant(f"{out.name}_w", out.shape[3], kernel, kernel, x.shape[3], seed=6)
    said = struct.pack("<iii", padding, stride, stride)
    inputs: list[Tensor | None] = [x, weights, constant(f"{out.name}_b", out.shape[3], seed=7)]
    return Op("Convolution2DTransposeBias", inputs, [out], said, custom=True)


def names(graph: Graph) -> list[str]:
    return [op.name for op in graph.ops]


def run(graph: Graph, *inputs: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
    """The outputs of a graph, which must be whole, by LiteRT."""
    validate(graph)
    return run_file(write(graph), *inputs)


def run_file(content: bytes, *inputs: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    for one, data in zip(interpreter.get_input_details(), inputs, strict=True):
        interpreter.set_tensor(one["index"], data)
    interpreter.invoke()
    return [interpreter.get_tensor(one["index"]) for one in interpreter.get_output_details()]


def copied(graph: Graph) -> Graph:
    """A graph of its own, so that a pass may change it."""
    return copy.deepcopy(graph)
