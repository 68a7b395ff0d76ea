"""The runtime that `cpu` and `edgetpu` share, LiteRT's Interpreter or tflite-runtime's: found, made, looked into.

Both print "INFO: Created TensorFlow Lite XNNPACK delegate for CPU." on stderr once a process; neither package
exports the C++ call that would silence it.
"""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeseg.errors import CandidateError, EngineFault
from edgeseg.ports import ModelIO

# (distribution, package), in the order they are tried: tflite-runtime has fewer kernels and gets no more releases.
RUNTIMES = (("ai-edge-litert", "ai_edge_litert"), ("tflite-runtime", "tflite_runtime"))


class Tensors:
    """The one input and the one output that is a mask, checked against `io`, and the way from the one to the other."""

    def __init__(self, interpreter: Any, io: ModelIO) -> None:
        """Raises CandidateError if the model is not what `io` says."""
        self._io = io
        self._input = _input(interpreter, io)
        self._output, self._scale, self._zero_point = _output(interpreter, io)

    def infer(self, interpreter: Any, rgb: npt.NDArray[Any], who: str) -> npt.NDArray[np.float32]:
        """See `ports.Engine`; `who` begins the sentence of a fault."""
        try:
            interpreter.set_tensor(self._input, rgb[np.newaxis])
            interpreter.invoke()
            answer: npt.NDArray[Any] = interpreter.get_tensor(self._output)
        except (RuntimeError, ValueError) as error:
            raise EngineFault(f"{who} failed: {said(error)}.") from error
        answer = answer.reshape(self._io.height, self._io.width)
        return probabilities(answer, self._scale, self._zero_point) if self._scale else answer


@dataclass(frozen=True, slots=True)
class Layout:
    """What the file says of its mask (its type; scale 0: no steps) and of its operations, by their names."""

    gives: type[np.generic]
    scale: float
    zero_point: int
    operations: tuple[str, ...]


def layout(model: bytes, io: ModelIO) -> Layout:
    """Read it from the file, without planning memory; raises CandidateError if the model is not what `io` says."""
    library, interpreter_class = runtime()
    try:
        interpreter = interpreter_class(model_content=model)
        operations = tuple(str(one["op_name"]) for one in interpreter._get_ops_details())
    except (RuntimeError, ValueError) as error:
        raise CandidateError(f"The model cannot be read by {library}: {said(error)}.") from error
    _input(interpreter, io)
    index, scale, zero_point = _output(interpreter, io)
    gives = next(one["dtype"] for one in interpreter.get_output_details() if int(one["index"]) == index)
    return Layout(gives, scale, zero_point, operations)


def probabilities(steps: npt.NDArray[Any], scale: float, zero_point: int) -> npt.NDArray[np.float32]:
    """What the steps of a quantized mask stand for."""
    answer: npt.NDArray[np.float32] = np.subtract(steps, zero_point, dtype=np.float32)
    answer *= scale
    return answer


def counted(interpreter: Any) -> tuple[int, int, int]:
    """(nodes that a delegate took over, nodes of the model, partitions), 0 each where the runtime does not tell."""
    try:
        nodes, partitions = nodes_and_partitions(interpreter)
    except (AttributeError, RuntimeError, ValueError):
        return 0, 0, 0
    return len({index for partition in partitions for index in partition}), len(nodes), len(partitions)


def nodes_and_partitions(interpreter: Any) -> tuple[list[dict[str, Any]], list[list[int]]]:
    """The model's own nodes, and for each partition that a delegate took over the indexes of its nodes.

    After allocation the runtime's list holds the model's own nodes, then one DELEGATE node for each partition. Which
    nodes a partition holds is not said: they are those met on the way back from its outputs to its inputs.
    Source: `_get_ops_details` of the installed interpreter.py, which is private: raises AttributeError, RuntimeError or
    ValueError where a runtime has none.
    """
    listed = interpreter._get_ops_details()
    own = [node for node in listed if node["op_name"] != "DELEGATE"]
    maker = {int(tensor): index for index, node in enumerate(own) for tensor in node["outputs"]}
    partitions = []
    for partition in (node for node in listed if node["op_name"] == "DELEGATE"):
        inputs = {int(tensor) for tensor in partition["inputs"]}
        ahead = [int(tensor) for tensor in partition["outputs"]]
        taken: set[int] = set()
        while ahead:
            index = maker.get(ahead.pop())
            if index is not None and index not in taken:
                taken.add(index)
                ahead += [int(tensor) for tensor in own[index]["inputs"] if int(tensor) not in inputs]
        partitions.append(sorted(taken))
    return own, partitions


