from __future__ import annotations

import json
import os
import shutil
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from edgeseg.engines import edgetpu
from edgeseg.engines.child import ChildEngine
from edgeseg.errors import CandidateError, EngineFault, NotPermitted, Unreachable
from edgeseg.ports import EngineWish, ModelIO
from tests.lab import tflite_runtime

IO = ModelIO(8, 8)


@pytest.fixture
def start(edgetpu_stub: Path, edgetpu_model: bytes, monkeypatch: pytest.MonkeyPatch) -> Callable[..., ChildEngine]:
    def make(behaviour: str = "", library: Path | None = None, device: str | None = None) -> ChildEngine:
        monkeypatch.setenv("EDGESEG_STUB", behaviour)
        wish = EngineWish(library=str(library or edgetpu_stub), device=device)
        return ChildEngine("edgetpu", edgetpu_model, IO, wish, warm_up=0)

    return make


@contextmanager
def closed(engine: ChildEngine) -> Iterator[ChildEngine]:
    try:
        yield engine
    finally:
        engine.close()


def test_it_runs_what_the_delegate_took(start: Callable[..., ChildEngine], edgetpu_stub: Path) -> None:
    picture = np.random.default_rng(0).random((8, 8, 3), np.float32)
    with closed(start()) as engine:
        np.testing.assert_array_equal(engine.infer(picture), picture[..., 0])
        report = engine.report
    assert (report.delegate, report.delegated_nodes, report.all_nodes, report.partitions) == ("Edge TPU", 1, 1, 1)
    assert report.evidence[0] == f"delegate library in memory: {edgetpu_stub}"


def test_the_device_is_an_option_of_the_library(start: Callable[..., ChildEngine]) -> None:
    with closed(start("invoke", device="usb:1")) as engine:
        picture = np.zeros((8, 8, 3), np.float32)
        engine.infer(picture)
        engine.infer(picture)
        with pytest.raises(EngineFault, match=r"SIGABRT.*; its last words: option device = usb:1 \| F usb_driver"):
            engine.infer(picture)


@pytest.mark.parametrize(
    ("behaviour", "says"),
    [
        (
            "constructor",
            r"died of SIGABRT, a library gave up; its last words: F edgetpu_stub\.c\] HIB Error.*; it had not",
        ),
        ("create", r"died of SIGABRT, a library gave up; it had not started: choose another --engine\.$"),
        (
            "refuse",
            r"does not start: .*No Edge TPU device is available; no Edge TPU is seen on USB or PCIe: plug one in",
        ),
        ("idle", r"was loaded and took none of the model's operations; install the libedgetpu that fits"),
    ],
)
def test_a_library_that_misbehaves_is_told_of(start: Callable[..., ChildEngine], behaviour: str, says: str) -> None:
    if behaviour == "refuse" and any(Path("/dev").glob("apex_*")):
        pytest.skip("there is an Edge TPU")
    with pytest.raises(CandidateError, match=says):
        start(behaviour)


def test_an_abort_while_it_runs_is_a_fault_and_no_end_of_ours(start: Callable[..., ChildEngine]) -> None:
    with closed(start("invoke")) as engine:
        picture = np.zeros((8, 8, 3), np.float32)
        engine.infer(picture)
        engine.infer(picture)
        with pytest.raises(EngineFault, match=r"SIGABRT.*F usb_driver\.cc:834\] transfer on tag 1 failed"):
            engine.infer(picture)
        assert not engine.is_alive


