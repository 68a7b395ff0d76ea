"""What a pass does, in the words of its own docstring."""

from __future__ import annotations

import functools
import inspect
import pkgutil
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType

from quantize.graph import passes
from quantize.report.facts import INT8

_OTHERS = {
    "": "the model as MediaPipe ships it",
    INT8: "weights and activations of 8 bits, by ai-edge-quantizer and the ranges in quantize/calibration",
}


@functools.cache
def about_pass(name: str) -> str:
    """One phrase; "" for a step that no function is named after."""
    if name in _OTHERS:
        return _OTHERS[name]
    for module in _modules():
        found = getattr(module, name, None)
        if inspect.isfunction(found) and found.__doc__:
            text = " ".join(found.__doc__.split("\n\n")[0].split()).rstrip(".")
            return text.replace("->", "→")
    return ""


def _modules() -> Iterator[ModuleType]:
    for module in pkgutil.iter_modules(passes.__path__):
        yield import_module(f"{passes.__name__}.{module.name}")
    yield import_module("quantize.int8")
