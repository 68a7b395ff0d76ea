"""A process of its own that runs a model under LiteRT's profiler: a wrong call of a C function cannot hurt the caller.

    python -I profiler_child.py LIBRARY THREADS RUNS WARM_UP_MS < model.tflite

LIBRARY is libLiteRt.so. On stdout one JSON object: {"runs": [[[tag, type, microseconds, node], ...], ...]}, a list of
events for each run, or {"error": "..."}. Knows the standard library only.

Signatures and structs are those of ai-edge-litert 2.3.0 on 64-bit Linux, from litert/c/*.h of google-ai-edge/LiteRT
and tried on that library. The options are TOML text (litert/runtime/litert_runtime_options.cc, litert_cpu_options.cc).
"""

from __future__ import annotations

import ctypes
import json
import random
import resource
import sys
import time
from array import array
from ctypes import byref, c_char_p, c_int, c_int64, c_size_t, c_ubyte, c_uint64, c_void_p
from typing import Any

CPU = 1  # kLiteRtHwAcceleratorCpu
WRITE = 1  # kLiteRtTensorBufferLockModeWrite
FLOAT32 = 1  # kLiteRtElementTypeFloat32
UNTOUCHED = 0xA5


class Event(ctypes.Structure):
    """ProfiledEventData of litert_profiler_event.h, with tflite::profiling::memory::MemoryUsage as three numbers."""

    _fields_ = (
        ("tag", c_char_p),
        ("type", c_int),
        ("start_us", c_uint64),
        ("elapsed_us", c_uint64),
        ("memory", c_int64 * 6),
        ("metadata1", c_uint64),
        ("metadata2", c_uint64),
        ("source", c_int),
    )


class Failed(Exception):
    """A C function returned something other than kLiteRtStatusOk, or the events are laid out otherwise."""


class Library:
    """libLiteRt.so; a call that returns a status other than 0 raises Failed."""

    def __init__(self, path: str) -> None:
        self._library = ctypes.CDLL(path)
        self.kept: list[Any] = []  # what the library goes on pointing to

    def __call__(self, name: str, *args: Any) -> None:
        """Call LiteRt`name`."""
        function = getattr(self._library, f"LiteRt{name}", None)
        if function is None:
            raise Failed(f"the library has no LiteRt{name}")
        status = function(*args)
        if status:
            raise Failed(f"LiteRt{name} returned status {status}")

    def handle(self, name: str, *args: Any) -> c_void_p:
        """What a function gives through its last argument."""
        made = c_void_p()
        self(name, *args, byref(made))
        return made