class TestALibrary:
    @pytest.mark.parametrize("content", [b"", b"no library", b"\x7fELF"])
    def test_that_is_none(self, start: Callable[..., ChildEngine], tmp_path: Path, content: bytes) -> None:
        (tmp_path / "libedgetpu.so.1").write_bytes(content)
        with pytest.raises(CandidateError, match=r"^The Edge TPU's library .*libedgetpu\.so\.1 is no shared library"):
            start(library=tmp_path / "libedgetpu.so.1")

    def test_of_another_architecture(
        self, start: Callable[..., ChildEngine], edgetpu_stub: Path, tmp_path: Path
    ) -> None:
        content = bytearray(edgetpu_stub.read_bytes())
        content[18:20] = struct.pack("<H", 243)
        (tmp_path / "lib.so").write_bytes(content)
        with pytest.raises(
            CandidateError, match=r"lib\.so is for RISC-V, and this Python is for .*; install the one for it"
        ):
            start(library=tmp_path / "lib.so")

    def test_that_is_cut_off(self, start: Callable[..., ChildEngine], edgetpu_stub: Path, tmp_path: Path) -> None:
        (tmp_path / "lib.so").write_bytes(edgetpu_stub.read_bytes()[:300])
        with pytest.raises(CandidateError, match=r"lib\.so does not start: .*(too short|invalid|cannot)"):
            start(library=tmp_path / "lib.so")

    def test_that_is_no_delegate(self, start: Callable[..., ChildEngine], tmp_path: Path) -> None:
        import _ctypes

        shutil.copy(_ctypes.__file__, tmp_path / "lib.so")
        with pytest.raises(CandidateError, match=r"lib\.so does not start: .*tflite_plugin_create_delegate"):
            start(library=tmp_path / "lib.so")

    def test_that_is_not_there(self, start: Callable[..., ChildEngine], tmp_path: Path) -> None:
        with pytest.raises(CandidateError, match=r"none\.so is not there; check --engine-library\."):
            start(library=tmp_path / "none.so")

    def test_that_is_not_named_is_looked_for(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(edgetpu, "_folders", lambda: [tmp_path / "a", tmp_path / "b"])
        with pytest.raises(
            CandidateError, match=r"needs Coral's library libedgetpu\.so\.1, which is not installed: install"
        ):
            edgetpu.library_of(None)
        (tmp_path / "b").mkdir()
        (tmp_path / "b" / "libedgetpu.so.1").touch()
        assert edgetpu.library_of(None) == tmp_path / "b" / "libedgetpu.so.1"
        assert edgetpu.library_of("/mine.so") == Path("/mine.so")


def test_a_model_that_was_not_compiled_is_refused() -> None:
    with pytest.raises(
        CandidateError, match=r"runs tiers that Coral's compiler made, and this is none: see docs/edgetpu"
    ):
        edgetpu.EdgeTpuEngine(b"TFL3", IO)


def node(root: Path, path: str) -> Path:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    return file


def coral_on_usb(root: Path) -> Path:
    device = root / "sys/bus/usb/devices/2-1"
    device.mkdir(parents=True)
    for name, value in {"idVendor": "18d1", "idProduct": "9302", "busnum": "2", "devnum": "5"}.items():
        (device / name).write_text(f"{value}\n")
    return node(root, "dev/bus/usb/002/005")


class TestPermission:
    @pytest.fixture
    def denied(self, monkeypatch: pytest.MonkeyPatch) -> set[str]:
        """Files that this user may not open: root may open all, so access(2) is told what to say."""
        files: set[str] = set()
        monkeypatch.setattr(os, "access", lambda path, mode: str(path) not in files)
        return files

    def test_for_a_pcie_device(self, tmp_path: Path, denied: set[str]) -> None:
        denied.add(str(node(tmp_path, "dev/apex_0")))
        with pytest.raises(NotPermitted) as caught:
            edgetpu.check_permission(tmp_path)
        assert "dev/apex_0 may not be opened by this user: install Coral's udev rules" in str(caught.value)
        assert "add the user to the group apex" in str(caught.value)
        assert caught.value.exit_code == 8

    def test_for_a_usb_device(self, tmp_path: Path, denied: set[str]) -> None:
        denied.add(str(coral_on_usb(tmp_path)))
        with pytest.raises(NotPermitted, match=r"usb/002/005 may not be opened .* add the user to the group plugdev"):
            edgetpu.check_permission(tmp_path)

    def test_for_one_of_two_is_enough(self, tmp_path: Path, denied: set[str]) -> None:
        denied.add(str(node(tmp_path, "dev/apex_0")))
        coral_on_usb(tmp_path)
        edgetpu.check_permission(tmp_path)

    def test_is_not_asked_where_there_is_none(self, tmp_path: Path) -> None:
        edgetpu.check_permission(tmp_path)

    def test_comes_before_the_library_is_loaded(
        self, tmp_path: Path, denied: set[str], edgetpu_model: bytes, edgetpu_stub: Path
    ) -> None:
        denied.add(str(node(tmp_path, "dev/apex_0")))
        with pytest.raises(NotPermitted):
            edgetpu.EdgeTpuEngine(edgetpu_model, IO, EngineWish(library=str(edgetpu_stub)), tmp_path)


def test_it_runs_on_tflite_runtime_too(edgetpu_stub: Path, edgetpu_model: bytes, tmp_path: Path) -> None:
    if reason := tflite_runtime.missing():
        pytest.skip(reason)
    (tmp_path / "model.tflite").write_bytes(edgetpu_model)
    try:
        done = tflite_runtime.run("tests/engines/drill_edgetpu.py", str(edgetpu_stub), str(tmp_path / "model.tflite"))
    except Unreachable as error:
        pytest.skip(str(error))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"right": True, "library": "tflite-runtime 2.14.0", "taken": 1}
