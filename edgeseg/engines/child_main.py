"""The process of a `ChildEngine`: makes one engine, says what came of it, and answers until its parent is gone."""

from __future__ import annotations

import contextlib
import fcntl
import importlib
import json
import os
import resource
import select
import signal
import socket
from typing import Any, NoReturn

import numpy as np

from edgeseg.clock import SystemClock
from edgeseg.engines import child_link as link
from edgeseg.errors import CandidateError, EdgesegError, EngineFault
from edgeseg.frames import F32
from edgeseg.ports import Engine, EngineWish, ModelIO


def main(numbers: dict[str, int]) -> NoReturn:
    """numbers: the inherited descriptors: link, frames, model, life. Standard output and error are the log."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # sent to the whole group: when this process ends, its parent decides
    _end_with_parent(numbers["life"])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash is told of at once, not after the core is written
    parent = socket.socket(fileno=numbers["link"])
    spec = json.loads(parent.recv(link.LARGEST))
    io = ModelIO(**spec["io"])
    frames = link.SharedFrames(numbers["frames"], io)
    model = os.pread(numbers["model"], spec["model_bytes"], 0)
    for name in ("frames", "model"):
        os.close(numbers[name])
    try:
        engine = _made(spec["target"], model, io, EngineWish(**spec["wish"]))
        times_ms = _warm_up(engine, spec["warm_up"])
        fields = link.report_fields(engine.report)
    except EngineFault as error:
        _refuse(parent, "CandidateError", f"The {spec['kind']} engine fails from the start: {error}")
    except EdgesegError as error:
        _refuse(parent, type(error).__name__, str(error))
    except Exception as error:  # noqa: BLE001 - whatever a library throws becomes the parent's reason
        kind = spec["kind"]
        _refuse(parent, "CandidateError", f"The {kind} engine cannot start: {type(error).__name__}: {error}.")
    parent.send(json.dumps({"report": fields, "times_ms": times_ms}).encode())
    _serve(parent, frames, engine)


def _end_with_parent(life: int) -> None:
    """Die when the last copy of the other end of this pipe is closed, even while a library never returns.

    The kernel sends SIGIO, which ends a process that does not ask otherwise. (PR_SET_PDEATHSIG would go by the thread
    that started us, which need not live as long as its process.)
    """
    fcntl.fcntl(life, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(life, fcntl.F_SETFL, fcntl.fcntl(life, fcntl.F_GETFL) | os.O_ASYNC)
    if select.select([life], [], [], 0)[0]:  # it was closed before we asked
        os._exit(1)


def _made(target: str, model: bytes, io: ModelIO, wish: EngineWish) -> Engine:
    module, _, name = target.partition(":")
    try:
        engine_class = getattr(importlib.import_module(module), name)
    except ImportError as error:
        raise CandidateError(f"The engine {target} cannot be loaded: {error}; install edgeseg again.") from error
    engine: Engine = engine_class(model, io, wish)
    return engine


def _warm_up(engine: Engine, runs: int) -> list[float]:
    """Milliseconds of the first inferences: what is built at the first use is not to miss a frame's deadline."""
    now, times_ms = SystemClock().now, []
    picture = np.zeros((engine.io.height, engine.io.width, 3), engine.io.dtype)
    for _ in range(runs):
        start = now()
        engine.infer(picture)
        times_ms.append(round((now() - start) * 1e3, 3))
    return times_ms


def _refuse(parent: socket.socket, error: str, sentence: str) -> NoReturn:
    parent.send(json.dumps({"refused": error, "says": sentence[: link.LARGEST // 8]}).encode())
    os._exit(0)  # without the clean-up of libraries that did not even start


def _serve(parent: socket.socket, frames: link.SharedFrames, engine: Engine) -> NoReturn:
    given, shared = frames.given, frames.answer
    given.flags.writeable = False
    while True:
        try:
            message = parent.recv(link.LARGEST)
        except OSError:
            message = b""
        if not message:
            break
        number, fault = link.number_of(message), None
        try:
            fault = _copied(engine.infer(given), shared)
        except EngineFault as error:
            fault = str(error)
        except Exception as error:  # noqa: BLE001 - as above
            fault = f"The engine failed with {type(error).__name__}: {error}."
        _rewind_log()
        try:
            parent.send(link.answer(number, fault))
        except OSError:
            break
    with contextlib.suppress(Exception):
        engine.close()
    os._exit(0)


def _copied(answer: Any, shared: F32) -> str | None:
    """Put the answer where the parent reads it; or say what is wrong with it."""
    if answer.shape != shared.shape or answer.dtype != np.float32:
        return f"The engine answered {answer.dtype} {answer.shape}, not float32 {shared.shape}."
    np.copyto(shared, answer)
    return None


def _rewind_log() -> None:
    """The log is of a fixed size: from its half on it begins anew, so that the newest words find room."""
    with contextlib.suppress(OSError):
        if os.lseek(2, 0, os.SEEK_CUR) > link.LOG_BYTES // 2:
            os.lseek(2, 0, os.SEEK_SET)