class Profiled:
    """A compiled model with its buffers and its profiler."""

    def __init__(self, lib: Library, model: bytes, threads: int) -> None:
        self._lib = lib
        content = ctypes.create_string_buffer(model, len(model))
        lib.kept.append(content)
        environment = lib.handle("CreateEnvironment", 0, None)
        loaded = lib.handle("CreateModelFromBuffer", environment, content, c_size_t(len(model)))
        options = lib.handle("CreateOptions")
        lib("SetOptionsHardwareAccelerators", options, CPU)
        self._option(options, b"runtime_options_string", b"enable_profiling = true\n")
        self._option(options, b"xnnpack", b"num_threads = %d\n" % threads)
        self._compiled = lib.handle("CreateCompiledModel", environment, loaded, options)
        self._profiler = lib.handle("CompiledModelGetProfiler", self._compiled)
        if not self._profiler:
            raise Failed("the model has no profiler")
        self._signature = lib.handle("GetModelSignature", loaded, c_size_t(0))
        self._inputs = self._buffers(environment, "Input")
        self._outputs = self._buffers(environment, "Output")

    def _option(self, options: c_void_p, identifier: bytes, text: bytes) -> None:
        content = ctypes.create_string_buffer(text)
        destructor = ctypes.CFUNCTYPE(None, c_void_p)(lambda _: None)
        self._lib.kept += [content, destructor]
        opaque = self._lib.handle("CreateOpaqueOptions", identifier, content, destructor)
        self._lib("AddOpaqueOptions", options, opaque)

    def _buffers(self, environment: c_void_p, end: str) -> Any:
        lib, count = self._lib, c_size_t()
        lib(f"GetNumSignature{end}s", self._signature, byref(count))
        buffers = (c_void_p * count.value)()
        for index in range(count.value):
            at = c_size_t(index)
            tensor = lib.handle(f"GetSignature{end}TensorByIndex", self._signature, at)
            kind = (c_int * 64)()  # LiteRtRankedTensorType: the element type, then the layout; 72 bytes
            lib("GetRankedTensorType", tensor, kind)
            needs = lib.handle(f"GetCompiledModel{end}BufferRequirements", self._compiled, c_size_t(0), at)
            buffers[index] = lib.handle("CreateManagedTensorBufferFromRequirements", environment, kind, needs)
            if end == "Input":
                self._fill(c_void_p(buffers[index]), kind[0])
        return buffers

    def _fill(self, buffer: c_void_p, element: int) -> None:
        """Noise: floats in [0, 1), or any bytes."""
        size = c_size_t()
        self._lib("GetTensorBufferPackedSize", buffer, byref(size))
        address = c_void_p()
        self._lib("LockTensorBuffer", buffer, byref(address), WRITE)
        noise = random.Random(0)
        if element == FLOAT32:
            content = array("f", (noise.random() for _ in range(size.value // 4))).tobytes()
        else:
            content = noise.randbytes(size.value)
        ctypes.memmove(address, content, len(content))
        self._lib("UnlockTensorBuffer", buffer)

    def run(self) -> None:
        """One inference."""
        ends = (self._inputs, self._outputs)
        buffers = [argument for end in ends for argument in (c_size_t(len(end)), end)]
        self._lib("RunCompiledModel", self._compiled, c_size_t(0), *buffers)

    def profiled_run(self) -> list[tuple[str, int, int, int]]:
        """One inference and its events: (tag, type, microseconds, node)."""
        self._lib("ResetProfiler", self._profiler)
        self._lib("StartProfiler", self._profiler)
        self.run()
        self._lib("StopProfiler", self._profiler)
        count = c_int()
        self._lib("GetNumProfilerEvents", self._profiler, byref(count))
        if count.value < 1:
            raise Failed("the profiler saw no event")
        events = (Event * (2 * count.value + 16))()  # with room, so that a larger struct overwrites nothing else
        ctypes.memset(events, UNTOUCHED, ctypes.sizeof(events))
        self._lib("GetProfilerEvents", self._profiler, count, events)
        written = bytes((c_ubyte * ctypes.sizeof(events)).from_buffer(events)).rstrip(bytes([UNTOUCHED]))
        # The last four bytes are padding, which a copy of the struct may leave.
        if not 0 <= count.value * ctypes.sizeof(Event) - len(written) <= 4:
            raise Failed("the library's profiler events are laid out otherwise than in ai-edge-litert 2.3.0")
        return [
            (one.tag.decode("utf-8", "replace"), one.type, one.elapsed_us, one.metadata1)
            for one in events[: count.value]
        ]


def main() -> int:
    """Read the model, run it, write what came of it."""
    path, threads, runs, warm_up_ms = sys.argv[1], *(int(word) for word in sys.argv[2:5])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash is reported, not dumped
    try:
        model = Profiled(Library(path), sys.stdin.buffer.read(), threads)
        start = time.monotonic()
        model.run()
        while (time.monotonic() - start) * 1e3 < warm_up_ms:
            model.run()
        answer: dict[str, Any] = {"runs": [model.profiled_run() for _ in range(runs)]}
    except (Failed, OSError) as error:
        answer = {"error": str(error)}
    sys.stdout.write(json.dumps(answer))
    sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