def runtime(engine: str = "cpu") -> tuple[str, Any]:
    """(distribution and version, its Interpreter class) of the first runtime that can be imported, for that engine."""
    refusals = []
    for distribution, package in RUNTIMES:
        try:
            module = importlib.import_module(f"{package}.interpreter")
            top = importlib.import_module(package)
        except (ImportError, OSError, AttributeError) as error:  # AttributeError: a build for another major of numpy
            refusals.append(f"{distribution}: {said(error)}")
            continue
        return f"{distribution} {version(top, package)}".rstrip(), module.Interpreter
    raise CandidateError(
        f"The {engine} engine needs LiteRT: pip install ai-edge-litert (on 32-bit Raspberry Pi OS: tflite-runtime and"
        f" 'numpy<2'); {'; '.join(refusals)}."
    )


def version(top: Any, package: str) -> str:
    """The version, without importlib.metadata, whose import alone takes longer than loading the model."""
    version = getattr(top, "__version__", None)
    if version is None and top.__file__:
        for info in Path(top.__file__).parents[1].glob(f"{package}-*.dist-info"):
            version = info.name.removeprefix(f"{package}-").removesuffix(".dist-info")
    return str(version or "")


def allocated(
    interpreter_class: Any,
    model: bytes | str | os.PathLike[str],
    threads: int,
    library: str,
    delegates: Sequence[Any] = (),
) -> Any:
    """An interpreter of the model with its memory planned, by these delegates where there are any."""
    source: dict[str, Any]
    if isinstance(model, bytes):
        source, name = {"model_content": model}, "The model"
    else:
        source, name = {"model_path": os.fspath(model)}, f"The model {os.fspath(model)}"
    try:
        if delegates:
            source["experimental_delegates"] = list(delegates)
        interpreter = interpreter_class(num_threads=threads, **source)
        interpreter.allocate_tensors()
    except (RuntimeError, ValueError) as error:
        words = said(error)
        custom = re.search(r"unresolved custom op: ([\w-]+)", words)
        if custom and custom[1] == "edgetpu-custom-op" and delegates:
            raise CandidateError(
                "The Edge TPU's library was loaded and took none of the model's operations; install the libedgetpu that"
                " fits the compiled model."
            ) from error
        if custom and custom[1] == "edgetpu-custom-op":
            raise CandidateError(
                f"{name} was compiled for an Edge TPU, which the cpu engine is not: take its twin."
            ) from error
        if custom:
            raise CandidateError(
                f"{name} needs the operation {custom[1]}, which {library} does not have: install ai-edge-litert where"
                " there is a wheel of it, or choose a tier that `edgeseg tiers` lists, which run without."
            ) from error
        raise CandidateError(f"{name} cannot be run by {library}: {words}.") from error
    return interpreter


def _input(interpreter: Any, io: ModelIO) -> int:
    """The index of the model's one input, checked against `io`."""
    wanted = (1, io.height, io.width, 3)
    details = interpreter.get_input_details()
    if len(details) == 1 and tuple(details[0]["shape"]) == wanted and details[0]["dtype"] == np.dtype(io.dtype):
        zero_point = -128 if io.dtype == "int8" else 0
        if io.dtype != "float32" and not _is_unit(details[0], zero_point):
            raise CandidateError(f"The model takes {io.dtype} {_numbers(details[0])}, which is no RGB in [0, 1].")
        return int(details[0]["index"])
    raise CandidateError(f"The model takes {_shapes(details)}, and the tier says {io.dtype} {list(wanted)}.")


def _output(interpreter: Any, io: ModelIO) -> tuple[int, float, int]:
    """(index, scale, zero point) of the one output that is a mask; a model may have others. Scale 0: float32."""
    wanted = (1, io.height, io.width, 1)
    details = interpreter.get_output_details()
    masks = [one for one in details if tuple(one["shape"]) == wanted]
    if len(masks) != 1 or masks[0]["dtype"] not in (np.float32, np.int8, np.uint8):
        raise CandidateError(f"The model gives {_shapes(details)}, and the tier says a mask {list(wanted)}.")
    mask = masks[0]
    if mask["dtype"] == np.float32:
        return int(mask["index"]), 0.0, 0
    zero_point = -128 if mask["dtype"] == np.int8 else 0
    if not _is_unit(mask, zero_point):
        raise CandidateError(f"The model gives {np.dtype(mask['dtype'])} {_numbers(mask)}, which is no probability.")
    return int(mask["index"]), float(mask["quantization"][0]), zero_point


def _is_unit(tensor: dict[str, Any], zero_point: int) -> bool:
    """Whether the 256 steps of a quantized tensor are [0, 1], with 1 being the last step or the one after."""
    return bool(1 / 256.5 < tensor["quantization"][0] < 1 / 254.5 and tensor["quantization"][1] == zero_point)


def _numbers(tensor: dict[str, Any]) -> str:
    return "of scale {:g} and zero point {}".format(*tensor["quantization"])


def _shapes(details: list[dict[str, Any]]) -> str:
    return ", ".join(f"{np.dtype(one['dtype'])} {[int(side) for side in one['shape']]}" for one in details)


def said(error: BaseException) -> str:
    """The error's words as the end of a sentence of ours."""
    return " ".join(str(error).split()).rstrip(".")
